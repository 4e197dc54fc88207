//! The host's say in a refresh.

use std::error::Error;
use std::future::Future;

use crate::client::Client;
use crate::grant::{Grant, ResponseFields, Scope, Timestamp};
use crate::store::BoxFuture;

/// Asks the host about each refresh: is the account still open, have its extra fields changed?
///
/// Runs once per request, after every check and before anything is written. It can refuse, or give new extra fields;
/// scope, client, subject, renewability and expiry are not its to change.
///
/// ```
/// use regrant::{HookError, RefreshHook, RefreshRequest, Renew};
///
/// struct OpenAccounts;
///
/// impl RefreshHook for OpenAccounts {
///     async fn on_refresh(&self, request: &RefreshRequest<'_>) -> Result<Renew, HookError> {
///         match request.grant().subject() {
///             Some("closed.account") => Ok(Renew::Refuse),
///             _ => Ok(Renew::Allow),
///         }
///     }
/// }
/// ```
pub trait RefreshHook: Send + Sync {
    /// Decides on one refresh.
    ///
    /// # Errors
    ///
    /// [`HookError`] where it cannot be told now: answered 503, and nothing changes.
    fn on_refresh(&self, request: &RefreshRequest<'_>) -> impl Future<Output = Result<Renew, HookError>> + Send;
}

/// [`RefreshHook`] with a boxed future.
pub(crate) trait DynRefreshHook: Send + Sync {
    fn on_refresh_dyn<'a>(&'a self, request: &'a RefreshRequest<'a>) -> BoxFuture<'a, Result<Renew, HookError>>;
}

impl<H: RefreshHook> DynRefreshHook for H {
    fn on_refresh_dyn<'a>(&'a self, request: &'a RefreshRequest<'a>) -> BoxFuture<'a, Result<Renew, HookError>> {
        Box::pin(self.on_refresh(request))
    }
}

/// A refresh that the hook decides on.
///
/// ```
/// fn log(request: &regrant::RefreshRequest<'_>) {
///     println!("grant {} is refreshed by {}", request.grant().id(), request.client().id());
/// }
/// ```
#[derive(Debug)]
pub struct RefreshRequest<'a> {
    pub(crate) grant: &'a Grant,
    pub(crate) client: &'a Client,
    pub(crate) scope: &'a Scope,
    pub(crate) is_retry: bool,
    pub(crate) now: Timestamp,
}

impl<'a> RefreshRequest<'a> {
    /// The grant, as it is before the refresh.
    ///
    /// ```
    /// fn who<'a>(request: &regrant::RefreshRequest<'a>) -> Option<&'a str> {
    ///     request.grant().subject()
    /// }
    /// ```
    pub const fn grant(&self) -> &'a Grant {
        self.grant
    }

    /// The client, authenticated.
    ///
    /// ```
    /// fn is_public(request: &regrant::RefreshRequest<'_>) -> bool {
    ///     request.client().is_public()
    /// }
    /// ```
    pub const fn client(&self) -> &'a Client {
        self.client
    }

    /// The scope of the access token to be issued, within that of the grant.
    ///
    /// ```
    /// fn may_write(request: &regrant::RefreshRequest<'_>) -> bool {
    ///     request.scope().contains("write")
    /// }
    /// ```
    pub const fn scope(&self) -> &'a Scope {
        self.scope
    }

    /// Whether a lost response is answered again. Then only the hook's permission counts, and the stored fields are
    /// repeated whatever it gives.
    ///
    /// ```
    /// fn counts(request: &regrant::RefreshRequest<'_>) -> bool {
    ///     !request.is_retry()
    /// }
    /// ```
    pub const fn is_retry(&self) -> bool {
        self.is_retry
    }

    /// The time of the request.
    ///
    /// ```
    /// use std::time::Duration;
    /// fn idle(request: &regrant::RefreshRequest<'_>) -> Duration {
    ///     request.now().since(request.grant().rotated_at())
    /// }
    /// ```
    pub const fn now(&self) -> Timestamp {
        self.now
    }
}

/// What the hook decides.
///
/// ```
/// use regrant::{Renew, ResponseFields};
/// let changed = Renew::AllowWith(ResponseFields::new().with("tier", "gold")?);
/// # let _ = changed;
/// # Ok::<(), regrant::FieldError>(())
/// ```
#[derive(Clone, Debug)]
pub enum Renew {
    /// Go on.
    Allow,
    /// Go on, with these extra fields from now on.
    AllowWith(ResponseFields),
    /// `invalid_grant`; the grant stays.
    Refuse,
}

/// The hook cannot tell now.
///
/// ```
/// let error = regrant::HookError::new("the account service is down");
/// assert_eq!(error.to_string(), "the refresh hook failed");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("the refresh hook failed")]
pub struct HookError(#[source] pub(crate) Box<dyn Error + Send + Sync>);

impl HookError {
    /// Wraps the cause, which goes to the events alone.
    ///
    /// ```
    /// let _ = regrant::HookError::new(std::io::Error::other("timed out"));
    /// ```
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}
