//! What a request under a profile must have besides what every request must.

use std::sync::Arc;

use super::Profile;
use super::build::ATPROTO;
use crate::client::{Client, ClientRef, Clients, Lookup};
use crate::engine::Engine;
use crate::engine::binding::Presented;
use crate::engine::client_auth::Authenticated;
use crate::engine::failure::Failure;
use crate::engine::refusal::{ClientRefusal, GrantRefusal, Refusal, RequestRefusal, SenderRefusal};
use crate::grant::{Scope, Timestamp};
use crate::store::TokenStore;
use crate::wire::{Form, is_loopback_url};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether a client may be one here; where no profile is, every one may.
    pub(in crate::engine) fn check_profile_of(&self, client: &Client) -> Result<(), ClientRefusal> {
        match self.profile() {
            Some(profile) => profile.check_client(client).map_err(ClientRefusal::Profile),
            None => Ok(()),
        }
    }

    /// The client that an id of `http://localhost` describes (atproto, "Localhost Client Development"). In that profile alone.
    pub(in crate::engine) fn of_localhost(&self, id: &str) -> Option<ClientRef<'_>> {
        if !self.is_of_atproto() {
            return None;
        }
        let knows = |token: &str| self.clients.knows_scope(token);
        Client::of_localhost(id, ATPROTO, knows).map(|client| ClientRef::Shared(Arc::new(client)))
    }

    /// The same, and that its request proves what a sender is to prove. Right after the client has authenticated.
    pub(in crate::engine) async fn check_under(
        &self,
        profile: Profile,
        client: &Authenticated<'_>,
        presented: &Presented<'_>,
        lookup: Lookup,
        now: Timestamp,
    ) -> Result<(), Failure> {
        profile.check_client(client).map_err(ClientRefusal::Profile)?;
        let Some(proof) = presented.proof() else {
            // FAPI 2.0 section 5.3.2.1: by a proof or a certificate, and no token is anybody's.
            let by_certificate = profile == Profile::Fapi2Security && presented.has_certificate();
            return if by_certificate { Ok(()) } else { Err(SenderRefusal::NoProof.into()) };
        };
        if profile != Profile::Atproto || client.is_public() {
            return Ok(());
        }
        // The key of the session is of one device, and the client's is of all of them: one for both would bind to nothing.
        let own = proof.thumbprint();
        let keys = self.keys_of_client(client, lookup, now, |_| true).await?;
        if keys.is_some_and(|keys| keys.contains(&own)) { Err(SenderRefusal::KeyOfClient.into()) } else { Ok(()) }
    }

    /// The same of a request that is pushed: under FAPI 2.0 it need not prove anything of its sender but that it is the client; a session of
    /// atproto begins with its key ("Demonstrating Proof of Possession").
    pub(in crate::engine) async fn check_push_under(
        &self,
        profile: Profile,
        client: &Authenticated<'_>,
        presented: &Presented<'_>,
        lookup: Lookup,
        now: Timestamp,
    ) -> Result<(), Failure> {
        match profile {
            Profile::Fapi2Security => Ok(profile.check_client(client).map_err(ClientRefusal::Profile)?),
            Profile::Atproto => self.check_under(profile, client, presented, lookup, now).await,
        }
    }

    /// What an authorization request must say, pushed or not: FAPI 2.0 section 5.3.2.2, "Request Fields" of atproto.
    pub(in crate::engine) fn check_asked(&self, form: &Form<'_>, scope: &Scope) -> Result<(), Refusal> {
        let Some(profile) = self.profile() else { return Ok(()) };
        let parameter = |name: &str| form.single(name).ok().flatten();
        let demanded: &[&str] = match profile {
            Profile::Fapi2Security => &["redirect_uri"],
            Profile::Atproto => &["redirect_uri", "state", "scope"],
        };
        if demanded.iter().any(|name| parameter(name).is_none()) {
            return Err(RequestRefusal::MissingParameter.into());
        }
        // The scope of a session, whatever else it may do.
        if profile == Profile::Atproto && !scope.contains(ATPROTO) {
            return Err(GrantRefusal::Scope.into());
        }
        Ok(())
    }

    /// Whether a session may be of this scope: a host may approve less than was asked for, and not less than that.
    pub(in crate::engine) fn may_be_of(&self, scope: &Scope) -> bool {
        !self.is_of_atproto() || scope.contains(ATPROTO)
    }

    /// Whether the answer may go there: not without encryption but to the addresses of the loopback interface (FAPI 2.0 section
    /// 5.3.2.2; RFC 8252 section 7.3), which `localhost` need not be one of.
    pub(in crate::engine) fn may_answer_to(&self, redirect_uri: &str) -> bool {
        !self.is_of_fapi() || is_loopback_url(redirect_uri) || !redirect_uri.starts_with("http://")
    }
}
