//! A token that came of an exchange, checked against the record of the grant that it names.

use serde_json::{Value, json};
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::refusal::{GrantRefusal, ResourceRefusal};
use crate::engine::resource::{Access, Asking, left_of};
use crate::engine::time::Time;
use crate::grant::{Grant, Scope};
use crate::store::TokenStore;
use crate::token::{AccessClaims, Act, MayAct};

/// What an exchange has left in a token.
#[derive(Clone, Default)]
pub(in crate::engine) struct Exchanged {
    /// How many there were.
    pub(in crate::engine) times: u8,
    /// Who acts, the current one first.
    pub(in crate::engine) actors: Vec<SmolStr>,
    pub(in crate::engine) may_act: Option<MayAct>,
}

impl Exchanged {
    /// `None` of a grant's own token.
    pub(in crate::engine) fn of(claims: &AccessClaims<'_>) -> Option<Box<Self>> {
        let actors = claims.act.as_ref().map(Act::names).unwrap_or_default();
        claims.exchanges.map(|times| Box::new(Self { times, actors, may_act: claims.may_act.clone() }))
    }

    /// As introspection says it.
    pub(in crate::engine) fn members(&self) -> impl Iterator<Item = (String, Value)> {
        let act = Act::of(&self.actors).map(|act| ("act".to_owned(), json!(act)));
        act.into_iter().chain(self.may_act.as_ref().map(|may_act| ("may_act".to_owned(), json!(may_act))))
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// For whom it is: resources as the engine spells them, all else as it is written.
    pub(in crate::engine) fn names_of(&self, claims: &AccessClaims<'_>) -> SmallVec<[SmolStr; 1]> {
        let resources = self.settings.resources.as_deref();
        let spelt = |name: &str| match resources.and_then(|resources| resources.find(name)) {
            Some(resource) => resource.uri.clone(),
            None => SmolStr::new(name),
        };
        claims.aud.iter().map(spelt).collect()
    }

    /// What the record says of such a token, whose signature and realm are right. Both clients have a say: the one that the grant was made
    /// for, and the one that has exchanged its token.
    pub(in crate::engine) async fn live_exchanged(
        &self,
        access: Access,
        sub: &str,
        grant: Grant,
        time: &Time<'_>,
        asking: Asking,
    ) -> Result<Access, Failure> {
        // Signed by this engine, so of this grant, unless a thief of the signing key made it up.
        if self.realm.keys_of(&grant).is_none() || !access.scope.is_subset_of(&grant.scope) {
            return Err(ResourceRefusal::Jwt.into());
        }
        let mut access = access;
        // A client with a token of its own reaches nothing that was not consented to.
        if let Some(consented) = self.consented(&grant).filter(|_| grant.client_id() == access.client_id) {
            access.resources.retain(|name| consented.contains(name));
            if access.resources.is_empty() && asking != Asking::Revocation {
                return Err(of_grant(&grant, ResourceRefusal::AnotherResource));
            }
        }
        let owner = self.check_grant(&grant, access.epoch, access.expires_at, time).await?;
        let client = self.client_of(&access.client_id, grant.id).await?;
        if access.issued_at < self.not_before_of(client.as_deref()) {
            return Err(of_grant(&grant, GrantRefusal::NotBefore));
        }
        let is_sub = match (grant.subject(), client.as_deref()) {
            (None, _) => grant.client_id() == sub,
            (Some(subject), None) => subject == sub,
            (Some(subject), Some(client)) => self.sub_of(client, access.issued_at, subject).is_ok_and(|own| own == sub),
        };
        if !is_sub {
            return Err(ResourceRefusal::Jwt.into());
        }
        let left = left_of(&access.scope, Scope::WHOLE, owner.as_deref(), asking)
            .and_then(|scope| left_of(&scope, Scope::WHOLE, client.as_deref(), asking));
        access.scope = left.ok_or_else(|| of_grant(&grant, GrantRefusal::ScopeTaken))?;
        // A client that acts for itself is the subject where another acts for it.
        let is_own = grant.client_id() == access.client_id;
        let subject = grant.subject().or_else(|| Some(grant.client_id()).filter(|_| !is_own));
        access.subject = subject.map(SmolStr::new);
        access.expires_at = access.expires_at.min(grant.expires_at);
        access.grant = Some(grant);
        Ok(access)
    }
}
