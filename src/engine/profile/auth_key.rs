//! Sessions that are bound to the key that their client authenticated by (atproto, "Confidential Client Authentication").
//!
//! The key stays for the life of the session, and when the client takes it out of its set, the session ends. A set that cannot be had says
//! nothing: a bad minute of the client's site logs nobody out.

use crate::client::strong::KeySource;
use crate::client::{Client, Clients, Lookup, Purpose};
use crate::engine::Engine;
use crate::engine::client_auth::Authenticated;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::host::Event;
use crate::engine::refusal::{GrantRefusal, Unavailable};
use crate::grant::{AuthKey, Grant, Timestamp};
use crate::proof::{ClientKeys, JwsAlgorithm, ProvenAssertion};
use crate::store::TokenStore;
use crate::token::Thumbprint;

impl ProvenAssertion {
    /// The key that signed it, as a session is bound to one.
    pub(in crate::engine) fn auth_key(&self) -> Option<AuthKey> {
        let (key, algorithm) = (self.key()?, self.algorithm()?);
        // Two names of one algorithm (RFC 9864): a client whose library learns the newer one has not changed its key.
        let name = if algorithm == JwsAlgorithm::Ed25519 { JwsAlgorithm::EdDsa.as_str() } else { algorithm.as_str() };
        Some(AuthKey::new(*key.thumbprint().as_bytes(), name, key.kid()))
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The key that a session which begins now is bound to. In that profile alone.
    pub(in crate::engine) fn auth_key_of(&self, client: &Authenticated<'_>) -> Option<AuthKey> {
        if self.is_of_atproto() { client.auth_key() } else { None }
    }

    /// Whether the client has authenticated by the key that the grant is bound to. Before anything is said of generations: another key of
    /// the client is not this session's.
    pub(in crate::engine) async fn check_auth_key(
        &self,
        grant: &Grant,
        client: &Authenticated<'_>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some(bound) = grant.auth_key() else { return Ok(()) };
        let own = client.auth_key();
        if own == Some(bound) {
            return Ok(());
        }
        let another = || of_grant(grant, GrantRefusal::AnotherClientKey);
        // A public client now: nobody has shown a key, and so nobody that the bound one is gone.
        let Some(own) = own else { return Err(another()) };
        let lost = Thumbprint::from_bytes(*bound.thumbprint());
        let keys = self.newest_keys(client, now).await.map_err(|failure| failure.about(grant))?;
        // The key of this request has to be in the set as well: else it authenticated by what is no key of the client any more.
        if keys.contains(&lost) || !keys.contains(&Thumbprint::from_bytes(*own.thumbprint())) {
            return Err(another());
        }
        let (client_id, subject) = (client.id(), self.subject_of(grant));
        self.emit(&Event::ClientKeyGone { grant: grant.id, client_id, subject });
        self.end_for(grant, now).await?;
        Err(of_grant(grant, GrantRefusal::ClientKeyGone))
    }

    /// The client's keys as they are now, or a minute ago: neither the document nor the set may be one that is only still at hand.
    async fn newest_keys(&self, client: &Client, now: Timestamp) -> Result<ClientKeys, Failure> {
        let gone = || Failure::from(Unavailable::ClientKeys { retry_after_secs: None });
        let lookup = Lookup::new(Purpose::Anew);
        let anew = self.find_client(client.id(), lookup).await?.ok_or_else(gone)?;
        match anew.key_source() {
            None => Err(gone()),
            Some(KeySource::ByValue(keys)) => Ok(keys.clone()),
            Some(KeySource::At(at)) => self.fetch_keys_anew(at, lookup, now).await,
        }
    }
}
