//! `grant_type=client_credentials`: RFC 6749 section 4.4.

use super::{Authorization, GrantError, GrantHandler, GrantRequest};
use crate::client::CLIENT_CREDENTIALS;
use crate::grant::ResponseFields;

/// Serves `client_credentials` (RFC 6749 section 4.4): a client gets an access token for itself, and no refresh token. For
/// confidential clients that may use the grant type; a public one cannot be registered with it.
///
/// ```
/// use regrant::engine::ClientCredentials;
/// use regrant::{Client, ClientSecret, Engine, MemoryStore, Request, StaticClients, Timestamp};
/// let job = Client::confidential("job")
///     .secret(ClientSecret::new("a-secret-of-32-characters-or-more")?)
///     .grant_type("client_credentials")
///     .build()?;
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(job)?).grant_handler(ClientCredentials).build()?;
/// let body = b"grant_type=client_credentials&client_id=job&client_secret=a-secret-of-32-characters-or-more";
/// let request = Request::new("POST", body).with_header("content-type", b"application/x-www-form-urlencoded");
/// let response = engine.blocking().token(&request, Timestamp::now)?;
/// assert_eq!(response.status(), 200);
/// assert!(!String::from_utf8_lossy(response.body()).contains("refresh_token"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a host writes its name to add it")]
pub struct ClientCredentials;

impl ClientCredentials {
    /// The same, with extra members in the responses, by what the client is or the request says.
    ///
    /// ```
    /// use regrant::engine::ClientCredentials;
    /// use regrant::{GrantError, ResponseFields};
    /// let handler = ClientCredentials.with_fields(|request| {
    ///     ResponseFields::new().with("tenant", request.client().id()).map_err(GrantError::failed)
    /// });
    /// # let _: &dyn Send = &handler;
    /// ```
    pub fn with_fields(
        self,
        fields: impl Fn(&GrantRequest<'_>) -> Result<ResponseFields, GrantError> + Send + Sync,
    ) -> impl GrantHandler {
        WithFields { handler: self, fields }
    }
}

struct WithFields<F> {
    handler: ClientCredentials,
    fields: F,
}

impl<F: Fn(&GrantRequest<'_>) -> Result<ResponseFields, GrantError> + Send + Sync> GrantHandler for WithFields<F> {
    fn grant_type(&self) -> &str {
        self.handler.grant_type()
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        let authorization = self.handler.authorize(request).await?;
        Ok(authorization.with_fields((self.fields)(request)?))
    }
}

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
