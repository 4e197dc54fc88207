//! The ways in which a client authenticates.

/// How a client authenticates, by the names of the IANA registry "OAuth Token Endpoint Authentication Methods".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AuthMethod {
    /// It is public.
    None,
    /// By a Basic header; what a client has that says nothing (RFC 7591 section 2).
    ClientSecretBasic,
    /// By parameters in the body.
    ClientSecretPost,
    /// By an assertion that one of its keys signed (RFC 7523, OpenID Connect Core section 9).
    PrivateKeyJwt,
    /// By an assertion under the MAC of its secret (OpenID Connect Core section 9).
    ClientSecretJwt,
    /// By a certificate of its name, from an issuer that the host trusts (RFC 8705 section 2.1).
    TlsClientAuth,
    /// By a certificate of one of its keys, whoever issued it (RFC 8705 section 2.2).
    SelfSignedTlsClientAuth,
}

impl AuthMethod {
    /// Those that clients register themselves with. Ids of such clients have the place of theirs in it, so this order is for ever.
    pub(super) const OF_REGISTRATION: &[Self] = &[
        Self::None,
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        #[cfg(feature = "proof")]
        Self::PrivateKeyJwt,
    ];

    /// Whether the client sends its secret.
    pub(super) const fn is_by_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }

    /// As `token_endpoint_auth_method` has it.
    ///
    /// ```
    /// assert_eq!(regrant::client::AuthMethod::None.as_str(), "none");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::ClientSecretJwt => "client_secret_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
        }
    }
}
