//! What a record of format 2 has beside one of format 1.
//!
//! ```text
//! stage 1 | tag 1, length 2, bytes | tag 1, length 2, bytes | …        tags in rising order
//! ```
//!
//! An even tag has to be understood: a version that does not know it leaves the record alone. An odd one is kept as it came,
//! and written back. What nothing uses yet is not in it.
//!
//! | tag | what |
//! |---|---|
//! | 2 | the realm, of the engine that made the record |
//! | 4 | of a marker: 160 bits of what it is of, 160 bits of what that was spent for, and where the answer is, if anywhere: the id of a grant, 8 |
//! | 5 | data of the host's own: 1 to 4,096 bytes |
//! | 6 | fingerprints of keys: key id 1, fingerprint 16, and so on |
//! | 7 | nothing: the client is one that nobody made by hand; of a login, and of a client that is to hear of a logout |
//! | 9 | the grant that this one takes the place of once its code is redeemed, 8; gone then |
//! | 11 | how the person proved who they are: `acr`, 1 to 255 bytes |
//! | 13 | the host's session that it is of: 160 bits of a MAC of its name |
//! | 15 | what the client asked for by `claims` (OpenID Connect Core section 5.5): JSON, 1 to 2,048 bytes |
//! | 16 | [resources](super::resources) that were consented to |
//! | 17 | by what means the person proved who they are: `amr`, words with a space between, 1 to 255 bytes |
//! | 18 | who may send the refresh tokens: a [`Sender`](super::confirmation::Sender), 1 or 33 |
//! | 19 | of a code: when the session under 13 ends at the latest, 6; gone once it is redeemed |
//! | 20 | of a code: what it is bound to, 33; gone once it is redeemed |
//! | 21 | of a sender that a refresh has bound it to: the first generation of refresh tokens that is the sender's, 3 |
//! | 22 | the key that the client has to authenticate by: an [`AuthKey`], 64 |
//! | 24 | of a login that began with another server's refresh token: 160 bits of that, and until when it is kept: 26 |
//! | 26 | of a cut-off: 160 bits of whose it is, and logins since when it leaves: 26 |
//! | 28 | of a client that is to hear of a logout: the host's session, as under 13 |
//! | 30 | of a device that asks to be logged in: 160 bits of its user code, and the grant once there is one: 20 or 28 |
//! | 32 | of a user code: 160 bits of it, and the device's record: 28 |

use std::borrow::Cow;

use smol_str::SmolStr;

use super::auth_key::AuthKey;
use super::codec::DecodeError;
use super::confirmation::{Confirmation, Sender};
use super::device::{Device, DeviceAnswer, UserCode};
use super::foreign::{CutOff, ForeignOrigin};
use super::host_data::HostData;
use super::id::{Generation, GrantId};
pub(crate) use super::resources::GrantResources;
use super::time::Timestamp;

/// What a record is. The number is the one that is stored; a version that does not know it leaves the record alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Stage {
    /// A login that waits for its code.
    Code = 0,
    /// A login whose tokens are out.
    Live = 1,
    /// Something was used, and may not be used again. Nobody's.
    Marker = 2,
    /// The fingerprints of a realm's keys. Nobody's, and for ever.
    Fingerprints = 3,
    /// A login that has ended, and whose first token another server made: that token must not begin it anew.
    Ended = 4,
    /// Until when the logins of somebody at another server count no more. Nobody's in any list.
    CutOff = 5,
    /// A device asks to be logged in, and nobody has answered. Nobody's.
    DevicePending = 6,
    /// The same once somebody has said yes: it says which grant. Nobody's.
    DeviceApproved = 7,
    /// A client of a host's session, which is to hear of the logout; its own login may have ended long ago. In its person's list.
    Listener = 8,
    /// Somebody said no to a device. Nobody's.
    DeviceDenied = 9,
    /// The login of a device that has not fetched its tokens yet. In its person's list.
    Approved = 10,
    /// Where a user code leads. Nobody's.
    UserCode = 11,
}

impl Stage {
    /// Whether a version writes it that is as old as this one.
    const fn is_known(number: u8) -> bool {
        number <= Self::UserCode as u8
    }
}

/// A session of the host's, as a record has it: a MAC of its name, since that may be what a browser's cookie says.
pub(crate) type SessionKey = [u8; 20];

/// What some records have, and most have not.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Members {
    /// Of what is no login; a login's follows from its generation.
    pub(crate) special: Option<Special>,
    /// The realm of the engine that made it; of a record that has its store for itself there is none.
    pub(crate) realm: Option<SmolStr>,
    /// The host's, of a login.
    pub(crate) host_data: Option<HostData>,
    /// Of a login whose authorization named some.
    pub(crate) resources: Option<GrantResources>,
    /// Of a login at a client that nobody made by hand, and of such a client that is to hear of a logout. Kept, so that what a person has at all of them can be counted without
    /// looking each client up.
    pub(crate) of_stranger: bool,
    /// Of a login whose code is outstanding.
    pub(crate) replaces: Option<GrantId>,
    /// Of a login, where the host said it.
    pub(crate) acr: Option<SmolStr>,
    /// The same of the means (`amr`), words with a space between.
    pub(crate) amr: Option<SmolStr>,
    /// Of a login in a session of the host's.
    pub(crate) session: Option<SessionKey>,
    /// Of a login whose code is outstanding, where its client is to hear of the end of that session: when it ends at the latest.
    pub(crate) session_ends_at: Option<Timestamp>,
    /// Of a login whose client asked for claims by name.
    pub(crate) claims: Option<Box<str>>,
    /// Of a login whose client has proven a key.
    pub(crate) sender: Option<Sender>,
    /// Of that, where a refresh has bound the login to it: the first generation that is the sender's. Those before were anybody's.
    pub(crate) sender_since: Option<Generation>,
    /// Of a login whose code is outstanding: who redeems it has to prove this.
    pub(crate) code_key: Option<Confirmation>,
    /// Of a login that is bound to the key of its client.
    pub(crate) auth_key: Option<AuthKey>,
    /// Of a login that began with another server's refresh token, and of what is left of it.
    pub(crate) foreign: Option<ForeignOrigin>,
    /// What a later version has added, and said may be passed over: odd tags, in rising order.
    pub(crate) kept: Vec<(u8, Box<[u8]>)>,
}

/// A record that is no login.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Special {
    /// Something was used.
    Marker(Marker),
    /// Key ids and fingerprints, as they are stored.
    Fingerprints(Box<[u8]>),
    /// What is left of a login that has ended: where it came from.
    Ended,
    /// Since when logins at another server count.
    CutOff(CutOff),
    /// The client is to hear of the end of this session.
    Listener(SessionKey),
    /// A device asks to be logged in.
    Device(Device),
    /// What a person types to let it in.
    UserCode(UserCode),
    /// Somebody said yes, and the device has no tokens yet: a login in all else.
    Approved,
}

/// What was used, and what for. Both are MACs under a key of the engine's, cut to 160 bits: an id of 62 or 44 is no proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Marker {
    /// What was used.
    pub(crate) thing: [u8; 20],
    /// What for, and by whom.
    pub(crate) spent_for: [u8; 20],
    /// The grant that came of it.
    pub(crate) grant: Option<GrantId>,
}

impl Marker {
    fn encode(&self) -> Vec<u8> {
        let grant = self.grant.map(|grant| grant.as_u64().to_be_bytes());
        [&self.thing[..], &self.spent_for, grant.as_ref().map_or(&[], |grant| &grant[..])].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (thing, rest) = bytes.split_first_chunk()?;
        let (spent_for, rest) = rest.split_first_chunk()?;
        let grant = match rest {
            [] => None,
            grant => Some(GrantId::from_u64(u64::from_be_bytes(grant.try_into().ok()?))),
        };
        Some(Self { thing: *thing, spent_for: *spent_for, grant })
    }
}

const REALM: u8 = 2;
const SPENT_FOR: u8 = 4;
/// Odd: the engine never judges by it, so a node that does not know it serves the grant as before and writes the data back.
/// To refuse such grants would log people out wherever a host goes back to the version before.
const HOST_DATA: u8 = 5;
const FINGERPRINTS: u8 = 6;
/// Odd, as the next two: a node that does not know them ends fewer grants, or says less.
const OF_STRANGER: u8 = 7;
const REPLACES: u8 = 9;
const ACR: u8 = 11;
/// Odd, as the next three: a node that does not know them says less, or does not end the login with its session.
const SESSION: u8 = 13;
const CLAIMS: u8 = 15;
const RESOURCES: u8 = 16;
const AMR: u8 = 17;
const SESSION_ENDS_AT: u8 = 19;
/// Even, as the next one: a node that does not know it would take the token from whoever holds it.
const SENDER: u8 = 18;
const CODE_KEY: u8 = 20;
/// Odd: a node that does not know it refuses the tokens from before as those of another sender.
const SENDER_SINCE: u8 = 21;
/// Even too: a node that does not know it would take the client's other keys.
const AUTH_KEY: u8 = 22;
/// Even: a node that does not know it would remove the record, and let its first token begin the login anew.
const FOREIGN: u8 = 24;
const CUT_OFF: u8 = 26;
const LISTENER: u8 = 28;
/// Even: a node that does not know them cannot say what became of a device.
const DEVICE: u8 = 30;
const USER_CODE: u8 = 32;

impl Members {
    /// The most bytes that the members of a record take.
    pub(crate) const MAX_BYTES: usize = 16 * 1_024;

    /// Those of every login in a realm.
    pub(crate) fn of_realm(realm: &str) -> Self {
        Self { realm: Some(realm.into()), ..Self::default() }
    }

    /// Whether there is something that no other record has.
    fn are_of_a_login(&self) -> bool {
        self.host_data.is_some()
            || self.resources.is_some()
            || self.of_stranger
            || self.replaces.is_some()
            || self.acr.is_some()
            || self.amr.is_some()
            || self.session.is_some()
            || self.session_ends_at.is_some()
            || self.claims.is_some()
            || self.sender.is_some()
            || self.code_key.is_some()
            || self.auth_key.is_some()
    }

    /// Whether there is something of a login that no request says.
    fn are_beyond_a_request(&self) -> bool {
        Self { resources: None, code_key: None, ..self.clone() }.are_of_a_login()
    }

    /// Whether there is something of a login beside what a client that is to hear of a logout has too.
    fn are_beyond_a_listener(&self) -> bool {
        Self { of_stranger: false, ..self.clone() }.are_of_a_login()
    }

    /// The stage; `redeemed`: whether a login's tokens are out.
    fn stage(&self, redeemed: bool) -> Stage {
        match self.special {
            Some(Special::Ended) => Stage::Ended,
            Some(Special::CutOff(_)) => Stage::CutOff,
            Some(Special::Marker(_)) => Stage::Marker,
            Some(Special::Fingerprints(_)) => Stage::Fingerprints,
            Some(Special::Listener(_)) => Stage::Listener,
            Some(Special::Device(device)) => match device.answer {
                DeviceAnswer::Pending => Stage::DevicePending,
                DeviceAnswer::Approved(_) => Stage::DeviceApproved,
                DeviceAnswer::Denied => Stage::DeviceDenied,
            },
            Some(Special::UserCode(_)) => Stage::UserCode,
            Some(Special::Approved) => Stage::Approved,
            None if redeemed => Stage::Live,
            None => Stage::Code,
        }
    }

    pub(super) fn encode(&self, redeemed: bool, out: &mut Vec<u8>) {
        out.push(self.stage(redeemed) as u8);
        let special = self.special.as_ref().and_then(|special| match special {
            Special::Marker(marker) => Some((SPENT_FOR, Cow::Owned(marker.encode()))),
            Special::Fingerprints(bytes) => Some((FINGERPRINTS, Cow::Borrowed(&**bytes))),
            Special::CutOff(cut_off) => Some((CUT_OFF, Cow::Owned(cut_off.encode()))),
            // Nothing but where it came from.
            // And what every login has.
            Special::Ended | Special::Approved => None,
            Special::Device(device) => Some((DEVICE, Cow::Owned(device.encode()))),
            Special::UserCode(code) => Some((USER_CODE, Cow::Owned(code.encode()))),
            Special::Listener(session) => Some((LISTENER, Cow::Borrowed(&session[..]))),
        });
        let realm = self.realm.as_ref().map(|realm| (REALM, realm.as_bytes()));
        let host_data = self.host_data.as_ref().map(|data| (HOST_DATA, data.as_bytes()));
        let resources = self.resources.as_ref().map(GrantResources::encode);
        let resources = resources.as_deref().map(|bytes| (RESOURCES, bytes));
        let special = special.as_ref().map(|(tag, bytes)| (*tag, &**bytes));
        let of_stranger = self.of_stranger.then_some((OF_STRANGER, &[][..]));
        let replaces = self.replaces.map(|grant| grant.as_u64().to_be_bytes());
        let replaces = replaces.as_ref().map(|grant| (REPLACES, &grant[..]));
        let acr = self.acr.as_ref().map(|acr| (ACR, acr.as_bytes()));
        let amr = self.amr.as_ref().map(|amr| (AMR, amr.as_bytes()));
        let session = self.session.as_ref().map(|session| (SESSION, &session[..]));
        let session_ends_at = self.session_ends_at.map(|time| time.as_millis().to_be_bytes());
        let session_ends_at = session_ends_at.as_ref().map(|time| (SESSION_ENDS_AT, &time[2..]));
        let claims = self.claims.as_ref().map(|claims| (CLAIMS, claims.as_bytes()));
        let sender = self.sender.map(Sender::encode);
        let sender = sender.as_deref().map(|bytes| (SENDER, bytes));
        let code_key = self.code_key.map(Confirmation::encode);
        let code_key = code_key.as_deref().map(|bytes| (CODE_KEY, bytes));
        let foreign = self.foreign.map(ForeignOrigin::encode);
        let foreign = foreign.as_deref().map(|bytes| (FOREIGN, bytes));
        let auth_key = self.auth_key.map(AuthKey::to_bytes);
        let auth_key = auth_key.as_ref().map(|bytes| (AUTH_KEY, &bytes[..]));
        let sender_since = self.sender_since.map(Generation::to_bytes);
        let sender_since = sender_since.as_ref().map(|generation| (SENDER_SINCE, &generation[..]));
        let of_sender = [sender, sender_since, code_key, auth_key, foreign];
        let of_login = [host_data, resources, of_stranger, replaces, acr, amr, session, session_ends_at, claims];
        let mut members: Vec<(u8, &[u8])> =
            [realm, special].into_iter().chain(of_login).chain(of_sender).flatten().collect();
        members.extend(self.kept.iter().map(|(tag, bytes)| (*tag, &**bytes)));
        members.sort_unstable_by_key(|member| member.0);
        for (tag, bytes) in members {
            out.push(tag);
            // Within bounds that are checked where a member enters the crate.
            out.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
            out.extend(bytes);
        }
    }

    /// All that is left of a record. `redeemed`: whether its generation is that of a login whose tokens are out.
    pub(super) fn decode(bytes: &[u8], redeemed: bool) -> Result<Self, DecodeError> {
        let (&stage, mut rest) = bytes.split_first().ok_or(DecodeError::Corrupt)?;
        if rest.len() > Self::MAX_BYTES {
            return Err(DecodeError::Corrupt);
        }
        let mut members = Self::default();
        let (mut spent_for, mut fingerprints, mut cut_off, mut listener) = (None, None, None, None);
        let (mut device, mut user_code) = (None, None);
        let (mut last, mut unknown) = (None, false);
        while let Some((&tag, after)) = rest.split_first() {
            let (length, after) = after.split_first_chunk().ok_or(DecodeError::Corrupt)?;
            let length = usize::from(u16::from_be_bytes(*length));
            let (value, after) = after.split_at_checked(length).ok_or(DecodeError::Corrupt)?;
            if last.is_some_and(|last| last >= tag) {
                return Err(DecodeError::Corrupt);
            }
            (last, rest) = (Some(tag), after);
            match tag {
                REALM => members.realm = Some(realm(value)?),
                SPENT_FOR => spent_for = Some(Marker::decode(value).ok_or(DecodeError::Corrupt)?),
                HOST_DATA => {
                    members.host_data = Some(HostData::from_bytes(value).map_err(|_| DecodeError::Corrupt)?);
                }
                FINGERPRINTS => fingerprints = Some(Box::from(value)),
                OF_STRANGER if value.is_empty() => members.of_stranger = true,
                OF_STRANGER => return Err(DecodeError::Corrupt),
                REPLACES => {
                    let id = value.try_into().map_err(|_| DecodeError::Corrupt)?;
                    members.replaces = Some(GrantId::from_u64(u64::from_be_bytes(id)));
                }
                ACR => members.acr = Some(acr(value)?),
                AMR => members.amr = Some(amr(value)?),
                SESSION => members.session = Some(value.try_into().map_err(|_| DecodeError::Corrupt)?),
                SESSION_ENDS_AT => {
                    let [a, b, c, d, e, f] = value.try_into().map_err(|_| DecodeError::Corrupt)?;
                    let millis = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
                    members.session_ends_at = Some(Timestamp::from_millis(millis));
                }
                CLAIMS => members.claims = Some(claims(value)?),
                LISTENER => listener = Some(value.try_into().map_err(|_| DecodeError::Corrupt)?),
                RESOURCES => members.resources = Some(GrantResources::decode(value)?),
                SENDER => members.sender = Some(Sender::decode(value).ok_or(DecodeError::Corrupt)?),
                SENDER_SINCE => {
                    let number = value.try_into().map_err(|_| DecodeError::Corrupt)?;
                    members.sender_since = Some(Generation::from_bytes(number));
                }
                CODE_KEY => members.code_key = Some(Confirmation::decode(value).ok_or(DecodeError::Corrupt)?),
                AUTH_KEY => {
                    let bytes = value.try_into().map_err(|_| DecodeError::Corrupt)?;
                    members.auth_key = Some(AuthKey::from_bytes(bytes));
                }
                FOREIGN => members.foreign = Some(ForeignOrigin::decode(value).ok_or(DecodeError::Corrupt)?),
                DEVICE => {
                    let denied = stage == Stage::DeviceDenied as u8;
                    device = Some(Device::decode(value, denied).ok_or(DecodeError::Corrupt)?);
                }
                USER_CODE => user_code = Some(UserCode::decode(value).ok_or(DecodeError::Corrupt)?),
                CUT_OFF => cut_off = Some(CutOff::decode(value).ok_or(DecodeError::Corrupt)?),
                tag if tag % 2 == 1 => members.kept.push((tag, value.into())),
                _ => unknown = true,
            }
        }
        // Only now: what is damaged is damaged, whoever wrote it.
        if unknown || !Stage::is_known(stage) {
            return Err(DecodeError::NewerFormat);
        }
        let has_ended = stage == Stage::Ended as u8;
        let is_approved = stage == Stage::Approved as u8;
        let mut specials = [
            spent_for.map(Special::Marker),
            fingerprints.map(Special::Fingerprints),
            cut_off.map(Special::CutOff),
            listener.map(Special::Listener),
            has_ended.then_some(Special::Ended),
            device.map(Special::Device),
            user_code.map(Special::UserCode),
            is_approved.then_some(Special::Approved),
        ]
        .into_iter()
        .flatten();
        members.special = match (specials.next(), specials.next()) {
            (special, None) => special,
            _ => return Err(DecodeError::Corrupt),
        };
        // A login without any is one of format 1.
        let is_plain = members == Self::default();
        let is_of_a_login = redeemed || members.are_of_a_login();
        // Of a foreign login its origin is left when it has ended, and nothing else.
        let is_mixed = match members.special {
            None => false,
            // A login in all but its tokens.
            Some(Special::Approved) => redeemed || members.foreign.is_some(),
            Some(Special::Device(_)) => redeemed || members.foreign.is_some() || members.are_beyond_a_request(),
            Some(Special::Listener(_)) => redeemed || members.foreign.is_some() || members.are_beyond_a_listener(),
            Some(_) => is_of_a_login || members.foreign.is_some() != has_ended,
        };
        // One whose client does not rotate is live at the generation of the token that it came with.
        let redeemed = redeemed || members.foreign.is_some();
        let is_since_nobody = members.sender_since.is_some() && members.sender.is_none();
        if members.stage(redeemed) as u8 != stage || is_plain || is_mixed || is_since_nobody {
            return Err(DecodeError::Corrupt);
        }
        Ok(members)
    }
}

fn realm(bytes: &[u8]) -> Result<SmolStr, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Corrupt)?;
    if is_realm(text) { Ok(text.into()) } else { Err(DecodeError::Corrupt) }
}

fn acr(bytes: &[u8]) -> Result<SmolStr, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Corrupt)?;
    if is_acr(text) { Ok(text.into()) } else { Err(DecodeError::Corrupt) }
}

/// Whether a text can name how a person proved who they are: printable ASCII without a space and what would have to be escaped in
/// a challenge (RFC 9470 section 3).
pub(crate) fn is_acr(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    (1..=255).contains(&text.len()) && text.bytes().all(fits)
}

fn amr(bytes: &[u8]) -> Result<SmolStr, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Corrupt)?;
    if is_amr(text) { Ok(text.into()) } else { Err(DecodeError::Corrupt) }
}

/// Whether a text is a list of means, each of which could name a kind of login.
pub(crate) fn is_amr(text: &str) -> bool {
    text.len() <= 255 && text.split(' ').all(is_acr)
}

/// The longest `claims` parameter that is kept.
pub(crate) const MAX_CLAIMS_BYTES: usize = 2_048;

fn claims(bytes: &[u8]) -> Result<Box<str>, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Corrupt)?;
    if (1..=MAX_CLAIMS_BYTES).contains(&text.len()) { Ok(text.into()) } else { Err(DecodeError::Corrupt) }
}

/// The longest name of a realm.
pub(crate) const MAX_REALM_BYTES: usize = 64;

/// Whether a text can be the name of a realm: printable ASCII without a space.
pub(crate) fn is_realm(text: &str) -> bool {
    (1..=MAX_REALM_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
