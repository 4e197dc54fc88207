//! What the endpoints have in common of a grant: whether a token is of it, and its end.

use super::Engine;
use super::event::Event;
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::{Client, Clients};
use crate::grant::rotation::OnReplay;
use crate::grant::{Grant, GrantId};
use crate::store::{StoreError, StoreErrorKind, TokenStore};
use crate::token::{GrantToken, Key, TokenKind};

/// How often a lost swap loads and decides again. Whoever wins a swap makes the others retries, so one more round
/// settles it; the rest is for stores whose replies get lost.
pub(super) const ATTEMPTS: usize = 5;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The key of this id.
    pub(super) fn key(&self, key_id: u8) -> Result<&Key, Refusal> {
        self.keys.get(key_id).ok_or_else(|| {
            self.emit(&Event::UnknownKey { key_id });
            Refusal::UnknownKey
        })
    }

    /// The grant of a genuine refresh token of this client.
    pub(super) async fn own_refresh_grant(
        &self,
        token: &GrantToken,
        client: &Client,
    ) -> Result<Option<Grant>, Failure> {
        let Some(key) = self.keys.get(token.key_id()) else { return Ok(None) };
        let Some(grant) = self.store.load(token.grant_id()).await? else { return Ok(None) };
        match prove(&grant, token, TokenKind::Refresh, key, client) {
            Ok(()) => Ok(Some(grant)),
            Err(failure) if failure.why.code().status() < 500 => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Ends a grant whose refresh token or code was replayed, and refuses the request.
    pub(super) async fn replayed(&self, grant: &Grant, client: &Client) -> Failure {
        if client.on_replay() == OnReplay::EndGrant
            && let Err(failure) = self.end_for(grant).await
        {
            return failure;
        }
        Refusal::Replay.into()
    }

    /// Removes a grant. Whether this call did it; where it fails, the grant is not ended for certain.
    pub(super) async fn end(&self, grant: &Grant) -> Result<bool, StoreError> {
        let ended = self.store.remove(grant.id).await?.is_some();
        if ended {
            self.emit(&Event::Revoked { grant: grant.id, client_id: grant.client_id() });
        }
        Ok(ended)
    }

    /// The same for a request, which then has to be sent again.
    pub(super) async fn end_for(&self, grant: &Grant) -> Result<(), Failure> {
        match self.end(grant).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure { grant: Some(grant.id), ..error.into() }),
        }
    }
}

/// Proves that a token of this kind is of this record and of this client.
pub(super) fn prove(
    grant: &Grant,
    token: &GrantToken,
    kind: TokenKind,
    key: &Key,
    client: &Client,
) -> Result<(), Failure> {
    is_record_of(grant, token.grant_id())?;
    if !token.is_genuine(kind, key, &grant.salt) {
        return Err(Refusal::Mac.into());
    }
    if grant.client_id() != client.id() {
        return Err(of_grant(grant, Refusal::AnotherClient));
    }
    Ok(())
}

/// A store that gives another record than it was asked for would have one grant's replay end another grant.
pub(super) fn is_record_of(grant: &Grant, asked: GrantId) -> Result<(), Refusal> {
    if grant.id == asked { Ok(()) } else { Err(Refusal::Store(StoreErrorKind::Corrupt)) }
}

/// A refusal of a token that was proven to be of this grant.
pub(super) fn of_grant(grant: &Grant, why: Refusal) -> Failure {
    Failure { grant: Some(grant.id), ..why.into() }
}
