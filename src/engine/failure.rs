//! A request that is refused: what the host is told of it, and what the client.

use std::error::Error;
use std::ops::{Deref, DerefMut};

use smol_str::SmolStr;

use super::Engine;
use super::host::{Cause, Event};
use super::refusal::{GrantRefusal, Refusal, RegistrationRefusal, RequestRefusal, SenderRefusal, Unavailable};
use crate::client::{Clients, ClientsError};
use crate::grant::{Grant, GrantId};
use crate::store::{StoreError, TokenStore};
use crate::wire::{ErrorCode, Response};

/// A refusal on its way out, with what is known of the request.
///
/// Boxed: a result that is large is written to memory and moved there, at each `?` of a request that is not refused.
#[derive(Debug)]
pub(super) struct Failure(Box<Known>);

/// What is known of a request that is refused.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) why: Refusal,
    pub(super) client_id: Option<SmolStr>,
    pub(super) grant: Option<GrantId>,
    pub(super) subject: Option<SmolStr>,
    pub(super) cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    pub(super) fn of_client(mut self, client_id: SmolStr) -> Self {
        self.client_id = Some(client_id);
        self
    }

    pub(super) fn of_grant(mut self, grant: GrantId) -> Self {
        self.grant = Some(grant);
        self
    }

    /// For the events of a host that asks whose it was.
    pub(super) fn of_subject(mut self, subject: Option<&str>) -> Self {
        self.subject = subject.map(SmolStr::new);
        self
    }

    /// The same for another reason.
    pub(super) fn because(mut self, why: impl Into<Refusal>) -> Self {
        self.why = why.into();
        self
    }

    /// Of this grant, if it is a refusal of one.
    #[cfg(feature = "proof")]
    pub(super) fn about(self, grant: &Grant) -> Self {
        self.of_grant(grant.id).of_subject(grant.subject())
    }

    /// Whether the request is not from whom the grant is bound to.
    pub(super) fn is_another_sender(&self) -> bool {
        use SenderRefusal::{AnotherKey, Certificate, NoProof};
        matches!(self.why, Refusal::Sender(NoProof | AnotherKey | Certificate))
    }

    /// With what caused it, for the host alone.
    pub(super) fn by(self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.by_cause(Some(cause.into()))
    }

    /// The same, where there may be a cause.
    pub(super) fn by_cause(mut self, cause: Option<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = cause;
        self
    }
}

impl Deref for Failure {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Known {
        &mut self.0
    }
}

impl<R: Into<Refusal>> From<R> for Failure {
    #[cold]
    fn from(why: R) -> Self {
        Self(Box::new(Known { why: why.into(), client_id: None, grant: None, subject: None, cause: None }))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(Unavailable::from(&error)).by(error)
    }
}

impl From<ClientsError> for Failure {
    fn from(error: ClientsError) -> Self {
        Self::from(Unavailable::from(&error)).by(error)
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Tells the host, and answers the client.
    pub(super) fn refuse(&self, failure: &Failure) -> Response {
        self.tell(failure);
        let why = failure.why;
        let code = why.code();
        let response = Response::error(self.settings.style, why.status(), code, why.description());
        match (why, code) {
            (Refusal::Request(RequestRefusal::Method), _) => response.with_header("allow", "POST"),
            (Refusal::Registration(RegistrationRefusal::Method), _) => {
                response.with_header("allow", "GET, POST, PUT, DELETE")
            }
            // What was wrong is said of a token alone, not where there is none (RFC 6750 section 3.1).
            (
                Refusal::Registration(RegistrationRefusal::NoInitialAccessToken | RegistrationRefusal::NoAccessToken),
                _,
            ) => response.with_challenge(self.settings.bearer_challenge.clone()),
            (Refusal::Registration(_), ErrorCode::InvalidToken) => {
                let plain = &self.settings.bearer_challenge;
                response.with_challenge(format!("{plain}, error=\"{}\"", code.as_str()).into())
            }
            (Refusal::Unavailable(why), _) => match why.retry_after_secs() {
                Some(secs) => response.with_retry_after(secs),
                None => response,
            },
            (Refusal::Throttled(why), _) => response.with_retry_after(why.retry_after_secs()),
            (_, ErrorCode::InvalidClient) => response.with_challenge(self.settings.basic_challenge.clone()),
            _ => response,
        }
    }

    /// The event of a refusal.
    pub(super) fn tell(&self, failure: &Failure) {
        let Known { why, grant, .. } = **failure;
        let client_id = failure.client_id.as_deref();
        let subject = self.host.subject(failure.subject.as_deref());
        self.emit(&match why.code() {
            // A replay has an event of its own.
            _ if why == Refusal::Grant(GrantRefusal::Replay) => return,
            // Nothing has happened.
            _ if why == Refusal::Grant(GrantRefusal::DevicePending) => return,
            // Nothing has failed.
            _ if matches!(why, Refusal::Throttled(_)) => Event::Refused { client_id, grant, subject, why },
            ErrorCode::TemporarilyUnavailable | ErrorCode::ServerError => {
                let cause = failure.cause.as_deref().map(|cause| Cause(cause));
                Event::Failed { client_id, grant, subject, why, cause }
            }
            _ => Event::Refused { client_id, grant, subject, why },
        });
    }
}

/// A refusal of a token that was proven to be of this grant.
pub(super) fn of_grant(grant: &Grant, why: impl Into<Refusal>) -> Failure {
    Failure::from(why).of_grant(grant.id).of_subject(grant.subject())
}

/// How many errors of a chain are written: one that names itself as its source has no end.
const CHAIN: usize = 16;

/// An error and what it came from, as a sentence. One that says its source's words itself does not say them twice.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    for _ in 0..CHAIN {
        let Some(source) = next else { break };
        let words = source.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = source.source();
    }
    text
}
