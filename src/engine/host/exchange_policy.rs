//! Which tokens may be exchanged for which: RFC 8693.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::HookError;
use crate::client::Client;
use crate::engine::exchange::ExchangeParty;
use crate::grant::{Scope, Timestamp};
use crate::store::BoxFuture;
use crate::wire::Form;

/// Decides who may exchange a token for another (RFC 8693): which client, whose token, for which audience. Given to
/// [`EngineBuilder::token_exchange`](crate::EngineBuilder::token_exchange).
///
/// Asked when all is known: the client has authenticated and may use the grant type, the tokens are this engine's and alive. What
/// the engine sees to by itself, whatever the policy says, is in the guide `guide::token_exchange`.
///
/// ```
/// use regrant::engine::{ExchangeDecision, ExchangePolicy, ExchangeRequest, ExchangeTerms, HookError};
///
/// /// The shop calls the ledger on behalf of the people whose tokens it was sent.
/// struct Internal;
///
/// impl ExchangePolicy for Internal {
///     async fn decide(&self, request: &ExchangeRequest<'_>) -> Result<ExchangeDecision, HookError> {
///         if request.client().id() != "shop" || !request.subject().is_for_client() {
///             return Ok(ExchangeDecision::Refuse);
///         }
///         Ok(ExchangeDecision::Allow(ExchangeTerms::new().with_audience("https://ledger.example").with_client_as_actor()))
///     }
/// }
/// ```
pub trait ExchangePolicy: Send + Sync {
    /// Whether this exchange may be, and for whom the new token may be. Default: never.
    ///
    /// # Errors
    ///
    /// [`HookError`] if it cannot tell now: answered 503, and nothing is issued.
    fn decide(
        &self,
        request: &ExchangeRequest<'_>,
    ) -> impl Future<Output = Result<ExchangeDecision, HookError>> + Send {
        let _ = request;
        std::future::ready(Ok(ExchangeDecision::Refuse))
    }
}

/// [`ExchangePolicy`] with a boxed future; one allocation is little beside a signature.
pub(crate) trait DynExchangePolicy: Send + Sync {
    fn decide_dyn<'a>(&'a self, request: &'a ExchangeRequest<'a>)
    -> BoxFuture<'a, Result<ExchangeDecision, HookError>>;
}

impl<P: ExchangePolicy> DynExchangePolicy for P {
    fn decide_dyn<'a>(
        &'a self,
        request: &'a ExchangeRequest<'a>,
    ) -> BoxFuture<'a, Result<ExchangeDecision, HookError>> {
        Box::pin(self.decide(request))
    }
}

/// An exchange that a client asks for.
///
/// ```
/// fn is_delegation(request: &regrant::engine::ExchangeRequest<'_>) -> bool {
///     request.actor().is_some()
/// }
/// ```
#[derive(Debug)]
pub struct ExchangeRequest<'a> {
    pub(in crate::engine) client: &'a Client,
    pub(in crate::engine) subject: &'a ExchangeParty,
    pub(in crate::engine) actor: Option<&'a ExchangeParty>,
    pub(in crate::engine) scope: &'a Scope,
    pub(in crate::engine) audience: &'a [SmolStr],
    pub(in crate::engine) form: &'a Form<'a>,
    pub(in crate::engine) peer: Option<IpAddr>,
    pub(in crate::engine) now: Timestamp,
}

impl<'a> ExchangeRequest<'a> {
    /// The client that asks, authenticated: always a confidential one. The new token is issued to it.
    ///
    /// ```
    /// fn is_ours(request: &regrant::engine::ExchangeRequest<'_>) -> bool {
    ///     request.client().id() == "shop"
    /// }
    /// ```
    pub const fn client(&self) -> &'a Client {
        self.client
    }

    /// Whose token is exchanged: who the new token will be about (`subject_token`).
    ///
    /// ```
    /// fn is_of_a_person(request: &regrant::engine::ExchangeRequest<'_>) -> bool {
    ///     request.subject().subject().is_some()
    /// }
    /// ```
    pub const fn subject(&self) -> &'a ExchangeParty {
        self.subject
    }

    /// Who is to act for them, where the request has an `actor_token`. Without one it is the client that asks, and nobody is named in
    /// the new token unless the terms [say so](ExchangeTerms::with_client_as_actor).
    ///
    /// ```
    /// fn is_support(request: &regrant::engine::ExchangeRequest<'_>) -> bool {
    ///     request.actor().is_some_and(|actor| actor.subject() == Some("support"))
    /// }
    /// ```
    pub const fn actor(&self) -> Option<&'a ExchangeParty> {
        self.actor
    }

    /// The scope that is asked for, which is within the subject token's and what the client may have; all of that where the request names
    /// none.
    ///
    /// ```
    /// fn asks_to_write(request: &regrant::engine::ExchangeRequest<'_>) -> bool {
    ///     request.scope().contains("write")
    /// }
    /// ```
    pub const fn scope(&self) -> &'a Scope {
        self.scope
    }

    /// For whom the token is to be, as the request names it by `resource` and `audience`: the engine's own
    /// [resources](crate::EngineBuilder::resource) as it spells them, all else as it came. Empty where nothing is named.
    ///
    /// ```
    /// fn names_the_ledger(request: &regrant::engine::ExchangeRequest<'_>) -> bool {
    ///     request.audience().any(|name| name == "https://ledger.example")
    /// }
    /// ```
    pub fn audience(&self) -> impl Iterator<Item = &'a str> {
        self.audience.iter().map(SmolStr::as_str)
    }

    /// A parameter of the request, if it is there once; an empty one counts as absent. Tokens are among them.
    ///
    /// ```
    /// fn reason<'a>(request: &regrant::engine::ExchangeRequest<'a>) -> Option<&'a str> {
    ///     request.parameter("reason")
    /// }
    /// ```
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.form.single(name).ok().flatten()
    }

    /// The address that the request comes from, if the host [gave it](crate::Request::with_peer).
    ///
    /// ```
    /// fn is_local(request: &regrant::engine::ExchangeRequest<'_>) -> bool {
    ///     request.peer().is_some_and(|peer| peer.is_loopback())
    /// }
    /// ```
    pub const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The time of the request.
    ///
    /// ```
    /// fn has_begun(request: &regrant::engine::ExchangeRequest<'_>, campaign: regrant::Timestamp) -> bool {
    ///     request.now() >= campaign
    /// }
    /// ```
    pub const fn now(&self) -> Timestamp {
        self.now
    }
}

/// What a policy says of an exchange.
///
/// ```
/// use regrant::engine::{ExchangeDecision, ExchangeTerms};
/// let decision = ExchangeDecision::Allow(ExchangeTerms::new().with_audience("https://ledger.example"));
/// # let _ = decision;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ExchangeDecision {
    /// It may be, on these terms.
    Allow(ExchangeTerms),
    /// It may not: `invalid_request` (section 2.2.2), as for a token that is none.
    Refuse,
}

/// On what terms an exchange may be. They only narrow: the new token's scope and life stay within the subject token's.
///
/// ```
/// use regrant::engine::ExchangeTerms;
/// use regrant::Scope;
/// use std::time::Duration;
/// let terms = ExchangeTerms::new()
///     .with_audience("https://ledger.example")
///     .with_scope(Scope::parse("read")?)
///     .with_lifetime(Duration::from_secs(60));
/// # let _ = terms;
/// # Ok::<(), regrant::grant::InvalidScope>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ExchangeTerms {
    pub(in crate::engine) audience: SmallVec<[SmolStr; 2]>,
    pub(in crate::engine) scope: Option<Scope>,
    pub(in crate::engine) lifetime: Option<Duration>,
    pub(in crate::engine) client_acts: bool,
    pub(in crate::engine) may_act: Option<SmolStr>,
    pub(in crate::engine) unproven: bool,
}

impl ExchangeTerms {
    /// For nobody yet: name an [audience](Self::with_audience).
    ///
    /// ```
    /// let terms = regrant::engine::ExchangeTerms::new();
    /// # let _ = terms;
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one for whom the new token may be: a [resource](crate::EngineBuilder::resource) of the engine, in any spelling, or a name that
    /// its resource server knows to the letter. A request that names another is `invalid_target`. One that names none is for the only one
    /// in the list, or for the engine's default where that is among several.
    ///
    /// Where the engine has resources, a client that exchanges a token of its own reaches none that the person did not consent to,
    /// whatever is named here.
    ///
    /// ```
    /// let terms = regrant::engine::ExchangeTerms::new().with_audience("https://ledger.example");
    /// # let _ = terms;
    /// ```
    pub fn with_audience(mut self, name: &str) -> Self {
        self.audience.push(name.into());
        self
    }

    /// The most that its scope may be. What is asked for beyond is left out, and the response says so; where nothing is left, it is
    /// `invalid_scope`. Default: what the [request](ExchangeRequest::scope) asks for.
    ///
    /// In an engine with [resources](crate::EngineBuilder::resource) a token has what those that it is for define, and what no resource
    /// does. For an audience that the engine knows nothing of it also has what is named here: the policy knows what a scope means
    /// there.
    ///
    /// ```
    /// # use regrant::Scope;
    /// let terms = regrant::engine::ExchangeTerms::new().with_scope(Scope::parse("read")?);
    /// # let _ = terms;
    /// # Ok::<(), regrant::grant::InvalidScope>(())
    /// ```
    pub fn with_scope(self, most: Scope) -> Self {
        Self { scope: Some(most), ..self }
    }

    /// How long it lives at most, in whole seconds. Default: as long as an access token of the client, and never longer than the tokens that are
    /// exchanged for it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let terms = regrant::engine::ExchangeTerms::new().with_lifetime(Duration::from_secs(60));
    /// # let _ = terms;
    /// ```
    pub fn with_lifetime(self, most: Duration) -> Self {
        Self { lifetime: Some(most), ..self }
    }

    /// Names the client that asks as the actor (section 4.1) where the request has no `actor_token`: the resource then sees that it is the
    /// client who calls, and for whom. Default: the new token says nothing of it but `client_id`.
    ///
    /// ```
    /// let terms = regrant::engine::ExchangeTerms::new().with_client_as_actor();
    /// # let _ = terms;
    /// ```
    pub fn with_client_as_actor(self) -> Self {
        Self { client_acts: true, ..self }
    }

    /// Who alone may exchange the new token again, or be the actor then: a subject, or the id of a client (`may_act`, section 4.4).
    /// Default: whoever the policy allows it to.
    ///
    /// ```
    /// let terms = regrant::engine::ExchangeTerms::new().with_may_act("ledger");
    /// # let _ = terms;
    /// ```
    pub fn with_may_act(self, name: &str) -> Self {
        Self { may_act: Some(name.into()), ..self }
    }

    /// Lets this client exchange tokens that are bound to a key or a certificate which it has not got, as a resource that was sent one. The
    /// new token is bound to what the client itself proves, and to nothing where it proves nothing: whoever steals a bound token can
    /// then use it by way of this client. Default: such a token needs the proof of what it is bound to.
    ///
    /// ```
    /// let terms = regrant::engine::ExchangeTerms::new().with_audience("https://ledger.example").danger_without_proof();
    /// # let _ = terms;
    /// ```
    pub fn danger_without_proof(self) -> Self {
        Self { unproven: true, ..self }
    }
}
