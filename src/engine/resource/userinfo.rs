//! The userinfo endpoint: OpenID Connect Core section 5.3.

use std::pin::pin;

use serde_json::{Map, Value, json};

use super::error::{BearerError, BearerErrorKind};
use super::guard::Wanted;
use super::{Access, Asking, Token, presented};
use crate::client::{ClientRef, Clients, Lookup, OPENID, Purpose};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::host::{Clock, IdTokenRequest, RequestedClaims};
use crate::engine::refusal::{ClientRefusal, Refusal, RequestRefusal, ResourceRefusal, ServerFault, Unavailable};
use crate::engine::time::Time;
use crate::grant::{Grant, Scope};
use crate::store::TokenStore;
use crate::wire::{Request, Response};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a request to the userinfo endpoint (OpenID Connect Core section 5.3): GET or POST, with an access token whose scope has `openid`,
    /// as [`bearer`](Self::bearer) takes it. The answer is JSON: `sub`, and what the [claims provider](crate::jwt::ClaimsProvider) gives for
    /// [this place](crate::jwt::IdTokenRequest::is_userinfo).
    ///
    /// The store is asked each time, also where a JWT's signature is believed elsewhere. In an engine with
    /// [resources](crate::EngineBuilder::resource) tokens for one that was named are `invalid_token` here, unless the issuer is among
    /// their audiences: a resource must not read with a token what its client may (RFC 9700 section 2.3). A token that names nobody, or lacks
    /// `openid`, is 403 `insufficient_scope`.
    ///
    /// ```
    /// # async fn userinfo<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>) {
    /// use regrant::{Request, Timestamp};
    /// let request = Request::new("GET", b"").with_header("authorization", b"Bearer ...");
    /// let response = engine.userinfo(&request, Timestamp::now).await;
    /// println!("{} {:?}", response.status(), response.body());
    /// # }
    /// ```
    pub async fn userinfo(&self, request: &Request<'_>, clock: impl Clock) -> Response {
        if !matches!(request.method(), "GET" | "HEAD" | "POST") {
            return self.refuse(&RequestRefusal::GetOrPost.into()).with_header("allow", "GET, POST");
        }
        let time = self.time(&clock);
        let form = self.resource_form(request);
        let (scheme, found) = presented(request, &form, self.takes_proofs());
        let answered = match found {
            Ok(text) => time.watch(pin!(self.try_userinfo(Token { text, scheme, request }, &time))).await,
            Err(why) => Err(why.into()),
        };
        let dpop_nonce = self.nonce_for(request, scheme, time.now());
        match answered {
            Ok(members) => {
                let response = Response::ok(Value::Object(members).to_string().into_bytes());
                #[cfg(feature = "proof")]
                if let Some(nonce) = dpop_nonce {
                    return response.with_dpop_nonce(nonce.into());
                }
                let _ = dpop_nonce;
                response
            }
            // When to come back, as everywhere else.
            Err(failure) if matches!(failure.why, Refusal::Unavailable(why) if why.retry_after_secs().is_some()) => {
                self.with_nonce(request, self.refuse(&failure), time.now())
            }
            Err(failure) => {
                self.tell(&failure);
                let kind = BearerErrorKind::of(failure.why);
                let wanted = Wanted { scope: Scope::parse(OPENID).unwrap_or_default(), ..Wanted::default() };
                let challenge = self.challenge(kind, scheme, None, &wanted);
                BearerError { kind, challenge, dpop_nonce }.response()
            }
        }
    }

    async fn try_userinfo(&self, token: Token<'_>, time: &Time<'_>) -> Result<Map<String, Value>, Failure> {
        let Token { text, scheme, request } = token;
        let Some(provider) = self.jwt.signing().and_then(|signing| signing.claims.as_deref()) else {
            return Err(ServerFault::UnknownResource.into());
        };
        let mut presented = self.presented_at_userinfo(request, scheme, text, time.now())?;
        // As introspection does, which always asks the store.
        let access = self.live_access(text, time, Asking::Introspection).await?;
        let about = |failure: Failure| failure.of_grant(access.grant_id).of_subject(access.subject());
        self.confirm(&access, scheme, &mut presented, None, time.now()).map_err(|why| about(why.into()))?;
        let (Some(grant), Some(subject)) = (access.grant(), access.subject()) else {
            return Err(about(ResourceRefusal::InsufficientScope.into()));
        };
        // What a client has got for somebody else's login is not the login.
        if access.is_exchanged() || !self.is_for_userinfo(&access, grant) {
            return Err(about(ResourceRefusal::AnotherResource.into()));
        }
        if !access.scope().contains(OPENID) {
            return Err(about(ResourceRefusal::InsufficientScope.into()));
        }
        let client = self.client_of_userinfo(grant, request).await?;
        let requested = grant.asked_claims().and_then(RequestedClaims::parse);
        let asked = IdTokenRequest {
            grant,
            client: &client,
            scope: access.scope(),
            now: time.now(),
            userinfo: true,
            requested: requested.as_ref(),
        };
        let claims =
            provider.claims_dyn(&asked).await.map_err(|error| about(Failure::from(Unavailable::Host).by(error)))?;
        let sub = self.sub_of(&client, grant.created_at, subject).map_err(|fault| about(fault.into()))?;
        let mut members: Map<String, Value> =
            claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        members.insert("sub".into(), json!(sub));
        Ok(members)
    }

    /// Whether a token may read what is here: one of a login that named no resource, or that is for the issuer itself.
    fn is_for_userinfo(&self, access: &Access, grant: &Grant) -> bool {
        let Some(resources) = self.settings.resources.as_deref() else { return true };
        let issuer = self.issuer().and_then(|issuer| resources.find(issuer));
        issuer.is_some_and(|issuer| access.resources().any(|uri| uri == issuer.uri()))
            || grant.resource_list().is_none() && !self.settings.openid.refuses_resource_tokens
    }

    /// The client of a genuine token, which is a licence to fetch it: what the person is called depends on it.
    async fn client_of_userinfo(&self, grant: &Grant, request: &Request<'_>) -> Result<ClientRef<'_>, Failure> {
        let lookup = Lookup::of(Purpose::Licensed, request.peer());
        match self.look_up(grant.client_id(), &lookup).await {
            Ok(Some(client)) => Ok(client),
            Ok(None) => Err(Failure::from(ClientRefusal::UnknownClient).of_grant(grant.id)),
            Err(error) => Err(Failure::from(error).of_grant(grant.id)),
        }
    }
}
