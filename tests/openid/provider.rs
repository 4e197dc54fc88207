//! An OpenID provider of the size of a test.

use std::sync::Arc;

use regrant::client::{ClientBuilder, RecoverableSecret};
use regrant::engine::{Dpop, HookError};
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest, OpenIdProvider};
use regrant::{Authorization, Client, Endpoints, EngineBuilder, Key, Request, RootSecret, StaticClients, Timestamp};

use crate::kit::bank::{ISSUER, KEY, Query};
use crate::kit::jwt::claims;
use crate::kit::{Reply, SECRET, Shelf, World, at, form, scope};

pub(crate) type Builder = EngineBuilder<Arc<Shelf>, StaticClients>;

/// Confidential, of one host; it has a secret that could sign.
pub(crate) fn shop(id: &str) -> ClientBuilder {
    Client::confidential(id)
        .recoverable_secret(RecoverableSecret::new(SECRET).unwrap())
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .redirect_uri(&format!("https://{id}.example/cb"))
        .post_logout_redirect_uri(&format!("https://{id}.example/out"))
        .post_logout_redirect_uri("http://127.0.0.1:7/signed-out")
        .backchannel_logout_uri(&format!("https://{id}.example/logout"), true)
        .id_token_signed_response_alg("ES256")
        .scope(scope("openid email read offline_access"))
}

/// What the host says of people.
pub(crate) struct Directory;

impl ClaimsProvider for Directory {
    async fn claims(&self, request: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        let asked = request.requested().map(|claim| claim.name().to_owned()).collect::<Vec<_>>();
        let place = if request.is_userinfo() { "userinfo" } else { "id_token" };
        let claims = IdClaims::new().with("place", place).and_then(|claims| claims.with("asked", &asked));
        let claims = claims.map_err(HookError::new)?;
        if request.scope().contains("email") {
            return claims.with("email", "alice@example.com").map_err(HookError::new);
        }
        Ok(claims)
    }
}

pub(crate) fn plain<C: regrant::Clients>(builder: EngineBuilder<Arc<Shelf>, C>) -> EngineBuilder<Arc<Shelf>, C> {
    let endpoints = Endpoints::new()
        .with_authorization("/authorize")
        .with_token("/token")
        .with_jwks("/jwks")
        .with_userinfo("/userinfo")
        .with_end_session("/logout");
    builder
        .key(Key::from_bytes(1, &[1; 32]))
        .root_secret(RootSecret::from_bytes(1, &[2; 32]))
        .issuer(ISSUER)
        .authorization_code()
        .signing_key(KEY.clone())
        .id_tokens(Directory)
        .endpoints(endpoints)
}

pub(crate) fn provider() -> World {
    world([shop("shop"), shop("news")], |builder| builder.openid(OpenIdProvider::new().with_claims_parameter(true)))
}

pub(crate) fn world(
    clients: impl IntoIterator<Item = ClientBuilder>,
    change: impl FnOnce(Builder) -> Builder,
) -> World {
    World::new(clients, |builder| change(plain(builder)))
}

pub(crate) fn with_proofs(builder: Builder) -> Builder {
    builder.dpop(Dpop::new())
}

pub(crate) fn query(client: &str) -> Query {
    Query::of(&[
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", &format!("https://{client}.example/cb")),
        ("scope", "openid email"),
        ("state", "xyz"),
    ])
}

/// Alice, in the browser whose cookie says this.
pub(crate) fn alice_in(cookie: &str) -> Authorization {
    Authorization::of("alice").with_session(cookie, at(80_000)).with_page_shown()
}

impl World {
    /// From the authorization request to the tokens.
    #[track_caller]
    pub(crate) fn tokens(&self, client: &str, query: &Query, who: Authorization, now: Timestamp) -> Reply {
        let reply = self.redeem(client, &self.authorize_as(query, who, now).code(), now);
        reply.assert_ok();
        reply
    }

    #[track_caller]
    pub(crate) fn redeem(&self, client: &str, code: &str, now: Timestamp) -> Reply {
        let uri = format!("https://{client}.example/cb");
        let body = format!("grant_type=authorization_code&code={code}&redirect_uri={uri}");
        self.send(&form(body).basic(client, SECRET), now)
    }

    #[track_caller]
    pub(crate) fn log_in_to(&self, client: &str, cookie: &str, now: Timestamp) -> Reply {
        self.tokens(client, &query(client), alice_in(cookie), now)
    }

    #[track_caller]
    pub(crate) fn renew(&self, client: &str, token: &str, now: Timestamp) -> Reply {
        self.send(&form(crate::kit::renewal(token)).basic(client, SECRET), now)
    }

    #[track_caller]
    pub(crate) fn userinfo(&self, token: &str, now: Timestamp) -> Reply {
        let header = format!("Bearer {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
        Reply::of(&self.engine.blocking().userinfo(&request, now).unwrap())
    }
}

/// Whom the ID token of an answer is about.
#[track_caller]
pub(crate) fn sub_in(reply: &Reply) -> String {
    claims(&reply.text("id_token"))["sub"].as_str().unwrap().to_owned()
}
