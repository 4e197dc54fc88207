//! What resource servers and OpenID Connect clients read: the JWK set (RFC 7517 section 5), and OpenID Connect Discovery
//! 1.0 section 3.

use serde_json::{Map, Value, json};

use crate::client::Clients;
use crate::engine::Engine;
use crate::store::TokenStore;
use crate::wire::Response;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The public keys that JWTs of this engine verify by, as a JWK set (RFC 7517 section 5): the one that signs, and those
    /// that are accepted. Caches may keep it for five minutes, so accept a new key for longer than that before it signs.
    /// The set is empty where the engine has no signing key.
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// use regrant::{Engine, MemoryStore, StaticClients};
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
        let set =
            self.jwt.signing().map_or_else(|| String::from("{\"keys\":[]}"), |signing| signing.keys.current().jwks());
        Response::public(set.into_bytes())
    }

    /// The OpenID provider configuration: what [`metadata`](Self::metadata) says, and what OpenID Connect adds to it.
    /// `None` where the engine issues no [ID tokens](crate::EngineBuilder::id_tokens), or where the authorization or token
    /// endpoint or the JWK set is not [mounted](crate::EngineBuilder::endpoints).
    ///
    /// To be served where [`document_at`](Self::document_at) says: for `https://id.example` at
    /// `/.well-known/openid-configuration`. A provider must offer `RS256` for ID tokens (section 3), so sign with an RSA
    /// key where any client may come. The algorithms of ID tokens that it lists are those in use, by
    /// [`ClientFeatures`](crate::client::ClientFeatures): that of the engine's key, and `HS256` where a client has a
    /// [secret that signs](crate::client::ClientBuilder::recoverable_secret).
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).issuer("https://id.example").build()?;
    /// assert!(engine.openid_configuration().is_none());
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn openid_configuration(&self) -> Option<Response> {
        let signing = self.jwt.signing().filter(|signing| signing.claims.is_some() && self.serves_openid())?;
        let mut members = self.metadata_members()?;
        let features = self.features();
        let by_secret = features.id_token_hs256.then_some("HS256");
        // The list must not be empty (section 3): where no client can have ID tokens yet, it is what one would get.
        let by_key = features.id_token_engine_key || by_secret.is_none();
        let keys = signing.keys.current();
        // Those of other keys where a client may say which it wants.
        let several = if features.id_token_algorithms { usize::MAX } else { 1 };
        let mut algorithms: Vec<&str> = Vec::new();
        for algorithm in keys.all().take(several).map(|key| key.algorithm().as_str()).filter(|_| by_key) {
            if !algorithms.contains(&algorithm) {
                algorithms.push(algorithm);
            }
        }
        algorithms.extend(by_secret);
        let openid = &self.settings.openid;
        let subject_types: &[&str] = if features.pairwise_subjects { &["public", "pairwise"] } else { &["public"] };
        for (name, value) in [
            ("subject_types_supported", json!(subject_types)),
            ("id_token_signing_alg_values_supported", json!(algorithms)),
            ("claims_parameter_supported", json!(openid.claims_parameter)),
        ] {
            members.insert(name.into(), value);
        }
        if let Some(at) = self.userinfo_endpoint() {
            members.insert("userinfo_endpoint".into(), json!(at));
        }
        if !openid.claims.is_empty() {
            // Those of the engine, and those of the host.
            let mut claims = vec!["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr"];
            claims.extend(self.names_sessions().then_some("sid"));
            for claim in &openid.claims {
                if !claims.contains(&claim.as_str()) {
                    claims.push(claim);
                }
            }
            members.insert("claims_supported".into(), json!(claims));
        }
        if !openid.acr_values.is_empty() {
            members.insert("acr_values_supported".into(), json!(openid.acr_values));
        }
        self.add_logout(&mut members, features.backchannel_logout);
        Some(Response::public(Value::Object(members).to_string().into_bytes()))
    }

    /// Whether ID tokens say of which session they are (Back-Channel Logout section 2.1), where the host names one.
    #[cfg(feature = "root-secret")]
    const fn names_sessions(&self) -> bool {
        self.subjects.is_some()
    }

    #[cfg(not(feature = "root-secret"))]
    #[expect(clippy::unused_self, reason = "the feature is off")]
    const fn names_sessions(&self) -> bool {
        false
    }

    /// What RP-Initiated Logout section 2.1 and Back-Channel Logout section 2.1 have. Nothing is said of a logout that is not served.
    #[cfg(feature = "root-secret")]
    fn add_logout(&self, members: &mut Map<String, Value>, by_back_channel: bool) {
        if let Some(at) = self.end_session_endpoint() {
            members.insert("end_session_endpoint".into(), json!(at));
        }
        if self.subjects.is_some() && by_back_channel {
            members.insert("backchannel_logout_supported".into(), json!(true));
            members.insert("backchannel_logout_session_supported".into(), json!(true));
        }
    }

    #[cfg(not(feature = "root-secret"))]
    #[expect(clippy::unused_self, reason = "the feature is off")]
    fn add_logout(&self, _: &mut Map<String, Value>, _: bool) {}
}
