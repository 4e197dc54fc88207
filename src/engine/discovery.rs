//! What resource servers and OpenID Connect clients read: the JWK set (RFC 7517 section 5), and OpenID Connect Discovery
//! 1.0 section 3.

use serde_json::{Value, json};

use super::Engine;
use crate::client::Clients;
use crate::store::TokenStore;
use crate::wire::Response;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The public keys that JWTs of this engine verify by, as a JWK set (RFC 7517 section 5): the one that signs, and those
    /// that are accepted. Caches may keep it for five minutes, so accept a new key for longer than that before it signs.
    /// The set is empty where the engine has no signing key.
    ///
    /// ```
    /// use regrant::{Engine, MemoryStore, SigningAlgorithm, SigningKey, StaticClients};
    /// let (key, _) = SigningKey::generate(SigningAlgorithm::EdDsa)?;
    /// let kid = key.kid().to_owned();
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .signing_key(key)
    ///     .build()?;
    /// assert!(String::from_utf8_lossy(engine.jwks().body()).contains(&kid));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn jwks(&self) -> Response {
        let set = self.jwt.as_ref().map_or_else(|| String::from("{\"keys\":[]}"), |jwt| jwt.keys.jwks());
        Response::public(set.into_bytes())
    }

    /// The OpenID provider configuration: what [`metadata`](Self::metadata) says, and what OpenID Connect adds to it.
    /// `None` where the engine issues no [ID tokens](crate::EngineBuilder::id_tokens), or where the authorization or token
    /// endpoint or the JWK set is not [mounted](crate::EngineBuilder::endpoints).
    ///
    /// To be served at `/.well-known/openid-configuration`, after the path of an issuer that has one: for
    /// `https://id.example/tenant` it is `/tenant/.well-known/openid-configuration`. A provider must offer `RS256` for ID
    /// tokens (section 3), so sign with an RSA key where any client may come.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).issuer("https://id.example").build()?;
    /// assert!(engine.openid_configuration().is_none());
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn openid_configuration(&self) -> Option<Response> {
        let jwt = self.jwt.as_ref().filter(|jwt| jwt.claims.is_some() && self.serves_openid())?;
        let mut members = self.metadata_members()?;
        let hs256 = self.clients.features().id_token_hs256.then_some("HS256");
        let algorithms: Vec<&str> = [jwt.keys.signing().algorithm().as_str()].into_iter().chain(hs256).collect();
        for (name, value) in [
            ("subject_types_supported", json!(["public"])),
            ("id_token_signing_alg_values_supported", json!(algorithms)),
            ("claims_parameter_supported", json!(false)),
            ("request_parameter_supported", json!(false)),
            // Supported where it is not said otherwise.
            ("request_uri_parameter_supported", json!(false)),
        ] {
            members.insert(name.into(), value);
        }
        Some(Response::public(Value::Object(members).to_string().into_bytes()))
    }
}
