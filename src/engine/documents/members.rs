//! Members that a host adds to the documents.

use serde::Serialize;
use serde_json::{Map, Value};

/// What the engine writes itself, or says by leaving it out.
const OWN: [&str; 51] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "jwks_uri",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "authorization_grant_profiles_supported",
    "refresh_token_expiration_types_supported",
    "code_challenge_methods_supported",
    "authorization_response_iss_parameter_supported",
    "scopes_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "claims_parameter_supported",
    "claims_supported",
    "acr_values_supported",
    "registration_endpoint",
    "client_id_metadata_document_supported",
    "mtls_endpoint_aliases",
    "userinfo_endpoint",
    "end_session_endpoint",
    "backchannel_logout_supported",
    "backchannel_logout_session_supported",
    "frontchannel_logout_supported",
    "frontchannel_logout_session_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
    "signed_metadata",
    "pushed_authorization_request_endpoint",
    "device_authorization_endpoint",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "request_object_signing_alg_values_supported",
    "authorization_signing_alg_values_supported",
    "resource",
    "authorization_servers",
    "bearer_methods_supported",
    "resource_signing_alg_values_supported",
    "tls_client_certificate_bound_access_tokens",
    "dpop_signing_alg_values_supported",
    "dpop_bound_access_tokens_required",
];

/// Members that a host adds to the metadata of the server (RFC 8414 section 2) or of a resource (RFC 9728 section 2). They
/// never take the place of what the engine says.
///
/// ```
/// use regrant::engine::MetadataMembers;
/// let members = MetadataMembers::new()
///     .with("service_documentation", "https://id.example/docs")?
///     .with("ui_locales_supported", &["pt-BR", "en"])?;
/// assert!(members.with("issuer", "https://evil.example").is_err());
/// # Ok::<(), regrant::engine::MetadataError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[must_use]
pub struct MetadataMembers(Map<String, Value>);

/// Why a member could not be added.
///
/// ```
/// use regrant::engine::{MetadataError, MetadataMembers};
/// assert!(matches!(MetadataMembers::new().with("resource", "x"), Err(MetadataError::Own)));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The engine says it, or says by leaving it out that it is not so.
    #[error("the engine says that member of the metadata itself")]
    Own,
    /// The name was given before.
    #[error("a member of that name is there already")]
    Repeated,
    /// The value cannot be written as JSON.
    #[error("the value cannot be written as JSON")]
    Json(#[source] serde_json::Error),
}

impl MetadataMembers {
    /// None.
    ///
    /// ```
    /// let members = regrant::engine::MetadataMembers::new();
    /// # let _ = members;
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; `value` is anything that serde writes as JSON.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] where the engine says it itself, where the name was given before, and where the value cannot be
    /// written as JSON.
    ///
    /// ```
    /// use regrant::engine::MetadataMembers;
    /// let members = MetadataMembers::new().with("resource_name", "Files")?;
    /// # Ok::<(), regrant::engine::MetadataError>(())
    /// ```
    pub fn with<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Result<Self, MetadataError> {
        // A name in other languages is the same member (RFC 9728 section 2.1).
        let plain = name.split('#').next().unwrap_or_default();
        if OWN.contains(&plain) {
            return Err(MetadataError::Own);
        }
        let value = serde_json::to_value(value).map_err(MetadataError::Json)?;
        match self.0.insert(name.to_owned(), value) {
            None => Ok(self),
            Some(_) => Err(MetadataError::Repeated),
        }
    }

    /// The document to be: what the engine says of the same name later stands.
    pub(super) fn begin(&self) -> Map<String, Value> {
        self.0.clone()
    }
}
