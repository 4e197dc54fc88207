//! `grant_type=client_credentials`: RFC 6749 section 4.4.

use super::handler::{Authorization, GrantError, GrantHandler, GrantRequest};
use crate::client::CLIENT_CREDENTIALS;

/// Serves `client_credentials` (RFC 6749 section 4.4): a client gets an access token for itself, and no refresh token. For
/// confidential clients that may use the grant type; a public one cannot be registered with it.
///
/// ```
/// use regrant::{Client, ClientCredentials, ClientSecret, Engine, MemoryStore, Request, StaticClients, Timestamp};
/// let job = Client::confidential("job")
///     .secret(ClientSecret::new("a-secret-of-32-characters-or-more")?)
///     .grant_type("client_credentials")
///     .build()?;
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(job)?).grant(ClientCredentials).build()?;
/// let body = b"grant_type=client_credentials&client_id=job&client_secret=a-secret-of-32-characters-or-more";
/// let request = Request::new("POST", body).header("content-type", b"application/x-www-form-urlencoded");
/// let response = engine.blocking().token(&request, Timestamp::now())?;
/// assert_eq!(response.status(), 200);
/// assert!(!String::from_utf8_lossy(response.body()).contains("refresh_token"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientCredentials;

impl GrantHandler for ClientCredentials {
    fn grant_type(&self) -> &str {
        CLIENT_CREDENTIALS
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        if request.client().is_public() {
            return Err(GrantError::unauthorized_client());
        }
        Ok(Authorization::of_client())
    }
}
