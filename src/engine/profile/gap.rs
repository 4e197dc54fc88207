//! What keeps an engine from being of its profile.

/// What an engine lacks, or has, that its [profile](crate::EngineBuilder::profile) does not allow.
///
/// ```
/// use regrant::engine::{Profile, ProfileGap};
/// use regrant::{BuildError, Engine, MemoryStore, StaticClients};
/// let builder = Engine::builder(MemoryStore::new(), StaticClients::new()).profile(Profile::Fapi2Security);
/// assert!(matches!(builder.build(), Err(BuildError::Profile(ProfileGap::Issuer))));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileGap {
    /// No issuer, or one that is not `https`; `http` is for this machine alone, for trying out.
    #[error("the profile needs an issuer that is an https URL")]
    Issuer,
    /// An issuer with a path, a slash at its end or the usual port (atproto, "Server Metadata").
    #[error(
        "the issuer of the atproto profile is an origin: it has no path, no slash at its end and no port that goes without saying"
    )]
    IssuerPath,
    /// No root secret: pushed requests are sealed, nonces computed and assertions remembered under it.
    #[error("the profile needs a root secret: its requests are pushed, and its clients prove keys")]
    RootSecret,
    /// The place of the authorization endpoint is not said, so the metadata do not have it.
    #[error("the profile needs the place of the authorization endpoint (Endpoints::with_authorization)")]
    AuthorizationEndpoint,
    /// The place of the token endpoint is not said, so the metadata do not have it.
    #[error("the profile needs the place of the token endpoint (Endpoints::with_token)")]
    TokenEndpoint,
    /// The place of the endpoint for pushed requests is not said, so the metadata do not have it.
    #[error("the profile needs the place where requests are pushed (Endpoints::with_pushed_authorization)")]
    PushedAuthorizationEndpoint,
    /// No client can authenticate by a key, or in FAPI 2.0 by a certificate: the registry says so.
    #[error("no client of the registry authenticates by a key or, under FAPI 2.0, by a certificate")]
    ClientMethod,
    /// A handler of the password grant (FAPI 2.0 section 5.3.2.1).
    #[error("the FAPI 2.0 Security Profile forbids the password grant")]
    PasswordGrant,
    /// A handler of another grant, devices, assertions as grants, or exchanges of tokens (atproto: only codes and refresh tokens).
    #[error("the atproto profile has no grant types but authorization_code and refresh_token")]
    GrantHandler,
    /// Pushed requests that live 600 seconds (FAPI 2.0 section 5.3.2.2: less).
    #[error("under the FAPI 2.0 Security Profile a pushed request lives less than 600 seconds")]
    PushedRequestLifetime,
    /// Proofs of possession by an algorithm that the profile forbids (FAPI 2.0: RS256), or not by one that it demands (atproto: ES256).
    #[error("the engine takes proofs by an algorithm that its profile forbids, or not by ES256, which atproto demands")]
    ProofAlgorithm,
    /// A signing key, or one that is accepted, of RS256 (FAPI 2.0 section 5.4.1).
    #[error("the FAPI 2.0 Security Profile forbids signatures by RS256, and a signing key makes such")]
    SigningAlgorithm,
    /// Resources that take proofs without a nonce (atproto, "Demonstrating Proof of Possession").
    #[error("under the atproto profile every resource demands nonces")]
    ResourceNonces,
    /// `atproto` is not among the scopes to advertise, or no client may have it.
    #[error("the atproto profile needs the scope atproto, advertised (Endpoints::with_scopes) and open to clients")]
    Scope,
    /// Clients are not known by a document (`fetch::DocumentClients`), or not also by keys.
    #[error(
        "the atproto profile needs clients that are known by a document (DocumentClients), and keys of theirs taken"
    )]
    ClientDocuments,
    /// Clients may register themselves (`EngineBuilder::registration`): what atproto knows a client by is the URL of its document.
    #[error("the atproto profile has no clients that register themselves, but those that are known by a document")]
    Registration,
    /// Nothing to fetch keys of clients by (`EngineBuilder::fetch`).
    #[error("the atproto profile needs something to fetch the keys of clients by (EngineBuilder::fetch)")]
    Fetch,
}
