//! The host's say in everything that is issued.

use std::error::Error;
use std::fmt;
use std::future::Future;

use super::Audience;
use crate::client::Client;
use crate::grant::{Grant, HostData, ResponseFields, Scope, Timestamp};
use crate::store::BoxFuture;
use crate::wire::Form;

/// Asks the host about each answer of the token endpoint that hands out tokens, whatever the grant type: is the account still
/// open, may this client have tokens now, have the extra fields changed?
///
/// Runs once per request, after every check and before anything is written. It can refuse, or give new extra fields and new
/// data of the host's own; it cannot change scope, client, subject, renewability or expiry. What it refuses leaves the store as
/// it was: a code can be redeemed yet, a refresh token is the current one, a proof or an assertion is unspent, and of a login nothing is
/// kept.
///
/// ```
/// use regrant::engine::{HookError, IssueDecision, IssueHook, IssueRequest};
///
/// struct OpenAccounts;
///
/// impl IssueHook for OpenAccounts {
///     async fn on_issue(&self, request: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
///         match request.grant().subject() {
///             Some("closed.account") => Ok(IssueDecision::Refuse),
///             _ => Ok(IssueDecision::Allow),
///         }
///     }
/// }
/// ```
pub trait IssueHook: Send + Sync {
    /// Decides on one answer.
    ///
    /// # Errors
    ///
    /// [`HookError`] if the hook cannot decide now: answered 503, and nothing changes.
    fn on_issue(&self, request: &IssueRequest<'_>) -> impl Future<Output = Result<IssueDecision, HookError>> + Send;
}

/// [`IssueHook`] with a boxed future.
pub(crate) trait DynIssueHook: Send + Sync {
    fn on_issue_dyn<'a>(&'a self, request: &'a IssueRequest<'a>) -> BoxFuture<'a, Result<IssueDecision, HookError>>;
}

impl<H: IssueHook> DynIssueHook for H {
    fn on_issue_dyn<'a>(&'a self, request: &'a IssueRequest<'a>) -> BoxFuture<'a, Result<IssueDecision, HookError>> {
        Box::pin(self.on_issue(request))
    }
}

/// What tokens are asked for with.
///
/// ```
/// use regrant::engine::IssueKind;
/// fn is_login(kind: IssueKind) -> bool {
///     matches!(kind, IssueKind::Code | IssueKind::Handler)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IssueKind {
    /// An authorization code, which is redeemed.
    Code,
    /// A refresh token. One of another server (`EngineBuilder::foreign_tokens`) that comes for the first time is one too; its grant is
    /// not stored yet.
    Refresh,
    /// The refresh token before the current one: a response that was lost is sent again. Then only the hook's permission
    /// counts: what is stored is repeated, whatever changes it makes.
    Retry,
    /// What a [`GrantHandler`](crate::GrantHandler) took. The grant is not stored yet, and is found under its id only once the
    /// event [`Issued`](crate::event::Event::Issued) has come.
    Handler,
    /// A device code, whose person has let the device in (RFC 8628).
    Device,
    /// What another server says of somebody (`EngineBuilder::jwt_bearer`), allowed by the policy. As with [`Handler`](Self::Handler), the grant
    /// is not stored yet.
    Assertion,
    /// A token that is exchanged for another (RFC 8693), which the policy has allowed. The grant is that of the subject token; nothing is
    /// written, so only the hook's permission counts. What it refuses is `invalid_request` (section 2.2.2).
    Exchange,
}

/// An answer that the hook decides on.
///
/// ```
/// fn log(request: &regrant::engine::IssueRequest<'_>) {
///     println!("{} asks for tokens of grant {}", request.client().id(), request.grant().id());
/// }
/// ```
pub struct IssueRequest<'a> {
    pub(crate) grant: &'a Grant,
    pub(crate) client: &'a Client,
    pub(crate) scope: &'a Scope,
    pub(crate) audience: Audience<'a>,
    pub(crate) kind: IssueKind,
    pub(crate) form: &'a Form<'a>,
    pub(crate) now: Timestamp,
}

impl<'a> IssueRequest<'a> {
    /// The grant, as it is before the answer.
    ///
    /// ```
    /// fn who<'a>(request: &regrant::engine::IssueRequest<'a>) -> Option<&'a str> {
    ///     request.grant().subject()
    /// }
    /// ```
    pub const fn grant(&self) -> &'a Grant {
        self.grant
    }

    /// The client, authenticated: the one that the tokens are issued to.
    ///
    /// ```
    /// fn is_public(request: &regrant::engine::IssueRequest<'_>) -> bool {
    ///     request.client().is_public()
    /// }
    /// ```
    pub const fn client(&self) -> &'a Client {
        self.client
    }

    /// The scope of the access token to be issued, within that of the grant.
    ///
    /// ```
    /// fn may_write(request: &regrant::engine::IssueRequest<'_>) -> bool {
    ///     request.scope().contains("write")
    /// }
    /// ```
    pub const fn scope(&self) -> &'a Scope {
        self.scope
    }

    /// The resources (RFC 8707) that the access token to be issued is for, as the engine spells them: those that the request names or, where
    /// it names none, what follows from the grant. Empty in an engine without resources. Of an exchange, whom its token is for.
    ///
    /// ```
    /// fn is_for_files(request: &regrant::engine::IssueRequest<'_>) -> bool {
    ///     request.audience().iter().any(|resource| resource == "https://files.example")
    /// }
    /// ```
    pub const fn audience(&self) -> Audience<'a> {
        self.audience
    }

    /// What the tokens are asked for with.
    ///
    /// ```
    /// use regrant::engine::{IssueKind, IssueRequest};
    /// fn counts(request: &IssueRequest<'_>) -> bool {
    ///     request.kind() != IssueKind::Retry
    /// }
    /// ```
    pub const fn kind(&self) -> IssueKind {
        self.kind
    }

    /// A parameter of the request, `grant_type` for example; `None` where it is absent, empty or repeated. Secrets and tokens are
    /// among them.
    ///
    /// ```
    /// fn device<'a>(request: &regrant::engine::IssueRequest<'a>) -> Option<&'a str> {
    ///     request.parameter("device_id")
    /// }
    /// ```
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.form.single(name).ok().flatten()
    }

    /// All values of a parameter that may repeat, as they came, but for empty ones. Of `resource` (RFC 8707) they are what is asked for; what
    /// the token is for says [`audience`](Self::audience).
    ///
    /// ```
    /// fn names_resources(request: &regrant::engine::IssueRequest<'_>) -> bool {
    ///     request.all("resource").next().is_some()
    /// }
    /// ```
    pub fn all(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.form.all(name)
    }

    /// The time of the request.
    ///
    /// ```
    /// use std::time::Duration;
    /// fn idle(request: &regrant::engine::IssueRequest<'_>) -> Duration {
    ///     request.now().since(request.grant().rotated_at())
    /// }
    /// ```
    pub const fn now(&self) -> Timestamp {
        self.now
    }
}

impl fmt::Debug for IssueRequest<'_> {
    /// No parameters: tokens and secrets are among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssueRequest")
            .field("grant", &self.grant)
            .field("client_id", &self.client.id())
            .field("scope", &self.scope)
            .field("audience", &self.audience)
            .field("kind", &self.kind)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What the hook decides.
///
/// ```
/// use regrant::engine::{GrantChanges, IssueDecision};
/// use regrant::ResponseFields;
/// let gold = GrantChanges::new().with_fields(ResponseFields::new().with("tier", "gold")?);
/// let decision = IssueDecision::AllowWith(gold);
/// # let _ = decision;
/// # Ok::<(), regrant::grant::FieldError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IssueDecision {
    /// Go on.
    Allow,
    /// Go on, and keep these changes with the grant.
    AllowWith(GrantChanges),
    /// `invalid_grant`, of an exchange `invalid_request`; nothing changes.
    Refuse,
}

/// What a hook changes of a grant: what it does not name stays.
///
/// ```
/// use regrant::HostData;
/// use regrant::engine::GrantChanges;
/// let changes = GrantChanges::new().with_host_data(HostData::of("last seen in Lisbon")?);
/// # let _ = changes;
/// # Ok::<(), regrant::grant::HostDataError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[must_use]
pub struct GrantChanges {
    fields: Option<ResponseFields>,
    host_data: Change,
}

/// Of data of the host's own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum Change {
    #[default]
    Keep,
    Drop,
    To(HostData),
}

impl GrantChanges {
    /// None.
    ///
    /// ```
    /// let changes = regrant::engine::GrantChanges::new();
    /// # let _ = changes;
    /// ```
    pub const fn new() -> Self {
        Self { fields: None, host_data: Change::Keep }
    }

    /// All extra fields, in place of those that the grant had.
    ///
    /// ```
    /// let without_any = regrant::engine::GrantChanges::new().with_fields(regrant::ResponseFields::new());
    /// # let _ = without_any;
    /// ```
    pub fn with_fields(self, fields: ResponseFields) -> Self {
        Self { fields: Some(fields), ..self }
    }

    /// Data of the host's own, in place of what the grant had.
    ///
    /// ```
    /// use regrant::HostData;
    /// let changes = regrant::engine::GrantChanges::new().with_host_data(HostData::from_bytes(&[7])?);
    /// # let _ = changes;
    /// # Ok::<(), regrant::grant::HostDataError>(())
    /// ```
    pub fn with_host_data(self, data: HostData) -> Self {
        Self { host_data: Change::To(data), ..self }
    }

    /// Drops the data of the host's own.
    ///
    /// ```
    /// let changes = regrant::engine::GrantChanges::new().without_host_data();
    /// # let _ = changes;
    /// ```
    pub fn without_host_data(self) -> Self {
        Self { host_data: Change::Drop, ..self }
    }

    pub(crate) fn apply(&self, grant: &mut Grant) {
        if let Some(fields) = &self.fields {
            grant.fields.clone_from(fields);
        }
        match &self.host_data {
            Change::Keep => {}
            Change::Drop => grant.set_host_data(None),
            Change::To(data) => grant.set_host_data(Some(data.clone())),
        }
    }
}

/// The host cannot decide now.
///
/// ```
/// let error = regrant::engine::HookError::new("the account service is down");
/// assert_eq!(error.to_string(), "a hook of the host failed");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("a hook of the host failed")]
pub struct HookError(#[source] pub(crate) Box<dyn Error + Send + Sync>);

impl HookError {
    /// Wraps the cause, which goes to the events alone.
    ///
    /// ```
    /// let _ = regrant::engine::HookError::new(std::io::Error::other("timed out"));
    /// ```
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}
