//! What of an engine's settings is about how authorization requests come, and how their answers go.

#[cfg(feature = "root-secret")]
use std::time::Duration;

use super::EngineBuilder;
use crate::client::Clients;
#[cfg(doc)]
use crate::engine::Engine;
use crate::store::TokenStore;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// Lets clients push their authorization requests (RFC 9126): [`Engine::push`] takes them, so that nobody can change or read them on
    /// their way through the browser. Needs a [root secret](Self::root_secret), the same on every node, and keeps nothing. Default: off.
    ///
    /// ```
    /// # use regrant::{Endpoints, Engine, MemoryStore, RootSecret, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .authorization_code()
    ///     .root_secret(RootSecret::from_bytes(1, &[7; 32]))
    ///     .pushed_authorization_requests()
    ///     .endpoints(Endpoints::new().with_authorization("/authorize").with_pushed_authorization("/par"))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn pushed_authorization_requests(mut self) -> Self {
        self.settings.pushed_requests = true;
        self
    }

    /// How long a pushed request may take to arrive at the authorization endpoint: 60 seconds if not set, whole seconds up to 600. It may be
    /// opened again within that time, as by a reload; the page that it shows has the
    /// [lifetime of an interaction](Self::interaction_lifetime) besides.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, RootSecret, StaticClients};
    /// # use std::time::Duration;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .authorization_code()
    ///     .root_secret(RootSecret::from_bytes(1, &[7; 32]))
    ///     .pushed_authorization_requests()
    ///     .pushed_request_lifetime(Duration::from_secs(90))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn pushed_request_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.pushed_lifetime = lifetime;
        self
    }

    /// Refuses every authorization request that was not pushed, whoever the client is, with `invalid_request` (RFC 9126 section 5). One
    /// client alone: [`require_pushed_authorization_requests`](crate::client::ClientBuilder::require_pushed_authorization_requests).
    /// Turns [pushed requests](Self::pushed_authorization_requests) on. Default: off.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, RootSecret, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .authorization_code()
    ///     .root_secret(RootSecret::from_bytes(1, &[7; 32]))
    ///     .require_pushed_authorization_requests()
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "root-secret")]
    pub fn require_pushed_authorization_requests(mut self) -> Self {
        self.settings.requires_pushed = true;
        self.pushed_authorization_requests()
    }

    /// Lets clients sign their authorization requests (RFC 9101) by the [keys](crate::client::ClientBuilder::keys) that they are registered with:
    /// the parameter `request`, here and in [pushed requests](Self::pushed_authorization_requests). What stands beside it is ignored but
    /// `client_id`. A request object has to have `iss`, `client_id`, `aud` (the issuer alone) and `exp`, at most an hour ahead; one by reference
    /// (`request_uri` of the client's own) is refused. A page carries such a request by the
    /// [interaction handle](Engine::interaction_handle), which holds longer than its `exp`. Default: off.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .authorization_code()
    ///     .signed_requests()
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "proof")]
    pub fn signed_requests(mut self) -> Self {
        self.settings.signed_requests = true;
        self
    }

    /// Refuses every authorization request that its client did not sign, whoever that is, with `invalid_request` (RFC 9101 section 10.5). One
    /// client alone: [`require_signed_request_object`](crate::client::ClientBuilder::require_signed_request_object). Turns
    /// [signed requests](Self::signed_requests) on. Default: off.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .authorization_code()
    ///     .require_signed_request_object()
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    #[cfg(feature = "proof")]
    pub fn require_signed_request_object(mut self) -> Self {
        self.settings.requires_signed = true;
        self.signed_requests()
    }

    /// Lets clients have their answers by a form that the browser posts, `response_mode=form_post` (OAuth 2.0 Form Post Response Mode), so that
    /// no code stands in a URL. [`Engine::approve`] and [`Engine::deny`] then answer such a request with a page (200) whose policy
    /// (`Content-Security-Policy`) lets nothing run but the script that sends it: send it with its headers as they are. Default: off.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .authorization_code()
    ///     .form_post()
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn form_post(mut self) -> Self {
        self.settings.form_post = true;
        self
    }

    /// Lets clients have their answers as a JWT, `response_mode=jwt` or `query.jwt`, and with [`form_post`](Self::form_post)
    /// `form_post.jwt` (JARM section 2.3): signed by the engine's [key](Self::signing_key), for this client alone, for ten minutes. Default: off.
    ///
    /// ```
    /// use regrant::jwt::{SigningAlgorithm, SigningKey};
    /// use regrant::{Engine, MemoryStore, StaticClients};
    /// let (key, _) = SigningKey::generate(SigningAlgorithm::Es256)?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .issuer("https://id.example")
    ///     .authorization_code()
    ///     .signing_key(key)
    ///     .signed_responses()
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "jwt")]
    pub fn signed_responses(mut self) -> Self {
        self.settings.signed_answers = true;
        self
    }
}
