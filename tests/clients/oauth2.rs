//! The engine driven over real HTTP by the client of the `oauth2` crate, which knows nothing of this one.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use http_body_util::Full;
use oauth2::basic::{BasicErrorResponse, BasicErrorResponseType, BasicTokenResponse, BasicTokenType};
use oauth2::{
    AuthType, ClientId, ClientSecret, HttpClientError, HttpRequest, HttpResponse, RefreshToken, RequestTokenError,
    ResourceOwnerPassword, ResourceOwnerUsername, Scope, TokenResponse, TokenUrl,
};
use regrant::http::EndpointService;
use regrant::wire::ResponseStyle;
use regrant::{Authorization, Client, GrantError, GrantHandler, GrantRequest};

use crate::kit::{OTHER_SECRET, Password, SECRET, World, app, scope, secret};

type HttpError = HttpClientError<std::io::Error>;
type BasicClient = oauth2::basic::BasicClient<
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointSet,
>;

/// An id and a secret that a form changes in nearly every character, and that Basic cannot carry as they are.
const STRANGE_ID: &str = "loja: usuário/a&b=c;d? 1";
const STRANGE_SECRET: &str = "segredo: é só para testes & nada mais =?#";

/// A client that acts for itself: RFC 6749 section 4.4.
struct ClientCredentials;

impl GrantHandler for ClientCredentials {
    fn grant_type(&self) -> &'static str {
        "client_credentials"
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of_client())
    }
}

async fn serve(style: ResponseStyle) -> SocketAddr {
    let client = |id: &str, text: &str| {
        Client::confidential(id)
            .secret(secret(text))
            .grant_type("password")
            .grant_type("refresh_token")
            .grant_type("client_credentials")
            .scope(scope("read write"))
    };
    let clients = [
        app(),
        client(STRANGE_ID, STRANGE_SECRET),
        client("login-only", OTHER_SECRET),
        Client::public("mobile").grant_type("password").grant_type("refresh_token").scope(scope("read")),
    ];
    let world = World::new(clients, |builder| {
        builder.grant_handler(Password).grant_handler(ClientCredentials).response_style(style)
    });
    crate::kit::http::serve(Router::new().route_service("/token", EndpointService::token(Arc::clone(&world.engine))))
        .await
}

fn client(server: SocketAddr, id: &str, secret: Option<&str>, auth: AuthType) -> BasicClient {
    let client = oauth2::basic::BasicClient::new(ClientId::new(id.into()))
        .set_token_uri(TokenUrl::new(format!("http://{server}/token")).unwrap())
        .set_auth_type(auth);
    match secret {
        Some(secret) => client.set_client_secret(ClientSecret::new(secret.into())),
        None => client,
    }
}

/// The `oauth2` crate's requests on this crate's test client, to whatever address they name.
async fn http(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let address: SocketAddr = request.uri().authority().unwrap().as_str().parse().unwrap();
    let (mut parts, body) = request.into_parts();
    parts.uri = parts.uri.path().parse().unwrap();
    let response = crate::kit::http::exchange(address, http::Request::from_parts(parts, Full::from(body))).await;
    Ok(response.map(|body| body.to_vec()))
}

type Error = RequestTokenError<HttpError, BasicErrorResponse>;

async fn login(client: &BasicClient, password: &str, scopes: &[&str]) -> Result<BasicTokenResponse, Error> {
    let (username, password) =
        (ResourceOwnerUsername::new("alice".into()), ResourceOwnerPassword::new(password.into()));
    let scopes = scopes.iter().map(|&scope| Scope::new(scope.into()));
    client.exchange_password(&username, &password).add_scopes(scopes).request_async(&http).await
}

async fn refresh(client: &BasicClient, token: &RefreshToken) -> Result<BasicTokenResponse, Error> {
    client.exchange_refresh_token(token).request_async(&http).await
}

#[track_caller]
fn assert_error(result: Result<BasicTokenResponse, Error>, expected: &BasicErrorResponseType) {
    match result {
        Err(RequestTokenError::ServerResponse(response)) => {
            assert_eq!(response.error(), expected);
            assert!(response.error_description().is_some());
        }
        other => panic!("not an error of the server: {other:?}"),
    }
}

/// Login, refresh, a lost response, and a replay, as one client sees them.
async fn walk(client: &BasicClient, granted: &[&str]) {
    let first = login(client, "wonderland", &[]).await.unwrap();
    assert_eq!(first.token_type(), &BasicTokenType::Bearer);
    assert_eq!(first.expires_in().unwrap().as_secs(), 3_600);
    let scopes: Vec<&str> = first.scopes().unwrap().iter().map(|scope| scope.as_str()).collect();
    assert_eq!(scopes, granted);
    let first_token = first.refresh_token().unwrap();
    let second = refresh(client, first_token).await.unwrap();
    assert_ne!(second.access_token().secret(), first.access_token().secret());
    let again = refresh(client, first_token).await.unwrap();
    assert_eq!(again.refresh_token().unwrap().secret(), second.refresh_token().unwrap().secret());
    let third = refresh(client, second.refresh_token().unwrap()).await.unwrap();
    assert_error(refresh(client, first_token).await, &BasicErrorResponseType::InvalidGrant);
    assert_error(refresh(client, third.refresh_token().unwrap()).await, &BasicErrorResponseType::InvalidGrant);
}

#[tokio::test]
async fn a_confidential_client_in_either_way() {
    let server = serve(ResponseStyle::Rfc6749).await;
    for auth in [AuthType::BasicAuth, AuthType::RequestBody] {
        walk(&client(server, "app", Some(SECRET), auth), &["read", "write"]).await;
    }
}

/// RFC 6749 section 2.3.1: the crate form-encodes both before it joins them.
#[tokio::test]
async fn an_id_and_a_secret_that_need_encoding() {
    let server = serve(ResponseStyle::Rfc6749).await;
    for auth in [AuthType::BasicAuth, AuthType::RequestBody] {
        walk(&client(server, STRANGE_ID, Some(STRANGE_SECRET), auth), &["read", "write"]).await;
    }
}

#[tokio::test]
async fn a_public_client() {
    let server = serve(ResponseStyle::Rfc6749).await;
    walk(&client(server, "mobile", None, AuthType::RequestBody), &["read"]).await;
    walk(&client(server, "mobile", None, AuthType::BasicAuth), &["read"]).await;
}

#[tokio::test]
async fn client_credentials_have_no_refresh_token() {
    let server = serve(ResponseStyle::Rfc6749).await;
    let client = client(server, STRANGE_ID, Some(STRANGE_SECRET), AuthType::BasicAuth);
    let response = client.exchange_client_credentials().request_async(&http).await.unwrap();
    assert_eq!(response.token_type(), &BasicTokenType::Bearer);
    assert!(response.refresh_token().is_none());
}

#[tokio::test]
async fn scopes_are_asked_for_and_granted() {
    let server = serve(ResponseStyle::Rfc6749).await;
    let client = client(server, "app", Some(SECRET), AuthType::BasicAuth);
    let response = login(&client, "wonderland", &["admin", "read"]).await.unwrap();
    assert_eq!(response.scopes().unwrap().len(), 2);
    let narrowed = client
        .exchange_refresh_token(response.refresh_token().unwrap())
        .add_scope(Scope::new("read".into()))
        .request_async(&http)
        .await
        .unwrap();
    assert_eq!(narrowed.scopes().unwrap(), &[Scope::new("read".into())]);
    assert_error(login(&client, "wonderland", &["root"]).await, &BasicErrorResponseType::InvalidScope);
}

#[tokio::test]
async fn each_error_is_understood() {
    let server = serve(ResponseStyle::Rfc6749).await;
    let app = client(server, "app", Some(SECRET), AuthType::BasicAuth);
    assert_error(login(&app, "wrong", &[]).await, &BasicErrorResponseType::InvalidGrant);
    assert_error(refresh(&app, &RefreshToken::new("made-up".into())).await, &BasicErrorResponseType::InvalidGrant);
    assert_error(
        app.exchange_client_credentials().request_async(&http).await,
        &BasicErrorResponseType::UnauthorizedClient,
    );
    for auth in [AuthType::BasicAuth, AuthType::RequestBody] {
        let wrong = client(server, "app", Some("wrong"), auth);
        assert_error(login(&wrong, "wonderland", &[]).await, &BasicErrorResponseType::InvalidClient);
    }
    let stranger = client(server, "stranger", None, AuthType::RequestBody);
    assert_error(login(&stranger, "wonderland", &[]).await, &BasicErrorResponseType::InvalidClient);
}

/// A login that the second system's clients would not recognize still serves this one.
#[tokio::test]
async fn the_other_style_is_understood_too() {
    let server = serve(ResponseStyle::Katana).await;
    let client = client(server, "app", Some(SECRET), AuthType::BasicAuth);
    let first = login(&client, "wonderland", &[]).await.unwrap();
    assert_eq!(first.expires_in().unwrap().as_secs(), 3_599);
    let second = refresh(&client, first.refresh_token().unwrap()).await.unwrap();
    assert_eq!(second.token_type(), &BasicTokenType::Bearer);
    match login(&client, "wrong", &[]).await {
        Err(RequestTokenError::ServerResponse(response)) => {
            assert_eq!(response.error(), &BasicErrorResponseType::InvalidGrant);
        }
        other => panic!("{other:?}"),
    }
}
