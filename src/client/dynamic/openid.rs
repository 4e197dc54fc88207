//! What a client asks of OpenID Connect: pairwise subjects (Core section 8.1, Registration section 5) and logouts (RP-Initiated Logout section
//! 3.1, Back-Channel Logout section 2.2).
//!
//! ```text
//! tag 1 | flags 1 | sector: text | number 1 | each: text | back channel: text
//! ```
//!
//! Flags: pairwise subjects, and whether each of the three is there; whether the back channel needs `sid`. Ids of clients that ask for none of it
//! do not have this part.

use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use super::MetadataFault;
use super::compact::{push, take};
use super::demands;
use super::members::Members;
use super::words::is_place;
use crate::client::openid::MAX_SECTOR_BYTES;
use crate::client::redirect_uri::RedirectUri;
use crate::client::{ClientBuilder, NativeRedirects};
use crate::wire::{read_uri, web_host};

/// What a client asked for. All of it are wishes: what cannot be had is dropped (RFC 7591 section 3.2.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct OpenIdWishes {
    pub(super) pairwise: bool,
    /// Where a list of its redirect URIs is; with pairwise subjects alone.
    pub(super) sector: Option<SmolStr>,
    pub(super) post_logout: Vec<SmolStr>,
    pub(super) backchannel: Option<SmolStr>,
    pub(super) backchannel_session: bool,
}

/// Behind that of the demands.
pub(super) const TAG: u8 = demands::TAG + 1;

const SUBJECT_TYPE: &str = "subject_type";
const SECTOR: &str = "sector_identifier_uri";
const POST_LOGOUT: &str = "post_logout_redirect_uris";
const BACKCHANNEL: &str = "backchannel_logout_uri";
const BACKCHANNEL_SESSION: &str = "backchannel_logout_session_required";

/// The most URIs that a person may be sent back to.
const MAX_URIS: usize = 16;

const PAIRWISE: u8 = 1;
const HAS_SECTOR: u8 = 1 << 1;
const HAS_POST_LOGOUT: u8 = 1 << 2;
const HAS_BACKCHANNEL: u8 = 1 << 3;
const SESSION: u8 = 1 << 4;

impl OpenIdWishes {
    /// What a client says. URIs that could not be registered are passed by, as the rest was that is not understood.
    pub(super) fn read(members: &Members) -> Result<Self, MetadataFault> {
        let native = NativeRedirects::new();
        let mut post_logout: Vec<SmolStr> = Vec::new();
        for uri in members.texts(POST_LOGOUT)?.unwrap_or_default() {
            let is_new = !post_logout.iter().any(|earlier| earlier == uri);
            if is_new && post_logout.len() < MAX_URIS && RedirectUri::parse(uri, &native).is_ok() {
                post_logout.push(uri.into());
            }
        }
        let backchannel = members.text(BACKCHANNEL)?.filter(|uri| is_place(uri)).map(SmolStr::new);
        let pairwise = members.text(SUBJECT_TYPE)? == Some("pairwise");
        Ok(Self {
            pairwise,
            // Judged where it is known whether there are pairwise subjects.
            sector: members.text(SECTOR)?.filter(|_| pairwise).map(SmolStr::new),
            post_logout,
            backchannel_session: members.switch(BACKCHANNEL_SESSION)? && backchannel.is_some(),
            backchannel,
        })
    }

    /// The members that say it.
    pub(super) fn say(&self, members: &mut Map<String, Value>) {
        let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        if self.pairwise {
            add(SUBJECT_TYPE, json!("pairwise"));
        }
        if let Some(sector) = self.sector.as_deref() {
            add(SECTOR, json!(sector));
        }
        if !self.post_logout.is_empty() {
            add(POST_LOGOUT, json!(self.post_logout.iter().map(SmolStr::as_str).collect::<Vec<_>>()));
        }
        if let Some(uri) = self.backchannel.as_deref() {
            add(BACKCHANNEL, json!(uri));
            add(BACKCHANNEL_SESSION, json!(self.backchannel_session));
        }
    }

    pub(super) fn describe(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = if self.pairwise { builder.pairwise_subjects() } else { builder };
        let builder = match (&self.sector, self.sector_host()) {
            (_, Some(host)) => builder.sector_identifier(&host),
            // Nobody can have found its redirect URIs there.
            (Some(_), None) => builder.sector_of_its_own(),
            (None, None) => builder,
        };
        let uris = self.post_logout.iter();
        let builder = uris.fold(builder, |builder, uri| builder.post_logout_redirect_uri(uri));
        match self.backchannel.as_deref() {
            Some(uri) => builder.backchannel_logout_uri(uri, self.backchannel_session),
            None => builder,
        }
    }

    /// The host of the list, which is the sector; `None` where that is none.
    pub(super) fn sector_host(&self) -> Option<String> {
        let uri = read_uri(self.sector.as_deref()?)?;
        web_host(&uri).map(|(host, _)| host.to_ascii_lowercase()).filter(|host| host.len() <= MAX_SECTOR_BYTES)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Option<()> {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let flags = flag(self.pairwise, PAIRWISE)
            | flag(self.sector.is_some(), HAS_SECTOR)
            | flag(!self.post_logout.is_empty(), HAS_POST_LOGOUT)
            | flag(self.backchannel.is_some(), HAS_BACKCHANNEL)
            | flag(self.backchannel_session, SESSION);
        if flags == 0 {
            return Some(());
        }
        out.extend([TAG, flags]);
        if let Some(sector) = self.sector.as_deref() {
            push(out, sector)?;
        }
        if !self.post_logout.is_empty() {
            out.push(u8::try_from(self.post_logout.len()).ok()?);
        }
        self.post_logout.iter().chain(&self.backchannel).try_for_each(|uri| push(out, uri))
    }

    /// Reads what [`encode`](Self::encode) wrote, behind the tag.
    pub(super) fn decode(rest: &mut &[u8]) -> Option<Self> {
        let (&flags, after) = rest.split_first()?;
        *rest = after;
        let has = |flag: u8| flags & flag != 0;
        // Nobody writes one without the other.
        let is_one = flags != 0
            && flags < SESSION << 1
            && (has(PAIRWISE) || !has(HAS_SECTOR))
            && (has(HAS_BACKCHANNEL) || !has(SESSION));
        if !is_one {
            return None;
        }
        let sector = if has(HAS_SECTOR) { Some(take(rest)?.into()) } else { None };
        let mut post_logout = Vec::new();
        if has(HAS_POST_LOGOUT) {
            let (&number, after) = rest.split_first()?;
            *rest = after;
            if !(1..=MAX_URIS).contains(&usize::from(number)) {
                return None;
            }
            post_logout = (0..number).map(|_| take(rest).map(SmolStr::new)).collect::<Option<_>>()?;
        }
        let backchannel = if has(HAS_BACKCHANNEL) { Some(take(rest)?.into()) } else { None };
        Some(Self { pairwise: has(PAIRWISE), sector, post_logout, backchannel, backchannel_session: has(SESSION) })
    }
}
