//! Where the answer to an authorization request goes: to the client by redirect, or to the person on a page.
//!
//! Where clients are let in that nobody made by hand, anybody has a redirect URI here, and a link to this server would lead
//! whom it lures to wherever its maker likes (RFC 9700 section 4.11.2). So there a redirect waits for a person, those to clients
//! made by hand too: their errors will do for phishing.

use super::error::WayOn;
use super::{AuthorizationError, AuthorizationRequest, Person, ShownError};
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::refusal::{AuthorizationRefusal, Refusal, ServerFault};
use crate::store::TokenStore;
use crate::wire::{Response, location};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether there may be clients that nobody made by hand.
    fn lets_strangers_in(&self) -> bool {
        self.registry.is_some() || self.clients.lets_strangers_in()
    }

    /// The end of a request that is wrong before anybody was asked. `silent`: it forbids to show a page (`prompt=none`), which RFC 9700
    /// excepts, and a relying party's iframe would wait for ever.
    pub(super) fn end_early(
        &self,
        client: &Client,
        redirect_uri: &str,
        state: Option<&str>,
        silent: bool,
        why: Refusal,
    ) -> AuthorizationError {
        self.tell(&Failure::from(why).of_client(client.shared_id()));
        if !client.is_stranger() && (silent || !self.lets_strangers_in()) {
            return AuthorizationError::Redirect(Response::see_other(self.error_url(redirect_uri, state, why)));
        }
        AuthorizationError::Show(self.shown(client, redirect_uri, state, why))
    }

    /// The end of a request that is valid, and gets no code. The client hears of it where somebody stands behind it.
    pub(super) fn end_request(
        &self,
        request: &AuthorizationRequest<'_>,
        failure: Failure,
        person: Person<'_>,
    ) -> Result<Response, ShownError> {
        let client = &*request.client;
        let failure = failure.of_client(client.shared_id()).of_subject(person.subject());
        self.tell(&failure);
        match failure.why {
            // The client has had its answer.
            why @ Refusal::Authorization(AuthorizationRefusal::Answered) => Err(ShownError::new(why, None)),
            why if why != Refusal::Fault(ServerFault::PageNotShown) && self.may_redirect(request, person) => {
                Ok(Response::see_other(self.error_url(&request.redirect_uri, request.state(), why)))
            }
            why => Err(self.shown(client, &request.redirect_uri, request.state(), why)),
        }
    }

    /// Whether an error may leave by redirect.
    pub(super) fn may_redirect(&self, request: &AuthorizationRequest<'_>, person: Person<'_>) -> bool {
        let silent = request.prompt.none;
        if request.client.is_stranger() {
            !silent && person.is_there()
        } else {
            silent || person.is_there() || !self.lets_strangers_in()
        }
    }

    fn shown(&self, client: &Client, redirect_uri: &str, state: Option<&str>, why: Refusal) -> ShownError {
        let url = self.error_url(redirect_uri, state, why);
        let way_on = WayOn { url, redirect_uri: redirect_uri.into(), waits_for_login: !client.is_stranger() };
        ShownError::new(why, Some(Box::new(way_on)))
    }

    /// The end of a request that has no redirect URI.
    pub(super) fn show(&self, failure: &Failure) -> AuthorizationError {
        self.tell(failure);
        AuthorizationError::Show(ShownError::new(failure.why, None))
    }

    fn error_url(&self, redirect_uri: &str, state: Option<&str>, why: Refusal) -> String {
        let error = [("error", why.code().as_str()), ("error_description", why.description())];
        self.answer_url(redirect_uri, state, error)
    }

    pub(super) fn redirect_with_code(&self, request: &AuthorizationRequest<'_>, code: &[u8]) -> Response {
        // It is ASCII.
        let code = std::str::from_utf8(code).ok().map(|code| ("code", code));
        Response::see_other(self.answer_url(&request.redirect_uri, request.state(), code))
    }

    /// Parameters of ours, then `state` as it came and `iss` (RFC 9207 section 2).
    fn answer_url<'a>(
        &'a self,
        redirect_uri: &str,
        state: Option<&'a str>,
        ours: impl IntoIterator<Item = (&'static str, &'a str)>,
    ) -> String {
        let state = state.map(|state| ("state", state));
        let issuer = self.issuer().map(|issuer| ("iss", issuer));
        location(redirect_uri, ours.into_iter().chain(state).chain(issuer))
    }
}
