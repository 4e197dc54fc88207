//! oauth-as with its defaults and its memory store. POST /login is where the consent of a browser would end: a redirect with a code.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::post;
use oauth_as::authorization::AuthorizationRequest;
use oauth_as::client::{Client, ClientAuth, ClientId, SecretHash};
use oauth_as::grant::GrantType;
use oauth_as::http::ServiceBuilder;
use oauth_as::scope::ScopeSet;
use oauth_as::server::{AuthorizationServer, ServerConfig, UserApproval};
use oauth_as::store::MemoryStorage;

const REDIRECT_URI: &str = "https://app.example/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Of one client, `app`: confidential if it has a secret, which is kept as its SHA-256. A window of zero is the default.
///
/// # Errors
///
/// What oauth-as says of the description.
pub async fn router(issuer: &str, window: Duration, secret: Option<&str>) -> Result<Router, Box<dyn Error>> {
    let mut config = ServerConfig::new(issuer, format!("{issuer}/device"));
    config.refresh_retry_window = window;
    let server = Arc::new(AuthorizationServer::new(config, MemoryStorage::new()));
    let scopes = ScopeSet::from_tokens(["read"])?;
    server
        .register_client(Client {
            client_id: ClientId::new("app"),
            auth: secret.map_or(ClientAuth::Public, |secret| ClientAuth::ConfidentialSecretHash {
                hash: SecretHash::sha256(secret),
            }),
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            redirect_uris: vec![REDIRECT_URI.to_owned()],
            allowed_scopes: scopes.clone(),
            default_scopes: scopes,
            name: None,
            registration: None,
        })
        .await?;
    let service = ServiceBuilder::new(Arc::clone(&server)).dangerously_disable_verification_protections().build()?;
    let login = post(move || {
        let server = Arc::clone(&server);
        async move {
            let mut request = AuthorizationRequest::default();
            request.response_type = Some("code".into());
            request.client_id = Some("app".into());
            request.redirect_uri = Some(REDIRECT_URI.into());
            request.code_challenge = Some(CHALLENGE.into());
            request.code_challenge_method = Some("S256".into());
            let failed = |error: String| (StatusCode::INTERNAL_SERVER_ERROR, [(header::LOCATION, error)]);
            let asked = match server.validate_authorization_request(&request).await {
                Ok(asked) => asked,
                Err(error) => return failed(format!("{error:?}")),
            };
            match server.issue_authorization_code(UserApproval::granted(&asked, "alice")).await {
                Ok(answer) => (StatusCode::FOUND, [(header::LOCATION, format!("{REDIRECT_URI}?code={}", answer.code))]),
                Err(error) => failed(format!("{error:?}")),
            }
        }
    });
    Ok(Router::from(service).route("/login", login))
}
