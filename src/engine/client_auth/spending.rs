//! An assertion is used once, for what it was made for (RFC 7523 section 3, item 7).
//!
//! Its marker is written last, with the write that it protects, and says what that was for: the same request again is an answer that got
//! lost, and is judged as without an assertion. So no refusal spends one, and a client that repeats its request loses nothing.

use smallvec::SmallVec;

use super::Authenticated;
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::markers::{Kind, Spending, Thing};
use crate::engine::refusal::GrantRefusal;
use crate::engine::time::Time;
use crate::grant::{Confirmation, GrantId, Timestamp};
use crate::proof::ProvenAssertion;
use crate::store::TokenStore;

/// What an assertion is spent for. The texts are for ever.
#[derive(Clone, Copy)]
pub(in crate::engine) enum SpentFor<'a> {
    /// A step of this refresh token, or the answer to it again.
    Refresh(&'a [u8]),
    /// The redemption of this code.
    Code(&'a [u8]),
    /// A new grant, for this body of a request.
    Grant(&'a [u8]),
    /// An authorization request that is pushed by this body.
    Push(&'a [u8]),
    /// A device that begins by this body.
    Device(&'a [u8]),
}

impl<'a> SpentFor<'a> {
    const fn members(self) -> (&'static [u8], &'a [u8]) {
        match self {
            Self::Refresh(token) => (b"refresh", token),
            Self::Code(code) => (b"code", code),
            Self::Grant(body) => (b"grant", body),
            Self::Push(body) => (b"push", body),
            Self::Device(body) => (b"device", body),
        }
    }
}

/// The assertion that a client authenticated by, and what it is for.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Unspent<'a> {
    client_id: &'a str,
    assertion: &'a ProvenAssertion,
    spent_for: SpentFor<'a>,
    /// What the tokens are bound to that come of it.
    bound_to: Option<[u8; 33]>,
}

impl Authenticated<'_> {
    /// What is to be spent for this, where the client authenticated by an assertion.
    pub(in crate::engine) fn unspent<'a>(&'a self, spent_for: SpentFor<'a>) -> Option<Unspent<'a>> {
        let assertion = self.assertion.as_deref()?;
        Some(Unspent { client_id: self.id(), assertion, spent_for, bound_to: None })
    }
}

impl<'a> Unspent<'a> {
    /// For tokens that are bound to this: with another key, or over another certificate, it is another request, whose tokens would be
    /// another's.
    pub(in crate::engine) fn bound_to(self, bound_to: Option<Confirmation>) -> Self {
        Self { bound_to: bound_to.map(Confirmation::to_array), ..self }
    }

    fn spent_for(&self) -> SmallVec<[&[u8]; 3]> {
        let (step, what) = self.spent_for.members();
        [step, what].into_iter().chain(self.bound_to.as_ref().map(|bound_to| &bound_to[..])).collect()
    }

    fn thing(&self) -> Thing<'a> {
        Thing {
            kind: Kind::Assertion,
            issuer: self.client_id,
            name: self.assertion.jti().as_bytes(),
            until: self.assertion.acceptable_until(),
        }
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Spends it, for what comes to this grant. `None` where this is the first time; where it was spent for the same before, what
    /// [`Spending`] says of that.
    pub(in crate::engine) async fn spend_assertion(
        &self,
        unspent: Unspent<'_>,
        grant: Option<GrantId>,
        time: &Time<'_>,
    ) -> Result<Option<Spending>, Failure> {
        match self.spend(&unspent.thing(), &unspent.spent_for(), grant, time).await? {
            Spending::First => Ok(None),
            Spending::Elsewhere => Err(GrantRefusal::AssertionSpent.into()),
            again @ Spending::Again { .. } => Ok(Some(again)),
        }
    }

    /// Whether what came of it may be had again by the same request: for as long as its answer may have got lost. `since`: when it was
    /// spent.
    pub(in crate::engine) fn answers_again(&self, client: &Client, since: Timestamp, time: &Time<'_>) -> bool {
        time.arrived().since(since) < self.retry_window(client)
    }

    /// What it was spent for, if it was; nothing is written.
    pub(in crate::engine) async fn spent_assertion(
        &self,
        unspent: Unspent<'_>,
        time: &Time<'_>,
    ) -> Result<Option<Spending>, Failure> {
        self.spent(&unspent.thing(), &unspent.spent_for(), time).await
    }

    /// That it was not spent for something else; nothing is written. Whoever has got hold of one that was used does not end a login
    /// by it.
    pub(in crate::engine) async fn check_unspent(&self, unspent: Unspent<'_>, time: &Time<'_>) -> Result<(), Failure> {
        match self.spent_assertion(unspent, time).await? {
            Some(Spending::Elsewhere) => Err(GrantRefusal::AssertionSpent.into()),
            _ => Ok(()),
        }
    }
}
