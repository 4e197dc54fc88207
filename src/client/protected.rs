//! How the authorization requests of a client that is being described have to come, and how it wants its answers.

use super::builder::ClientBuilder;

impl ClientBuilder {
    /// Whether its authorization requests have to be pushed first (RFC 9126 section 6): one that was not is refused with
    /// `invalid_request`. For engines with [pushed requests](crate::EngineBuilder::pushed_authorization_requests). Default: no.
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app")
    ///     .redirect_uri("https://app.example/cb")
    ///     .require_pushed_authorization_requests(true)
    ///     .build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn require_pushed_authorization_requests(mut self, required: bool) -> Self {
        self.client.requires_pushed = required;
        self
    }

    /// By what its answers are signed where it asks for them as a JWT, `authorization_signed_response_alg` of JARM section 3: `ES256`,
    /// for example. The engine has to have such a [key](crate::EngineBuilder::accept_signing_key), or these response modes are refused.
    /// Default: by the engine's signing key, whatever it is.
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app")
    ///     .redirect_uri("https://app.example/cb")
    ///     .authorization_signed_response_alg("ES256")
    ///     .build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn authorization_signed_response_alg(mut self, algorithm: &str) -> Self {
        self.client.answer_algorithm = Some(algorithm.into());
        self
    }
}
