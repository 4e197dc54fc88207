//! What a client says of itself, checked.

use smol_str::SmolStr;

use super::MetadataFault;
#[cfg(feature = "proof")]
use super::declared::{DeclaredKeys, Source};
use super::demands::Demands;
#[cfg(feature = "jwt")]
use super::openid::OpenIdWishes;
use super::words::MAX_TEXT_CHARS;
#[cfg(feature = "jwt")]
use crate::client::openid::{is_at, one_https_host};
use crate::client::{
    AUTHORIZATION_CODE, AuthMethod, Client, ClientBuilder, ClientSecret, NativeRedirects, REFRESH_TOKEN,
};
use crate::grant::Scope;

/// What a client says of itself when it registers (RFC 7591 section 2), as far as it is understood here and open to clients that
/// nobody made by hand: authorization codes and refresh tokens. Everything in it is a claim: nobody has looked whether name and
/// links are its own.
///
/// ```
/// use regrant::client::{AuthMethod, ClientMetadata};
/// let metadata = ClientMetadata::from_json(br#"{
///     "client_name": "Editor",
///     "redirect_uris": ["http://127.0.0.1/callback"],
///     "token_endpoint_auth_method": "none",
///     "grant_types": ["authorization_code", "refresh_token", "password"]
/// }"#)?;
/// assert_eq!(metadata.name(), Some("Editor"));
/// assert_eq!(metadata.auth_method(), AuthMethod::None);
/// assert_eq!(metadata.grant_types().collect::<Vec<_>>(), ["authorization_code", "refresh_token"]);
/// # Ok::<(), regrant::client::MetadataFault>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientMetadata {
    pub(super) redirect_uris: Vec<SmolStr>,
    pub(super) auth_method: AuthMethod,
    pub(super) refresh_token: bool,
    pub(super) application_type: ApplicationType,
    pub(super) name: Option<SmolStr>,
    pub(super) scope: Option<Scope>,
    pub(super) contacts: Vec<SmolStr>,
    /// As it came, for the policy; whether that has accepted it.
    pub(super) software_statement: Option<SmolStr>,
    pub(super) is_statement_accepted: bool,
    /// Where it authenticates by them.
    #[cfg(feature = "proof")]
    pub(super) keys: Option<DeclaredKeys>,
    pub(super) demands: Demands,
    #[cfg(feature = "jwt")]
    pub(super) openid: OpenIdWishes,
    /// In the order of [`Extra`].
    pub(super) extras: [Option<SmolStr>; Extra::ALL.len()],
}

/// What a client runs as (OpenID Connect Dynamic Client Registration section 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ApplicationType {
    /// On a server: its redirect URIs are https.
    Web,
    /// On the person's own machine.
    Native,
}

/// What a client id can do without, the first to be dropped last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Extra {
    SoftwareId,
    SoftwareVersion,
    ClientUri,
    PolicyUri,
    TosUri,
    LogoUri,
}

impl Extra {
    pub(super) const ALL: [Self; 6] =
        [Self::SoftwareId, Self::SoftwareVersion, Self::ClientUri, Self::PolicyUri, Self::TosUri, Self::LogoUri];

    /// The member that says it.
    pub(super) const fn member(self) -> &'static str {
        match self {
            Self::SoftwareId => "software_id",
            Self::SoftwareVersion => "software_version",
            Self::ClientUri => "client_uri",
            Self::PolicyUri => "policy_uri",
            Self::TosUri => "tos_uri",
            Self::LogoUri => "logo_uri",
        }
    }

    /// Whether it is a link, and not a text.
    pub(super) const fn is_link(self) -> bool {
        !matches!(self, Self::SoftwareId | Self::SoftwareVersion)
    }
}

impl ApplicationType {
    /// As `application_type` has it.
    ///
    /// ```
    /// assert_eq!(regrant::client::ApplicationType::Native.as_str(), "native");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Native => "native",
        }
    }
}

impl ClientMetadata {
    /// The most bytes of JSON that are read.
    pub const MAX_JSON_BYTES: usize = 16 * 1_024;
    /// The most redirect URIs, of 2,048 bytes each at most.
    pub const MAX_REDIRECT_URIS: usize = 16;
    /// The most characters of a name, a contact or a version.
    pub const MAX_TEXT_CHARS: usize = MAX_TEXT_CHARS;
    /// The most contacts.
    pub const MAX_CONTACTS: usize = 8;

    /// Where authorization responses may go.
    pub fn redirect_uris(&self) -> impl ExactSizeIterator<Item = &str> {
        self.redirect_uris.iter().map(SmolStr::as_str)
    }

    /// How it authenticates.
    pub const fn auth_method(&self) -> AuthMethod {
        self.auth_method
    }

    /// `authorization_code`, and `refresh_token` where it named that.
    pub fn grant_types(&self) -> impl Iterator<Item = &'static str> + Clone {
        [AUTHORIZATION_CODE, REFRESH_TOKEN].into_iter().take(if self.refresh_token { 2 } else { 1 })
    }

    /// What it runs as. Where it says nothing, this follows from the redirect URIs.
    pub const fn application_type(&self) -> ApplicationType {
        self.application_type
    }

    /// What it calls itself: at most [`MAX_TEXT_CHARS`](Self::MAX_TEXT_CHARS) characters on one line. Show it as a claim, beside
    /// the host that the redirect leads to.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The most that it wants to ask for; `None` for whatever clients of this kind may have.
    pub const fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }

    /// Whom to write to, as it says.
    pub fn contacts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.contacts.iter().map(SmolStr::as_str)
    }

    /// What its publisher says of it: a JWT as the client sent it (RFC 7591 section 2.3), at most
    /// [`MAX_JSON_BYTES`](Self::MAX_JSON_BYTES) long, which nobody has verified. It is here while a [policy](super::ClientPolicy) or a
    /// [registry](super::ClientRegistry) takes the client in, and gone afterwards: no id carries it.
    ///
    /// Whoever verifies it also decides what its claims are worth beside what the client says of itself, refuses by
    /// [`InvalidSoftwareStatement`](super::RegistrationDenial::InvalidSoftwareStatement) or
    /// [`UnapprovedSoftwareStatement`](super::RegistrationDenial::UnapprovedSoftwareStatement), or
    /// [accepts](Self::accept_software_statement) it.
    ///
    /// ```
    /// use regrant::client::ClientMetadata;
    /// let json = br#"{"redirect_uris":["https://app.example/cb"],"software_statement":"e30.e30.AA"}"#;
    /// assert_eq!(ClientMetadata::from_json(json)?.software_statement(), Some("e30.e30.AA"));
    /// # Ok::<(), regrant::client::MetadataFault>(())
    /// ```
    pub fn software_statement(&self) -> Option<&str> {
        self.software_statement.as_deref()
    }

    /// The same, and the client is told that its statement was used: it gets it back unmodified (RFC 7591 section 3.2.1).
    #[must_use]
    pub fn accept_software_statement(self) -> Self {
        Self { is_statement_accepted: self.software_statement.is_some(), ..self }
    }

    /// The same after it was taken in: a statement that nobody used is not answered.
    #[cfg(feature = "root-secret")]
    pub(super) fn without_unused_statement(self) -> Self {
        Self { software_statement: self.software_statement.filter(|_| self.is_statement_accepted), ..self }
    }

    /// The same without any: of no use to anybody later, and of any length.
    pub(super) fn without_statement(self) -> Self {
        Self { software_statement: None, is_statement_accepted: false, ..self }
    }

    /// Where its keys are, if it authenticates by keys and has said so: an https URL.
    #[cfg(feature = "proof")]
    pub fn jwks_uri(&self) -> Option<&str> {
        match &self.keys.as_ref()?.source {
            Source::At(uri) => Some(uri),
            Source::ByValue(_) => None,
        }
    }

    /// Its keys, if it authenticates by keys and has said which.
    #[cfg(feature = "proof")]
    pub fn keys(&self) -> Option<&crate::client::ClientKeys> {
        match &self.keys.as_ref()?.source {
            Source::ByValue(keys) => Some(keys),
            Source::At(_) => None,
        }
    }

    /// What its assertions are signed by, if it authenticates by keys and has said so: by nothing else then.
    #[cfg(feature = "proof")]
    pub fn token_endpoint_auth_signing_alg(&self) -> Option<&str> {
        self.keys.as_ref()?.algorithm().map(crate::proof::JwsAlgorithm::as_str)
    }

    /// Whether it asks that none of its authorization requests counts that was not pushed (RFC 9126 section 6).
    ///
    /// ```
    /// use regrant::client::ClientMetadata;
    /// let json = br#"{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none"}"#;
    /// assert!(!ClientMetadata::from_json(json)?.require_pushed_authorization_requests());
    /// # Ok::<(), regrant::client::MetadataFault>(())
    /// ```
    pub const fn require_pushed_authorization_requests(&self) -> bool {
        self.demands.pushed
    }

    /// Whether it asks that none of its authorization requests counts that it has not signed (RFC 9101 section 10.5).
    pub const fn require_signed_request_object(&self) -> bool {
        self.demands.signed
    }

    /// What its authorization requests are signed by, where it signs any (RFC 9101 section 10.5).
    pub const fn request_object_signing_alg(&self) -> Option<&str> {
        self.demands.request_algorithm
    }

    /// What it wants its answers signed by, where it asks for signed ones (JARM section 3).
    pub const fn authorization_signed_response_alg(&self) -> Option<&str> {
        self.demands.answer_algorithm
    }

    /// Whether it asks that it gets no access token but bound to a key that it proves (RFC 9449 section 5.2).
    pub const fn dpop_bound_access_tokens(&self) -> bool {
        self.demands.dpop
    }

    /// Whether it asks that its access tokens are bound to its certificate (RFC 8705 section 3.4).
    pub const fn tls_client_certificate_bound_access_tokens(&self) -> bool {
        self.demands.certificate
    }

    /// Whether it asks to know people by pairwise subjects (`subject_type` of OpenID Connect Registration section 2).
    #[cfg(feature = "jwt")]
    pub const fn pairwise_subjects(&self) -> bool {
        self.openid.pairwise
    }

    /// Where a list of its redirect URIs is, whose host is the sector of its pairwise subjects (section 5). It is a claim until somebody has
    /// fetched it: [`Engine::register`](crate::Engine::register) does, before a registry hears of the client.
    #[cfg(feature = "jwt")]
    pub fn sector_identifier_uri(&self) -> Option<&str> {
        self.openid.sector.as_deref()
    }

    /// Where it wants people sent back to after a logout that it began (RP-Initiated Logout section 3.1).
    #[cfg(feature = "jwt")]
    pub fn post_logout_redirect_uris(&self) -> impl ExactSizeIterator<Item = &str> {
        self.openid.post_logout.iter().map(SmolStr::as_str)
    }

    /// Where it wants to hear of logouts (Back-Channel Logout section 2.2), an https URL. It hears there if that is on the host of all its redirect
    /// URIs, or of its sector: [`Engine::register`](crate::Engine::register) drops any other.
    #[cfg(feature = "jwt")]
    pub fn backchannel_logout_uri(&self) -> Option<&str> {
        self.openid.backchannel.as_deref()
    }

    /// Whether it needs the claim `sid` where it hears of logouts.
    #[cfg(feature = "jwt")]
    pub const fn backchannel_logout_session_required(&self) -> bool {
        self.openid.backchannel_session
    }

    /// The same without what is not to be had: pairwise subjects, logouts by back channel.
    #[cfg(feature = "jwt")]
    pub(crate) fn without_wishes(mut self, pairwise: bool, backchannel: bool) -> Self {
        if pairwise {
            (self.openid.pairwise, self.openid.sector) = (false, None);
        }
        if backchannel {
            (self.openid.backchannel, self.openid.backchannel_session) = (None, false);
        }
        self
    }

    /// The same without what nobody is told: of logouts a client hears on the host of all its redirect URIs, or of its sector, which is fetched.
    #[cfg(feature = "jwt")]
    pub(crate) fn without_backchannel_elsewhere(self) -> Self {
        let sector = self.sector_host();
        let hosts = [sector.as_deref(), one_https_host(self.redirect_uris())];
        let is_elsewhere = self.backchannel_logout_uri().is_some_and(|uri| !is_at(uri, hosts));
        self.without_wishes(false, is_elsewhere)
    }

    /// The host of the list of its sector.
    #[cfg(feature = "jwt")]
    pub(crate) fn sector_host(&self) -> Option<String> {
        self.openid.sector_host()
    }

    pub(crate) const fn demands(&self) -> &Demands {
        &self.demands
    }

    /// The same without what is signed by no key that there is.
    pub(crate) fn without_algorithms(mut self, of_requests: bool, of_answers: bool) -> Self {
        self.demands.request_algorithm = self.demands.request_algorithm.filter(|_| !of_requests);
        self.demands.answer_algorithm = self.demands.answer_algorithm.filter(|_| !of_answers);
        self
    }

    /// Its home page, an https URL.
    pub fn client_uri(&self) -> Option<&str> {
        self.extra(Extra::ClientUri)
    }

    /// Its picture, an https URL. A page that loads it tells a stranger who looks at the page, and when.
    pub fn logo_uri(&self) -> Option<&str> {
        self.extra(Extra::LogoUri)
    }

    /// Its terms of service, an https URL.
    pub fn tos_uri(&self) -> Option<&str> {
        self.extra(Extra::TosUri)
    }

    /// What it does with people's data, an https URL.
    pub fn policy_uri(&self) -> Option<&str> {
        self.extra(Extra::PolicyUri)
    }

    /// What software it is, the same for all that run it.
    pub fn software_id(&self) -> Option<&str> {
        self.extra(Extra::SoftwareId)
    }

    /// Which version of that.
    pub fn software_version(&self) -> Option<&str> {
        self.extra(Extra::SoftwareVersion)
    }

    pub(super) fn extra(&self, extra: Extra) -> Option<&str> {
        self.extras[extra as usize].as_deref()
    }

    /// The same without refresh tokens.
    #[must_use]
    pub fn without_refresh_token(self) -> Self {
        Self { refresh_token: false, ..self }
    }

    /// The same without links and picture.
    #[must_use]
    pub fn without_links(mut self) -> Self {
        for extra in Extra::ALL.into_iter().filter(|extra| extra.is_link()) {
            self.extras[extra as usize] = None;
        }
        self
    }

    /// The same with this scope and no other.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { scope: Some(scope), ..self }
    }

    /// The same with those redirect URIs for which this holds.
    ///
    /// # Errors
    ///
    /// [`MetadataFault::NoRedirectUri`] where it holds for none.
    pub fn retain_redirect_uris(mut self, mut keep: impl FnMut(&str) -> bool) -> Result<Self, MetadataFault> {
        self.redirect_uris.retain(|uri| keep(uri));
        if self.redirect_uris.is_empty() { Err(MetadataFault::NoRedirectUri) } else { Ok(self) }
    }

    /// The same within what clients of this kind may have.
    #[cfg(feature = "root-secret")]
    pub(super) fn within(mut self, most: &Scope) -> Result<Self, MetadataFault> {
        if let Some(scope) = &self.scope {
            let within = scope.select(scope.mask_within(most));
            if within.is_empty() && !scope.is_empty() {
                return Err(MetadataFault::ScopeNotAllowed);
            }
            self.scope = Some(within);
        }
        Ok(self)
    }

    /// A client as it says: with PKCE, for codes and what refreshes them, and known as one that nobody made by hand. `most` is
    /// what it may ask for where it names no scope, and bounds what it names. `secret` is that of a client that is not public.
    ///
    /// Where more [redirect URIs of native apps](NativeRedirects) are allowed than `localhost` with any port, say so of the builder.
    ///
    /// For a registry that keeps clients that register themselves; `StatelessClients` does it by itself.
    ///
    /// ```
    /// use regrant::Scope;
    /// use regrant::client::ClientMetadata;
    /// let json = br#"{"redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none"}"#;
    /// let client = ClientMetadata::from_json(json)?.client("an-id-that-is-new", None, &Scope::parse("read")?).build()?;
    /// assert!(client.is_stranger() && client.scope().contains("read"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn client(&self, id: &str, secret: Option<ClientSecret>, most: &Scope) -> ClientBuilder {
        let scope = self.scope.as_ref().map_or_else(|| most.clone(), |scope| scope.select(scope.mask_within(most)));
        let builder = match (self.auth_method, secret) {
            (AuthMethod::None, _) => Client::public(id),
            #[cfg(feature = "proof")]
            (AuthMethod::PrivateKeyJwt, _) => {
                self.keys.iter().fold(Client::confidential(id), |builder, keys| keys.describe(builder))
            }
            (method, secret) => {
                let builder = Client::confidential(id)
                    .client_secret_basic(method == AuthMethod::ClientSecretBasic)
                    .client_secret_post(method == AuthMethod::ClientSecretPost);
                match secret {
                    Some(secret) => builder.secret(secret),
                    None => builder,
                }
            }
        };
        let builder = self.grant_types().fold(builder, ClientBuilder::grant_type);
        let builder = self.redirect_uris().fold(builder, ClientBuilder::redirect_uri);
        // The largest clients of this kind listen on a free port of `localhost` (RFC 8252 section 8.3 would rather they did not).
        let builder = builder.native_redirects(NativeRedirects::new().with_free_localhost_port(true));
        let builder = self.demands.describe(builder);
        #[cfg(feature = "jwt")]
        let builder = self.openid.describe(builder);
        builder.scope(scope).require_pkce(true).self_registered(self.clone().without_statement())
    }
}
