//! Why an engine cannot be built.

#[cfg(feature = "proof")]
use crate::engine::profile::ProfileGap;

/// Why an engine cannot be built.
///
/// ```
/// use regrant::{BuildError, Engine, MemoryStore, StaticClients};
/// let error = Engine::builder(MemoryStore::new(), StaticClients::new()).realm("the shop").build().unwrap_err();
/// assert!(matches!(error, BuildError::Realm));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The store outlives the process and no key was given: with a generated one, every token would be void after the
    /// next start.
    #[error(
        "the store outlives the process and the engine was given no key: a generated one would be gone at the next start"
    )]
    KeyRequired,
    /// Two keys of one id.
    #[error("two keys have the same id")]
    DuplicateKey,
    /// A lifetime of zero, or an access token's below a second.
    #[error("a lifetime is zero, or that of access tokens below a second")]
    Lifetimes,
    /// The opt-in parameter is empty or one that a specification defines.
    #[error("the opt-in parameter is empty, or one that a specification defines")]
    OptInParameter,
    /// Two handlers of one grant type, or one of `refresh_token` or `authorization_code`, which are the engine's own, or of
    /// an empty name.
    #[error(
        "a grant type has two handlers, or none may be added for it: it is empty, refresh_token or authorization_code"
    )]
    GrantType,
    /// A realm that does not fit a quoted string.
    #[error("the realm of challenges has a quote, a backslash or a character that is not printable ASCII")]
    ChallengeRealm,
    /// See [`EngineBuilder::token_prefix`](crate::EngineBuilder::token_prefix).
    #[error("the prefix of tokens is not of 4 to 32 letters, digits, hyphens and low lines, the last a low line")]
    TokenPrefix,
    /// See [`EngineBuilder::realm`](crate::EngineBuilder::realm).
    #[error("the realm is empty, longer than 64 bytes, or has a space or a character that is not printable ASCII")]
    Realm,
    /// See `EngineBuilder::root_secret`.
    #[error("the engine has no root secret: one is to be accepted, or something sealed")]
    RootSecretRequired,
    /// Another server's refresh tokens are known again under the subject secret, and pairwise subjects and what is kept of sessions are computed
    /// under it: see `EngineBuilder::subject_secret`. An engine that accepts an old root secret has to be given it.
    #[error(
        "the engine has no subject secret, under which something is computed for ever; where the root secret was replaced, it is the one that the first root secret gave"
    )]
    SubjectSecretRequired,
    /// The nonces of proofs of possession (`EngineBuilder::dpop`) are computed under the root secret.
    #[error("the engine takes proofs of possession and has no root secret, which their nonces are computed under")]
    NonceRootRequired,
    /// The engine is not of the [profile](crate::EngineBuilder::profile) that it was said to be of.
    #[cfg(feature = "proof")]
    #[error(transparent)]
    Profile(#[from] ProfileGap),
    /// Proofs of possession by no algorithm at all.
    #[error("the engine takes proofs of possession by no algorithm")]
    ProofAlgorithms,
    /// A proof of possession names the URL of the token endpoint, as the metadata publish it.
    #[error(
        "the engine takes proofs of possession, and its token endpoint has no http or https URL: it lacks an issuer, or the endpoint"
    )]
    ProofTarget,
    /// A client authenticates by assertions, or they are grants: they name the issuer as their audience.
    #[error("the engine has no issuer, which is the audience of assertions")]
    IssuerForAssertions,
    /// A client authenticates by assertions, or they are grants, each of which is used once. See `EngineBuilder::root_secret`.
    #[error("the engine has no root secret, under which it remembers assertions")]
    RootSecretForAssertions,
    /// See `JwtBearer`: no issuer is trusted, or one twice for the same kind of assertions, or by no algorithm, or one of its settings is beyond
    /// its bounds, or its keys are at no https URL of a public name.
    #[error(
        "assertions are grants, and no issuer is trusted for them, or one twice, by no algorithm, for longer than a day, with a type of something else or keys at no https URL"
    )]
    TrustedIssuer,
    /// An engine that trusted its own assertions would widen by them what it has granted (ID-JAG section 9.3).
    #[error("the engine is to trust assertions of its own issuer")]
    OwnIssuer,
    /// The keys of a trusted issuer are at a URL: see `EngineBuilder::fetch`.
    #[error("the keys of a trusted issuer are at a URL, and the engine has nothing to fetch them by")]
    FetchForIssuers,
    /// See `EngineBuilder::accept_root`.
    #[error("two root secrets have the same id")]
    DuplicateRoot,
    /// See `EngineBuilder::interaction_lifetime`.
    #[error("the lifetime of an interaction is zero, or longer than a day")]
    InteractionLifetime,
    /// See `EngineBuilder::pushed_request_lifetime`.
    #[error("the lifetime of pushed requests is not a whole number of seconds from 1 to 600")]
    PushedRequestLifetime,
    /// See `DeviceAuthorization`: a lifetime, an interval or a number beyond its bounds, or a page that is none.
    #[error(
        "devices are logged in for 60 to 1,800 seconds, poll every 1 to 60, at least one from an address, and their page is a path or a URL without query and fragment"
    )]
    DeviceAuthorization,
    /// See [`EngineBuilder::adopt_grants_of`](crate::EngineBuilder::adopt_grants_of).
    #[error("grants are to be adopted, and the engine has no realm to adopt them into")]
    RealmRequired,
    /// An issuer that is not one: see [`EngineBuilder::issuer`](crate::EngineBuilder::issuer).
    #[error(
        "the issuer is not an http or https URL, or has a query, a fragment or two slashes where its path begins or ends"
    )]
    Issuer,
    /// An endpoint that is neither a path, which begins with a slash, nor a URL.
    #[error("an endpoint is neither a path that begins with a slash nor an http or https URL")]
    Endpoint,
    /// Authorization codes, JWTs and ID tokens name the issuer (RFC 9207, RFC 9068 section 2.2, OpenID Connect Core section
    /// 2).
    #[error("the engine has no issuer, and what it issues names one")]
    IssuerRequired,
    /// JWT access tokens, ID tokens or signed responses without a key to sign them.
    #[error("the engine has no signing key, and its JWTs need one")]
    SigningKeyRequired,
    /// A resource that is no absolute URI, or has a fragment, user information, or more bytes than
    /// [`Resource::MAX_URI_BYTES`](crate::Resource::MAX_URI_BYTES).
    #[error("a resource is not an absolute URI of at most 512 bytes without a fragment or user information")]
    Resource,
    /// Two resources whose URIs are the same by RFC 3986 section 6.2.2.
    #[error("two resources have the same URI, written in one way or two")]
    DuplicateResource,
    /// Several resources, and no [default one](crate::EngineBuilder::default_resource).
    #[error("the engine has several resources and no default one: which are requests for that name none?")]
    DefaultResourceRequired,
    /// A default resource that is not among the engine's.
    #[error("the default resource, or the earlier one, is not among the engine's resources")]
    DefaultResource,
    /// JWT access tokens have an audience of their own, and the engine resources, which are the audience.
    #[error("JWT access tokens have an audience, and the engine has resources, which are their audience")]
    AudienceAndResource,
    /// A client has a PHC string for a secret, and the engine has no `SlowVerifier`.
    #[error("the engine has no slow verifier, and the secret of a client needs one")]
    SlowVerifier,
}
