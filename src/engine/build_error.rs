//! Why an engine cannot be built.

/// Why an engine cannot be built.
///
/// ```
/// use regrant::{BuildError, Engine, MemoryStore, StaticClients};
/// let error = Engine::builder(MemoryStore::new(), StaticClients::new()).realm("\"").build().unwrap_err();
/// assert!(matches!(error, BuildError::Realm));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The store outlives the process and no key was given: with a generated one, every token would be void after the
    /// next start.
    #[error("grants outlive the process on this store, so the engine needs a key that does too")]
    KeyRequired,
    /// Two keys of one id.
    #[error("two keys have the same id")]
    DuplicateKey,
    /// A lifetime of zero, or an access token's below a second.
    #[error("a lifetime is longer than zero, that of access tokens at least a second")]
    Lifetimes,
    /// The opt-in parameter is empty or one that a specification defines.
    #[error("the opt-in parameter is a name that no specification defines")]
    OptInParameter,
    /// Two handlers of one grant type, or one of `refresh_token` or `authorization_code`, which are the engine's own, or of
    /// an empty name.
    #[error("each grant type has one handler; refresh_token and authorization_code are the engine's own")]
    GrantType,
    /// A realm that does not fit a quoted string.
    #[error("a realm is printable ASCII without quotes and backslashes")]
    Realm,
    /// An issuer that is not one: see [`EngineBuilder::issuer`](crate::EngineBuilder::issuer).
    #[error("an issuer is an http or https URL without query, fragment and trailing slash")]
    Issuer,
    /// An endpoint that is neither a path, which begins with a slash, nor a URL.
    #[error("an endpoint is a path that begins with a slash, or an http or https URL")]
    Endpoint,
    /// Authorization codes, JWTs and ID tokens name the issuer (RFC 9207, RFC 9068 section 2.2, OpenID Connect Core section
    /// 2).
    #[error("what this engine issues names its issuer, so it needs one")]
    IssuerRequired,
    /// JWT access tokens or ID tokens without a key to sign them.
    #[error("JWTs are signed, so the engine needs a signing key")]
    SigningKeyRequired,
    /// A client has a PHC string for a secret, and the engine has no `SlowVerifier`.
    #[error("a client's secret takes a slow verification, and the engine has no slow verifier")]
    SlowVerifier,
}
