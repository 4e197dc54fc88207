//! The revocation endpoint: RFC 7009.

use std::pin::pin;

use super::Engine;
use super::failure::Failure;
use super::grants::is_record_of;
use super::host::{Clock, Event};
use super::refusal::{GrantRefusal, Refusal, Unavailable};
use super::resource::Asking;
use super::swap::{ATTEMPTS, Swapped, Swaps, new_version};
use super::time::Time;
use crate::client::{Client, Clients};
use crate::grant::rotation::{Decision, decide};
use crate::grant::{Grant, GrantId};
use crate::store::TokenStore;
use crate::throttle::Guessed;
use crate::token::{GrantToken, TokenKind};
use crate::wire::{Request, Response};

/// Epochs have 24 bits. Nobody revokes the access tokens of one grant that often; the last time ends it.
const MAX_EPOCH: u32 = (1 << 24) - 1;

/// Whether a token is refused because it is none that is alive.
const fn is_invalid(why: Refusal) -> bool {
    !matches!(why, Refusal::Throttled(_) | Refusal::Grant(GrantRefusal::AnotherClient)) && why.status() < 500
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Answers a request to the revocation endpoint (RFC 7009). The client authenticates as at the token endpoint, public
    /// ones by their id.
    ///
    /// Any refresh token of the client's own, current or not, ends its grant and with it every token there is of it; of a grant that is
    /// bound to a key or a certificate, the current one, and the one before within the retry window. An
    /// access token that is live revokes the access tokens that were issued for the grant up to now, and leaves the
    /// refresh token. A token that is alive and another client's is refused with `invalid_grant` (section 2.1), whatever
    /// its kind or generation; nothing changes. Anything else is answered 200 and changes nothing (section 2.2).
    /// `token_type_hint` is not needed: tokens tell themselves apart.
    ///
    /// 503 where the store fails: the token may be alive, so it has to be sent again.
    ///
    /// ```
    /// use regrant::{Client, Engine, MemoryStore, Request, StaticClients, Timestamp};
    /// let app = Client::public("app").build()?;
    /// let engine = Engine::builder(MemoryStore::new(), StaticClients::new().with(app)?).build()?;
    /// let request = Request::new("POST", b"token=anything&client_id=app")
    ///     .with_header("content-type", b"application/x-www-form-urlencoded");
    /// assert_eq!(engine.blocking().revoke(&request, Timestamp::now)?.status(), 200);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke(&self, request: &Request<'_>, clock: impl Clock) -> Response {
        let time = self.time(&clock);
        match time.watch(pin!(self.try_revoke(request, &time))).await {
            Ok(()) => Response::ok(b"{}".to_vec()),
            Err(failure) => self.refuse(&failure),
        }
    }

    async fn try_revoke(&self, request: &Request<'_>, time: &Time<'_>) -> Result<(), Failure> {
        let (client, token) = match self.token_of_request(request, time).await {
            Ok(found) => found,
            // Not at hand, and by no token of its own: as below.
            Err(failure) if failure.is_about_a_token() && !failure.is_of_another_client() => return Ok(()),
            Err(failure) => return self.of_another(failure, request, time),
        };
        self.check_profile_of(&client).map_err(|why| Failure::from(why).of_client(client.shared_id()))?;
        let revoked = match self.grant_token(token.as_bytes()) {
            Some(token) => self.revoke_refresh_token(&token, &client, time).await,
            None => self.revoke_access_token(&token, &client, time).await,
        };
        #[cfg(feature = "root-secret")]
        let revoked = match revoked {
            // Another server's refresh token has any form, that of a JWT too.
            Err(failure) if self.may_be_foreign(&failure) || self.may_be_foreign_jwt(&failure) => {
                Box::pin(self.revoke_foreign(&token, &client, request.peer(), time)).await
            }
            revoked => revoked,
        };
        match revoked {
            // To the client an invalid token is as good as a revoked one (RFC 7009 section 2.2); one that nobody has looked at is not.
            Err(failure) if is_invalid(failure.why) => Ok(()),
            Err(failure) => self.of_another(failure.of_client(client.shared_id()), request, time),
            Ok(()) => Ok(()),
        }
    }

    /// That a token is another client's says that it is alive, and anybody can be a client where clients register themselves. Whoever asks
    /// too often is told what one is told of a dead one: nothing.
    fn of_another(&self, failure: Failure, request: &Request<'_>, time: &Time<'_>) -> Result<(), Failure> {
        if !failure.is_of_another_client() {
            return Err(failure);
        }
        match self.host.guess(Guessed::Token, request.peer(), time.now()) {
            Ok(_) => Err(failure),
            Err(throttled) => {
                self.tell(&failure.because(throttled));
                Ok(())
            }
        }
    }

    async fn revoke_refresh_token(&self, token: &GrantToken, client: &Client, time: &Time<'_>) -> Result<(), Failure> {
        if self.realm.keys().get(token.key_id()).is_none() {
            return Err(GrantRefusal::UnknownKey.into());
        }
        let grant = self.store.load(token.grant_id()).await?.ok_or(GrantRefusal::NoGrant)?;
        match self.prove(&grant, token, TokenKind::Refresh, client.id()) {
            Ok(()) if self.may_end(&grant, token, client, time) => self.end_for(&grant, time.now()).await,
            Ok(()) => Ok(()),
            Err(failure) if failure.is_of_another_client() => {
                // One that has expired, or was voided, is invalid whoever sends it.
                self.check_grant(&grant, grant.access_epoch, grant.refresh_expires_at, time).await?;
                Err(failure)
            }
            Err(failure) => Err(failure),
        }
    }

    /// An old token of a grant that is bound may have been found in a log: without the key it ends no login. The current one, and
    /// the one before within the window, are what its client has (revocation needs no proof).
    pub(super) fn may_end(&self, grant: &Grant, token: &GrantToken, client: &Client, time: &Time<'_>) -> bool {
        let presented = token.generation();
        let decided = || decide(grant, presented, &self.refresh_policy(client), time.arrived(), time.now());
        let is_anybodys = grant.sender().is_none() || grant.is_before_sender(presented);
        is_anybodys || presented >= grant.generation || decided() == Decision::Retry
    }

    async fn revoke_access_token(&self, text: &str, client: &Client, time: &Time<'_>) -> Result<(), Failure> {
        let access = self.live_access(text, time, Asking::Revocation).await?;
        if access.client_id() != client.id() {
            return Err(Failure::from(GrantRefusal::AnotherClient)
                .of_grant(access.grant_id())
                .of_subject(access.subject()));
        }
        // It ends with the grant that it is of, which may be another client's, and not the other way round.
        #[cfg(feature = "jwt")]
        if access.is_exchanged() {
            return Ok(());
        }
        self.revoke_access(access.grant_id(), access.epoch, time).await
    }

    /// Moves a grant past this epoch of its access tokens, whatever else goes on: a rotation in flight loses its swap, and
    /// takes its step after it.
    async fn revoke_access(&self, id: GrantId, epoch: u32, time: &Time<'_>) -> Result<(), Failure> {
        let mut swaps = Swaps::none();
        for _ in 0..ATTEMPTS {
            // A grant that is gone has no access tokens left.
            let Some(mut grant) = self.store.load(id).await? else { return Ok(()) };
            is_record_of(&grant, id)?;
            // Nor has one that has ended and is kept for the sake of its first token.
            if grant.has_ended() {
                return Ok(());
            }
            if grant.access_epoch > epoch {
                // By a write of its own that was in doubt, or by another's: nobody can tell. Rather twice than never.
                if swaps.are_in_doubt() {
                    self.tell_access_revoked(&grant);
                }
                return Ok(());
            }
            if epoch == MAX_EPOCH {
                return self.end_for(&grant, time.now()).await;
            }
            let expected = grant.version;
            grant.version = new_version();
            // Past the token, which is ahead of the record where the store lost writes.
            grant.access_epoch = epoch + 1;
            if swaps.swap(&self.store, expected, &grant, time.now()).await? == Swapped::Done {
                self.tell_access_revoked(&grant);
                return Ok(());
            }
        }
        Err(Failure::from(Unavailable::Contention).of_grant(id))
    }

    fn tell_access_revoked(&self, grant: &Grant) {
        let (client_id, subject) = (grant.client_id(), self.subject_of(grant));
        self.emit(&Event::AccessRevoked { grant: grant.id, client_id, subject });
    }
}
