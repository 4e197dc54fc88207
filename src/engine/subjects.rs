//! What clients call people and sessions: OpenID Connect Core section 8.1, Back-Channel Logout 1.0 section 2.1.
//!
//! A pairwise subject is computed under the subject secret, which is never replaced: a person stays who they are at a client. So is what
//! a record keeps of a session of the host's. The `sid` that a client reads is a digest of that and of the client, or it would
//! join what pairwise subjects keep apart.
//!
//! The realm is in all of it, or two engines under one secret would call two people the same. What is adopted from before the realm has its
//! sessions without it, as they were; and a client that is adopted knows people by the names that it knows, whenever they log in.

use std::borrow::Cow;

use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use super::Engine;
use super::refusal::ServerFault;
use crate::client::{Client, Sector};
use crate::grant::Timestamp;
use crate::grant::members::SessionKey;
use crate::secret::root::SubjectSecret;
use crate::token::base64url;

/// The longest name of a session.
const MAX_SESSION_BYTES: usize = 1_024;

/// The subject secret at work.
pub(super) struct Subjects {
    secret: SubjectSecret,
    realm: Option<SmolStr>,
    /// The clients that are adopted from before there was a realm, in order.
    adopted: Box<[SmolStr]>,
}

/// What records keep of one session.
#[derive(Clone, Copy)]
pub(super) struct SessionKeys {
    /// Those of the engine's realm.
    pub(super) own: SessionKey,
    /// Those that are adopted, where some are.
    pub(super) adopted: Option<SessionKey>,
}

impl Subjects {
    pub(super) fn new(secret: SubjectSecret, realm: Option<SmolStr>, adopted: &[SmolStr]) -> Self {
        let mut adopted: Box<[SmolStr]> = adopted.into();
        adopted.sort_unstable();
        Self { secret, realm, adopted }
    }

    fn adopts(&self, client_id: &str) -> bool {
        self.adopted.binary_search_by(|id| id.as_str().cmp(client_id)).is_ok()
    }

    fn mac(&self, what: &[u8], realm: Option<&str>, members: &[&[u8]]) -> [u8; 32] {
        let realm = realm.unwrap_or_default().as_bytes();
        let members: Vec<&[u8]> = [what, realm].into_iter().chain(members.iter().copied()).collect();
        self.secret.mac(&members)
    }

    /// What a client calls a person, as all of its sector do. Core section 5.7: it is the key of an account there, so naming a realm must not
    /// change it for a client that had it before.
    fn pairwise(&self, client: &Client, subject: &str) -> String {
        let realm = self.realm.as_deref().filter(|_| !self.adopts(client.id()));
        let lower;
        let (kind, sector) = match client.sector() {
            Sector::Host(host) => {
                lower = host.to_ascii_lowercase();
                (&b"host"[..], lower.as_str())
            }
            Sector::Client(client_id) => (&b"client"[..], client_id),
        };
        base64url(&self.mac(b"pairwise", realm, &[kind, sector.as_bytes(), subject.as_bytes()]))
    }

    /// What records of the engine's realm keep of a session of this person's; `None` where nothing can be called so.
    pub(super) fn session(&self, subject: &str, name: &str) -> Option<SessionKey> {
        self.session_in(self.realm.as_deref(), subject, name)
    }

    /// The same, and what those from before the realm keep of it.
    pub(super) fn sessions(&self, subject: &str, name: &str) -> Option<SessionKeys> {
        let own = self.session(subject, name)?;
        let adopted = if self.adopted.is_empty() { None } else { self.session_in(None, subject, name) };
        Some(SessionKeys { own, adopted })
    }

    fn session_in(&self, realm: Option<&str>, subject: &str, name: &str) -> Option<SessionKey> {
        let mut key = [0; 20];
        key.copy_from_slice(&self.mac(b"session", realm, &[subject.as_bytes(), name.as_bytes()])[..20]);
        (1..=MAX_SESSION_BYTES).contains(&name.len()).then_some(key)
    }

    /// Whether a client was told this `sid` of the session, in a login of the realm or in one that is adopted.
    pub(super) fn is_sid(&self, said: &str, keys: &SessionKeys, client_id: &str) -> bool {
        let adopted = keys.adopted.filter(|_| self.adopts(client_id));
        [Some(keys.own), adopted].into_iter().flatten().any(|key| said == sid(&key, client_id))
    }

    /// The place of the record by which a client hears of the end of a session; of several, in turn.
    pub(super) fn place(&self, session: &SessionKey, client_id: &str, step: u8) -> [u8; 32] {
        self.mac(b"listener", self.realm.as_deref(), &[session, client_id.as_bytes(), &[step]])
    }
}

/// The claim `sid`. A record's 160 bits are nothing that a client could guess, so a digest keeps them apart.
pub(super) fn sid(session: &SessionKey, client_id: &str) -> String {
    let digest = Sha256::new_with_prefix(b"regrant sid").chain_update(session).chain_update(client_id).finalize();
    base64url(&digest.into())
}

impl<S, C> Engine<S, C> {
    /// What a client calls the person of a grant of that time.
    pub(super) fn sub_of<'s>(
        &self,
        client: &Client,
        created_at: Timestamp,
        subject: &'s str,
    ) -> Result<Cow<'s, str>, ServerFault> {
        sub(self.subjects.as_deref(), client, created_at, subject)
    }
}

/// The same, for who has no engine. Rather nothing than the name that everybody knows.
pub(super) fn sub<'s>(
    subjects: Option<&Subjects>,
    client: &Client,
    created_at: Timestamp,
    subject: &'s str,
) -> Result<Cow<'s, str>, ServerFault> {
    if !client.is_pairwise_at(created_at) {
        return Ok(Cow::Borrowed(subject));
    }
    let subjects = subjects.ok_or(ServerFault::Signing)?;
    Ok(Cow::Owned(subjects.pairwise(client, subject)))
}
