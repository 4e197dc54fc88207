//! The token that an exchange gives: a JWT (RFC 9068), whatever the engine's other access tokens are.

use smol_str::SmolStr;

use super::{Aim, ExchangeParty};
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::host::ExchangeTerms;
use crate::engine::refusal::{ExchangeRefusal, GrantRefusal, ServerFault, TokenFault};
use crate::grant::{Confirmation, Scope, Timestamp};
use crate::store::TokenStore;
use crate::token::{AccessClaims, Act, Audience, Cnf, Jti, MayAct, sign_access};

/// All that a new token is made of.
pub(in crate::engine) struct Minting<'a> {
    pub(in crate::engine) client: &'a Client,
    pub(in crate::engine) subject: &'a ExchangeParty,
    pub(in crate::engine) actor: Option<&'a ExchangeParty>,
    pub(in crate::engine) terms: &'a ExchangeTerms,
    pub(in crate::engine) aim: &'a Aim<'a>,
    pub(in crate::engine) scope: &'a Scope,
    pub(in crate::engine) bound_to: Option<Confirmation>,
    pub(in crate::engine) lifetime_secs: u32,
    pub(in crate::engine) now: Timestamp,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// How long the new token lives: as long as one of the client, and no longer than the tokens that it comes of. So it never outlives
    /// the first of a row, however often it is exchanged.
    pub(in crate::engine) fn exchanged_lifetime(
        &self,
        client: &Client,
        subject: &ExchangeParty,
        actor: Option<&ExchangeParty>,
        terms: &ExchangeTerms,
        now: Timestamp,
    ) -> Result<u32, Failure> {
        let left = |party: &ExchangeParty| u32::try_from(party.expires_at.since(now).as_secs()).unwrap_or(u32::MAX);
        let own = subject.grant.access_lifetime_secs(self.lifetimes(client), now);
        let of_terms = terms.lifetime.map_or(u32::MAX, |most| u32::try_from(most.as_secs()).unwrap_or(u32::MAX));
        let of_subject = left(subject);
        let lifetime = own.min(of_subject).min(actor.map_or(u32::MAX, left)).min(of_terms);
        if lifetime > 0 {
            return Ok(lifetime);
        }
        // Between the look at the tokens and now, or by the host's wish.
        let why = if of_terms == 0 {
            ExchangeRefusal::Policy
        } else if of_subject == 0 || own == 0 {
            ExchangeRefusal::SubjectToken(TokenFault::Grant(GrantRefusal::Expired))
        } else {
            ExchangeRefusal::ActorToken(TokenFault::Grant(GrantRefusal::Expired))
        };
        Err(of_grant(&subject.grant, why))
    }

    /// Signs it. It is of the exchanging client, and of the subject token's grant and epoch.
    pub(in crate::engine) fn mint_exchanged(&self, minting: &Minting<'_>) -> Result<String, Failure> {
        let Minting { client, subject, actor, terms, aim, now, .. } = *minting;
        let unsigned = |fault: ServerFault| of_grant(&subject.grant, fault);
        let signing = self.jwt.signing().ok_or(ServerFault::Signing).map_err(unsigned)?;
        let issued_at = Timestamp::from_secs(now.as_secs());
        // A person goes by the name that the client has for them (OpenID Connect Core section 8.1).
        let sub_of = |party: &ExchangeParty| match party.subject() {
            Some(person) => self.sub_of(client, issued_at, person).map(|sub| SmolStr::new(&*sub)).map_err(unsigned),
            None => Ok(SmolStr::new(party.name())),
        };
        let newest = match actor {
            Some(actor) => Some(sub_of(actor)?),
            None => terms.client_acts.then(|| client.shared_id()),
        };
        let actors: Vec<SmolStr> = newest.into_iter().chain(subject.actors.iter().cloned()).collect();
        let claims = AccessClaims {
            iss: self.issuer().unwrap_or_default().into(),
            sub: sub_of(subject)?.to_string().into(),
            aud: Audience::new(aim.names.iter().map(SmolStr::as_str)),
            exp: issued_at.as_secs() + u64::from(minting.lifetime_secs),
            iat: issued_at.as_secs(),
            jti: Jti::new(subject.grant.id, subject.epoch),
            client_id: client.id().into(),
            scope: minting.scope.as_str().into(),
            acr: subject.grant.acr().map(Into::into),
            auth_time: subject.grant.acr().and_then(|_| subject.grant.auth_time()),
            // Of this engine, also where the grant was made before it had one.
            realm: self.realm.name().map(Into::into),
            cnf: minting.bound_to.map(Cnf),
            act: Act::of(&actors),
            may_act: terms.may_act.as_deref().map(MayAct::of),
            exchanges: Some(subject.exchanges + 1),
        };
        sign_access(signing.keys.current().signing(), &claims).map_err(|_| unsigned(ServerFault::Signing))
    }
}
