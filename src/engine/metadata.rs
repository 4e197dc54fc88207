//! What an authorization server says of itself: RFC 8414, and OpenID Connect Discovery 1.0 section 3.

use serde_json::{Map, Value, json};

use super::Engine;
use crate::client::{AUTHORIZATION_CODE, Clients, REFRESH_TOKEN};
use crate::grant::Scope;
use crate::store::TokenStore;
use crate::wire::{Response, read_uri, web_host};

/// Where the host mounts the engine's endpoints, for its metadata: a path, which is put after the issuer, or a whole URL.
/// What is not given is not advertised.
///
/// ```
/// use regrant::Endpoints;
/// let endpoints = Endpoints::new()
///     .authorization("/oauth2/authorize")
///     .token("/oauth2/token")
///     .revocation("/oauth2/revoke")
///     .introspection("/oauth2/introspect")
///     .jwks("/oauth2/jwks");
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Endpoints {
    authorization: Option<String>,
    token: Option<String>,
    revocation: Option<String>,
    introspection: Option<String>,
    jwks: Option<String>,
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
    /// let endpoints = regrant::Endpoints::new().authorization("/oauth2/authorize");
    /// ```
    pub fn authorization(self, at: &str) -> Self {
        Self { authorization: Some(at.to_owned()), ..self }
    }

    /// Where the host serves [`Engine::token`].
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().token("https://id.example/oauth2/token");
    /// ```
    pub fn token(self, at: &str) -> Self {
        Self { token: Some(at.to_owned()), ..self }
    }

    /// Where the host serves [`Engine::revoke`].
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().revocation("/oauth2/revoke");
    /// ```
    pub fn revocation(self, at: &str) -> Self {
        Self { revocation: Some(at.to_owned()), ..self }
    }

    /// Where the host serves [`Engine::introspect`].
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().introspection("/oauth2/introspect");
    /// ```
    pub fn introspection(self, at: &str) -> Self {
        Self { introspection: Some(at.to_owned()), ..self }
    }

    /// Where the host serves the engine's JWK set (`Engine::jwks`, feature `jwt`).
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().jwks("/oauth2/jwks");
    /// ```
    pub fn jwks(self, at: &str) -> Self {
        Self { jwks: Some(at.to_owned()), ..self }
    }

    /// Whether each is a path or a URL: anything else after the issuer may be another host's.
    pub(super) fn are_well_formed(&self) -> bool {
        let given = [&self.authorization, &self.token, &self.revocation, &self.introspection, &self.jwks];
        given.into_iter().flatten().all(|at| {
            let path = at.starts_with('/') && !at.starts_with("//");
            let whole = if path { format!("https://issuer.example{at}") } else { at.clone() };
            read_uri(&whole).is_some_and(|uri| web_host(&uri).is_some() && !uri.has_fragment())
        })
    }

    /// The scopes to advertise, `scopes_supported`.
    ///
    /// ```
    /// let endpoints = regrant::Endpoints::new().scopes(regrant::Scope::parse("openid email")?);
    /// # Ok::<(), regrant::InvalidScope>(())
    /// ```
    pub fn scopes(self, scopes: Scope) -> Self {
        Self { scopes, ..self }
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The authorization server metadata (RFC 8414). It advertises what this engine is built with and the host has
    /// [mounted](crate::EngineBuilder::endpoints), and nothing else. Caches may keep it for five minutes. `None` without an
    /// [issuer](crate::EngineBuilder::issuer).
    ///
    /// To be served at `/.well-known/oauth-authorization-server`; the path of an issuer that has one comes after it (section
    /// 3.1): for `https://id.example/tenant` it is `/.well-known/oauth-authorization-server/tenant`.
    ///
    /// ```
    /// use regrant::{Endpoints, Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .endpoints(Endpoints::new().token("/token"))
    ///     .build()?;
    /// let response = engine.metadata().expect("it has an issuer");
    /// assert!(String::from_utf8_lossy(response.body()).contains(r#""token_endpoint":"https://id.example/token""#));
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn metadata(&self) -> Option<Response> {
        Some(Response::public(Value::Object(self.metadata_members()?).to_string().into_bytes()))
    }

    pub(super) fn metadata_members(&self) -> Option<Map<String, Value>> {
        let issuer = self.issuer.as_deref()?;
        let endpoints = &self.endpoints;
        let mut members = Map::new();
        let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        add("issuer", json!(issuer));
        let authorization = endpoints.authorization.as_deref().filter(|_| self.authorization_code);
        for (name, at) in [
            ("authorization_endpoint", authorization),
            ("token_endpoint", endpoints.token.as_deref()),
            ("revocation_endpoint", endpoints.revocation.as_deref()),
            ("introspection_endpoint", endpoints.introspection.as_deref()),
            ("jwks_uri", endpoints.jwks.as_deref().filter(|_| self.signs())),
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
        let built_in =
            [authorization.is_some().then_some(AUTHORIZATION_CODE), features.refresh_token.then_some(REFRESH_TOKEN)];
        let handled = self.handlers.iter().map(|handler| handler.grant_type_dyn());
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

    /// Whether everything that an OpenID client needs is mounted.
    #[cfg(feature = "jwt")]
    pub(super) fn serves_openid(&self) -> bool {
        let Endpoints { authorization, token, jwks, .. } = &self.endpoints;
        self.authorization_code && authorization.is_some() && token.is_some() && jwks.is_some()
    }

    #[cfg(feature = "jwt")]
    const fn signs(&self) -> bool {
        self.jwt.is_some()
    }

    #[cfg(not(feature = "jwt"))]
    #[expect(clippy::unused_self, reason = "the feature is off")]
    const fn signs(&self) -> bool {
        false
    }
}

/// An endpoint as a URL.
fn url(issuer: &str, at: &str) -> String {
    if at.starts_with('/') { format!("{issuer}{at}") } else { at.to_owned() }
}
