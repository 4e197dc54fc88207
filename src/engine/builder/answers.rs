//! What answers of the token endpoint say.

use super::EngineBuilder;
use crate::client::Clients;
use crate::store::TokenStore;
use crate::wire::ResponseStyle;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// How responses are written. Default: as RFC 6749 has them.
    ///
    /// ```
    /// # use regrant::wire::ResponseStyle;
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .response_style(ResponseStyle::Katana)
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn response_style(mut self, style: ResponseStyle) -> Self {
        self.settings.style = style;
        self
    }

    /// Tells clients when their refresh tokens end (draft-ietf-oauth-refresh-token-expiration-03): with each refresh token
    /// `refresh_token_timeout`, the seconds for which it may be kept without a use of it, and `authorization_expires_in`, the seconds
    /// that are left of the login whatever the client does; each only where there is such an end. A response that is sent again says
    /// what is left then. A refresh token that can renew nothing has a timeout of 0. Introspection of a refresh token says the same, of
    /// an old one without the timeout, and the metadata have `refresh_token_expiration_types_supported`. Default: off.
    ///
    /// A [field](crate::ResponseFields) of the host's of the same name wins.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).refresh_token_timeouts(true).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn refresh_token_timeouts(mut self, told: bool) -> Self {
        self.settings.expiry_told.timeouts = told;
        self
    }

    /// Says `refresh_token_expires_in` beside each refresh token, the seconds until it ends unless it is used. No specification has
    /// it, and several large servers do, so there are clients that read it. Default: off.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).refresh_token_expires_in(true).build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn refresh_token_expires_in(mut self, told: bool) -> Self {
        self.settings.expiry_told.of_old = told;
        self
    }

    /// A prefix before refresh tokens and opaque access tokens, by which scanners of source code find one that has leaked: 4 to 32
    /// letters, digits, hyphens and low lines, the last a low line. Tokens without it are accepted as well, so it can be turned on and
    /// off while they are out, and nodes with and without it serve one another's. To be changed to another prefix it goes off first, for
    /// as long as tokens with it are out. JWTs and codes have none. Default: none.
    ///
    /// Each response with tokens takes two more allocations.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, StaticClients};
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).token_prefix("shop_").build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn token_prefix(mut self, prefix: &str) -> Self {
        self.settings.token_prefix = Some(prefix.into());
        self
    }
}
