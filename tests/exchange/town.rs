//! An engine that exchanges tokens, with two resources and those who call one another.

use std::sync::Arc;

use regrant::client::{ClientBuilder, RecoverableSecret};
use regrant::engine::{ClientCredentials, ExchangeDecision, ExchangePolicy, ExchangeRequest, ExchangeTerms, HookError};
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest};
use regrant::{
    Access, Authorization, BearerError, Client, Clients, Endpoints, EngineBuilder, GrantError, GrantHandler,
    GrantRequest, Key, Request, Resource, RootSecret, StaticClients, Timestamp, TokenStore,
};
use serde_json::{Value, json};

use crate::kit::bank::KEY;
pub(crate) use crate::kit::bank::{ISSUER, claims};
use crate::kit::schedule::run;
use crate::kit::{Ask, Reply, SECRET, Shelf, World, at, basic, form, scope, secret};

pub(crate) type Builder = EngineBuilder<Arc<Shelf>, StaticClients>;

pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
pub(crate) const ID: &str = "urn:ietf:params:oauth:token-type:id_token";
pub(crate) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
pub(crate) const API: &str = "https://api.example/";
pub(crate) const LEDGER: &str = "https://ledger.example/";
/// Whom the engine knows nothing of.
pub(crate) const VAULT: &str = "urn:example:vault";

/// `phone` and `open` are people's apps, the second with a grant type that is of no use to it. `shop` is called by people's apps and calls the ledger; `ledger` may go on; `desk` is who acts.
pub(crate) fn clients() -> Vec<ClientBuilder> {
    let confidential = |id: &str| Client::confidential(id).secret(secret(SECRET));
    vec![
        Client::public("phone")
            .grant_type("password")
            .grant_type("refresh_token")
            .scope(scope("openid read write ledger:read ledger:write")),
        Client::public("open").grant_type(EXCHANGE).scope(scope("ledger:read")),
        confidential("shop")
            .grant_type(EXCHANGE)
            .grant_type("password")
            .grant_type("client_credentials")
            .grant_type("refresh_token")
            .resource_server(true)
            .guards(API)
            .scope(scope("openid read ledger:read ledger:write")),
        confidential("ledger")
            .grant_type(EXCHANGE)
            .resource_server(true)
            .guards(LEDGER)
            .scope(scope("read ledger:read ledger:write")),
        confidential("desk").grant_type("password").grant_type("client_credentials").scope(scope("read")),
        Client::confidential("vault")
            .recoverable_secret(RecoverableSecret::new(SECRET).unwrap())
            .grant_type("password")
            .grant_type(EXCHANGE)
            .scope(scope("openid read ledger:read")),
    ]
}

/// Whoever they say they are.
pub(crate) struct People;

impl GrantHandler for People {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of(request.required("username")?))
    }
}

/// A policy that is written down where it is used.
pub(crate) struct Rule<F>(pub(crate) F);

impl<F: Fn(&ExchangeRequest<'_>) -> ExchangeDecision + Send + Sync> ExchangePolicy for Rule<F> {
    async fn decide(&self, request: &ExchangeRequest<'_>) -> Result<ExchangeDecision, HookError> {
        Ok((self.0)(request))
    }
}

/// Both resources, and the vault.
pub(crate) fn anywhere() -> ExchangeTerms {
    ExchangeTerms::new().with_audience(API).with_audience(LEDGER).with_audience(VAULT)
}

pub(crate) fn on(terms: ExchangeTerms) -> impl ExchangePolicy {
    Rule(move |_: &ExchangeRequest<'_>| ExchangeDecision::Allow(terms.clone()))
}

/// Says who may act for whom, where it is told to.
pub(crate) struct Says(pub(crate) Option<Value>);

impl ClaimsProvider for Says {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        match &self.0 {
            None => Ok(IdClaims::new()),
            Some(may_act) => IdClaims::new().with("may_act", may_act).map_err(HookError::new),
        }
    }
}

/// All but a policy.
pub(crate) fn plain<S: TokenStore, C: Clients>(builder: EngineBuilder<S, C>) -> EngineBuilder<S, C> {
    builder
        .key(Key::from_bytes(1, &[1; 32]))
        .root_secret(RootSecret::from_bytes(1, &[2; 32]))
        .issuer(ISSUER)
        .signing_key(KEY.clone())
        .id_tokens(Says(None))
        .endpoints(Endpoints::new().with_token("/token").with_userinfo("/userinfo").with_jwks("/jwks"))
        .grant_handler(People)
        .grant_handler(ClientCredentials)
}

pub(crate) fn with_resources<S: TokenStore, C: Clients>(builder: EngineBuilder<S, C>) -> EngineBuilder<S, C> {
    builder
        .resource(Resource::new(API).with_scopes(scope("read write")))
        .resource(Resource::new(LEDGER).with_scopes(scope("ledger:read ledger:write")))
        .default_resource(API)
}

/// With both resources, by this policy.
pub(crate) fn town(policy: impl ExchangePolicy + 'static) -> World {
    World::new(clients(), |builder| with_resources(plain(builder)).token_exchange(policy))
}

/// Where all is allowed to everybody, so that only the engine stands in the way.
pub(crate) fn open_town() -> World {
    town(on(anywhere()))
}

/// The same without resources.
pub(crate) fn lone(policy: impl ExchangePolicy + 'static) -> World {
    World::new(clients(), |builder| plain(builder).token_exchange(policy))
}

/// An exchange, to be.
#[derive(Clone)]
pub(crate) struct Exchange(Vec<(String, String)>);

impl Exchange {
    /// Of an access token.
    pub(crate) fn of(token: &str) -> Self {
        Self(Vec::new()).and("grant_type", EXCHANGE).and("subject_token", token).and("subject_token_type", ACCESS)
    }

    pub(crate) fn of_id_token(token: &str) -> Self {
        Self::of(token).set("subject_token_type", ID)
    }

    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(own, _)| own != name);
        self
    }

    pub(crate) fn set(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    pub(crate) fn to(self, audience: &str) -> Self {
        self.and("audience", audience)
    }

    pub(crate) fn by(self, actor: &str) -> Self {
        self.and("actor_token", actor).and("actor_token_type", ACCESS)
    }

    pub(crate) fn body(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    pub(crate) fn from(&self, client: &str) -> Ask {
        ask(client, &self.body())
    }
}

/// A form of a client.
pub(crate) fn ask(client: &str, body: &str) -> Ask {
    if matches!(client, "phone" | "open") {
        return form(format!("{body}&client_id={client}"));
    }
    form(body).authorization(basic(client, SECRET))
}

impl World {
    /// `scope` and `resource` are what else is in the body.
    #[track_caller]
    pub(crate) fn log_in_as(&self, client: &str, person: &str, more: &str, now: Timestamp) -> Reply {
        let body = format!("grant_type=password&username={person}&password=any&{more}");
        let reply = self.send(&ask(client, &body), now);
        reply.assert_ok();
        reply
    }

    /// A token of alice's at the phone, for the API; of all that both resources define.
    #[track_caller]
    pub(crate) fn alice(&self, now: Timestamp) -> Reply {
        self.log_in_as(
            "phone",
            "alice",
            &format!("scope=read+write+ledger:read+ledger:write&resource={API}&resource={LEDGER}"),
            now,
        )
    }

    /// The token of a client that acts for itself.
    #[track_caller]
    pub(crate) fn own_token(&self, client: &str, now: Timestamp) -> String {
        self.send(&ask(client, "grant_type=client_credentials"), now).assert_ok().access_token()
    }

    #[track_caller]
    pub(crate) fn exchange(&self, client: &str, exchange: &Exchange, now: Timestamp) -> Reply {
        self.send(&exchange.from(client), now)
    }

    /// The new token.
    #[track_caller]
    pub(crate) fn exchanged(&self, client: &str, exchange: &Exchange, now: Timestamp) -> String {
        self.exchange(client, exchange, now).assert_ok().access_token()
    }

    pub(crate) fn at(&self, resource: &str, token: &str, now: Timestamp) -> Result<Access, BearerError> {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        run(self.engine.bearer_for(resource).check(&request, now))
    }

    pub(crate) fn bearer(&self, token: &str, now: Timestamp) -> Result<Access, BearerError> {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        run(self.engine.bearer(&request, &regrant::Scope::empty(), now))
    }

    pub(crate) fn asked_about(&self, client: &str, token: &str, now: Timestamp) -> Value {
        let reply = self.introspect(&ask(client, &format!("token={token}")), now);
        json!(reply.assert_ok().json())
    }

    /// Why the last request was refused, as the host hears it.
    pub(crate) fn why(&self) -> String {
        let all = self.events.take();
        let last = all.iter().rfind(|event| event.starts_with("Refused")).expect("a refusal");
        let why = last.split("why: ").nth(1).unwrap();
        why.trim_end_matches(" }").to_owned()
    }
}

/// Later by so much.
pub(crate) const SOON: u64 = 10;

pub(crate) fn now() -> Timestamp {
    at(SOON)
}
