//! How the authorization requests of a client that is being described have to come, and how it wants its answers.

use super::builder::ClientBuilder;
#[cfg(feature = "proof")]
use crate::proof::JwsAlgorithm;

impl ClientBuilder {
    /// Whether its authorization requests have to be pushed first (RFC 9126 section 6): one that was not is refused with
    /// `invalid_request`. For engines with pushed requests (`EngineBuilder::pushed_authorization_requests`). Default: no.
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

    /// Whether its authorization requests have to be signed (RFC 9101 section 10.5), by one of its [keys](Self::keys): one that is not is
    /// refused with `invalid_request`. For engines that read [signed requests](crate::EngineBuilder::signed_requests). Default: no.
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app")
    ///     .redirect_uri("https://app.example/cb")
    ///     .require_signed_request_object(true)
    ///     .build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    #[cfg(feature = "proof")]
    pub fn require_signed_request_object(mut self, required: bool) -> Self {
        self.client.requires_signed = required;
        self
    }

    /// The algorithm that its requests are signed by (`request_object_signing_alg`, RFC 9101 section 10.5); by another they are refused.
    /// Default: any that its keys sign by.
    ///
    /// ```
    /// # use regrant::Client;
    /// use regrant::jwt::JwsAlgorithm;
    /// let app = Client::public("app")
    ///     .redirect_uri("https://app.example/cb")
    ///     .request_object_algorithm(JwsAlgorithm::Es256)
    ///     .build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    #[cfg(feature = "proof")]
    pub fn request_object_algorithm(mut self, algorithm: JwsAlgorithm) -> Self {
        self.client.request_algorithm = Some(algorithm);
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
