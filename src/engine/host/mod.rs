//! What a host plugs in.

#[cfg(feature = "proof")]
mod assertion_policy;
mod authorization;
#[cfg(feature = "jwt")]
mod claims_provider;
mod client_credentials;
mod clock;
mod event;
#[cfg(feature = "jwt")]
mod exchange_policy;
#[cfg(feature = "root-secret")]
mod foreign_tokens;
mod grant_handler;
mod guessing;
mod issue_hook;
#[cfg(feature = "metrics")]
mod metrics;
mod renewal_policy;
#[cfg(feature = "jwt")]
mod requested_claims;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "proof")]
pub(crate) use assertion_policy::DynAssertionPolicy;
#[cfg(feature = "proof")]
pub use assertion_policy::{AssertionPolicy, AssertionRequest};
pub use authorization::Authorization;
#[cfg(feature = "jwt")]
pub(crate) use claims_provider::DynClaimsProvider;
#[cfg(feature = "jwt")]
pub use claims_provider::{ClaimsProvider, IdTokenRequest};
pub use client_credentials::ClientCredentials;
pub use clock::Clock;
pub use event::{Audience, Cause, Event, EventSink, Subject};
#[cfg(feature = "jwt")]
pub(crate) use exchange_policy::DynExchangePolicy;
#[cfg(feature = "jwt")]
pub use exchange_policy::{ExchangeDecision, ExchangePolicy, ExchangeRequest, ExchangeTerms};
#[cfg(feature = "root-secret")]
pub(crate) use foreign_tokens::DynForeignTokens;
#[cfg(feature = "root-secret")]
pub use foreign_tokens::{ForeignLogin, ForeignToken, ForeignTokens};
pub(crate) use grant_handler::DynGrantHandler;
pub use grant_handler::{GrantError, GrantHandler, GrantRequest};
pub use guessing::PendingGuess;
pub(crate) use issue_hook::DynIssueHook;
pub use issue_hook::{GrantChanges, HookError, IssueDecision, IssueHook, IssueKind, IssueRequest};
#[cfg(feature = "metrics")]
pub use metrics::{MetricsEvents, record_response};
pub use renewal_policy::RenewalPolicy;
#[cfg(feature = "jwt")]
pub use requested_claims::{RequestedClaim, RequestedClaims};
#[cfg(feature = "tracing")]
pub use tracing::TracingEvents;

use std::sync::atomic::{AtomicBool, Ordering};

/// What a host has plugged in: who logs in, who has a say in what is issued, who hears of it all.
#[derive(Default)]
pub(super) struct Host {
    handlers: Vec<Box<dyn DynGrantHandler>>,
    hook: Option<Box<dyn DynIssueHook>>,
    /// Which tokens may be exchanged; `None` where none are.
    #[cfg(feature = "jwt")]
    exchange: Option<Box<dyn DynExchangePolicy>>,
    events: Option<Box<dyn EventSink>>,
    /// Counts guesses.
    guessing: Option<Box<guessing::Guessing>>,
    /// Whether events say whose grant they are about.
    names_subjects: bool,
    /// Whether it has heard that it gives no addresses.
    peer_unknown_said: AtomicBool,
}

impl Host {
    pub(super) fn add_handler(&mut self, handler: impl GrantHandler + 'static) {
        self.handlers.push(Box::new(handler));
    }

    pub(super) fn set_hook(&mut self, hook: impl IssueHook + 'static) {
        self.hook = Some(Box::new(hook));
    }

    #[cfg(feature = "jwt")]
    pub(super) fn set_exchange(&mut self, policy: impl ExchangePolicy + 'static) {
        self.exchange = Some(Box::new(policy));
    }

    #[cfg(feature = "jwt")]
    pub(super) fn exchange(&self) -> Option<&dyn DynExchangePolicy> {
        self.exchange.as_deref()
    }

    pub(super) fn add_events(&mut self, sink: impl EventSink + 'static) {
        self.events = Some(match self.events.take() {
            None => Box::new(sink),
            Some(before) => Box::new(move |event: &Event<'_>| {
                before.event(event);
                sink.event(event);
            }),
        });
    }

    pub(super) fn name_subjects(&mut self, names: bool) {
        self.names_subjects = names;
    }

    pub(super) const fn names_subjects(&self) -> bool {
        self.names_subjects
    }

    /// A resource owner as events have them.
    pub(super) fn subject<'a>(&self, subject: Option<&'a str>) -> Option<Subject<'a>> {
        subject.filter(|_| self.names_subjects).map(Subject)
    }

    /// The handler of this grant type.
    pub(super) fn handler(&self, grant_type: &[u8]) -> Option<&dyn DynGrantHandler> {
        let found = self.handlers.iter().find(|handler| handler.grant_type_dyn().as_bytes() == grant_type);
        found.map(AsRef::as_ref)
    }

    /// The grant types that have a handler.
    pub(super) fn grant_types(&self) -> impl Iterator<Item = &str> {
        self.handlers.iter().map(|handler| handler.grant_type_dyn())
    }

    pub(super) fn hook(&self) -> Option<&dyn DynIssueHook> {
        self.hook.as_deref()
    }

    /// Whether anybody hears of events.
    pub(super) const fn listens(&self) -> bool {
        self.events.is_some()
    }

    /// Once.
    pub(super) fn tell_peer_unknown(&self) {
        if !self.peer_unknown_said.swap(true, Ordering::Relaxed) {
            self.tell(&Event::PeerUnknown);
        }
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(sink) = &self.events {
            sink.event(event);
        }
    }
}
