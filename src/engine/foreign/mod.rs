//! Refresh tokens of another server: where their grants are, and what is known of those that have none yet.
//!
//! ```text
//! token → SHA-256 → HMAC (subject secret, realm, client) → the grant's id, and 160 bits that the record is believed by
//! ```
//!
//! All of it follows from the digest, so that a table of digests serves. It is computed under the *subject secret*, which is never
//! replaced: under another the token would be a new one, and begin the login anew.

mod cut_off;
mod look;
mod take_over;

pub(in crate::engine) use look::Seen;
pub(in crate::engine) use take_over::Foreign;

use std::net::IpAddr;

use super::Engine;
use super::builder::BuildError;
use super::failure::Failure;
use super::grants::is_record_of;
use super::host::{DynForeignTokens, ForeignLogin, ForeignToken, ForeignTokens};
use super::refusal::{GrantRefusal, Refusal, Unavailable};
use crate::client::{Client, Clients, digest};
use crate::grant::{Grant, GrantId, Timestamp};
use crate::secret::root::{Label, LabelledKey, SubjectSecret};
use crate::store::TokenStore;
use crate::throttle::Guessed;

/// How many tokens may share an id before the last of them is refused: 62 bits, so it never comes to that.
const PLACES: u8 = 2;

/// The hook, and the keys of what is found again.
pub(super) struct ForeignEngine {
    hook: Box<dyn DynForeignTokens>,
    keys: ForeignKeys,
    /// Those from before the engine had a realm, where it adopts what was made then: what has ended outside must not begin here.
    adopted: Option<Box<ForeignKeys>>,
}

/// The keys of one realm.
struct ForeignKeys {
    ids: LabelledKey,
    proofs: LabelledKey,
    cut_offs: LabelledKey,
}

/// What a token comes to for one client.
struct Traces {
    sha256: [u8; 32],
    own: Trace,
    /// The same outside of all realms, at a client whose grants are adopted.
    adopted: Option<Trace>,
}

/// Where the grant of a token is in one realm, and what it is believed by.
struct Trace {
    places: [GrantId; PLACES as usize],
    proof: [u8; 20],
}

/// Where the grant of a token is.
enum Place {
    /// There, live or ended.
    Taken(Grant),
    /// It has none yet, and this is where it goes.
    Free(GrantId),
    /// Nowhere: others have all of its places.
    None,
}

impl ForeignEngine {
    /// Where the host has a hook.
    pub(super) fn build(
        hook: Option<Box<dyn DynForeignTokens>>,
        secret: Option<&SubjectSecret>,
        realm: Option<&str>,
        adopts: bool,
    ) -> Result<Option<Box<Self>>, BuildError> {
        let Some(hook) = hook else { return Ok(None) };
        let secret = secret.ok_or(BuildError::SubjectSecretRequired)?;
        let adopted = adopts.then(|| Box::new(ForeignKeys::of(secret, None)));
        Ok(Some(Box::new(Self { hook, keys: ForeignKeys::of(secret, realm), adopted })))
    }
}

impl ForeignKeys {
    fn of(secret: &SubjectSecret, realm: Option<&str>) -> Self {
        Self {
            ids: secret.key(Label::ForeignId, realm),
            proofs: secret.key(Label::ForeignProof, realm),
            cut_offs: secret.key(Label::CutOff, realm),
        }
    }

    fn trace(&self, client_id: &str, sha256: &[u8; 32]) -> Trace {
        let members: [&[u8]; 2] = [client_id.as_bytes(), sha256];
        let place = |step| GrantId::computed(&self.ids.mac(&[members[0], members[1], &[step]]));
        Trace { places: [place(0), place(1)], proof: cut(self.proofs.mac(&members)) }
    }
}

fn cut(mac: [u8; 32]) -> [u8; 20] {
    let mut cut = [0; 20];
    cut.copy_from_slice(&mac[..20]);
    cut
}

pub(super) fn boxed(hook: impl ForeignTokens + 'static) -> Box<dyn DynForeignTokens> {
    Box::new(hook)
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether a token that was refused so may be another server's, and there is somebody to ask. Never one whose MAC held, whatever
    /// was wrong with it then.
    pub(super) fn may_be_foreign(&self, failure: &Failure) -> bool {
        let is_not_ours = matches!(
            failure.why,
            Refusal::Grant(GrantRefusal::Shape | GrantRefusal::UnknownKey | GrantRefusal::NoGrant | GrantRefusal::Mac)
        );
        self.foreign.is_some() && is_not_ours && failure.grant.is_none()
    }

    /// The same of what looked like a JWT access token, and is none of ours.
    pub(super) fn may_be_foreign_jwt(&self, failure: &Failure) -> bool {
        self.foreign.is_some() && failure.grant.is_none() && failure.is_about_a_token()
    }

    /// What a token comes to for this client.
    fn traces(&self, foreign: &ForeignEngine, client_id: &str, text: &str) -> Traces {
        let sha256 = digest(text.as_bytes());
        let own = foreign.keys.trace(client_id, &sha256);
        let adopted = self.adopted_keys(foreign, client_id).map(|keys| keys.trace(client_id, &sha256));
        Traces { sha256, own, adopted }
    }

    /// The keys outside of all realms, where this client's grants from there are this engine's.
    fn adopted_keys<'a>(&self, foreign: &'a ForeignEngine, client_id: &str) -> Option<&'a ForeignKeys> {
        foreign.adopted.as_deref().filter(|_| self.realm.adopts(None, client_id))
    }

    /// The record of a token. A few bits of an id are no proof, so it is believed by what it says of the token alone.
    async fn foreign_place(&self, traces: &Traces) -> Result<Place, Failure> {
        // What began before there was a realm stays outside of it for life; what begins now is of it.
        if let Some(trace) = &traces.adopted {
            if let Place::Taken(grant) = self.place_of(trace, None).await? {
                return Ok(Place::Taken(grant));
            }
        }
        self.place_of(&traces.own, self.realm()).await
    }

    async fn place_of(&self, trace: &Trace, realm: Option<&str>) -> Result<Place, Failure> {
        let mut free = None;
        // All of them, though the first is free: whoever had it may be gone, and this token's grant behind it.
        for id in trace.places {
            match self.store.load(id).await? {
                None => free = free.or(Some(id)),
                Some(grant) => {
                    is_record_of(&grant, id)?;
                    let is_it = grant.foreign().is_some_and(|origin| origin.is_of(&trace.proof));
                    if is_it && grant.realm() == realm {
                        return Ok(Place::Taken(grant));
                    }
                }
            }
        }
        Ok(free.map_or(Place::None, Place::Free))
    }

    /// What the host knows of a token.
    async fn ask_foreign(
        &self,
        foreign: &ForeignEngine,
        traces: &Traces,
        text: &str,
        client: &Client,
        (peer, now): (Option<IpAddr>, Timestamp),
    ) -> Result<Option<ForeignLogin>, Failure> {
        let token = ForeignToken { text, sha256: traces.sha256 };
        // Anybody can be a public client. One that has authenticated is no stranger, and may send the tokens of all of its people from
        // one address.
        let counted = if client.is_public() {
            Some(self.host.guess(Guessed::ForeignToken(client.id()), peer, now)?)
        } else {
            None
        };
        let found = foreign.hook.find_dyn(&token, client).await;
        match (counted, &found) {
            (Some(counted), Ok(Some(_))) => counted.right(),
            (Some(counted), Err(_)) => counted.not_looked_at(),
            (_, Ok(None)) | (None, _) => {}
        }
        let login = found.map_err(|error| Failure::from(Unavailable::Host).by(error))?;
        let until = foreign.hook.until_dyn();
        Ok(login.map(|login| ForeignLogin { until: login.until.min(until), ..login }))
    }

    /// Until when a record has to be there so that nobody, by whatever clock, accepts its token afterwards.
    fn kept_for(&self, until: Timestamp) -> Timestamp {
        let skew = self.settings.clock_skew;
        until + skew + skew + self.settings.longest_commit
    }
}
