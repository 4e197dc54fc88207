//! Who somebody is here whom another server vouches for.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;

use serde::de::DeserializeOwned;

use super::{Authorization, GrantError};
use crate::client::Client;
use crate::engine::resources::Asked;
use crate::grant::{Scope, Timestamp};
use crate::proof::{AssertionProfile, GrantAssertion};
use crate::store::BoxFuture;

/// Says who somebody is here whom a [trusted issuer](crate::engine::TrustedIssuer) vouches for, and what they may have (RFC 7521 section
/// 4.1, RFC 7523 section 2.1).
///
/// The engine has authenticated the client, and checked that it may use the grant type; that the assertion is for this server, of now,
/// signed by its issuer, and for this client where it says so; and that the request proves the key that it is bound to. What the policy
/// sees of the request is within what the client and the assertion may have.
///
/// As it stands it refuses everybody. A subject is one of its issuer's: two issuers may call two people the same, and so may two tenants of
/// one, so map all three: issuer, tenant, subject. An e-mail address is whatever the issuer says it is.
///
/// ```
/// use regrant::engine::{AssertionPolicy, AssertionRequest};
/// use regrant::{Authorization, GrantError, Scope};
///
/// struct Directory;
///
/// impl AssertionPolicy for Directory {
///     async fn authorize(&self, request: &AssertionRequest<'_>) -> Result<Authorization, GrantError> {
///         // … look up who that is …
///         match (request.issuer(), request.tenant(), request.subject()) {
///             ("https://idp.example", Some("acme"), "U019488227") => {
///                 let most = Scope::parse("chat.read").map_err(GrantError::failed)?;
///                 Ok(Authorization::of("alice").with_scope(most))
///             }
///             _ => Err(GrantError::invalid_grant()),
///         }
///     }
/// }
/// ```
pub trait AssertionPolicy: Send + Sync {
    /// Decides on one request. Of the [`Authorization`] count the subject, which is one of this server's; the scope, which what is asked for is
    /// cut to; the response fields, the host's own data, `acr`, `amr` and the time of the login. There is no refresh token, whatever it says.
    /// [`Authorization::of_client`] is a token for the client itself.
    ///
    /// # Errors
    ///
    /// A [`GrantError`], which becomes the response. Default: `invalid_grant`.
    fn authorize(
        &self,
        request: &AssertionRequest<'_>,
    ) -> impl Future<Output = Result<Authorization, GrantError>> + Send {
        let _ = request;
        std::future::ready(Err(GrantError::invalid_grant()))
    }
}

/// [`AssertionPolicy`] with a boxed future.
pub(crate) trait DynAssertionPolicy: Send + Sync {
    fn authorize_dyn<'a>(
        &'a self,
        request: &'a AssertionRequest<'a>,
    ) -> BoxFuture<'a, Result<Authorization, GrantError>>;
}

impl<P: AssertionPolicy> DynAssertionPolicy for P {
    fn authorize_dyn<'a>(
        &'a self,
        request: &'a AssertionRequest<'a>,
    ) -> BoxFuture<'a, Result<Authorization, GrantError>> {
        Box::pin(self.authorize(request))
    }
}

/// A request that an [`AssertionPolicy`] decides on, with an assertion that holds.
pub struct AssertionRequest<'a> {
    pub(crate) client: &'a Client,
    pub(crate) assertion: &'a GrantAssertion<'a>,
    pub(crate) scope: &'a Scope,
    pub(crate) resources: Option<&'a Asked<'a>>,
    pub(crate) now: Timestamp,
    pub(crate) peer: Option<IpAddr>,
}

impl<'a> AssertionRequest<'a> {
    /// The client, authenticated.
    pub const fn client(&self) -> &'a Client {
        self.client
    }

    /// Who vouches: the claim `iss`, one that the host trusts.
    pub fn issuer(&self) -> &'a str {
        self.assertion.issuer()
    }

    /// Whom for, by the name that the issuer has for them: the claim `sub`, at most 1,024 bytes without control characters.
    pub fn subject(&self) -> &'a str {
        self.assertion.subject()
    }

    /// Of which of the issuer's tenants: the claim `tenant` of OpenID Connect Enterprise Extensions. Within an issuer that has several,
    /// subjects are unique in a tenant alone.
    pub fn tenant(&self) -> Option<&'a str> {
        self.assertion.text("tenant")
    }

    /// By what rules the assertion is a grant.
    pub const fn profile(&self) -> AssertionProfile {
        self.assertion.profile()
    }

    /// Another claim that is a text, such as `email`, `aud_sub` or `aud_tenant`; `None` where it is not there or none.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.assertion.text(name)
    }

    /// Another claim, whatever it is; `None` where it is not there, or of another type. What its issuer says in it is for the policy to
    /// believe.
    ///
    /// ```
    /// #[derive(serde::Deserialize)]
    /// struct Kubernetes {
    ///     namespace: String,
    /// }
    /// fn namespace(request: &regrant::engine::AssertionRequest<'_>) -> Option<String> {
    ///     request.claim::<Kubernetes>("kubernetes.io").map(|claim| claim.namespace)
    /// }
    /// ```
    pub fn claim<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.assertion.claim(name)?).ok()
    }

    /// The scope that is asked for, within what the client and the assertion may have.
    pub const fn scope(&self) -> &'a Scope {
        self.scope
    }

    /// The [resources](crate::EngineBuilder::resource) that the token will be for, as the engine spells them. None where the engine has no
    /// resources.
    pub fn resources(&self) -> impl Iterator<Item = &'a str> {
        self.resources.into_iter().flat_map(Asked::uris)
    }

    /// The time of the request.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The address that the request comes from, if the host [gave it](crate::Request::with_peer).
    pub const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }
}

impl fmt::Debug for AssertionRequest<'_> {
    /// No claims: they are about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertionRequest")
            .field("client_id", &self.client.id())
            .field("profile", &self.profile())
            .field("scope", &self.scope)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
