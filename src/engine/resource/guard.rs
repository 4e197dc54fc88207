//! One resource of several, and what it wants of a request.

use std::time::Duration;

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::{Access, BearerError};
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::host::Clock;
use crate::grant::Scope;
use crate::store::TokenStore;
use crate::wire::Request;

/// What a resource wants of a request: made by [`Engine::bearer_for`].
///
/// ```
/// # async fn resource<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// use regrant::{Request, Scope, Timestamp};
/// use std::time::Duration;
/// let request = Request::new("POST", b"").with_header("authorization", b"Bearer ...");
/// let access = engine
///     .bearer_for("https://mcp.example/mcp")
///     .scope(&Scope::parse("mcp:admin")?)
///     .max_age(Duration::from_secs(300))
///     .check(&request, Timestamp::now)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct BearerCheck<'a, S, C> {
    engine: &'a Engine<S, C>,
    resource: &'a str,
    wanted: Wanted,
}

/// What is wanted of an access token.
#[derive(Clone, Default, Debug)]
pub(super) struct Wanted {
    pub(super) scope: Scope,
    pub(super) max_age: Option<Duration>,
    /// One of them, the best first; none for any.
    pub(super) acr: SmallVec<[SmolStr; 1]>,
}

impl<'a, S: TokenStore, C: Clients> BearerCheck<'a, S, C> {
    pub(super) fn new(engine: &'a Engine<S, C>, resource: &'a str) -> Self {
        Self { engine, resource, wanted: Wanted::default() }
    }

    /// All of this scope, or what [implies](crate::EngineBuilder::scope_implication) it; else 403 `insufficient_scope`. Default: none.
    ///
    /// ```
    /// # fn guard<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>, scope: &regrant::Scope) {
    /// let files = engine.bearer_for("https://files.example").scope(scope);
    /// # let _ = files;
    /// # }
    /// ```
    pub fn scope(mut self, scope: &Scope) -> Self {
        self.wanted.scope = scope.clone();
        self
    }

    /// A login that is not older, in whole seconds; else 401 `insufficient_user_authentication`, with `max_age` (RFC 9470
    /// section 3), and the client sends the person to log in again. A client that acts for itself has no login, so it is
    /// refused, too, and so is a token that is believed by its signature alone. Default: any.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # fn guard<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>) {
    /// let payments = engine.bearer_for("https://payments.example").max_age(Duration::from_secs(300));
    /// # let _ = payments;
    /// # }
    /// ```
    pub fn max_age(mut self, most: Duration) -> Self {
        self.wanted.max_age = Some(most);
        self
    }

    /// A login of this kind (`acr`), or of one that is named besides, the best first; else 401
    /// `insufficient_user_authentication`, with `acr_values` (RFC 9470 section 3), and the client sends the person to log in so. It has to
    /// be what the host [said](crate::Authorization::with_acr) of the login, to the letter: whether one kind is as good as another
    /// is for the resource to say. Default: any.
    ///
    /// ```
    /// # fn guard<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>) {
    /// let payments = engine.bearer_for("https://payments.example").acr("urn:example:passkey").acr("urn:example:mfa");
    /// # let _ = payments;
    /// # }
    /// ```
    pub fn acr(mut self, acr: &str) -> Self {
        self.wanted.acr.push(acr.into());
        self
    }

    /// Checks the access token of a request, as [`Engine::bearer`] does.
    ///
    /// # Errors
    ///
    /// A [`BearerError`], which is the response. It is 503, with an event that says so, where the engine has no such resource.
    ///
    /// ```
    /// # async fn check<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>) {
    /// use regrant::{Request, Timestamp};
    /// let request = Request::new("GET", b"").with_header("authorization", b"Bearer ...");
    /// match engine.bearer_for("https://files.example").check(&request, Timestamp::now).await {
    ///     Ok(access) => println!("{:?}", access.subject()),
    ///     Err(refused) => println!("{} {}", refused.status(), refused.challenge()),
    /// }
    /// # }
    /// ```
    pub async fn check(self, request: &Request<'_>, clock: impl Clock) -> Result<Access, BearerError> {
        self.engine.check_bearer(request, Some(self.resource), &self.wanted, clock).await
    }
}
