//! What the endpoints have in common of a grant: whether a token is of it, and its end.

use super::Engine;
use super::failure::{Failure, of_grant};
use super::host::Event;
use super::refusal::{GrantRefusal, Unavailable};
use super::swap::{ATTEMPTS, Swapped, Swaps, new_version};
use super::time::Time;
use crate::client::{Client, Clients};
use crate::grant::{DecodeError, Generation, Grant, GrantId, OnReplay, Timestamp};
use crate::store::{StoreError, StoreErrorKind, TokenStore};
use crate::token::{GrantToken, Key, TokenKind};

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Refuses a token under a key that this engine does not have, before anything is looked up for it.
    pub(super) fn knows_key(&self, key_id: u8) -> Result<(), GrantRefusal> {
        if self.realm.keys().get(key_id).is_some() {
            return Ok(());
        }
        self.emit(&Event::UnknownKey { key_id });
        Err(GrantRefusal::UnknownKey)
    }

    /// The same of a refresh token, which may be another server's: then nobody is told of a key that is missing.
    pub(super) fn knows_key_of_refresh(&self, key_id: u8) -> Result<(), GrantRefusal> {
        if self.realm.keys().get(key_id).is_some() {
            return Ok(());
        }
        #[cfg(feature = "root-secret")]
        if self.foreign.is_some() {
            return Err(GrantRefusal::UnknownKey);
        }
        self.knows_key(key_id)
    }

    /// Proves that a token of this kind is of this record, and both of this engine and of the client of this id.
    pub(super) fn prove(
        &self,
        grant: &Grant,
        token: &GrantToken,
        kind: TokenKind,
        client_id: &str,
    ) -> Result<(), Failure> {
        is_record_of(grant, token.grant_id())?;
        let is_genuine = |key: &Key| token.is_genuine(kind, key, &grant.salt);
        let key = self
            .key_of(grant, token.key_id())
            .inspect_err(|_| self.tell_of_device(grant, token.key_id(), is_genuine, token.generation()))?;
        if !is_genuine(key) {
            return Err(GrantRefusal::Mac.into());
        }
        if grant.client_id() != client_id {
            return Err(of_grant(grant, GrantRefusal::AnotherClient));
        }
        Ok(())
    }

    /// Tells that the store lost the first answer to a device, where one of its tokens comes nevertheless. What was approved is settled by the
    /// device's code alone, so such a record is never moved forward.
    #[cold]
    pub(super) fn tell_of_device(
        &self,
        grant: &Grant,
        key_id: u8,
        is_genuine: impl FnOnce(&Key) -> bool,
        presented: Generation,
    ) {
        if grant.is_approved_only()
            && grant.realm() == self.realm()
            && self.realm.keys().get(key_id).is_some_and(is_genuine)
        {
            self.tell_behind(grant, presented);
        }
    }

    /// Tells that a genuine token is ahead of the record.
    pub(super) fn tell_behind(&self, grant: &Grant, presented: Generation) {
        let subject = self.subject_of(grant);
        self.emit(&Event::StoreBehind { grant: grant.id, subject, presented, stored: grant.generation });
    }

    /// The key of this id that tokens of this grant are made under.
    pub(super) fn key_of(&self, grant: &Grant, key_id: u8) -> Result<&Key, Failure> {
        let keys = self.realm.keys_of(grant).ok_or_else(|| of_grant(grant, not_here(grant)))?;
        Ok(keys.get(key_id).ok_or(GrantRefusal::UnknownKey)?)
    }

    /// The grant of a genuine refresh token of this client.
    pub(super) async fn own_refresh_grant(&self, token: &GrantToken, client: &Client) -> Result<Grant, Failure> {
        if self.realm.keys().get(token.key_id()).is_none() {
            return Err(GrantRefusal::UnknownKey.into());
        }
        let grant = self.store.load(token.grant_id()).await?.ok_or(GrantRefusal::NoGrant)?;
        self.prove(&grant, token, TokenKind::Refresh, client.id())?;
        Ok(grant)
    }

    /// Ends a grant whose refresh token or code was replayed, and refuses the request.
    pub(super) async fn replayed(&self, grant: &Grant, client: &Client, now: Timestamp) -> Failure {
        if client.on_replay() == OnReplay::EndGrant {
            if let Err(failure) = self.end_for(grant, now).await {
                return failure;
            }
        }
        GrantRefusal::Replay.into()
    }

    /// Ends a grant: removes it, or leaves what keeps another server's token from beginning it anew. Whether this call did it; where it
    /// fails, the grant is not ended for certain.
    pub(super) async fn end(&self, grant: &Grant, now: Timestamp) -> Result<bool, StoreError> {
        let ended = if grant.foreign().is_some_and(|origin| now < origin.kept_until) {
            // Boxed, so that no other end is larger for it.
            Box::pin(self.end_from_elsewhere(grant, now)).await?
        } else {
            // Of a record that cannot be read too: a later version may have written to it since it was loaded.
            !self.store.remove(grant.id).await?.is_nothing()
        };
        if ended {
            self.emit(&Event::Revoked {
                grant: grant.id,
                client_id: grant.client_id(),
                subject: self.subject_of(grant),
            });
        }
        Ok(ended)
    }

    /// By a swap, and never by a removal before nobody could accept its first token any more.
    async fn end_from_elsewhere(&self, grant: &Grant, now: Timestamp) -> Result<bool, StoreError> {
        let mut swaps = Swaps::none();
        // More often than a request: each refresh that goes on at the same time may win once.
        for _ in 0..ATTEMPTS * ATTEMPTS {
            let Some(stored) = self.store.load(grant.id).await? else { return Ok(false) };
            if stored.has_ended() {
                return Ok(swaps.wrote_this(&stored));
            }
            let Some(origin) = stored.foreign().copied().filter(|_| stored.id == grant.id) else {
                return Err(DecodeError::Corrupt.into());
            };
            let ended = stored.ended(origin, new_version());
            if swaps.swap(&self.store, stored.version, &ended, now).await? == Swapped::Done {
                return Ok(true);
            }
        }
        Err(StoreError::not_applied("other requests were first, again and again"))
    }

    /// The same of a record that cannot be read.
    pub(super) async fn end_unreadable(&self, grant: GrantId) -> Result<bool, StoreError> {
        let ended = !self.store.remove(grant).await?.is_nothing();
        if ended {
            self.emit(&Event::UnreadableRevoked { grant });
        }
        Ok(ended)
    }

    /// The end of a grant for a request, which then has to be sent again.
    pub(super) async fn end_for(&self, grant: &Grant, now: Timestamp) -> Result<(), Failure> {
        match self.end(grant, now).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::from(error).of_grant(grant.id).of_subject(grant.subject())),
        }
    }
}

/// Whether a client that was given its token by a server that never rotated could still send that one when it did: what the engine made it
/// wait since then is not its fault.
pub(super) fn is_in_foreign_grace(grant: &Grant, client: &Client, time: &Time<'_>) -> bool {
    let grace = client.foreign_grace();
    !grace.is_zero() && grant.foreign().is_some() && time.arrived().since(grant.created_at) < grace
}

/// Why a grant has no keys here.
#[cold]
fn not_here(grant: &Grant) -> GrantRefusal {
    if grant.has_ended() { GrantRefusal::Ended } else { GrantRefusal::AnotherRealm }
}

/// A store that gives another record than it was asked for would have one grant's replay end another grant.
pub(super) fn is_record_of(grant: &Grant, asked: GrantId) -> Result<(), Unavailable> {
    if grant.id == asked { Ok(()) } else { Err(Unavailable::Store(StoreErrorKind::Corrupt)) }
}
