//! A bank of the size of a test: an engine that issues codes, JWTs and ID tokens, and what a client says to it.

use std::sync::{Arc, LazyLock};

use regrant::client::{ClientBuilder, RecoverableSecret};
use regrant::engine::{ClientCredentials, HookError, ShownError};
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest, JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{
    Authorization, AuthorizationError, Client, Endpoints, EngineBuilder, Request, Response, StaticClients, Timestamp,
};

use super::ask::{Ask, basic, form};
use super::portal::Landing;
use super::reply::Reply;
use super::store::shelf::Shelf;
use super::world::{SECRET, World, scope, secret};

pub(crate) use super::jwt::{claims, part};
pub(crate) use super::portal::{CHALLENGE, ISSUER, VERIFIER};

pub(crate) const PORTAL: &str = "portal";
pub(crate) const APP: &str = "mobile-app";
pub(crate) const API: &str = "accounts-api";
pub(crate) const PORTAL_URI: &str = "https://portal.example/cb";
pub(crate) const APP_URI: &str = "http://127.0.0.1/callback";

/// Made once: it is quick, but not free.
pub(crate) static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(SigningAlgorithm::Es256).expect("a key").0);

pub(crate) fn portal() -> ClientBuilder {
    Client::confidential(PORTAL)
        .recoverable_secret(RecoverableSecret::new(SECRET).expect("a secret"))
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .grant_type("client_credentials")
        .redirect_uri(PORTAL_URI)
        .scope(scope("openid email apps"))
}

pub(crate) fn mobile_app() -> ClientBuilder {
    Client::public(APP)
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .redirect_uri(APP_URI)
        .redirect_uri("com.example.app:/cb?from=bank")
        .scope(scope("openid email"))
}

pub(crate) fn api() -> ClientBuilder {
    Client::confidential(API).secret(secret(SECRET)).resource_server(true)
}

/// Says little of everybody.
pub(crate) struct Directory;

impl ClaimsProvider for Directory {
    async fn claims(&self, request: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        let claims = IdClaims::new().with("custom:origin", "admin").map_err(HookError::new)?;
        if request.scope().contains("email") {
            return claims.with("email", "teste@example.com").map_err(HookError::new);
        }
        Ok(claims)
    }
}

pub(crate) type Builder = EngineBuilder<Arc<Shelf>, StaticClients>;

pub(crate) fn issuing(builder: Builder) -> Builder {
    builder.issuer(ISSUER).authorization_code().signing_key(KEY.clone()).id_tokens(Directory)
}

/// The three clients, on an engine that issues JWTs.
pub(crate) fn bank() -> World {
    World::new([portal(), mobile_app(), api()], |builder| {
        let endpoints = Endpoints::new()
            .with_authorization("/oauth2/authorize")
            .with_token("/oauth2/token")
            .with_revocation("/oauth2/revoke")
            .with_introspection("/oauth2/introspect")
            .with_jwks("/oauth2/jwks")
            .with_scopes(scope("openid email apps"));
        issuing(builder).grant_handler(ClientCredentials).jwt_access_tokens(JwtAccessTokens::new()).endpoints(endpoints)
    })
}

/// An authorization request as its parameters.
#[derive(Clone)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// The one that `portal` makes.
    pub(crate) fn portal() -> Self {
        Self::of(&[
            ("response_type", "code"),
            ("client_id", PORTAL),
            ("redirect_uri", PORTAL_URI),
            ("scope", "openid email"),
            ("state", "af0ifjsldkj"),
            ("nonce", "n-0S6_WzA2Mj"),
        ])
    }

    /// The one that the public client makes.
    pub(crate) fn app() -> Self {
        Self::of(&[
            ("response_type", "code"),
            ("client_id", APP),
            ("redirect_uri", APP_URI),
            ("scope", "openid"),
            ("state", "xyz"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ])
    }

    pub(crate) fn of(parameters: &[(&str, &str)]) -> Self {
        Self(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// With this parameter in place of what it was.
    pub(crate) fn set(self, name: &str, value: &str) -> Self {
        self.without(name).and(name, value)
    }

    /// With this parameter besides.
    pub(crate) fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(own, _)| own != name);
        self
    }

    pub(crate) fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// How an authorization request ended.
pub(crate) enum Ended {
    Redirect(Landing),
    Shown(ShownError),
}

impl Ended {
    #[track_caller]
    pub(crate) fn of(response: &Response) -> Self {
        Self::Redirect(Landing::of(response))
    }

    #[track_caller]
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let Self::Redirect(landing) = self else { panic!("not a redirect") };
        landing.get(name)
    }

    #[track_caller]
    pub(crate) fn code(&self) -> String {
        self.parameter("code").unwrap_or_else(|| panic!("a code, not {:?}", self.parameter("error"))).to_owned()
    }

    /// The code of the error that the client gets.
    #[track_caller]
    pub(crate) fn error(&self) -> &str {
        self.parameter("error").expect("an error")
    }
}

impl World {
    /// Asks, and says yes in the name of `alice`, who logged in at that time.
    #[track_caller]
    pub(crate) fn authorize_as(&self, query: &Query, authorization: Authorization, now: Timestamp) -> Ended {
        let encoded = query.encoded();
        let request = Request::new("GET", b"").with_query(encoded.as_bytes());
        let blocking = self.engine.blocking();
        match blocking.authorize(&request, now).expect("ready") {
            Ok(asked) => {
                let approval = blocking.approve(&asked, authorization, now).expect("ready");
                Ended::of(&approval.expect("no page is asked for").response)
            }
            Err(AuthorizationError::Redirect(response)) => Ended::of(&response),
            Err(AuthorizationError::Show(error)) => Ended::Shown(error),
        }
    }

    #[track_caller]
    pub(crate) fn authorize(&self, query: &Query, now: Timestamp) -> Ended {
        self.authorize_as(query, Authorization::of("alice"), now)
    }

    /// A request to the token endpoint with the code that the portal got.
    #[track_caller]
    pub(crate) fn redeem_portal(&self, code: &str, now: Timestamp) -> Reply {
        self.send(&portal_form(&format!("grant_type=authorization_code&code={code}&redirect_uri={PORTAL_URI}")), now)
    }

    /// The tokens of a login at the portal.
    #[track_caller]
    pub(crate) fn log_in(&self, now: Timestamp) -> Reply {
        let reply = self.redeem_portal(&self.authorize(&Query::portal(), now).code(), now);
        reply.assert_ok();
        reply
    }

    #[track_caller]
    pub(crate) fn introspect(&self, ask: &Ask, now: Timestamp) -> Reply {
        Reply::of(&self.engine.blocking().introspect(&ask.request(), now).expect("ready"))
    }

    #[track_caller]
    pub(crate) fn revoke(&self, ask: &Ask, now: Timestamp) -> Reply {
        Reply::of(&self.engine.blocking().revoke(&ask.request(), now).expect("ready"))
    }

    /// Whether an access token lets anyone in.
    #[track_caller]
    pub(crate) fn lets_in(&self, token: &str, now: Timestamp) -> bool {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        self.engine.blocking().bearer(&request, &regrant::Scope::empty(), now).expect("ready").is_ok()
    }
}

/// A form from the portal.
pub(crate) fn portal_form(body: &str) -> Ask {
    form(body).basic(PORTAL, SECRET)
}

/// A form from the resource server.
pub(crate) fn api_form(body: &str) -> Ask {
    form(body).authorization(basic(API, SECRET))
}
