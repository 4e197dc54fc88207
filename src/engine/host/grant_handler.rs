//! Grant handlers: what turns a request into an authorization.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;

use super::{Authorization, Host, PendingGuess};
use crate::client::Client;
use crate::engine::refusal::{GrantRefusal, Refusal, RequestRefusal, Unavailable};
use crate::engine::resources::Asked;
use crate::grant::{Scope, Timestamp};
use crate::store::BoxFuture;
use crate::throttle::Guessed;
use crate::wire::{ErrorCode, Form, InvalidErrorCode, is_error_text};

/// Serves one grant type, such as `password` (RFC 6749 section 4.3) or the absolute URI of an extension grant (section
/// 4.5).
///
/// The engine has parsed the request, authenticated the client and checked that it may use the grant type and the scope
/// that it asks for. The handler says who is logged in; the engine stores the grant and issues the tokens.
///
/// `password` is off until a host adds a handler for it: RFC 9700 section 2.4 says not to use it where there is a choice.
///
/// ```
/// use regrant::{Authorization, GrantError, GrantHandler, GrantRequest, ResponseFields};
///
/// struct Password;
///
/// impl GrantHandler for Password {
///     fn grant_type(&self) -> &str {
///         "password"
///     }
///
///     async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
///         let username = request.required("username")?;
///         let password = request.required("password")?;
///         // … ask your user directory, which compares in constant time …
///         if (username, password) != ("usuario.teste", "senha123") {
///             return Err(GrantError::invalid_grant());
///         }
///         let fields = ResponseFields::new().with("name", "Usuário Teste").map_err(GrantError::failed)?;
///         Ok(Authorization::of(username).with_fields(fields))
///     }
/// }
/// ```
pub trait GrantHandler: Send + Sync {
    /// The grant type it serves: a name, or an absolute URI.
    fn grant_type(&self) -> &str;

    /// Decides who is logged in.
    ///
    /// # Errors
    ///
    /// A [`GrantError`], which becomes the response.
    fn authorize(&self, request: &GrantRequest<'_>) -> impl Future<Output = Result<Authorization, GrantError>> + Send;
}

/// [`GrantHandler`] with a boxed future; one allocation is little beside a login.
pub(crate) trait DynGrantHandler: Send + Sync {
    fn grant_type_dyn(&self) -> &str;
    fn authorize_dyn<'a>(&'a self, request: &'a GrantRequest<'a>) -> BoxFuture<'a, Result<Authorization, GrantError>>;
}

impl<H: GrantHandler> DynGrantHandler for H {
    fn grant_type_dyn(&self) -> &str {
        self.grant_type()
    }

    fn authorize_dyn<'a>(&'a self, request: &'a GrantRequest<'a>) -> BoxFuture<'a, Result<Authorization, GrantError>> {
        Box::pin(self.authorize(request))
    }
}

/// A request that a [`GrantHandler`] decides on.
///
/// ```
/// use regrant::{GrantError, GrantRequest};
///
/// fn device_code<'a>(request: &GrantRequest<'a>) -> Result<&'a str, GrantError> {
///     request.required("device_code")
/// }
/// ```
pub struct GrantRequest<'a> {
    pub(crate) client: &'a Client,
    pub(crate) form: &'a Form<'a>,
    pub(crate) scope: &'a Scope,
    pub(crate) resources: Option<&'a Asked<'a>>,
    pub(crate) now: Timestamp,
    pub(crate) peer: Option<IpAddr>,
    pub(in crate::engine) host: &'a Host,
}

impl<'a> GrantRequest<'a> {
    /// The client, authenticated.
    ///
    /// ```
    /// fn is_public(request: &regrant::GrantRequest<'_>) -> bool {
    ///     request.client().is_public()
    /// }
    /// ```
    pub const fn client(&self) -> &'a Client {
        self.client
    }

    /// The scope that the client asks for, which it may have; its default scope where it asks for none.
    ///
    /// ```
    /// fn asks_to_write(request: &regrant::GrantRequest<'_>) -> bool {
    ///     request.scope().contains("write")
    /// }
    /// ```
    pub const fn scope(&self) -> &'a Scope {
        self.scope
    }

    /// The [resources](crate::EngineBuilder::resource) that the first token will be for, as the engine spells them: those that the request names,
    /// or the default one. None where the engine has no resources; what the request says then is in `all("resource")`.
    ///
    /// ```
    /// fn is_for_files(request: &regrant::GrantRequest<'_>) -> bool {
    ///     request.resources().any(|resource| resource == "https://files.example")
    /// }
    /// ```
    pub fn resources(&self) -> impl Iterator<Item = &'a str> {
        self.resources.into_iter().flat_map(Asked::uris)
    }

    /// The time of the request.
    ///
    /// ```
    /// fn has_begun(request: &regrant::GrantRequest<'_>, campaign: regrant::Timestamp) -> bool {
    ///     request.now() >= campaign
    /// }
    /// ```
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The address that the request comes from, if the host [gave it](crate::Request::with_peer).
    ///
    /// ```
    /// fn is_local(request: &regrant::GrantRequest<'_>) -> bool {
    ///     request.peer().is_some_and(|peer| peer.is_loopback())
    /// }
    /// ```
    pub const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Counts a guess at something before it is looked at, as whoever takes passwords must (RFC 6749 section 4.3.2). It counts as wrong
    /// until it is said to be [right](PendingGuess::right), or [not looked at](PendingGuess::not_looked_at). Without a
    /// [throttle](crate::EngineBuilder::throttle) nothing is counted.
    ///
    /// # Errors
    ///
    /// There were too many: 429, with `Retry-After`.
    ///
    /// ```
    /// use regrant::throttle::Guessed;
    /// use regrant::{Authorization, GrantError, GrantRequest};
    /// # struct Busy;
    /// # fn is_right(_: &str, _: &str) -> Result<bool, Busy> { Ok(true) }
    /// fn log_in(request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
    ///     let (username, password) = (request.required("username")?, request.required("password")?);
    ///     let guess = request.guess(Guessed::Password(username))?;
    ///     match is_right(username, password) {
    ///         Ok(true) => guess.right(),
    ///         Ok(false) => return Err(GrantError::invalid_grant()),
    ///         // Nobody has looked at it: that is no login.
    ///         Err(Busy) => {
    ///             guess.not_looked_at();
    ///             return Err(GrantError::failed("nobody could look at the password"));
    ///         }
    ///     }
    ///     Ok(Authorization::of(username))
    /// }
    /// ```
    pub fn guess(&self, at: Guessed<'a>) -> Result<PendingGuess<'a>, GrantError> {
        self.host.guess(at, self.peer, self.now).map_err(|why| GrantError::refused(why.into()))
    }

    /// A parameter that may be there once; an empty one counts as absent.
    ///
    /// # Errors
    ///
    /// `invalid_request` where it is repeated, empty ones counted.
    ///
    /// ```
    /// use regrant::{GrantError, GrantRequest};
    /// fn tenant<'a>(request: &GrantRequest<'a>) -> Result<&'a str, GrantError> {
    ///     Ok(request.parameter("tenant")?.unwrap_or("default"))
    /// }
    /// ```
    pub fn parameter(&self, name: &str) -> Result<Option<&'a str>, GrantError> {
        self.form.single(name).map_err(|_| GrantError::refused(RequestRefusal::RepeatedParameter.into()))
    }

    /// A parameter that must be there once.
    ///
    /// # Errors
    ///
    /// `invalid_request` where it is absent, empty or repeated.
    ///
    /// ```
    /// use regrant::{GrantError, GrantRequest};
    /// fn campaign<'a>(request: &GrantRequest<'a>) -> Result<&'a str, GrantError> {
    ///     request.required("campaign_id")
    /// }
    /// ```
    pub fn required(&self, name: &str) -> Result<&'a str, GrantError> {
        self.parameter(name)?.ok_or_else(|| GrantError::refused(RequestRefusal::MissingParameter.into()))
    }

    /// All values of a parameter that may repeat, such as `resource` (RFC 8707), but for empty ones.
    ///
    /// ```
    /// fn resources(request: &regrant::GrantRequest<'_>) -> usize {
    ///     request.all("resource").count()
    /// }
    /// ```
    pub fn all(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.form.all(name)
    }
}

impl fmt::Debug for GrantRequest<'_> {
    /// No parameters: passwords are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantRequest")
            .field("client_id", &self.client.id())
            .field("scope", &self.scope)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// Why a [`GrantHandler`] gives no authorization.
///
/// ```
/// use regrant::GrantError;
/// assert_eq!(GrantError::invalid_grant().to_string(), "the grant handler refused: invalid_grant");
/// ```
pub struct GrantError {
    pub(crate) why: Refusal,
    pub(crate) cause: Option<Box<dyn Error + Send + Sync>>,
}

impl GrantError {
    const fn refused(why: Refusal) -> Self {
        Self { why, cause: None }
    }

    const fn with(code: ErrorCode) -> Self {
        Self::refused(Refusal::Grant(GrantRefusal::Handler(code)))
    }

    /// A wrong user or password, or a grant that is invalid: `invalid_grant`.
    ///
    /// ```
    /// let _ = regrant::GrantError::invalid_grant();
    /// ```
    pub const fn invalid_grant() -> Self {
        Self::with(ErrorCode::InvalidGrant)
    }

    /// A parameter is missing or malformed: `invalid_request`.
    ///
    /// ```
    /// let _ = regrant::GrantError::invalid_request();
    /// ```
    pub const fn invalid_request() -> Self {
        Self::with(ErrorCode::InvalidRequest)
    }

    /// The resource owner cannot grant this scope: `invalid_scope`.
    ///
    /// ```
    /// let _ = regrant::GrantError::invalid_scope();
    /// ```
    pub const fn invalid_scope() -> Self {
        Self::with(ErrorCode::InvalidScope)
    }

    /// The client may not do this: `unauthorized_client`.
    ///
    /// ```
    /// let _ = regrant::GrantError::unauthorized_client();
    /// ```
    pub const fn unauthorized_client() -> Self {
        Self::with(ErrorCode::UnauthorizedClient)
    }

    /// The resource owner may not have tokens for a [resource](GrantRequest::resources) that the request names (RFC 8707 section
    /// 2): `invalid_target`.
    ///
    /// ```
    /// let _ = regrant::GrantError::invalid_target();
    /// ```
    pub const fn invalid_target() -> Self {
        Self::with(ErrorCode::InvalidTarget)
    }

    /// The code of an extension grant, such as `authorization_pending`; answered 400.
    ///
    /// # Errors
    ///
    /// [`InvalidErrorCode`] where it is empty or has a character that RFC 6749 section 5.2 does not allow.
    ///
    /// ```
    /// use regrant::GrantError;
    /// assert!(GrantError::extension("slow_down").is_ok());
    /// assert!(GrantError::extension("\"").is_err());
    /// ```
    pub fn extension(code: &'static str) -> Result<Self, InvalidErrorCode> {
        if !is_error_text(code) {
            return Err(InvalidErrorCode);
        }
        Ok(Self::with(ErrorCode::Extension(code)))
    }

    /// The handler cannot decide now, since something that it needs failed: 503. Only the events get the cause.
    ///
    /// ```
    /// let _ = regrant::GrantError::failed(std::io::Error::other("the user directory is down"));
    /// ```
    pub fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { why: Refusal::Unavailable(Unavailable::Host), cause: Some(cause.into()) }
    }
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.why, f)
    }
}

impl fmt::Debug for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantError").field("why", &self.why).field("cause", &self.cause).finish()
    }
}

impl Error for GrantError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
