//! Grant handlers: what turns a request into an authorization.

use std::error::Error;
use std::fmt;
use std::future::Future;

use smol_str::SmolStr;

use super::refusal::Refusal;
use crate::client::Client;
use crate::grant::{Grant, ResponseFields, Scope, Timestamp};
use crate::store::BoxFuture;
use crate::wire::{ErrorCode, Form, is_error_text};

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
///         Ok(Authorization::of(username).fields(fields))
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

/// [`GrantHandler`] with a boxed future; a login can afford the allocation.
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
    pub(crate) now: Timestamp,
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
        self.form.single(name).map_err(|_| GrantError::refused(Refusal::RepeatedParameter))
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
        self.parameter(name)?.ok_or_else(|| GrantError::refused(Refusal::MissingParameter))
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

/// What a handler allows: who, what of it, and what the response says besides.
///
/// ```
/// use regrant::{Authorization, Scope};
/// let authorization = Authorization::of("usuario.teste").scope(Scope::parse("scope_1")?).renewable(false);
/// # let _ = authorization;
/// # Ok::<(), regrant::InvalidScope>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Authorization {
    pub(crate) subject: Option<SmolStr>,
    pub(crate) scope: Option<Scope>,
    pub(crate) fields: ResponseFields,
    pub(crate) renewable: bool,
    pub(crate) refresh_token: bool,
    pub(crate) authenticated_at: Option<Timestamp>,
}

impl Authorization {
    /// This resource owner is logged in: an id that is never given to another, of at most
    /// [`Grant::MAX_SUBJECT_BYTES`] bytes.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of("usuario.teste");
    /// # let _ = authorization;
    /// ```
    pub fn of(subject: &str) -> Self {
        Self { subject: Some(subject.into()), refresh_token: true, ..Self::of_client() }
    }

    /// The client acts for itself (RFC 6749 section 4.4): there is no resource owner, and no refresh token.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of_client();
    /// # let _ = authorization;
    /// ```
    pub const fn of_client() -> Self {
        Self {
            subject: None,
            scope: None,
            fields: ResponseFields::new(),
            renewable: true,
            refresh_token: false,
            authenticated_at: None,
        }
    }

    /// The scope that is granted, within the client's. Default: what the request asks for.
    ///
    /// ```
    /// use regrant::{Authorization, Scope};
    /// let authorization = Authorization::of("alice").scope(Scope::empty());
    /// # let _ = authorization;
    /// ```
    pub fn scope(self, scope: Scope) -> Self {
        Self { scope: Some(scope), ..self }
    }

    /// Members that this response and that of every later refresh have besides. Default: none.
    ///
    /// ```
    /// use regrant::{Authorization, ResponseFields};
    /// let authorization = Authorization::of("alice").fields(ResponseFields::new().with("home_uri", "/")?);
    /// # let _ = authorization;
    /// # Ok::<(), regrant::FieldError>(())
    /// ```
    pub fn fields(self, fields: ResponseFields) -> Self {
        Self { fields, ..self }
    }

    /// Whether the grant may be renewed, where the engine's [`RenewalPolicy`](crate::RenewalPolicy) allows it too. One
    /// that may not still hands out a refresh token, which renews nothing. Default: yes.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of("alice").renewable(false);
    /// # let _ = authorization;
    /// ```
    pub fn renewable(self, renewable: bool) -> Self {
        Self { renewable, ..self }
    }

    /// Hands out no refresh token at all.
    ///
    /// ```
    /// let authorization = regrant::Authorization::of("alice").without_refresh_token();
    /// # let _ = authorization;
    /// ```
    pub fn without_refresh_token(self) -> Self {
        Self { refresh_token: false, ..self }
    }

    /// When the resource owner logged in, if that was earlier than now.
    ///
    /// ```
    /// use regrant::{Authorization, Timestamp};
    /// let authorization = Authorization::of("alice").authenticated_at(Timestamp::from_secs(1_597_240_260));
    /// # let _ = authorization;
    /// ```
    pub fn authenticated_at(self, time: Timestamp) -> Self {
        Self { authenticated_at: Some(time), ..self }
    }

    /// Whether the subject fits a record.
    pub(crate) fn subject_fits(&self) -> bool {
        self.subject.as_ref().is_none_or(|subject| !subject.is_empty() && subject.len() <= Grant::MAX_SUBJECT_BYTES)
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

    /// A wrong user or password, or a grant that is invalid: `invalid_grant`.
    ///
    /// ```
    /// let _ = regrant::GrantError::invalid_grant();
    /// ```
    pub const fn invalid_grant() -> Self {
        Self::refused(Refusal::Handler(ErrorCode::InvalidGrant))
    }

    /// A parameter is missing or malformed: `invalid_request`.
    ///
    /// ```
    /// let _ = regrant::GrantError::invalid_request();
    /// ```
    pub const fn invalid_request() -> Self {
        Self::refused(Refusal::Handler(ErrorCode::InvalidRequest))
    }

    /// The resource owner cannot grant this scope: `invalid_scope`.
    ///
    /// ```
    /// let _ = regrant::GrantError::invalid_scope();
    /// ```
    pub const fn invalid_scope() -> Self {
        Self::refused(Refusal::Handler(ErrorCode::InvalidScope))
    }

    /// The client may not do this: `unauthorized_client`.
    ///
    /// ```
    /// let _ = regrant::GrantError::unauthorized_client();
    /// ```
    pub const fn unauthorized_client() -> Self {
        Self::refused(Refusal::Handler(ErrorCode::UnauthorizedClient))
    }

    /// The code of an extension grant, such as `authorization_pending`; answered 400. `None` where it has a character
    /// that RFC 6749 section 5.2 does not allow.
    ///
    /// ```
    /// use regrant::GrantError;
    /// assert!(GrantError::extension("slow_down").is_some());
    /// assert!(GrantError::extension("\"").is_none());
    /// ```
    pub fn extension(code: &'static str) -> Option<Self> {
        is_error_text(code).then(|| Self::refused(Refusal::Handler(ErrorCode::Extension(code))))
    }

    /// It cannot be told now, since something that the handler needs failed: 503. The cause goes to the events alone.
    ///
    /// ```
    /// let _ = regrant::GrantError::failed(std::io::Error::other("the user directory is down"));
    /// ```
    pub fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { why: Refusal::Host, cause: Some(cause.into()) }
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
