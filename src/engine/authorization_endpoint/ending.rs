//! Where the answer to an authorization request goes: to the client by redirect, or to the person on a page.
//!
//! Where clients are let in that nobody made by hand, anybody has a redirect URI here, and a link to this server would lead
//! whom it lures to wherever its maker likes (RFC 9700 section 4.11.2). So there a redirect waits for a person, those to clients
//! made by hand too: their errors will do for phishing.

use super::error::WayOn;
use super::response_mode::{Answer, ReturnTo};
use super::{AuthorizationError, AuthorizationRequest, Person, ShownError};
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::refusal::{AuthorizationRefusal, Refusal, ServerFault};
use crate::grant::Timestamp;
use crate::store::TokenStore;
use crate::wire::Response;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether there may be clients that nobody made by hand.
    fn lets_strangers_in(&self) -> bool {
        self.registry.is_some() || self.clients.lets_strangers_in()
    }

    /// The end of a request that is wrong before anybody was asked. `silent`: it forbids to show a page (`prompt=none`), which RFC 9700
    /// excepts, and a relying party's iframe would wait for ever.
    pub(super) fn end_early(&self, to: ReturnTo<'_>, silent: bool, why: Refusal, now: Timestamp) -> AuthorizationError {
        self.tell(&Failure::from(why).of_client(to.client.shared_id()));
        if to.client.is_stranger() || (!silent && self.lets_strangers_in()) {
            return AuthorizationError::Show(self.shown(to, why, now));
        }
        match self.error_answer(to, why, now) {
            Ok(answer) => AuthorizationError::Redirect(answer.response),
            Err(fault) => AuthorizationError::Show(self.unsigned(to.client, fault)),
        }
    }

    /// The end of a request that is valid, and gets no code. The client hears of it where somebody stands behind it.
    pub(super) fn end_request(
        &self,
        request: &AuthorizationRequest<'_>,
        failure: Failure,
        person: Person<'_>,
        now: Timestamp,
    ) -> Result<Response, ShownError> {
        let to = request.return_to();
        let failure = failure.of_client(to.client.shared_id()).of_subject(person.subject());
        self.tell(&failure);
        match failure.why {
            // The client has had its answer.
            why @ Refusal::Authorization(AuthorizationRefusal::Answered) => Err(ShownError::new(why, None)),
            why if why != Refusal::Fault(ServerFault::PageNotShown) && self.may_redirect(request, person) => {
                let answer = self.error_answer(to, why, now);
                answer.map(|answer| answer.response).map_err(|fault| self.unsigned(to.client, fault))
            }
            why => Err(self.shown(to, why, now)),
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

    fn shown(&self, to: ReturnTo<'_>, why: Refusal, now: Timestamp) -> ShownError {
        match self.error_answer(to, why, now) {
            Ok(Answer { response, url }) => {
                let waits_for_login = !to.client.is_stranger();
                let way_on = WayOn { url, response, redirect_uri: to.redirect_uri.into(), waits_for_login };
                ShownError::new(why, Some(Box::new(way_on)))
            }
            Err(fault) => self.unsigned(to.client, fault),
        }
    }

    /// The client wants its answer signed, so without a signature there is nothing to send it.
    fn unsigned(&self, client: &Client, fault: ServerFault) -> ShownError {
        self.tell(&Failure::from(fault).of_client(client.shared_id()));
        ShownError::new(fault.into(), None)
    }

    /// The end of a request that has no redirect URI.
    pub(super) fn show(&self, failure: &Failure) -> AuthorizationError {
        self.tell(failure);
        AuthorizationError::Show(ShownError::new(failure.why, None))
    }

    pub(super) fn answer_with_code(
        &self,
        request: &AuthorizationRequest<'_>,
        code: &[u8],
        now: Timestamp,
    ) -> Result<Response, ShownError> {
        let to = request.return_to();
        // It is ASCII.
        let code = std::str::from_utf8(code).unwrap_or_default();
        let answer = self.answer_to(to, &[("code", code)], now);
        answer.map(|answer| answer.response).map_err(|fault| self.unsigned(to.client, fault))
    }
}
