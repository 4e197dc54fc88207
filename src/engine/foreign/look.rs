//! Revoking and introspecting another server's tokens (RFC 7009, RFC 7662).

use std::net::IpAddr;

use super::Place;
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::host::ForeignLogin;
use crate::engine::refusal::{GrantRefusal, Unavailable};
use crate::engine::swap::{ATTEMPTS, new_version};
use crate::engine::time::Time;
use crate::grant::foreign::ForeignOrigin;
use crate::grant::{Generation, Grant, Timestamp};
use crate::store::{Insert, StoreErrorKind, TokenStore};
use crate::token::GrantToken;

/// What a token of another server stands for.
pub(in crate::engine) enum Seen {
    /// The grant that it has begun.
    Grant(Grant),
    /// The grant that it would begin, and until when it may.
    NotYet(Grant, Timestamp),
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Ends the grant of a token for good. One that has none yet is remembered, so that it will never have one.
    pub(in crate::engine) async fn revoke_foreign(
        &self,
        text: &str,
        client: &Client,
        peer: Option<IpAddr>,
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        let Some(foreign) = &self.foreign else { return Ok(()) };
        let traces = self.traces(foreign, client.id(), text);
        let mut asked: Option<ForeignLogin> = None;
        for _ in 0..ATTEMPTS {
            let id = match self.foreign_place(&traces).await? {
                Place::Taken(grant) if grant.has_ended() => return Ok(()),
                Place::Taken(grant) => {
                    let token = GrantToken::unproven(grant.key_id, grant.id, Generation::NONE);
                    return if self.may_end(&grant, &token, client, time) {
                        self.end_for(&grant, time.now()).await
                    } else {
                        Ok(())
                    };
                }
                Place::Free(id) => id,
                Place::None => break,
            };
            if asked.is_none() {
                asked = self.ask_foreign(foreign, &traces, text, client, (peer, time.now())).await?;
            }
            let now = time.now();
            let Some(login) = asked.as_ref().filter(|login| now < login.until) else { return Ok(()) };
            let origin = ForeignOrigin { proof: traces.own.proof, kept_until: self.kept_for(login.until) };
            let ended = Grant::never_begun(id, new_version(), self.realm(), origin, now);
            match self.store.insert(&ended, now).await {
                Ok(Insert::Added) => return Ok(()),
                // It was taken over meanwhile, or nobody can tell: look again.
                Ok(Insert::Duplicate) => {}
                Err(error) if error.kind() == StoreErrorKind::Indeterminate => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Unavailable::Contention.into())
    }

    /// What a token stands for; `None` where there is no other server. Nothing changes.
    ///
    /// # Errors
    ///
    /// Why it would renew nothing, or nobody can tell.
    pub(in crate::engine) async fn see_foreign(
        &self,
        text: &str,
        client: &Client,
        time: &Time<'_>,
    ) -> Result<Option<Seen>, Failure> {
        let Some(token) = self.foreign_token(client, text, None, GrantRefusal::NoGrant.into()) else { return Ok(None) };
        let mut token = token.only_looked_at();
        let grant = self.find_foreign_grant(&mut token, text.as_bytes(), client, time).await?;
        Ok(Some(match token.to_begin() {
            Some(login) => Seen::NotYet(grant, login.until),
            None => Seen::Grant(grant),
        }))
    }
}
