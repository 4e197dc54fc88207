//! What an authorization server says of itself: RFC 8414, and OpenID Connect Discovery 1.0 section 3.

use serde_json::{Map, Value, json};

#[cfg(feature = "proof")]
use crate::client::JWT_BEARER;
use crate::client::{
    AUTHORIZATION_CODE, AuthMethod, ClientFeatures, Clients, DEVICE_CODE, REFRESH_TOKEN, TOKEN_EXCHANGE,
};
use crate::engine::Engine;
use crate::engine::by_path::{PostEndpoint, Published};
#[cfg(feature = "proof")]
use crate::engine::jwt_bearer::JwtBearerEngine;
#[cfg(feature = "proof")]
use crate::engine::profile::{Profile, ProfileGap};
use crate::grant::Scope;
#[cfg(feature = "proof")]
use crate::proof::JwsAlgorithm;
use crate::store::TokenStore;
use crate::wire::{Response, read_uri, web_host};

/// Where the engine's endpoints are, for its metadata: a path, which is put after the issuer, or a whole URL. What is not given
/// is not advertised. A host mounts each there, or all of them by [`Engine::respond_at`].
///
/// ```
/// use regrant::Endpoints;
/// let endpoints = Endpoints::new()
///     .with_authorization("/oauth2/authorize")
///     .with_token("/oauth2/token")
///     .with_revocation("/oauth2/revoke")
///     .with_introspection("/oauth2/introspect")
///     .with_jwks("/oauth2/jwks");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Endpoints {
    authorization: Option<String>,
    token: Option<String>,
    revocation: Option<String>,
    introspection: Option<String>,
    jwks: Option<String>,
    registration: Option<String>,
    pushed_authorization: Option<String>,
    device_authorization: Option<String>,
    userinfo: Option<String>,
    end_session: Option<String>,
    #[cfg(feature = "mtls")]
    mtls_aliases: Option<Box<Endpoints>>,
    scopes: Scope,
}

impl Endpoints {
    /// None.
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new();
    /// # let _ = endpoints;
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the host serves [`Engine::authorize`].
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_authorization("/oauth2/authorize");
    /// ```
    pub fn with_authorization(self, at: &str) -> Self {
        Self { authorization: Some(at.to_owned()), ..self }
    }

    /// Where the host serves [`Engine::token`].
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_token("https://id.example/oauth2/token");
    /// ```
    pub fn with_token(self, at: &str) -> Self {
        Self { token: Some(at.to_owned()), ..self }
    }

    /// Where the host serves [`Engine::revoke`].
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_revocation("/oauth2/revoke");
    /// ```
    pub fn with_revocation(self, at: &str) -> Self {
        Self { revocation: Some(at.to_owned()), ..self }
    }

    /// Where the host serves [`Engine::introspect`].
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_introspection("/oauth2/introspect");
    /// ```
    pub fn with_introspection(self, at: &str) -> Self {
        Self { introspection: Some(at.to_owned()), ..self }
    }

    /// Where the host serves the engine's JWK set (`Engine::jwks`, feature `jwt`).
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_jwks("/oauth2/jwks");
    /// ```
    pub fn with_jwks(self, at: &str) -> Self {
        Self { jwks: Some(at.to_owned()), ..self }
    }

    /// Where the host serves [`Engine::register`]. Advertised where [registration](crate::EngineBuilder::registration) is on.
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_registration("/oauth2/register");
    /// ```
    pub fn with_registration(self, at: &str) -> Self {
        Self { registration: Some(at.to_owned()), ..self }
    }

    /// Where the host serves `Engine::push` (feature `root-secret`). Advertised where
    /// `pushed_authorization_requests` of the builder turned it on.
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_pushed_authorization("/oauth2/par");
    /// ```
    pub fn with_pushed_authorization(self, at: &str) -> Self {
        Self { pushed_authorization: Some(at.to_owned()), ..self }
    }

    /// Where the host serves `Engine::begin_device` (feature `root-secret`): `device_authorization_endpoint` of RFC 8628 section 4. Advertised
    /// where `device_authorization` of the builder turned it on.
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_device_authorization("/oauth2/device_authorization");
    /// ```
    pub fn with_device_authorization(self, at: &str) -> Self {
        Self { device_authorization: Some(at.to_owned()), ..self }
    }

    /// Where the host serves `Engine::userinfo` (feature `jwt`). Advertised where the engine issues ID tokens.
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_userinfo("/oauth2/userinfo");
    /// ```
    pub fn with_userinfo(self, at: &str) -> Self {
        Self { userinfo: Some(at.to_owned()), ..self }
    }

    /// Where the host serves its page for logouts that clients begin, `Engine::end_session_request` (features `jwt` and `root-secret`):
    /// `end_session_endpoint` of RP-Initiated Logout section 2.1. Advertised where the engine issues ID tokens.
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_end_session("/oauth2/logout");
    /// ```
    pub fn with_end_session(self, at: &str) -> Self {
        Self { end_session: Some(at.to_owned()), ..self }
    }

    /// Where the same endpoints are for clients that show a certificate, `mtls_endpoint_aliases` (RFC 8705 section 5): a host or port of
    /// its own, so that browsers which come to the other one ask nobody for a certificate. The token, revocation,
    /// introspection and pushed authorization endpoints of it are advertised. What is a path stands after the issuer, so give URLs.
    ///
    /// ```
    /// use regrant::Endpoints;
    /// let endpoints = Endpoints::new()
    ///     .with_token("/oauth2/token")
    ///     .with_mtls_aliases(Endpoints::new().with_token("https://mtls.id.example/oauth2/token"));
    /// ```
    #[cfg(feature = "mtls")]
    pub fn with_mtls_aliases(self, aliases: Self) -> Self {
        Self { mtls_aliases: Some(Box::new(aliases)), ..self }
    }

    /// Whether each is a path or a URL: anything else after the issuer may be another host's.
    pub(in crate::engine) fn are_well_formed(&self) -> bool {
        let Self { authorization, token, revocation, introspection, jwks, registration, .. } = self;
        let Self { pushed_authorization, device_authorization, userinfo, end_session, .. } = self;
        let given = [authorization, token, revocation, introspection, jwks, registration];
        let given = given.into_iter().chain([pushed_authorization, device_authorization, userinfo, end_session]);
        #[cfg(feature = "mtls")]
        if self.mtls_aliases.as_deref().is_some_and(|aliases| !aliases.are_well_formed()) {
            return false;
        }
        given.flatten().all(|at| {
            let path = at.starts_with('/') && !at.starts_with("//");
            let whole = if path { format!("https://issuer.example{at}") } else { at.clone() };
            read_uri(&whole).is_some_and(|uri| web_host(&uri).is_some() && !uri.has_fragment())
        })
    }

    /// What of an endpoint's place a profile misses: all of them are in the metadata then.
    #[cfg(feature = "proof")]
    pub(in crate::engine) const fn gap(&self) -> Option<ProfileGap> {
        match (&self.authorization, &self.token, &self.pushed_authorization) {
            (None, ..) => Some(ProfileGap::AuthorizationEndpoint),
            (_, None, _) => Some(ProfileGap::TokenEndpoint),
            (.., None) => Some(ProfileGap::PushedAuthorizationEndpoint),
            _ => None,
        }
    }

    /// Where the metadata say that the token endpoint is, that requests are pushed to, that devices begin, and that userinfo is; by their
    /// aliases too.
    #[cfg(feature = "proof")]
    pub(in crate::engine) fn targets(&self, issuer: Option<&str>) -> [Vec<String>; 4] {
        let whole = |at: &Option<String>| {
            let at = at.as_deref()?;
            if at.starts_with('/') { issuer.map(|issuer| url(issuer, at)) } else { Some(at.to_owned()) }
        };
        let all: [Option<&Self>; 2] = [
            Some(self),
            #[cfg(feature = "mtls")]
            self.mtls_aliases.as_deref(),
            #[cfg(not(feature = "mtls"))]
            None,
        ];
        let of = |endpoint: fn(&Self) -> &Option<String>| {
            all.into_iter().flatten().filter_map(|endpoints| whole(endpoint(endpoints))).collect()
        };
        [
            of(|endpoints| &endpoints.token),
            of(|endpoints| &endpoints.pushed_authorization),
            of(|endpoints| &endpoints.device_authorization),
            of(|endpoints| &endpoints.userinfo),
        ]
    }

    /// An endpoint as the metadata have it.
    #[cfg(feature = "root-secret")]
    pub(in crate::engine) fn whole(issuer: &str, at: &str) -> String {
        url(issuer, at)
    }

    /// What the engine answers by itself, and where: all but what shows pages.
    pub(in crate::engine) fn served(&self) -> impl Iterator<Item = (&str, Published)> {
        let aliases: Option<&Self> = {
            #[cfg(feature = "mtls")]
            {
                self.mtls_aliases.as_deref()
            }
            #[cfg(not(feature = "mtls"))]
            None
        };
        [Some(self), aliases].into_iter().flatten().flat_map(Self::own)
    }

    fn own(&self) -> impl Iterator<Item = (&str, Published)> {
        let post = |at, endpoint| Some((Option::as_deref(at)?, Published::Post(endpoint)));
        [
            post(&self.token, PostEndpoint::Token),
            post(&self.revocation, PostEndpoint::Revocation),
            post(&self.introspection, PostEndpoint::Introspection),
            post(&self.registration, PostEndpoint::Registration),
            #[cfg(feature = "jwt")]
            post(&self.userinfo, PostEndpoint::Userinfo),
            #[cfg(feature = "jwt")]
            self.jwks.as_deref().map(|at| (at, Published::Jwks)),
            #[cfg(feature = "root-secret")]
            post(&self.pushed_authorization, PostEndpoint::Push),
            #[cfg(feature = "root-secret")]
            post(&self.device_authorization, PostEndpoint::BeginDevice),
        ]
        .into_iter()
        .flatten()
    }

    pub(in crate::engine) const fn scopes(&self) -> &Scope {
        &self.scopes
    }

    /// The scopes to advertise, `scopes_supported`.
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().with_scopes(regrant::Scope::parse("openid email")?);
    /// # Ok::<(), regrant::grant::InvalidScope>(())
    /// ```
    pub fn with_scopes(self, scopes: Scope) -> Self {
        Self { scopes, ..self }
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The authorization server metadata (RFC 8414). It advertises what this engine is built with and the host has
    /// [mounted](crate::EngineBuilder::endpoints), and nothing else. Caches may keep it for five minutes. `None` without an
    /// [issuer](crate::EngineBuilder::issuer).
    ///
    /// To be served where [`document_at`](Self::document_at) says: for `https://id.example` at
    /// `/.well-known/oauth-authorization-server`. `issuer` is in it as it was configured, to the byte: clients compare it with
    /// what they were given (section 3.3).
    ///
    /// ```
    /// use regrant::{Endpoints, Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .endpoints(Endpoints::new().with_token("/token"))
    ///     .build()?;
    /// let response = engine.metadata().expect("it has an issuer");
    /// assert!(String::from_utf8_lossy(response.body()).contains(r#""token_endpoint":"https://id.example/token""#));
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn metadata(&self) -> Option<Response> {
        Some(Response::public(Value::Object(self.metadata_members()?).to_string().into_bytes()))
    }

    pub(super) fn metadata_members(&self) -> Option<Map<String, Value>> {
        let issuer = self.issuer()?;
        let endpoints = &self.endpoints;
        let mut members = self.settings.metadata.read().begin();
        let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        add("issuer", json!(issuer));
        let authorization = endpoints.authorization.as_deref().filter(|_| self.settings.authorization_code);
        for (name, at) in [
            ("authorization_endpoint", authorization),
            ("token_endpoint", endpoints.token.as_deref()),
            ("revocation_endpoint", endpoints.revocation.as_deref()),
            ("introspection_endpoint", endpoints.introspection.as_deref()),
            (
                "pushed_authorization_request_endpoint",
                endpoints.pushed_authorization.as_deref().filter(|_| self.takes_pushed_requests()),
            ),
            (
                "device_authorization_endpoint",
                endpoints.device_authorization.as_deref().filter(|_| self.logs_devices_in()),
            ),
            ("registration_endpoint", endpoints.registration.as_deref().filter(|_| self.registry.is_some())),
            ("jwks_uri", endpoints.jwks.as_deref().filter(|_| self.jwt.signs())),
        ] {
            if let Some(at) = at {
                add(name, json!(url(issuer, at)));
            }
        }
        let response_types: &[&str] = if authorization.is_some() { &["code"] } else { &[] };
        // Required, also where it is empty (RFC 8414 section 2).
        add("response_types_supported", json!(response_types));
        if authorization.is_some() {
            add("response_modes_supported", json!(self.response_modes()));
            if self.settings.signed_answers {
                add("authorization_signing_alg_values_supported", json!(self.answer_algorithms()));
            }
            if self.takes_pushed_requests() {
                add("require_pushed_authorization_requests", json!(self.settings.requires_pushed));
            }
            #[cfg(feature = "proof")]
            let reads_signed = self.settings.signed_requests;
            #[cfg(not(feature = "proof"))]
            let reads_signed = false;
            add("request_parameter_supported", json!(reads_signed));
            #[cfg(feature = "proof")]
            if reads_signed {
                add("request_object_signing_alg_values_supported", json!(self.algorithms_of_strangers()));
                add("require_signed_request_object", json!(self.settings.requires_signed));
            }
            // Supported where it is not said otherwise (OpenID Connect Discovery 1.0 section 3); those of pushed requests are not meant.
            add("request_uri_parameter_supported", json!(false));
            add("code_challenge_methods_supported", json!(["S256"]));
            add("authorization_response_iss_parameter_supported", json!(true));
        }
        let features = self.features();
        if features.client_id_metadata_documents && authorization.is_some() {
            add("client_id_metadata_document_supported", json!(true));
        }
        #[cfg(feature = "proof")]
        if let Some(dpop) = &self.dpop {
            add("dpop_signing_alg_values_supported", json!(dpop.algorithm_names().collect::<Vec<_>>()));
        }
        // Also where it is empty: absent, it means codes and the implicit grant (RFC 8414 section 2).
        add("grant_types_supported", json!(self.grant_types(authorization.is_some(), features)));
        #[cfg(feature = "proof")]
        if let Some(profiles) = self.jwt_bearer.as_deref().and_then(JwtBearerEngine::profiles) {
            add("authorization_grant_profiles_supported", json!(profiles));
        }
        if let Some(types) = self.expiry_types() {
            add("refresh_token_expiration_types_supported", types);
        }
        if !endpoints.scopes.is_empty() {
            add("scopes_supported", json!(endpoints.scopes.iter().collect::<Vec<_>>()));
        }
        let proven: Vec<_> = features.proven_methods().map(AuthMethod::as_str).collect();
        let with_none: Vec<_> = proven.iter().copied().chain(features.public.then_some("none")).collect();
        let algorithms = self.assertion_algorithms(features);
        for (endpoint, is_there, methods) in [
            ("token", endpoints.token.is_some(), &with_none),
            ("revocation", endpoints.revocation.is_some(), &with_none),
            ("introspection", endpoints.introspection.is_some(), &proven),
        ] {
            // Arrays of none are left out (RFC 8414 section 3.2).
            if is_there && !methods.is_empty() {
                add(&format!("{endpoint}_endpoint_auth_methods_supported"), json!(methods));
            }
            if is_there && !algorithms.is_empty() {
                add(&format!("{endpoint}_endpoint_auth_signing_alg_values_supported"), json!(algorithms));
            }
        }
        // Absent is false (RFC 8705 section 3.3).
        if features.show_certificates() {
            add("tls_client_certificate_bound_access_tokens", json!(true));
        }
        #[cfg(feature = "mtls")]
        if let Some(aliases) = endpoints.mtls_aliases.as_deref() {
            add("mtls_endpoint_aliases", Value::Object(self.mtls_aliases(issuer, aliases)));
        }
        Some(members)
    }

    /// RFC 8705 section 5.
    #[cfg(feature = "mtls")]
    fn mtls_aliases(&self, issuer: &str, aliases: &Endpoints) -> Map<String, Value> {
        let pushed = aliases.pushed_authorization.as_deref().filter(|_| self.takes_pushed_requests());
        let device = aliases.device_authorization.as_deref().filter(|_| self.logs_devices_in());
        let aliases = [
            ("token_endpoint", aliases.token.as_deref()),
            ("revocation_endpoint", aliases.revocation.as_deref()),
            ("introspection_endpoint", aliases.introspection.as_deref()),
            ("pushed_authorization_request_endpoint", pushed),
            ("device_authorization_endpoint", device),
            ("userinfo_endpoint", aliases.userinfo.as_deref().filter(|_| self.jwt.issues_id_tokens())),
        ];
        let given = aliases.into_iter().filter_map(|(name, at)| Some((name.to_owned(), at?)));
        given.map(|(name, at)| (name, json!(url(issuer, at)))).collect()
    }

    /// What clients do here, as far as a profile lets them.
    pub(in crate::engine) fn features(&self) -> ClientFeatures {
        let features = self.clients.features();
        #[cfg(feature = "proof")]
        if let Some(profile) = self.profile() {
            return profile.narrowed(features);
        }
        features
    }

    /// What strangers may sign by here.
    #[cfg(feature = "proof")]
    fn algorithms_of_strangers(&self) -> Vec<&'static str> {
        let algorithms = self.profile().map_or_else(|| JwsAlgorithm::ALL.to_vec(), Profile::algorithms);
        algorithms.into_iter().map(JwsAlgorithm::as_str).collect()
    }

    /// What the assertions of its clients are signed by (RFC 8414 section 2). Empty where none has any; `none` is never in it.
    #[cfg(feature = "proof")]
    fn assertion_algorithms(&self, features: ClientFeatures) -> Vec<&'static str> {
        let by_key = if features.private_key_jwt { self.algorithms_of_strangers() } else { Vec::new() };
        by_key.into_iter().chain(features.client_secret_jwt.then_some("HS256")).collect()
    }

    #[cfg(not(feature = "proof"))]
    #[expect(clippy::unused_self, reason = "the feature is off")]
    const fn assertion_algorithms(&self, _: ClientFeatures) -> Vec<&'static str> {
        Vec::new()
    }

    /// Where clients register themselves, as they are told.
    pub(in crate::engine) fn registration_endpoint(&self) -> Option<String> {
        let at = self.endpoints.registration.as_deref().filter(|_| self.registry.is_some())?;
        Some(url(self.issuer()?, at))
    }

    /// The engine's own, and those that the host serves.
    fn grant_types(&self, has_codes: bool, features: ClientFeatures) -> Vec<&str> {
        let built_in = [
            has_codes.then_some(AUTHORIZATION_CODE),
            features.refresh_token.then_some(REFRESH_TOKEN),
            self.logs_devices_in().then_some(DEVICE_CODE),
            #[cfg(feature = "proof")]
            self.jwt_bearer.is_some().then_some(JWT_BEARER),
            self.exchanges_tokens().then_some(TOKEN_EXCHANGE),
        ];
        built_in.into_iter().flatten().chain(self.host.grant_types()).collect()
    }

    /// Whether tokens are exchanged (RFC 8693).
    #[cfg_attr(not(feature = "jwt"), expect(clippy::unused_self, reason = "the feature is off"))]
    fn exchanges_tokens(&self) -> bool {
        #[cfg(feature = "jwt")]
        return self.host.exchange().is_some();
        #[cfg(not(feature = "jwt"))]
        false
    }

    /// Whether devices are logged in (RFC 8628).
    #[cfg_attr(not(feature = "root-secret"), expect(clippy::unused_self, reason = "the feature is off"))]
    const fn logs_devices_in(&self) -> bool {
        #[cfg(feature = "root-secret")]
        return self.device.is_some();
        #[cfg(not(feature = "root-secret"))]
        false
    }

    #[cfg_attr(not(feature = "root-secret"), expect(clippy::unused_self, reason = "the feature is off"))]
    pub(in crate::engine) const fn takes_pushed_requests(&self) -> bool {
        #[cfg(feature = "root-secret")]
        return self.settings.pushed_requests && self.settings.authorization_code;
        #[cfg(not(feature = "root-secret"))]
        false
    }

    /// Where the userinfo endpoint is, as clients are told.
    #[cfg(feature = "jwt")]
    pub(in crate::engine) fn userinfo_endpoint(&self) -> Option<String> {
        Some(url(self.issuer()?, self.endpoints.userinfo.as_deref()?))
    }

    /// Where clients begin a logout.
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub(super) fn end_session_endpoint(&self) -> Option<String> {
        Some(url(self.issuer()?, self.endpoints.end_session.as_deref()?))
    }

    /// Whether everything that an OpenID client needs is mounted.
    #[cfg(feature = "jwt")]
    pub(super) fn serves_openid(&self) -> bool {
        let Endpoints { authorization, token, jwks, .. } = &self.endpoints;
        self.settings.authorization_code && authorization.is_some() && token.is_some() && jwks.is_some()
    }
}

/// A path stands after the issuer, with one slash between.
fn url(issuer: &str, at: &str) -> String {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    if at.starts_with('/') { format!("{issuer}{at}") } else { at.to_owned() }
}
