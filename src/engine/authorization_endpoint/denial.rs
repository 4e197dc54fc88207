//! How a host says no.

use std::pin::pin;

use super::{AuthorizationRequest, Person, ShownError};
use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::host::Clock;
#[cfg(feature = "root-secret")]
use crate::engine::markers::Spending;
use crate::engine::refusal::AuthorizationRefusal;
use crate::engine::time::Time;
use crate::store::TokenStore;
use crate::wire::{ErrorCode, Response};

/// Why a host [denies](crate::Engine::deny) an authorization request, RFC 6749 section 4.1.2.1, OpenID Connect Core section
/// 3.1.2.6 and RFC 8707 section 2.
///
/// ```
/// use regrant::wire::ErrorCode;
/// use regrant::Denial;
/// assert_eq!(Denial::LoginRequired.code(), ErrorCode::LoginRequired);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Denial {
    /// The person said no, or may not have what the client asks for.
    AccessDenied,
    /// `prompt=none`, and nobody is logged in.
    LoginRequired,
    /// `prompt=none`, and consent is needed.
    ConsentRequired,
    /// `prompt=none`, and an account has to be chosen.
    AccountSelectionRequired,
    /// `prompt=none`, and something else has to be asked.
    InteractionRequired,
    /// A [resource](super::AuthorizationRequest::resources) that is malformed or unknown (RFC 8707 section 2).
    InvalidTarget,
    /// The host is at fault.
    ServerError,
    /// The host cannot answer now.
    TemporarilyUnavailable,
}

impl Denial {
    /// The code that the client gets.
    ///
    /// ```
    /// assert_eq!(regrant::Denial::AccessDenied.code().as_str(), "access_denied");
    /// ```
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::AccessDenied => ErrorCode::AccessDenied,
            Self::LoginRequired => ErrorCode::LoginRequired,
            Self::ConsentRequired => ErrorCode::ConsentRequired,
            Self::AccountSelectionRequired => ErrorCode::AccountSelectionRequired,
            Self::InteractionRequired => ErrorCode::InteractionRequired,
            Self::InvalidTarget => ErrorCode::InvalidTarget,
            Self::ServerError => ErrorCode::ServerError,
            Self::TemporarilyUnavailable => ErrorCode::TemporarilyUnavailable,
        }
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers an authorization request with an error: the person said no, or `prompt=none` forbids to ask. Who stands behind it is
    /// said, since that decides whether the browser leaves for the client.
    ///
    /// For `person` there is somebody in most cases. Where there is [nobody](Person::Nobody), a client made by hand hears of it by
    /// redirect where it asked with `prompt=none` (iframes of relying parties live by that), and in an engine that lets no
    /// strangers in.
    ///
    /// # Errors
    ///
    /// A [`ShownError`] is for a page of the host's own: nobody is sent to a client that [nobody made by
    /// hand](crate::Client::is_stranger) before a person has answered, and the page that came back a second time is answered once.
    ///
    /// ```
    /// # async fn page<S: regrant::TokenStore, C: regrant::Clients>(
    /// #     engine: &regrant::Engine<S, C>, asked: &regrant::AuthorizationRequest<'_>, is_logged_in: bool,
    /// # ) -> Result<Option<regrant::Response>, regrant::engine::ShownError> {
    /// use regrant::engine::Person;
    /// use regrant::{Denial, Timestamp};
    /// if asked.prompt().none && !is_logged_in {
    ///     return engine.deny(asked, Denial::LoginRequired, Person::Nobody, Timestamp::now).await.map(Some);
    /// }
    /// # Ok(None)
    /// # }
    /// ```
    pub async fn deny(
        &self,
        request: &AuthorizationRequest<'_>,
        denial: Denial,
        person: Person<'_>,
        clock: impl Clock,
    ) -> Result<Response, ShownError> {
        let time = self.time(&clock);
        let why = time.watch(pin!(self.denied(request, denial.code(), person, &time))).await;
        self.end_request(request, why, person, time.now())
    }

    /// What the denial comes to: itself, unless the page of the request was answered before.
    #[cfg_attr(not(feature = "root-secret"), expect(clippy::unused_async, reason = "the feature is off"))]
    async fn denied(
        &self,
        request: &AuthorizationRequest<'_>,
        code: ErrorCode,
        person: Person<'_>,
        time: &Time<'_>,
    ) -> Failure {
        let why = Failure::from(AuthorizationRefusal::Denied(code));
        #[cfg(feature = "root-secret")]
        if let Some(answering) = request.answering.filter(|_| self.may_redirect(request, person)) {
            let spent_for = [&b"denied"[..], request.client.id().as_bytes(), code.as_str().as_bytes()];
            let answered = match person {
                Person::LoggedIn(_) => self.answer_once(answering, &spent_for, None, time).await.map(Some),
                // Anybody can press a button: what a stranger does is kept nowhere, and another answer may follow.
                Person::AtThePage | Person::Nobody => self.answered(answering, &spent_for, time).await,
            };
            return match answered {
                Ok(None | Some(Spending::First | Spending::Again { .. })) => why,
                Ok(Some(Spending::Elsewhere)) => AuthorizationRefusal::Answered.into(),
                Err(failure) => failure,
            };
        }
        #[cfg(not(feature = "root-secret"))]
        let _ = (request, person, time);
        why
    }
}
