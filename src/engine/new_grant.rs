//! A grant's first record: what it may be of, and under which id it is stored.

use super::Engine;
use super::failure::Failure;
use super::refusal::{ClientRefusal, ServerFault, Unavailable};
use super::swap::{is_written, new_version};
use super::time::Time;
use crate::client::{Client, Clients, Lookup, Purpose};
use crate::grant::login::{Drawn, Login};
use crate::grant::{Grant, GrantId, Salt, Timestamp};
use crate::store::{Insert, TokenStore};

/// How many ids are drawn before giving up. Two grants of one second share an id once in four billion.
const ID_ATTEMPTS: usize = 4;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether a login's subject can be the claim `sub` where this engine signs one: at most 255 ASCII characters (OpenID
    /// Connect Core section 2). In a JWT access token a client that acts for itself is its own subject, so nobody else may
    /// go by the id of a client (RFC 9068 section 5), and one whose id is longer gets no tokens of its own.
    pub(super) async fn check_subject(&self, login: &Login) -> Result<(), Failure> {
        let in_access_tokens = self.jwt.names_subjects();
        let is_claim = in_access_tokens || self.jwt.issues_id_tokens();
        let Some(subject) = login.subject.as_deref() else {
            // Then `sub` is the client's id, which may be longer than a subject.
            let fits = !in_access_tokens || login.client_id.len() <= Grant::MAX_CLAIM_SUBJECT_BYTES;
            return if fits { Ok(()) } else { Err(ClientRefusal::UnauthorizedClient.into()) };
        };
        if is_claim && (subject.len() > Grant::MAX_CLAIM_SUBJECT_BYTES || !subject.is_ascii()) {
            return Err(ServerFault::Handler.into());
        }
        if !in_access_tokens {
            return Ok(());
        }
        match self.find_client(subject, Lookup::new(Purpose::Subject)).await {
            Ok(None) if subject != login.client_id => Ok(()),
            Ok(_) => Err(ServerFault::Handler.into()),
            // It would have to be fetched, so it gets no tokens of its own.
            Err(error) if error.is_not_at_hand() && subject != login.client_id => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The record of a login, of an id, a version and a salt that are new.
    pub(super) fn new_grant(&self, login: Login, client: &Client, now: Timestamp) -> Grant {
        self.grant_of_id(self.new_id(now), login, client, now)
    }

    /// The same, of an id that is known.
    pub(super) fn grant_of_id(&self, id: GrantId, login: Login, client: &Client, now: Timestamp) -> Grant {
        let drawn = Drawn { id, version: new_version(), salt: Salt(rand::random()) };
        Grant::new(login, drawn, self.realm.keys().signing().id(), self.lifetimes(client), now)
    }

    fn new_id(&self, now: Timestamp) -> GrantId {
        GrantId::at(now, self.store.propose_id(now).unwrap_or_else(rand::random))
    }

    /// Stores a new grant under an id that is free.
    pub(super) async fn insert(&self, grant: &mut Grant, time: &Time<'_>) -> Result<(), Failure> {
        for _ in 0..ID_ATTEMPTS {
            let added = self.store.insert(grant, time.now()).await.map(|insert| insert == Insert::Added);
            if is_written(&self.store, grant, None, added).await? {
                return Ok(());
            }
            grant.id = self.new_id(time.now());
        }
        Err(Unavailable::Contention.into())
    }
}
