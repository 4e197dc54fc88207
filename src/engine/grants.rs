//! What the endpoints have in common of a grant: whether a token is of it, and its end.

use super::Engine;
use super::failure::{Failure, of_grant};
use super::host::Event;
use super::refusal::{GrantRefusal, Unavailable};
use crate::client::{Client, Clients};
use crate::grant::{Grant, GrantId, OnReplay};
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

    /// Proves that a token of this kind is of this record, and both of this engine and of the client of this id.
    pub(super) fn prove(
        &self,
        grant: &Grant,
        token: &GrantToken,
        kind: TokenKind,
        client_id: &str,
    ) -> Result<(), Failure> {
        is_record_of(grant, token.grant_id())?;
        if !token.is_genuine(kind, self.key_of(grant, token.key_id())?, &grant.salt) {
            return Err(GrantRefusal::Mac.into());
        }
        if grant.client_id() != client_id {
            return Err(of_grant(grant, GrantRefusal::AnotherClient));
        }
        Ok(())
    }

    /// The key of this id that tokens of this grant are made under.
    pub(super) fn key_of(&self, grant: &Grant, key_id: u8) -> Result<&Key, Failure> {
        let keys = self.realm.keys_of(grant).ok_or_else(|| of_grant(grant, GrantRefusal::AnotherRealm))?;
        Ok(keys.get(key_id).ok_or(GrantRefusal::UnknownKey)?)
    }

    /// The grant of a genuine refresh token of this client.
    pub(super) async fn own_refresh_grant(
        &self,
        token: &GrantToken,
        client: &Client,
    ) -> Result<Option<Grant>, Failure> {
        if self.realm.keys().get(token.key_id()).is_none() {
            return Ok(None);
        }
        let Some(grant) = self.store.load(token.grant_id()).await? else { return Ok(None) };
        match self.prove(&grant, token, TokenKind::Refresh, client.id()) {
            Ok(()) => Ok(Some(grant)),
            Err(failure) if failure.why.status() < 500 => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Ends a grant whose refresh token or code was replayed, and refuses the request.
    pub(super) async fn replayed(&self, grant: &Grant, client: &Client) -> Failure {
        if client.on_replay() == OnReplay::EndGrant {
            if let Err(failure) = self.end_for(grant).await {
                return failure;
            }
        }
        GrantRefusal::Replay.into()
    }

    /// Removes a grant. Whether this call did it; where it fails, the grant is not ended for certain.
    pub(super) async fn end(&self, grant: &Grant) -> Result<bool, StoreError> {
        // Of a record that cannot be read too: a later version may have written to it since it was loaded.
        let ended = !self.store.remove(grant.id).await?.is_nothing();
        if ended {
            self.emit(&Event::Revoked {
                grant: grant.id,
                client_id: grant.client_id(),
                subject: self.subject_of(grant),
            });
        }
        Ok(ended)
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
    pub(super) async fn end_for(&self, grant: &Grant) -> Result<(), Failure> {
        match self.end(grant).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::from(error).of_grant(grant.id).of_subject(grant.subject())),
        }
    }
}

/// A store that gives another record than it was asked for would have one grant's replay end another grant.
pub(super) fn is_record_of(grant: &Grant, asked: GrantId) -> Result<(), Unavailable> {
    if grant.id == asked { Ok(()) } else { Err(Unavailable::Store(StoreErrorKind::Corrupt)) }
}
