//! Refresh tokens that another server made.

use std::fmt;
use std::future::Future;

use super::{Authorization, HookError};
use crate::client::Client;
use crate::grant::Timestamp;
use crate::store::BoxFuture;

/// Knows the refresh tokens that another server made: the one that this engine takes the place of, so that the move logs nobody out.
///
/// Asked about a refresh token that is not this engine's, after its client has authenticated: to renew, to revoke or to introspect
/// it. Never about one whose MAC holds. What it answers begins a grant, whose generation 0 the token is; from then on the record
/// decides, and the hook is not asked about this token again. So the table behind it may be read-only, and stay as it is over
/// restarts. It needs to know the tokens or their digests ([`ForeignToken::sha256`]).
///
/// Give it to [`EngineBuilder::foreign_tokens`](crate::EngineBuilder::foreign_tokens); the guide `guide::moving_in` has the whole
/// move.
///
/// ```
/// use std::collections::HashMap;
///
/// use regrant::engine::{ForeignLogin, ForeignToken, ForeignTokens, HookError};
/// use regrant::{Authorization, Client, Timestamp};
///
/// /// SHA-256 of each token → client, user, and when they logged in.
/// struct OldTable(HashMap<[u8; 32], (String, String, Timestamp)>);
///
/// impl ForeignTokens for OldTable {
///     async fn find(&self, token: &ForeignToken<'_>, client: &Client) -> Result<Option<ForeignLogin>, HookError> {
///         let row = self.0.get(token.sha256()).filter(|row| row.0 == client.id());
///         Ok(row.map(|(_, user, login)| ForeignLogin::new(Authorization::of(user), *login, Timestamp::MAX)))
///     }
/// }
/// ```
pub trait ForeignTokens: Send + Sync {
    /// The login that a token belongs to; `None` where it is none, or not this client's: the token is then refused. A public
    /// client has proven nothing but the token itself.
    ///
    /// # Errors
    ///
    /// [`HookError`] if it cannot tell now: answered 503, and nothing changes.
    fn find(
        &self,
        token: &ForeignToken<'_>,
        client: &Client,
    ) -> impl Future<Output = Result<Option<ForeignLogin>, HookError>> + Send;

    /// The last moment at which any token of all is accepted, the same on every node and never moved to a later one: whatever
    /// [`find`](Self::find) answers, none counts from then on. What has to be remembered of tokens that nobody has presented yet
    /// ([`Engine::end_sessions_of`](crate::Engine::end_sessions_of)) is kept until then. Default: for ever.
    fn until(&self) -> Timestamp {
        Timestamp::MAX
    }
}

/// [`ForeignTokens`] with a boxed future.
pub(crate) trait DynForeignTokens: Send + Sync {
    fn find_dyn<'a>(
        &'a self,
        token: &'a ForeignToken<'a>,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Option<ForeignLogin>, HookError>>;

    fn until_dyn(&self) -> Timestamp;
}

impl<F: ForeignTokens> DynForeignTokens for F {
    fn find_dyn<'a>(
        &'a self,
        token: &'a ForeignToken<'a>,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Option<ForeignLogin>, HookError>> {
        Box::pin(self.find(token, client))
    }

    fn until_dyn(&self) -> Timestamp {
        self.until()
    }
}

/// A refresh token that is not this engine's. `Debug` does not show it.
///
/// ```
/// fn digest<'a>(token: &'a regrant::engine::ForeignToken<'_>) -> &'a [u8; 32] {
///     token.sha256()
/// }
/// ```
pub struct ForeignToken<'a> {
    pub(crate) text: &'a str,
    pub(crate) sha256: [u8; 32],
}

impl ForeignToken<'_> {
    /// The token as it came: a secret, and a stranger's text, of any length that a request may have.
    ///
    /// ```
    /// fn looks_like_a_uuid(token: &regrant::engine::ForeignToken<'_>) -> bool {
    ///     token.as_str().len() == 36
    /// }
    /// ```
    pub const fn as_str(&self) -> &str {
        self.text
    }

    /// SHA-256 of it, for a table of digests. Look it up by this too where the table has the tokens themselves: how long a search for a
    /// secret takes tells something of it.
    ///
    /// ```
    /// fn key(token: &regrant::engine::ForeignToken<'_>) -> [u8; 32] {
    ///     *token.sha256()
    /// }
    /// ```
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

impl fmt::Debug for ForeignToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignToken(..)")
    }
}

/// A login at another server, as its refresh token has it.
///
/// ```
/// use regrant::engine::ForeignLogin;
/// use regrant::{Authorization, Timestamp};
/// let began = Timestamp::from_secs(1_597_240_260);
/// let login = ForeignLogin::new(Authorization::of("usuario.teste"), began, Timestamp::from_secs(1_900_000_000));
/// # let _ = login;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ForeignLogin {
    pub(crate) authorization: Authorization,
    pub(crate) began_at: Timestamp,
    pub(crate) until: Timestamp,
}

impl ForeignLogin {
    /// Whose it is, with which scope and response fields; when the login began; and until when anyone could accept the token, this
    /// server or another: [`Timestamp::MAX`] where it never expires.
    ///
    /// Of the authorization count the subject, which there has to be, the scope (within what the client may have; its default one if
    /// none is named), the fields, the host's own data, `acr`, `amr`, and whether it is renewable: a token that the other server would not
    /// have renewed is not renewed here.
    ///
    /// A login that began before [`Engine::end_sessions_of`](crate::Engine::end_sessions_of) was called for its subject, or before a
    /// `not_before`, is refused. So the time has to be that of the login, or an earlier one.
    ///
    /// ```
    /// use regrant::engine::ForeignLogin;
    /// use regrant::{Authorization, Timestamp};
    /// let login = ForeignLogin::new(Authorization::of("alice"), Timestamp::from_secs(1_597_240_260), Timestamp::MAX);
    /// # let _ = login;
    /// ```
    pub const fn new(authorization: Authorization, began_at: Timestamp, until: Timestamp) -> Self {
        Self { authorization, began_at, until }
    }
}
