//! What of an engine's settings is about the server that it takes the place of.

use super::EngineBuilder;
use crate::client::Clients;
use crate::engine::foreign::boxed;
use crate::engine::host::ForeignTokens;
use crate::secret::root::SubjectSecret;
use crate::store::TokenStore;

impl<S: TokenStore, C: Clients> EngineBuilder<S, C> {
    /// Serves the refresh tokens that another server made: a client that has one goes on with it here, and nobody is logged out by the
    /// move. The token is generation 0 of its grant: where the response is lost it is answered with the same successor again, and used after
    /// the retry window it is a replay. A client with [`Rotation::Never`](crate::grant::Rotation::Never) keeps it.
    ///
    /// Needs a [subject secret](Self::subject_secret), or the [root secret](Self::root_secret) that it is derived from. Turn it on
    /// when every node is of this version: an earlier one answers 503 for such grants. Default: none.
    ///
    /// ```
    /// use regrant::engine::{ForeignLogin, ForeignToken, ForeignTokens, HookError};
    /// use regrant::{Authorization, Client, Engine, MemoryStore, RootSecret, StaticClients, Timestamp};
    ///
    /// struct OldServer;
    ///
    /// impl ForeignTokens for OldServer {
    ///     async fn find(&self, token: &ForeignToken<'_>, client: &Client) -> Result<Option<ForeignLogin>, HookError> {
    ///         // SHA-256 of "88642e36-ef83-49fe-baf9-40afda247059" begins so; a table has all of it.
    ///         let is_known = client.id() == "marketplace-app" && token.sha256().starts_with(&[0x1f, 0x2e]);
    ///         let began = Timestamp::from_secs(1_597_240_260);
    ///         Ok(is_known.then(|| ForeignLogin::new(Authorization::of("usuario.teste"), began, Timestamp::MAX)))
    ///     }
    /// }
    ///
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .root_secret(RootSecret::from_bytes(1, &[7; 32]))
    ///     .foreign_tokens(OldServer)
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn foreign_tokens(mut self, hook: impl ForeignTokens + 'static) -> Self {
        self.foreign = Some(boxed(hook));
        self
    }

    /// What [another server's tokens](Self::foreign_tokens) are known again under, and what pairwise subjects and what is kept of sessions
    /// are computed under: the one that the first root secret of this system [gave](crate::RootSecret::subject_secret), for ever and on
    /// every node. Needed once that root secret was replaced; until then it is derived. Under another one each such token would begin a
    /// login anew, used before or not, people would have other names, and no logout would find the logins of a session. So `build` asks for it
    /// where an old root secret is [accepted](Self::accept_root), and [`Engine::check_keys`](crate::Engine::check_keys) refuses another.
    ///
    /// ```
    /// # use regrant::{Engine, MemoryStore, RootSecret, StaticClients, SubjectSecret};
    /// # let kept_from_the_first = [7; 32];
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
    ///     .root_secret(RootSecret::from_bytes(2, &[8; 32]))
    ///     .subject_secret(SubjectSecret::from_bytes(&kept_from_the_first))
    ///     .build()?;
    /// # Ok::<(), regrant::BuildError>(())
    /// ```
    pub fn subject_secret(mut self, secret: SubjectSecret) -> Self {
        self.subject_secret = Some(secret);
        self
    }
}
