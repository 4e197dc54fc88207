//! A live access token, as the host sees it.

use std::fmt;

use smallvec::SmallVec;
use smol_str::SmolStr;

#[cfg(feature = "jwt")]
use crate::engine::exchange::Exchanged;
use crate::grant::{Confirmation, Grant, GrantId, HostData, Scope, Timestamp};

/// A live access token, and what it allows.
///
/// ```
/// # async fn resource<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>) {
/// use regrant::{Request, Scope, Timestamp};
///
/// let request = Request::new("GET", b"").with_header("authorization", b"Bearer ...");
/// match engine.bearer(&request, &Scope::empty(), Timestamp::now).await {
///     Ok(access) => println!("{:?} may {}", access.subject(), access.scope()),
///     Err(refused) => println!("{} {}", refused.status(), refused.challenge()),
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Access {
    pub(in crate::engine) grant_id: GrantId,
    pub(in crate::engine) client_id: SmolStr,
    pub(in crate::engine) subject: Option<SmolStr>,
    pub(in crate::engine) scope: Scope,
    /// As the engine spells them; none where it has no resources.
    pub(in crate::engine) resources: SmallVec<[SmolStr; 1]>,
    pub(in crate::engine) issued_at: Timestamp,
    pub(in crate::engine) expires_at: Timestamp,
    pub(in crate::engine) epoch: u32,
    /// The claim `jti` of a JWT.
    pub(in crate::engine) jti: Option<SmolStr>,
    /// The claim of a JWT.
    pub(in crate::engine) acr: Option<SmolStr>,
    pub(in crate::engine) grant: Option<Grant>,
    pub(in crate::engine) bound_to: Option<Confirmation>,
    #[cfg(feature = "jwt")]
    pub(in crate::engine) exchanged: Option<Box<Exchanged>>,
    pub(in crate::engine) dpop_nonce: Option<Box<str>>,
}

impl Access {
    /// The resource owner; `None` where the client acts for itself. Of a token that a client has got by an
    /// exchange it may be another client, which acted for itself.
    ///
    /// ```
    /// fn greet(access: &regrant::Access) -> &str {
    ///     access.subject().unwrap_or("a client by itself")
    /// }
    /// ```
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The client that the token was issued to.
    ///
    /// ```
    /// fn is_ours(access: &regrant::Access) -> bool {
    ///     access.client_id() == "back-office"
    /// }
    /// ```
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The scope of this token, within that of the grant and what its client may have now; at a resource, what that defines of
    /// it, and what no resource does.
    ///
    /// ```
    /// fn may_write(access: &regrant::Access) -> bool {
    ///     access.scope().contains("write")
    /// }
    /// ```
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The resources that the token is for (RFC 8707), as the engine spells them: its audience. None where the engine has no
    /// [resources](crate::EngineBuilder::resource); of a token that came of an exchange all that its policy named.
    ///
    /// ```
    /// fn is_for_files(access: &regrant::Access) -> bool {
    ///     access.resources().any(|resource| resource == "https://files.example")
    /// }
    /// ```
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().map(SmolStr::as_str)
    }

    /// When the token was issued, in whole seconds.
    ///
    /// ```
    /// fn age(access: &regrant::Access, now: regrant::Timestamp) -> std::time::Duration {
    ///     now.since(access.issued_at())
    /// }
    /// ```
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When the token expires.
    ///
    /// ```
    /// use std::time::Duration;
    /// fn left(access: &regrant::Access, now: regrant::Timestamp) -> Duration {
    ///     access.expires_at().since(now)
    /// }
    /// ```
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The grant it is of; safe to log.
    ///
    /// ```
    /// fn log(access: &regrant::Access) {
    ///     println!("grant {}", access.grant_id());
    /// }
    /// ```
    pub const fn grant_id(&self) -> GrantId {
        self.grant_id
    }

    /// The grant itself, as it was when the token was checked: its extra fields, and when the resource owner logged in.
    /// `None` only where the engine checks JWTs by their signature and asks no store.
    ///
    /// ```
    /// use std::time::Duration;
    /// fn is_fresh(access: &regrant::Access, now: regrant::Timestamp) -> bool {
    ///     let login = access.grant().and_then(|grant| grant.authenticated_at());
    ///     login.is_some_and(|time| now.since(time) < Duration::from_secs(300))
    /// }
    /// ```
    pub const fn grant(&self) -> Option<&Grant> {
        self.grant.as_ref()
    }

    /// How the resource owner logged in, where the host [said it](crate::Authorization::with_acr) at the login.
    ///
    /// ```
    /// fn had_two_factors(access: &regrant::Access) -> bool {
    ///     access.acr() == Some("urn:example:mfa")
    /// }
    /// ```
    pub fn acr(&self) -> Option<&str> {
        self.grant.as_ref().map_or(self.acr.as_deref(), Grant::acr)
    }

    /// The nonce of the client's next proof of possession: `DPoP-Nonce` of the resource's answer (RFC 9449 section 8.2). `None` where the
    /// request came without a proof.
    ///
    /// ```
    /// fn header(access: &regrant::Access) -> Option<(&'static str, &str)> {
    ///     access.dpop_nonce().map(|nonce| ("dpop-nonce", nonce))
    /// }
    /// ```
    pub fn dpop_nonce(&self) -> Option<&str> {
        self.dpop_nonce.as_deref()
    }

    /// Whether the token is bound to a key or a certificate, which this request has proven.
    ///
    /// ```
    /// fn may_pay(access: &regrant::Access) -> bool {
    ///     access.is_bound() && access.scope().contains("pay")
    /// }
    /// ```
    pub const fn is_bound(&self) -> bool {
        self.bound_to.is_some()
    }

    /// Whether its client has got the token by an exchange (RFC 8693): it is of the grant of another token, and [`grant`](Self::grant) may
    /// be another client's.
    ///
    /// ```
    /// fn is_first_hand(access: &regrant::Access) -> bool {
    ///     !access.is_exchanged()
    /// }
    /// ```
    #[cfg(feature = "jwt")]
    pub const fn is_exchanged(&self) -> bool {
        self.exchanged.is_some()
    }

    /// Who acts for the [subject](Self::subject), where the token says so (RFC 8693 section 4.1): a subject, or the id of a client; a
    /// person goes by the name that the token's client has for them. Together with the subject it is all that a decision may look at.
    ///
    /// ```
    /// fn is_by_support(access: &regrant::Access) -> bool {
    ///     access.actor() == Some("support")
    /// }
    /// ```
    #[cfg(feature = "jwt")]
    pub fn actor(&self) -> Option<&str> {
        self.exchanged.as_deref().and_then(|exchanged| exchanged.actors.first()).map(SmolStr::as_str)
    }

    /// Who acted before the current [actor](Self::actor), the latest first: for logs, and no ground for any decision (RFC 8693 section
    /// 4.1).
    ///
    /// ```
    /// fn log(access: &regrant::Access) {
    ///     println!("{:?}", access.prior_actors().collect::<Vec<_>>());
    /// }
    /// ```
    #[cfg(feature = "jwt")]
    pub fn prior_actors(&self) -> impl Iterator<Item = &str> {
        let actors = self.exchanged.as_deref().map(|exchanged| exchanged.actors.iter().skip(1));
        actors.into_iter().flatten().map(SmolStr::as_str)
    }

    /// What the host keeps with the grant for itself. `None` where there is none, and where no store was asked: see
    /// [`grant`](Self::grant).
    ///
    /// ```
    /// fn tenant(access: &regrant::Access) -> Option<u32> {
    ///     access.host_data()?.read().ok()
    /// }
    /// ```
    pub fn host_data(&self) -> Option<&HostData> {
        self.grant.as_ref().and_then(Grant::host_data)
    }
}

impl Access {
    /// When its client began to know the person by the name that the token has.
    pub(in crate::engine) fn named_at(&self, grant: &Grant) -> Timestamp {
        #[cfg(feature = "jwt")]
        if self.is_exchanged() {
            return self.issued_at;
        }
        let _ = self;
        grant.created_at
    }
}

impl fmt::Debug for Access {
    /// Neither a secret nor a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("grant_id", &self.grant_id)
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
