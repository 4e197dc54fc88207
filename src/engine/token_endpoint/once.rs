//! A grant that a client got by an assertion: one for each assertion.
//!
//! Where no code or refresh token stands for the step, the assertion's marker does. It names the grant that comes of it, so the same
//! request again, an answer that got lost, is answered with the tokens of that grant, and makes no other.

use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::host::Event;
use crate::engine::issue::{Claims, Issue};
use crate::engine::markers::Spending;
use crate::engine::refusal::{GrantRefusal, Unavailable};
use crate::engine::resources::Target;
use crate::engine::swap::is_written;
use crate::engine::time::Time;
use crate::grant::{Confirmation, Generation, Grant, Timestamp};
use crate::store::{Insert, TokenStore};
use crate::token::{GRANT_TEXT_LEN, mint_refresh};

/// A grant that everybody has allowed.
pub(super) struct First<'a> {
    pub(super) client: &'a Client,
    pub(super) grant: Grant,
    pub(super) target: Target<'a>,
    pub(super) scope_mask: u64,
    pub(super) claims: Claims,
    pub(super) bound_to: Option<Confirmation>,
    pub(super) refresh_token: bool,
    /// Who vouches for it, where that is another server.
    pub(super) asserted_by: Option<&'a str>,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// `spent`: what came of spending the assertion, [`None`] where this was the first time.
    pub(super) async fn grant_once(
        &self,
        mut first: First<'_>,
        spent: Option<Spending>,
        time: &Time<'_>,
    ) -> Result<Vec<u8>, Failure> {
        match spent {
            None => self.make_room(&first.grant, first.client, time).await?,
            Some(Spending::Again { grant: Some(grant), since }) if self.answers_again(first.client, since, time) => {
                first.grant.id = grant;
                if let Some(stored) = self.store.load(grant).await? {
                    return self.answer_again(first, &stored, Some(since), time);
                }
                // The marker was written, and the grant was not; or it was, and has ended: its JWTs name this id, and none of them counts
                // for what begins now.
                first.grant.access_epoch = Grant::epoch_after(first.grant.created_at.since(since).as_millis());
            }
            Some(_) => return Err(GrantRefusal::AssertionSpent.into()),
        }
        // Under this id alone, since the marker names it.
        let added = self.store.insert(&first.grant, time.now()).await.map(|insert| insert == Insert::Added);
        if !is_written(&self.store, &first.grant, None, added).await? {
            // The same request at the same time was first.
            let stored = self.store.load(first.grant.id).await?.ok_or(Unavailable::Contention)?;
            return self.answer_again(first, &stored, None, time);
        }
        let claims = std::mem::take(&mut first.claims);
        let body = self.answer_of(&first, claims, &first.grant, time)?;
        self.emit_first(&first);
        Ok(body)
    }

    /// The same where the assertion may be used again: a grant for each request.
    pub(super) async fn grant_anew(&self, mut first: First<'_>, time: &Time<'_>) -> Result<Vec<u8>, Failure> {
        self.insert(&mut first.grant, time).await?;
        let claims = std::mem::take(&mut first.claims);
        let body = self.answer_of(&first, claims, &first.grant, time)?;
        self.emit_first(&first);
        Ok(body)
    }

    fn emit_first(&self, first: &First<'_>) {
        let First { client, grant, .. } = first;
        if let Some(issuer) = first.asserted_by {
            let (client_id, subject) = (client.id(), self.subject_of(grant));
            self.emit(&Event::Asserted { grant: grant.id, client_id, subject, issuer });
        }
        self.emit_issued(grant, client, &first.target);
    }

    /// The answer of before, of the record that is there.
    /// `since`: when its assertion was spent; [`None`] where that was in this request, at the same time as another.
    fn answer_again(
        &self,
        mut first: First<'_>,
        stored: &Grant,
        since: Option<Timestamp>,
        time: &Time<'_>,
    ) -> Result<Vec<u8>, Failure> {
        // Another grant of the same id, which happens once in four billion times: the client begins anew.
        let is_it = stored.client_id() == first.client.id()
            && stored.subject() == first.grant.subject()
            && stored.scope == first.grant.scope;
        if !is_it || self.realm.keys_of(stored).is_none() {
            return Err(GrantRefusal::AssertionSpent.into());
        }
        // It has been used, or its client has revoked what it got by it, so the answer was not lost.
        let is_revoked = since.is_some_and(|since| !begins_in(stored, since));
        let is_used = stored.generation != Generation::FIRST || is_revoked;
        if is_used || time.now() >= stored.expires_at {
            return Err(of_grant(stored, GrantRefusal::AssertionSpent));
        }
        let claims = std::mem::take(&mut first.claims);
        let body = self.answer_of(&first, claims, stored, time)?;
        self.emit(&Event::Retried {
            grant: stored.id,
            client_id: first.client.id(),
            subject: self.subject_of(stored),
            generation: stored.generation,
            audience: first.target.audience(),
        });
        Ok(body)
    }

    fn answer_of(&self, first: &First<'_>, claims: Claims, grant: &Grant, time: &Time<'_>) -> Result<Vec<u8>, Failure> {
        let key = self.keys_of_own(grant).get(grant.key_id).ok_or_else(|| {
            self.emit(&Event::UnknownKey { key_id: grant.key_id });
            of_grant(grant, Unavailable::MissingKey)
        })?;
        let refresh_token = first.refresh_token.then(|| mint_refresh(grant, key));
        self.answer(&Issue {
            grant,
            client: first.client,
            refresh_token: refresh_token.as_ref().map(<[u8; GRANT_TEXT_LEN]>::as_slice),
            keeps_token: false,
            scope_mask: first.scope_mask,
            target: &first.target,
            bound_to: first.bound_to,
            nonce: None,
            claims,
            now: time.now(),
        })
    }
}

/// Whether it is in the epoch in which a grant begins whose assertion was spent then: the first one, or where it begins anew, one of its own.
/// Clocks differ, so that may be at the same time or earlier.
fn begins_in(grant: &Grant, since: Timestamp) -> bool {
    let anew = Grant::epoch_after(grant.created_at.since(since).as_millis());
    grant.access_epoch == anew || grant.access_epoch == 0 && grant.created_at <= since
}
