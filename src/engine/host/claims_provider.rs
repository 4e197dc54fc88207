//! What a host says in an ID token.

use std::future::Future;

use super::{HookError, RequestedClaim, RequestedClaims};
use crate::client::Client;
use crate::grant::{Grant, Scope, Timestamp};
use crate::store::BoxFuture;
use crate::token::IdClaims;

/// Gives the claims of ID tokens (OpenID Connect Core section 5.1): called for the first one of a login and again on each
/// refresh, once per request, before anything is written. The engine adds the claims of section 2 itself. It gives those of the
/// [userinfo endpoint](crate::Engine::userinfo) too, and may give others there: [`IdTokenRequest::is_userinfo`].
///
/// ```
/// use regrant::engine::HookError;
/// use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest};
///
/// struct Directory;
///
/// impl ClaimsProvider for Directory {
///     async fn claims(&self, request: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
///         let mut claims = IdClaims::new();
///         if request.scope().contains("email") {
///             // … ask your user directory about request.subject() …
///             claims = claims.with("email", "alice@example.com").map_err(HookError::new)?;
///         }
///         Ok(claims)
///     }
/// }
/// ```
pub trait ClaimsProvider: Send + Sync {
    /// The claims for this person, client and scope.
    ///
    /// # Errors
    ///
    /// Where they cannot be had: the request is answered 503, and nothing has changed.
    fn claims(&self, request: &IdTokenRequest<'_>) -> impl Future<Output = Result<IdClaims, HookError>> + Send;
}

/// [`ClaimsProvider`] with a boxed future; a signature can afford the allocation.
pub(crate) trait DynClaimsProvider: Send + Sync {
    fn claims_dyn<'a>(&'a self, request: &'a IdTokenRequest<'a>) -> BoxFuture<'a, Result<IdClaims, HookError>>;
}

impl<P: ClaimsProvider> DynClaimsProvider for P {
    fn claims_dyn<'a>(&'a self, request: &'a IdTokenRequest<'a>) -> BoxFuture<'a, Result<IdClaims, HookError>> {
        Box::pin(self.claims(request))
    }
}

/// An ID token to be.
///
/// ```
/// fn wants_mail(request: &regrant::jwt::IdTokenRequest<'_>) -> bool {
///     request.scope().contains("email")
/// }
/// ```
#[derive(Debug)]
pub struct IdTokenRequest<'a> {
    pub(crate) grant: &'a Grant,
    pub(crate) client: &'a Client,
    pub(crate) scope: &'a Scope,
    pub(crate) now: Timestamp,
    /// Whether they are for the userinfo endpoint.
    pub(crate) userinfo: bool,
    pub(crate) requested: Option<&'a RequestedClaims>,
}

impl<'a> IdTokenRequest<'a> {
    /// The resource owner.
    ///
    /// ```
    /// fn directory_key(request: &regrant::jwt::IdTokenRequest<'_>) -> String {
    ///     request.subject().to_lowercase()
    /// }
    /// ```
    pub fn subject(&self) -> &'a str {
        self.grant.subject().unwrap_or_default()
    }

    /// The grant: when the resource owner logged in, the extra fields.
    ///
    /// ```
    /// fn since(request: &regrant::jwt::IdTokenRequest<'_>) -> Option<regrant::Timestamp> {
    ///     request.grant().authenticated_at()
    /// }
    /// ```
    pub const fn grant(&self) -> &'a Grant {
        self.grant
    }

    /// The client that the ID token is for.
    ///
    /// ```
    /// fn is_ours(request: &regrant::jwt::IdTokenRequest<'_>) -> bool {
    ///     request.client().id() == "portal"
    /// }
    /// ```
    pub const fn client(&self) -> &'a Client {
        self.client
    }

    /// The scope of this answer, which says what the client may know: `profile`, `email`, `address` and `phone` are those
    /// of OpenID Connect Core section 5.4.
    ///
    /// ```
    /// fn may_know_the_name(request: &regrant::jwt::IdTokenRequest<'_>) -> bool {
    ///     request.scope().contains("profile")
    /// }
    /// ```
    pub const fn scope(&self) -> &'a Scope {
        self.scope
    }

    /// Whether they are for the userinfo endpoint, and not for an ID token.
    ///
    /// ```
    /// /// A picture is large, and ID tokens go out with every refresh.
    /// fn may_be_large(request: &regrant::jwt::IdTokenRequest<'_>) -> bool {
    ///     request.is_userinfo()
    /// }
    /// ```
    pub const fn is_userinfo(&self) -> bool {
        self.userinfo
    }

    /// The claims that the client asked for by name at the login, for the ID token or the userinfo endpoint, whichever this is (OpenID
    /// Connect Core section 5.5). The person was shown them if the host's page [did so](crate::AuthorizationRequest::claims).
    ///
    /// ```
    /// fn asks_for_mail(request: &regrant::jwt::IdTokenRequest<'_>) -> bool {
    ///     request.scope().contains("email") || request.requested().any(|claim| claim.name() == "email")
    /// }
    /// ```
    pub fn requested(&self) -> impl Iterator<Item = &'a RequestedClaim> {
        let of = |claims: &'a RequestedClaims| if self.userinfo { claims.of_userinfo() } else { claims.of_id_token() };
        self.requested.map_or(&[][..], of).iter()
    }

    /// The time of the request.
    ///
    /// ```
    /// fn year(request: &regrant::jwt::IdTokenRequest<'_>) -> u64 {
    ///     1970 + request.now().as_secs() / 31_556_952
    /// }
    /// ```
    pub const fn now(&self) -> Timestamp {
        self.now
    }
}
