//! What a host says of itself as an OpenID provider.

use std::fmt;

/// What a host offers as an OpenID provider besides [ID tokens](crate::EngineBuilder::id_tokens), given to
/// [`EngineBuilder::openid`](crate::EngineBuilder::openid). Nothing of it is on before it is said.
///
/// ```
/// use regrant::jwt::OpenIdProvider;
/// let provider = OpenIdProvider::new()
///     .with_claims(["email", "email_verified"])
///     .with_acr_values(["urn:example:mfa"])
///     .with_claims_parameter(true);
/// # let _ = provider;
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct OpenIdProvider {
    pub(in crate::engine) claims: Vec<String>,
    pub(in crate::engine) acr_values: Vec<String>,
    pub(in crate::engine) claims_parameter: bool,
    pub(in crate::engine) refuses_resource_tokens: bool,
    pub(in crate::engine) needs_offline_access: bool,
}

impl OpenIdProvider {
    /// Nothing.
    ///
    /// ```
    /// let provider = regrant::jwt::OpenIdProvider::new();
    /// # let _ = provider;
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The claims that the host may give, for `claims_supported` (Discovery section 3), which names those of the engine besides.
    ///
    /// ```
    /// let provider = regrant::jwt::OpenIdProvider::new().with_claims(["email", "name"]);
    /// # let _ = provider;
    /// ```
    pub fn with_claims<'a>(self, claims: impl IntoIterator<Item = &'a str>) -> Self {
        Self { claims: claims.into_iter().map(str::to_owned).collect(), ..self }
    }

    /// The kinds of login that the host knows, for `acr_values_supported` (Discovery section 3).
    ///
    /// ```
    /// let provider = regrant::jwt::OpenIdProvider::new().with_acr_values(["urn:example:mfa"]);
    /// # let _ = provider;
    /// ```
    pub fn with_acr_values<'a>(self, values: impl IntoIterator<Item = &'a str>) -> Self {
        Self { acr_values: values.into_iter().map(str::to_owned).collect(), ..self }
    }

    /// Whether the parameter `claims` is read (Core section 5.5): 2 KiB at most, kept with the grant where a client sends one, and handed to
    /// the [page](crate::AuthorizationRequest::claims) and the [claims provider](crate::jwt::IdTokenRequest::requested). An essential
    /// `acr` is then seen to (section 5.5.1.1). Default: it is ignored, as a provider may, and the metadata say so.
    ///
    /// ```
    /// let provider = regrant::jwt::OpenIdProvider::new().with_claims_parameter(true);
    /// # let _ = provider;
    /// ```
    pub fn with_claims_parameter(self, read: bool) -> Self {
        Self { claims_parameter: read, ..self }
    }

    /// In an engine with [resources](crate::EngineBuilder::resource), whether the userinfo endpoint takes tokens of logins that named no
    /// resource. They are for the default resource as well, so that one can read with them what the scope lets the client read. What has the issuer among
    /// its audiences is taken in any case, and tokens for other resources never. Default: true.
    ///
    /// ```
    /// let provider = regrant::jwt::OpenIdProvider::new().with_userinfo_for_unnamed_resource(false);
    /// # let _ = provider;
    /// ```
    pub fn with_userinfo_for_unnamed_resource(self, taken: bool) -> Self {
        Self { refuses_resource_tokens: !taken, ..self }
    }

    /// Whether a login with `openid` is renewed only where the person granted `offline_access` (Core section 11): without that there is
    /// no refresh token. Default: no, as the engine's [renewal policy](crate::EngineBuilder::renewal) says.
    ///
    /// ```
    /// let provider = regrant::jwt::OpenIdProvider::new().with_offline_access_needed(true);
    /// # let _ = provider;
    /// ```
    pub fn with_offline_access_needed(self, needed: bool) -> Self {
        Self { needs_offline_access: needed, ..self }
    }
}

impl fmt::Debug for OpenIdProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenIdProvider")
            .field("claims", &self.claims)
            .field("acr_values", &self.acr_values)
            .field("claims_parameter", &self.claims_parameter)
            .finish_non_exhaustive()
    }
}
