//! What clients call people and sessions: OpenID Connect Core section 8.1, Back-Channel Logout 1.0 section 2.1.
//!
//! A pairwise subject is computed under the subject secret, which is never replaced: a person stays who they are at a client. So is what
//! a record keeps of a session of the host's. The `sid` that a client reads is a digest of that and of the client, or it would
//! join what pairwise subjects keep apart.

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
}

impl Subjects {
    pub(super) const fn new(secret: SubjectSecret, realm: Option<SmolStr>) -> Self {
        Self { secret, realm }
    }

    fn mac(&self, what: &[u8], members: &[&[u8]]) -> [u8; 32] {
        let realm = self.realm.as_deref().unwrap_or_default().as_bytes();
        let members: Vec<&[u8]> = [what, realm].into_iter().chain(members.iter().copied()).collect();
        self.secret.mac(&members)
    }

    /// What a sector calls a person.
    fn pairwise(&self, sector: Sector<'_>, subject: &str) -> String {
        let lower;
        let (kind, sector) = match sector {
            Sector::Host(host) => {
                lower = host.to_ascii_lowercase();
                (&b"host"[..], lower.as_str())
            }
            Sector::Client(client_id) => (&b"client"[..], client_id),
        };
        base64url(&self.mac(b"pairwise", &[kind, sector.as_bytes(), subject.as_bytes()]))
    }

    /// What a record keeps of a session of this person's; `None` where nothing can be called so.
    pub(super) fn session(&self, subject: &str, name: &str) -> Option<SessionKey> {
        let mut key = [0; 20];
        key.copy_from_slice(&self.mac(b"session", &[subject.as_bytes(), name.as_bytes()])[..20]);
        (1..=MAX_SESSION_BYTES).contains(&name.len()).then_some(key)
    }

    /// The place of the record by which a client hears of the end of a session; of several, in turn.
    pub(super) fn place(&self, session: &SessionKey, client_id: &str, step: u8) -> [u8; 32] {
        self.mac(b"listener", &[session, client_id.as_bytes(), &[step]])
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
    Ok(Cow::Owned(subjects.pairwise(client.sector(), subject)))
}
