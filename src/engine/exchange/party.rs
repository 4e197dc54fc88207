//! Whose token is presented to be exchanged: the subject's, or the actor's.

use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::binding::Presented;
use crate::engine::bounds::left_to;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::grants::is_record_of;
use crate::engine::refusal::{ExchangeRefusal, GrantRefusal, Refusal, SenderRefusal, TokenFault};
use crate::engine::resource::{Access, Asking};
use crate::engine::resources::spellings;
use crate::engine::time::Time;
use crate::grant::{Confirmation, Grant, Scope, Sender, Timestamp};
use crate::store::TokenStore;
use crate::token::{IdTokenClaims, Jti, MayAct, UnverifiedIdToken};

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// What kind of token is presented to be exchanged (RFC 8693 section 3).
///
/// ```
/// assert_eq!(regrant::engine::ExchangeToken::Id.as_str(), "urn:ietf:params:oauth:token-type:id_token");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ExchangeToken {
    /// An access token of this engine, opaque or a JWT.
    Access,
    /// An ID token of this engine, which only the client that it was issued to presents.
    Id,
}

impl ExchangeToken {
    /// Its identifier.
    ///
    /// ```
    /// use regrant::engine::ExchangeToken;
    /// assert_eq!(ExchangeToken::Access.as_str(), "urn:ietf:params:oauth:token-type:access_token");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => ACCESS_TOKEN,
            Self::Id => ID_TOKEN,
        }
    }

    /// That of this identifier.
    pub(in crate::engine) fn of(identifier: &str) -> Option<Self> {
        [Self::Access, Self::Id].into_iter().find(|kind| kind.as_str() == identifier)
    }
}

/// Whose token it is that is presented to be exchanged, as an [`ExchangePolicy`](crate::engine::ExchangePolicy) sees it: genuine and alive.
///
/// ```
/// fn is_customer(party: &regrant::engine::ExchangeParty) -> bool {
///     party.subject().is_some() && party.client_id() == "mobile-app"
/// }
/// ```
pub struct ExchangeParty {
    kind: ExchangeToken,
    pub(in crate::engine) grant: Grant,
    pub(in crate::engine) client_id: SmolStr,
    pub(in crate::engine) scope: Scope,
    resources: SmallVec<[SmolStr; 1]>,
    pub(in crate::engine) expires_at: Timestamp,
    pub(in crate::engine) epoch: u32,
    bound_to: Option<Sender>,
    proven: Result<(), SenderRefusal>,
    pub(in crate::engine) actors: Vec<SmolStr>,
    pub(in crate::engine) may_act: Option<MayAct>,
    pub(in crate::engine) exchanges: u8,
    is_for_client: bool,
}

impl ExchangeParty {
    /// What kind of token it is.
    ///
    /// ```
    /// use regrant::engine::{ExchangeParty, ExchangeToken};
    /// fn is_by_id_token(party: &ExchangeParty) -> bool {
    ///     party.token() == ExchangeToken::Id
    /// }
    /// ```
    pub const fn token(&self) -> ExchangeToken {
        self.kind
    }

    /// The person, as this server knows them; `None` where the token is of a client that acts for itself.
    ///
    /// ```
    /// fn is_a_person(party: &regrant::engine::ExchangeParty) -> bool {
    ///     party.subject().is_some()
    /// }
    /// ```
    pub fn subject(&self) -> Option<&str> {
        self.grant.subject()
    }

    /// The client that the token was issued to.
    ///
    /// ```
    /// fn came_from_the_app(party: &regrant::engine::ExchangeParty) -> bool {
    ///     party.client_id() == "mobile-app"
    /// }
    /// ```
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The scope of the token, as far as its client still has it; of an ID token, the scope of its grant.
    ///
    /// ```
    /// fn may_pay(party: &regrant::engine::ExchangeParty) -> bool {
    ///     party.scope().contains("pay")
    /// }
    /// ```
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whom the token is for: [resources](crate::EngineBuilder::resource) as the engine spells them, and what an exchange named besides.
    /// None of an ID token, or where the engine has no resources.
    ///
    /// ```
    /// fn was_sent_to_files(party: &regrant::engine::ExchangeParty) -> bool {
    ///     party.resources().any(|resource| resource == "https://files.example")
    /// }
    /// ```
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().map(SmolStr::as_str)
    }

    /// Whether the token is the business of the client that presents it: it was issued to it, or is for a resource that the client
    /// [guards](crate::client::ClientBuilder::guards), or, in an engine without resources, the client is a
    /// [resource server](crate::client::ClientBuilder::resource_server). Of another client's token that it should not have it is not.
    ///
    /// ```
    /// fn is_in_good_hands(party: &regrant::engine::ExchangeParty) -> bool {
    ///     party.is_for_client()
    /// }
    /// ```
    pub const fn is_for_client(&self) -> bool {
        self.is_for_client
    }

    /// When the token expires.
    ///
    /// ```
    /// fn left(party: &regrant::engine::ExchangeParty, now: regrant::Timestamp) -> std::time::Duration {
    ///     party.expires_at().since(now)
    /// }
    /// ```
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The grant that the token is of.
    ///
    /// ```
    /// fn is_of_a_stranger(party: &regrant::engine::ExchangeParty) -> bool {
    ///     party.grant().is_of_stranger()
    /// }
    /// ```
    pub const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Who acts by this token already, where it was exchanged before: the current actor.
    ///
    /// ```
    /// fn is_by_support(party: &regrant::engine::ExchangeParty) -> bool {
    ///     party.actor() == Some("support")
    /// }
    /// ```
    pub fn actor(&self) -> Option<&str> {
        self.actors.first().map(SmolStr::as_str)
    }

    /// How many exchanges this token comes of; the grant's own tokens come of none.
    ///
    /// ```
    /// fn is_first_hand(party: &regrant::engine::ExchangeParty) -> bool {
    ///     party.exchanges() == 0
    /// }
    /// ```
    pub const fn exchanges(&self) -> u8 {
        self.exchanges
    }

    /// Whether the token, or for an ID token its grant, is bound to a key or a certificate.
    ///
    /// ```
    /// fn is_bound(party: &regrant::engine::ExchangeParty) -> bool {
    ///     party.is_bound()
    /// }
    /// ```
    pub const fn is_bound(&self) -> bool {
        self.bound_to.is_some()
    }

    /// Whether the request proves what the token is bound to, if to anything. Where it does not, the exchange is refused unless the terms
    /// [say otherwise](crate::engine::ExchangeTerms::danger_without_proof).
    ///
    /// ```
    /// fn is_proven(party: &regrant::engine::ExchangeParty) -> bool {
    ///     party.is_proven()
    /// }
    /// ```
    pub const fn is_proven(&self) -> bool {
        self.proven.is_ok()
    }

    /// What it goes by as `sub`, here: the person, or the client that acts for itself.
    pub(in crate::engine) fn name(&self) -> &str {
        self.subject().unwrap_or_else(|| self.grant.client_id())
    }

    pub(in crate::engine) const fn check_proven(&self) -> Result<(), SenderRefusal> {
        self.proven
    }

    /// What it is bound to that the request has proven: what comes of it is bound to that, too.
    pub(in crate::engine) const fn proven(&self) -> Option<Confirmation> {
        match (self.bound_to, self.proven) {
            (Some(Sender::Is(confirmation)), Ok(())) => Some(confirmation),
            _ => None,
        }
    }
}

impl std::fmt::Debug for ExchangeParty {
    /// Neither a secret nor a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExchangeParty")
            .field("token", &self.kind)
            .field("grant", &self.grant.id())
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whose token this is. `of`: what the host is told where it is none.
    pub(in crate::engine) async fn exchange_party(
        &self,
        (kind, text): (ExchangeToken, &str),
        client: &Client,
        presented: &Presented<'_>,
        time: &Time<'_>,
        of: fn(TokenFault) -> ExchangeRefusal,
    ) -> Result<ExchangeParty, Failure> {
        let found = match kind {
            ExchangeToken::Access => self.party_of_access_token(text, client, time).await,
            ExchangeToken::Id => self.party_of_id_token(text, client, time).await,
        };
        let mut party = match found {
            Ok(party) => party,
            Err(Unusable::Failure(failure)) => {
                let fault = match failure.why {
                    Refusal::Grant(why) => TokenFault::Grant(why),
                    Refusal::Resource(why) => TokenFault::Access(why),
                    Refusal::Client(why) => TokenFault::Client(why),
                    // Nobody can tell, or the server is at fault.
                    _ => return Err(failure),
                };
                return Err(failure.because(of(fault)));
            }
            Err(Unusable::Fault(fault)) => return Err(of(fault).into()),
        };
        party.proven = party.bound_to.map_or(Ok(()), |sender| presented.is_from(sender));
        Ok(party)
    }

    /// As introspection sees it: the store is asked.
    async fn party_of_access_token(
        &self,
        text: &str,
        client: &Client,
        time: &Time<'_>,
    ) -> Result<ExchangeParty, Unusable> {
        let access = self.live_access(text, time, Asking::Introspection).await?;
        let is_for_client = self.is_for(client, &access);
        let exchanged = access.exchanged.map(|exchanged| *exchanged).unwrap_or_default();
        Ok(ExchangeParty {
            kind: ExchangeToken::Access,
            is_for_client,
            // It was asked.
            grant: access.grant.ok_or_else(|| Failure::from(GrantRefusal::NoGrant))?,
            client_id: access.client_id,
            scope: access.scope,
            resources: access.resources,
            expires_at: access.expires_at,
            epoch: access.epoch,
            bound_to: access.bound_to.map(Sender::Is),
            proven: Ok(()),
            actors: exchanged.actors,
            may_act: exchanged.may_act,
            exchanges: exchanged.times,
        })
    }

    /// Whether a token is for what a client guards, or the client's own.
    fn is_for(&self, client: &Client, access: &Access) -> bool {
        if access.client_id() == client.id() {
            return true;
        }
        let Some(resources) = self.settings.resources.as_deref() else { return client.is_resource_server() };
        if !client.is_resource_server() {
            return false;
        }
        let is_own = |uri: &str| match client.guards() {
            Some(mut guarded) => guarded.any(|own| resources.find(own).is_some_and(|own| own.uri() == uri)),
            None => resources.default_resource().is_some_and(|default| default.uri() == uri),
        };
        access.resources().any(is_own)
    }

    /// Signature, issuer, realm, client, expiry; then what the record says.
    async fn party_of_id_token(&self, text: &str, client: &Client, time: &Time<'_>) -> Result<ExchangeParty, Unusable> {
        let (claims, jti) = self.own_subject_token(text, client)?;
        let grant = self.store.load(jti.grant).await?.ok_or_else(|| Failure::from(GrantRefusal::NoGrant))?;
        is_record_of(&grant, jti.grant).map_err(Failure::from)?;
        // Signed by this engine, so of this grant, unless a thief of the signing key made it up.
        let is_of_grant = self.realm.keys_of(&grant).is_some()
            && grant.realm() == claims.realm.as_deref()
            && grant.client_id() == client.id();
        if !is_of_grant {
            return Err(Unusable::Fault(TokenFault::IdToken));
        }
        // What was for one resource must not become a token for whatever an engine without any guards.
        if self.settings.resources.is_none() && grant.resource_list().is_some() {
            return Err(of_grant(&grant, GrantRefusal::Target).into());
        }
        let expires_at = Timestamp::from_secs(claims.exp);
        self.check_grant(&grant, jti.epoch, expires_at, time).await?;
        let is_sub = grant.subject().is_some_and(|subject| {
            self.sub_of(client, grant.created_at, subject).is_ok_and(|own| own == claims.sub.as_str())
        });
        if !is_sub {
            return Err(Unusable::Fault(TokenFault::IdToken));
        }
        let left = left_to(client, &grant.scope, Scope::WHOLE);
        let scope = left.map(|mask| grant.scope.select(mask));
        Ok(ExchangeParty {
            kind: ExchangeToken::Id,
            is_for_client: true,
            client_id: grant.client_id.clone(),
            scope: scope.ok_or_else(|| of_grant(&grant, GrantRefusal::ScopeTaken))?,
            resources: SmallVec::new(),
            expires_at: expires_at.min(grant.expires_at),
            epoch: jti.epoch,
            // It is bound to nothing itself, and worth as much as the grant.
            bound_to: grant.sender(),
            proven: Ok(()),
            actors: Vec::new(),
            may_act: MayAct::read(claims.may_act),
            exchanges: 0,
            grant,
        })
    }

    /// An ID token of this engine for this client, that names its grant.
    fn own_subject_token(&self, text: &str, client: &Client) -> Result<(IdTokenClaims, Jti), Unusable> {
        let signing = self.jwt.signing();
        // By the engine's keys alone: with its own secret a client could have signed whatever it likes.
        let claims = UnverifiedIdToken::parse(text)
            .zip(signing)
            .and_then(|(token, signing)| token.verify(&signing.keys.current(), None))
            .filter(|claims| claims.is_for(client.id()) && self.issuer() == Some(&claims.iss))
            .filter(|claims| self.realm.includes(claims.realm.as_deref(), client.id()))
            .ok_or(Unusable::Fault(TokenFault::IdToken))?;
        let jti = claims.jti.as_str().and_then(Jti::decode).ok_or(Unusable::Fault(TokenFault::Untraceable))?;
        Ok((claims, jti))
    }

    /// The resources that an own token of this grant may be for, whatever a policy says: those that were consented to. `None` in an engine
    /// that has none.
    pub(in crate::engine) fn consented(&self, grant: &Grant) -> Option<SmallVec<[SmolStr; 1]>> {
        self.settings.resources.as_deref().map(|resources| spellings(&resources.of_login(grant)))
    }
}

/// Why a token is of no use here.
enum Unusable {
    Fault(TokenFault),
    Failure(Failure),
}

impl<F: Into<Failure>> From<F> for Unusable {
    fn from(failure: F) -> Self {
        Self::Failure(failure.into())
    }
}
