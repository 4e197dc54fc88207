//! Checking an access token at a resource: RFC 6750.

mod access;
mod challenge;
mod error;
mod guard;
mod live;
#[cfg(feature = "jwt")]
mod userinfo;
#[cfg(feature = "jwt")]
mod verify_jwt;

pub use access::Access;
pub(in crate::engine) use challenge::Scheme;
pub use error::{BearerError, BearerErrorKind};
pub use guard::BearerCheck;
use guard::Wanted;
pub(super) use live::Asking;
#[cfg(feature = "jwt")]
pub(super) use live::left_of;

use std::pin::pin;
use std::time::Duration;

use super::Engine;
use super::failure::Failure;
use super::host::Clock;
use super::refusal::{GrantRefusal, Refusal, ResourceRefusal, ServerFault};
use super::resources::ResourceRef;
use super::settings::Implies;
use super::time::Time;
use crate::client::Clients;
use crate::grant::{Grant, Scope, Timestamp};
use crate::store::TokenStore;
use crate::wire::{Form, FormError, Header, Request, is_form_urlencoded};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Checks the access token of a request to a resource, and that it has all of the scope `required`. In an engine with
    /// [resources](crate::EngineBuilder::resource) this is the default one: a token for others alone is `invalid_token`, see
    /// [`bearer_for`](Self::bearer_for).
    ///
    /// The token may come in the `Authorization` header (RFC 6750 section 2.1) or, in a form body that is not a GET's,
    /// as `access_token` (section 2.2): leave the body of the [`Request`] empty to allow the header only. A token in the
    /// query string does not count.
    ///
    /// Where the engine takes proofs of possession (`EngineBuilder::dpop`), a token that is bound to a key has to come by the scheme
    /// `DPoP`, with a proof in the header of that name (RFC 9449 section 7.1), and a token that is not by `Bearer`. A token that is bound to
    /// a certificate comes by `Bearer`, on a connection with that certificate (RFC 8705 section 3).
    ///
    /// The grant is loaded each time, so a revoked one lets nobody in; an engine that signs JWTs can be told to leave that
    /// out (`JwtAccessTokens::danger_signature_alone`).
    ///
    /// # Errors
    ///
    /// A [`BearerError`], which is the response. 503, not 401, where the store fails: a token that is good must not be
    /// thrown away for that.
    ///
    /// ```
    /// # async fn resource<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// use regrant::{Request, Scope, Timestamp};
    /// let request = Request::new("GET", b"").with_header("authorization", b"Bearer ...");
    /// let access = engine.bearer(&request, &Scope::parse("scope_1")?, Timestamp::now).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn bearer(
        &self,
        request: &Request<'_>,
        required: &Scope,
        clock: impl Clock,
    ) -> Result<Access, BearerError> {
        let wanted = Wanted { scope: required.clone(), ..Wanted::default() };
        self.check_bearer(request, None, &wanted, clock).await
    }

    /// Checks the access token of a request to one of several [resources](crate::EngineBuilder::resource), by its URI in any
    /// spelling: the token has to be for it.
    ///
    /// ```
    /// # async fn resource<S: regrant::TokenStore, C: regrant::Clients>(engine: &regrant::Engine<S, C>)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// use regrant::{Request, Timestamp};
    /// let request = Request::new("GET", b"").with_header("authorization", b"Bearer ...");
    /// let access = engine.bearer_for("https://files.example").check(&request, Timestamp::now).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bearer_for<'a>(&'a self, resource: &'a str) -> BearerCheck<'a, S, C> {
        BearerCheck::new(self, resource)
    }

    /// `resource`: another than the default one.
    async fn check_bearer(
        &self,
        request: &Request<'_>,
        resource: Option<&str>,
        wanted: &Wanted,
        clock: impl Clock,
    ) -> Result<Access, BearerError> {
        let time = self.time(&clock);
        let guarded = self.guarded(resource);
        let form = self.resource_form(request);
        let (scheme, presented) = presented(request, &form, self.takes_proofs());
        let checked = match (&guarded, presented) {
            (Err(why), _) => Err((*why).into()),
            (_, Err(why)) => Err(why.into()),
            (Ok(resource), Ok(text)) => {
                let token = Token { text, scheme, request };
                time.watch(pin!(self.check_access(token, resource.as_ref(), wanted, &time))).await
            }
        };
        let dpop_nonce = self.nonce_for(request, scheme, time.now());
        match checked {
            Ok(access) => Ok(Access { dpop_nonce, ..access }),
            Err(failure) => {
                self.tell(&failure);
                let kind = BearerErrorKind::of(failure.why);
                let challenge = self.challenge(kind, scheme, guarded.ok().flatten().as_deref(), wanted);
                Err(BearerError { kind, challenge, dpop_nonce })
            }
        }
    }

    /// The resource that is guarded; `None` in an engine without any.
    fn guarded(&self, resource: Option<&str>) -> Result<Option<ResourceRef<'_>>, ServerFault> {
        match (self.settings.resources.as_deref(), resource) {
            (None, None) => Ok(None),
            (Some(resources), None) => Ok(resources.default_resource()),
            (resources, Some(uri)) => {
                let found = resources.and_then(|resources| resources.find(uri));
                found.map(Some).ok_or(ServerFault::UnknownResource)
            }
        }
    }

    /// The form of a request to a resource, if it has one. It is the resource's own, so it need not be one that the
    /// token endpoint would read.
    fn resource_form<'a>(&self, request: &Request<'a>) -> Result<Option<Form<'a>>, FormError> {
        match request.content_type() {
            Header::One(content_type)
                if is_form_urlencoded(content_type) && !request.body().is_empty() && request.method() != "GET" =>
            {
                Form::parse(request.body(), self.limits()).map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn check_access(
        &self,
        token: Token<'_>,
        guarded: Option<&ResourceRef<'_>>,
        wanted: &Wanted,
        time: &Time<'_>,
    ) -> Result<Access, Failure> {
        let Token { text, scheme, request } = token;
        let resource = guarded.map(|guarded| &**guarded);
        let mut presented = self.presented_at_resource(request, scheme, text, resource, time.now())?;
        let mut access = self.live_access(text, time, Asking::Resource).await?;
        let id = access.grant_id();
        let subject = access.subject.clone();
        let refused = |why: Refusal| Err(Failure::from(why).of_grant(id).of_subject(subject.as_deref()));
        if let Err(why) = self.confirm(&access, scheme, &mut presented, resource, time.now()) {
            return refused(why);
        }
        if let (Some(resources), Some(resource)) = (self.settings.resources.as_deref(), guarded) {
            if !access.resources().any(|uri| uri == resource.uri()) {
                return refused(ResourceRefusal::AnotherResource.into());
            }
            // What another resource calls by the same name is no business of this one (RFC 9068 section 5).
            match resources.cut_scope(&access.scope, std::slice::from_ref(resource)) {
                Some(scope) => access.scope = scope,
                None => return refused(GrantRefusal::ScopeTaken.into()),
            }
        }
        if !wanted.scope.iter().all(|token| self.allows(&access.scope, token)) {
            return refused(ResourceRefusal::InsufficientScope.into());
        }
        if !wanted.acr.is_empty() && !wanted.acr.iter().any(|acr| access.acr() == Some(acr)) {
            return refused(ResourceRefusal::AnotherLogin.into());
        }
        match wanted.max_age {
            Some(most) if !is_login_within(&access, most, time.now()) => refused(ResourceRefusal::LoginTooOld.into()),
            _ => Ok(access),
        }
    }

    /// Whether a scope has this token, or one that implies it.
    fn allows(&self, scope: &Scope, token: &str) -> bool {
        let implied = |implies: &Implies| scope.iter().any(|own| implies(own, token));
        scope.contains(token) || self.settings.implies.as_ref().is_some_and(implied)
    }
}

/// A token as it was presented.
#[derive(Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    scheme: Scheme,
    request: &'a Request<'a>,
}

/// Whether a person is behind the token, who logged in that recently. Of a token that is believed by its signature nobody
/// can tell.
fn is_login_within(access: &Access, most: Duration, now: Timestamp) -> bool {
    let login = access.grant().filter(|grant| grant.subject().is_some()).and_then(Grant::authenticated_at);
    login.is_some_and(|login| now.as_secs().saturating_sub(login.as_secs()) <= most.as_secs())
}

/// Finds the one token of a request, and by which scheme it came; without one, as a bearer token would have.
fn presented<'a>(
    request: &Request<'a>,
    form: &'a Result<Option<Form<'_>>, FormError>,
    takes_proofs: bool,
) -> (Scheme, Result<&'a str, ResourceRefusal>) {
    let header = match request.authorization() {
        Header::One(header) => header,
        Header::Absent => return (Scheme::Bearer, in_body(form)),
        Header::Repeated => return (Scheme::Bearer, Err(ResourceRefusal::MalformedToken)),
    };
    let (scheme, in_header) = match scheme_token(header, b"dpop") {
        Ok(None) => (Scheme::Bearer, bearer_token(header)),
        // Who has no use for proofs does not know the scheme either.
        _ if !takes_proofs => (Scheme::Bearer, Ok(None)),
        in_header => (Scheme::Dpop, in_header),
    };
    let token = match (in_header, form) {
        (Err(why), _) => Err(why),
        (Ok(None), form) => in_body(form),
        (Ok(Some(token)), Ok(Some(form))) if form.single("access_token") == Ok(None) => Ok(token),
        (Ok(Some(_)), Ok(Some(_))) => Err(ResourceRefusal::MalformedToken),
        // With a token in the header, the form is the resource's own business.
        (Ok(Some(token)), Ok(None) | Err(_)) => Ok(token),
    };
    (scheme, token)
}

/// The token of a form (RFC 6750 section 2.2), which is a bearer token: a proof is for the scheme of the header.
fn in_body<'a>(form: &'a Result<Option<Form<'_>>, FormError>) -> Result<&'a str, ResourceRefusal> {
    let Ok(form) = form else { return Err(ResourceRefusal::MalformedToken) };
    let Some(form) = form else { return Err(ResourceRefusal::NoToken) };
    match form.single("access_token") {
        Ok(Some(token)) if is_b64token(token.as_bytes()) => Ok(token),
        Ok(None) => Err(ResourceRefusal::NoToken),
        _ => Err(ResourceRefusal::MalformedToken),
    }
}

/// `credentials = "Bearer" 1*SP b64token`, RFC 6750 section 2.1. `Ok(None)` for another scheme.
pub(in crate::engine) fn bearer_token(header: &[u8]) -> Result<Option<&str>, ResourceRefusal> {
    scheme_token(header, b"bearer")
}

/// The same of any scheme, in lower case.
fn scheme_token<'a>(header: &'a [u8], wanted: &[u8]) -> Result<Option<&'a str>, ResourceRefusal> {
    let (scheme, mut token) = match header.iter().position(|&byte| byte == b' ') {
        Some(space) => header.split_at(space),
        None => (header, &[][..]),
    };
    if !scheme.eq_ignore_ascii_case(wanted) {
        return Ok(None);
    }
    while let [b' ', rest @ ..] = token {
        token = rest;
    }
    match std::str::from_utf8(token) {
        Ok(text) if is_b64token(token) => Ok(Some(text)),
        _ => Err(ResourceRefusal::MalformedToken),
    }
}

/// `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
fn is_b64token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    let body = &text[..text.len() - padding];
    !body.is_empty()
        && body
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/'))
}
