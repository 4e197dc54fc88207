//! What is wrong with what a client says of itself.

use std::fmt;

use crate::client::{ClientError, RedirectUriFault};
use crate::wire::ErrorCode;

/// Which rule a client's metadata break (RFC 7591 section 2). The client hears the same words: they say the rule, and nothing of
/// what it sent.
///
/// ```
/// use regrant::client::{ClientMetadata, MetadataFault};
/// let fault = ClientMetadata::from_json(b"[]").unwrap_err();
/// assert_eq!(fault, MetadataFault::NotAnObject);
/// assert_eq!(fault.code().as_str(), "invalid_client_metadata");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MetadataFault {
    /// More than [`ClientMetadata::MAX_JSON_BYTES`](super::ClientMetadata::MAX_JSON_BYTES).
    TooLong,
    /// Not JSON, or nested too deeply.
    NotJson,
    /// JSON, but no object (section 3.1).
    NotAnObject,
    /// A member is there twice: two readers would understand two things (RFC 8259 section 4).
    Repeated,
    /// A member of another type than section 2 gives it.
    Type,
    /// `redirect_uris` is absent or empty; the code grant needs one (section 2).
    NoRedirectUri,
    /// More than [`ClientMetadata::MAX_REDIRECT_URIS`](super::ClientMetadata::MAX_REDIRECT_URIS).
    TooManyRedirectUris,
    /// A redirect URI that cannot be registered.
    RedirectUri(RedirectUriFault),
    /// `application_type` is `web`, and a redirect URI is not https or leads to the machine itself (OpenID Connect Dynamic Client
    /// Registration section 2).
    RedirectUriOfWebApplication,
    /// A `token_endpoint_auth_method` that is not served, or that the engine's profile does not have.
    AuthMethod,
    /// None of `grant_types` is open to clients that register themselves, or `authorization_code` is not among them.
    GrantTypes,
    /// `code` is not among `response_types` (section 2.1).
    ResponseTypes,
    /// An `application_type` that is neither `web` nor `native`.
    ApplicationType,
    /// A name, a contact or a version that is too long, or has characters that mislead a reader.
    Text,
    /// More than [`ClientMetadata::MAX_CONTACTS`](super::ClientMetadata::MAX_CONTACTS).
    TooManyContacts,
    /// A link that is not an https URL, or has a fragment and is to be fetched.
    Link,
    /// `scope` is malformed (RFC 6749 section 3.3).
    Scope,
    /// Nothing of `scope` is open to clients that register themselves.
    ScopeNotAllowed,
    /// Both `jwks` and `jwks_uri` (section 2), or a key set that is none.
    Keys,
    /// An update without the client's own `client_id`, or with another (RFC 7592 section 2.2); a metadata document without the
    /// URL that it is fetched from, to the byte (draft-ietf-oauth-client-id-metadata-document, "Client Metadata Document").
    ClientId,
    /// A metadata document with `client_secret` or `client_secret_expires_at`, or with a way to authenticate by a shared secret: it
    /// is public (draft-ietf-oauth-client-id-metadata-document, "Client Metadata Document").
    SharedSecret,
    /// A metadata document whose `token_endpoint_auth_method` is not served for such clients: other than `none`, and than
    /// `private_key_jwt` where the registry takes it.
    DocumentAuthMethod,
    /// A metadata document with a key that is not a public one.
    PrivateKey,
    /// A `jwks_uri` that is never fetched from: not in the one spelling of it, or on a host that is no public name
    /// ([`FetchUrl`](crate::fetch::FetchUrl)).
    JwksUri,
    /// A `jwks_uri` where there is nothing to fetch it by.
    JwksUriNotServed,
    /// `private_key_jwt` without a key that a client can sign by, in `jwks` or at `jwks_uri`.
    NoUsableKey,
    /// A `token_endpoint_auth_signing_alg` that is not served, or that the engine's profile forbids.
    SigningAlgorithm,
    /// A `request_object_signing_alg` that is not served (RFC 9101 section 10.5): `none`, one under a secret, or one that the engine's
    /// profile forbids.
    RequestSigningAlgorithm,
    /// An `authorization_signed_response_alg` that nothing here is signed by (JARM section 3).
    ResponseSigningAlgorithm,
    /// `require_signed_request_object` of a client that has registered no key to sign by.
    NoKeyForRequests,
    /// `require_pushed_authorization_requests` where none are taken.
    PushedRequestsNotServed,
    /// `require_signed_request_object` where none are read.
    SignedRequestsNotServed,
    /// `dpop_bound_access_tokens` where no proofs of possession are taken.
    DpopNotServed,
    /// `tls_client_certificate_bound_access_tokens` where clients show no certificates.
    CertificatesNotServed,
    /// A `sector_identifier_uri` that is no https URL of a public name, or whose list lacks a redirect URI of the client (OpenID Connect
    /// Registration section 5); of a metadata document, one on another host than the document. Or there is nothing to fetch it by.
    SectorIdentifier,
    /// An update that asks for pairwise subjects anew, or changes their sector, as another host in `redirect_uris` does without a
    /// `sector_identifier_uri` on the one before (OpenID Connect Core section 8.1): the client has logins, and would learn what another's clients call
    /// the same people.
    AnotherSector,
    /// A key of RSA in `jwks`, which is too long for a client id.
    KeyTooLongForAnId,
    /// An update with a `client_secret` that is not the client's (RFC 7592 section 2.2).
    ClientSecret,
    /// An update with a member that only the server says: `registration_access_token`, `registration_client_uri`,
    /// `client_secret_expires_at` or `client_id_issued_at` (RFC 7592 section 2.2).
    ServersMember,
    /// Name and redirect URIs together do not fit a client id.
    TooLongForAnId,
}

impl MetadataFault {
    /// `invalid_redirect_uri`, or `invalid_client_metadata` (section 3.2.2).
    ///
    /// ```
    /// use regrant::client::MetadataFault;
    /// assert_eq!(MetadataFault::NoRedirectUri.code().as_str(), "invalid_redirect_uri");
    /// ```
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::NoRedirectUri
            | Self::TooManyRedirectUris
            | Self::RedirectUri(_)
            | Self::RedirectUriOfWebApplication => ErrorCode::InvalidRedirectUri,
            _ => ErrorCode::InvalidClientMetadata,
        }
    }

    /// In the characters of RFC 6749 section 5.2.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::TooLong => "the client metadata are too long",
            Self::NotJson => "the client metadata are not well-formed JSON",
            Self::NotAnObject => "the client metadata are not a JSON object",
            Self::Repeated => "a member of the client metadata is repeated",
            Self::Type => "a member of the client metadata has the wrong type",
            Self::NoRedirectUri => "redirect_uris must have at least one URI",
            Self::TooManyRedirectUris => "redirect_uris has too many URIs",
            Self::RedirectUri(fault) => of_redirect_uri(fault),
            Self::RedirectUriOfWebApplication => {
                "the redirect URIs of a web application are https and not on this machine; is application_type native meant?"
            }
            Self::AuthMethod => "token_endpoint_auth_method is not one that is served here",
            Self::GrantTypes => "grant_types must have authorization_code",
            Self::ResponseTypes => "response_types must have code",
            Self::ApplicationType => "application_type must be web or native",
            Self::Text => "a text is too long, or has control, line-break or bidirectional characters",
            Self::TooManyContacts => "contacts has too many entries",
            Self::Link => "links must be https URLs, and jwks_uri without a fragment",
            Self::Scope => "scope is malformed",
            Self::ScopeNotAllowed => "nothing of scope may be given to this client",
            Self::Keys => "jwks and jwks_uri must not both be there, and a key set has keys",
            Self::ClientId => "client_id must be that of the client",
            Self::SharedSecret => "a client metadata document must not have or need a shared secret",
            Self::DocumentAuthMethod => {
                "token_endpoint_auth_method is not one that is served here for clients with a document"
            }
            Self::PrivateKey => "jwks must have public keys alone",
            Self::JwksUri => "jwks_uri must be an https URL in its usual spelling, of a public host name in lower case",
            Self::JwksUriNotServed => "jwks_uri is not served here: keys are registered by jwks",
            Self::NoUsableKey => {
                "private_key_jwt needs jwks or jwks_uri, with a key of EC (P-256), OKP (Ed25519) or RSA"
            }
            Self::SigningAlgorithm => {
                "token_endpoint_auth_signing_alg must be one of token_endpoint_auth_signing_alg_values_supported"
            }
            Self::RequestSigningAlgorithm => {
                "request_object_signing_alg must be one of request_object_signing_alg_values_supported"
            }
            Self::ResponseSigningAlgorithm => {
                "authorization_signed_response_alg must be one of authorization_signing_alg_values_supported"
            }
            Self::NoKeyForRequests => "require_signed_request_object needs private_key_jwt, with its keys",
            Self::PushedRequestsNotServed => "require_pushed_authorization_requests is not served here",
            Self::SignedRequestsNotServed => "require_signed_request_object is not served here",
            Self::DpopNotServed => "dpop_bound_access_tokens is not served here",
            Self::CertificatesNotServed => "tls_client_certificate_bound_access_tokens is not served here",
            Self::SectorIdentifier => "sector_identifier_uri must have a list of all redirect_uris",
            Self::AnotherSector => "an update must not change the sector of pairwise subjects, nor ask for them anew",
            Self::KeyTooLongForAnId => "keys of RSA are registered by jwks_uri here",
            Self::ClientSecret => "client_secret must be that of the client",
            Self::ServersMember => "an update must not have a member that only the server says",
            Self::TooLongForAnId => "client_name, scope and redirect_uris are too long together",
        }
    }
}

const fn of_redirect_uri(fault: RedirectUriFault) -> &'static str {
    match fault {
        RedirectUriFault::TooLong => "a redirect URI is too long",
        RedirectUriFault::Malformed => "a redirect URI is not an absolute URI, or has user information or a bad port",
        RedirectUriFault::Fragment => "a redirect URI must not have a fragment",
        RedirectUriFault::Http => "a redirect URI with http must lead to 127.0.0.1, [::1] or localhost",
        RedirectUriFault::SchemeWithoutDot => "the scheme of a redirect URI is not allowed here",
        RedirectUriFault::ResponseParameter => "a redirect URI must not have a parameter of the response",
        RedirectUriFault::NoPath => "a redirect URI must have a path",
        RedirectUriFault::BrowserScheme => "the scheme of a redirect URI must be of an app, not of the browser",
    }
}

impl fmt::Display for MetadataFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl std::error::Error for MetadataFault {}

impl MetadataFault {
    /// What such a client asked for that no client can have.
    pub(crate) const fn of_client(error: ClientError) -> Self {
        match error {
            ClientError::RedirectUri(fault) => Self::RedirectUri(fault),
            ClientError::NoRedirectUri => Self::NoRedirectUri,
            ClientError::JwksUri | ClientError::Link | ClientError::BackchannelLogoutUri => Self::Link,
            ClientError::NoKeys => Self::NoUsableKey,
            ClientError::Sector => Self::SectorIdentifier,
            ClientError::Name => Self::Text,
            ClientError::DefaultScope => Self::Scope,
            _ => Self::ClientId,
        }
    }
}

impl From<RedirectUriFault> for MetadataFault {
    fn from(fault: RedirectUriFault) -> Self {
        Self::RedirectUri(fault)
    }
}
