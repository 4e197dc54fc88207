//! What an authorization server says of itself: RFC 8414, and OpenID Connect Discovery 1.0 section 3.

use serde_json::{Map, Value, json};

use crate::client::{AUTHORIZATION_CODE, Clients, REFRESH_TOKEN};
use crate::engine::Engine;
use crate::grant::Scope;
use crate::store::TokenStore;
use crate::wire::{Response, read_uri, web_host};

/// Where the host mounts the engine's endpoints, for its metadata: a path, which is put after the issuer, or a whole URL.
/// What is not given is not advertised.
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

    /// Whether each is a path or a URL: anything else after the issuer may be another host's.
    pub(in crate::engine) fn are_well_formed(&self) -> bool {
        let Self { authorization, token, revocation, introspection, jwks, registration, .. } = self;
        let given = [authorization, token, revocation, introspection, jwks, registration];
        given.into_iter().flatten().all(|at| {
            let path = at.starts_with('/') && !at.starts_with("//");
            let whole = if path { format!("https://issuer.example{at}") } else { at.clone() };
            read_uri(&whole).is_some_and(|uri| web_host(&uri).is_some() && !uri.has_fragment())
        })
    }

    /// Where the metadata say that the token endpoint is.
    #[cfg(feature = "proof")]
    pub(in crate::engine) fn token_url(&self, issuer: Option<&str>) -> Option<String> {
        let at = self.token.as_deref()?;
        if at.starts_with('/') { Some(url(issuer?, at)) } else { Some(at.to_owned()) }
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
        let mut members = self.settings.metadata.begin();
        let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        add("issuer", json!(issuer));
        let authorization = endpoints.authorization.as_deref().filter(|_| self.settings.authorization_code);
        for (name, at) in [
            ("authorization_endpoint", authorization),
            ("token_endpoint", endpoints.token.as_deref()),
            ("revocation_endpoint", endpoints.revocation.as_deref()),
            ("introspection_endpoint", endpoints.introspection.as_deref()),
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
            add("response_modes_supported", json!(["query"]));
            add("code_challenge_methods_supported", json!(["S256"]));
            add("authorization_response_iss_parameter_supported", json!(true));
        }
        let features = self.clients.features();
        if features.client_id_metadata_documents && authorization.is_some() {
            add("client_id_metadata_document_supported", json!(true));
        }
        #[cfg(feature = "proof")]
        if let Some(dpop) = &self.dpop {
            add("dpop_signing_alg_values_supported", json!(dpop.algorithm_names().collect::<Vec<_>>()));
        }
        let built_in =
            [authorization.is_some().then_some(AUTHORIZATION_CODE), features.refresh_token.then_some(REFRESH_TOKEN)];
        let handled = self.host.grant_types();
        add("grant_types_supported", json!(built_in.into_iter().flatten().chain(handled).collect::<Vec<_>>()));
        if !endpoints.scopes.is_empty() {
            add("scopes_supported", json!(endpoints.scopes.iter().collect::<Vec<_>>()));
        }
        let secret = [
            features.client_secret_basic.then_some("client_secret_basic"),
            features.client_secret_post.then_some("client_secret_post"),
        ];
        let with_none: Vec<_> = secret.into_iter().chain([features.public.then_some("none")]).flatten().collect();
        for (name, is_there, methods) in [
            ("token_endpoint_auth_methods_supported", endpoints.token.is_some(), &with_none),
            ("revocation_endpoint_auth_methods_supported", endpoints.revocation.is_some(), &with_none),
            (
                "introspection_endpoint_auth_methods_supported",
                endpoints.introspection.is_some(),
                &secret.into_iter().flatten().collect(),
            ),
        ] {
            if is_there {
                add(name, json!(methods));
            }
        }
        Some(members)
    }

    /// Where clients register themselves, as they are told.
    pub(in crate::engine) fn registration_endpoint(&self) -> Option<String> {
        let at = self.endpoints.registration.as_deref().filter(|_| self.registry.is_some())?;
        Some(url(self.issuer()?, at))
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
