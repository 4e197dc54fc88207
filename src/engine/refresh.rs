//! `grant_type=refresh_token`: RFC 6749 section 6, with rotation and replay detection (RFC 9700 section 4.14.2).
//!
//! The order of checks is fixed, and the first match answers:
//!
//! ```text
//! shape → key id known → record → MAC → kind → client → not_before and expiry → renewable →
//! older: retry in the window | replay → ahead: move forward → scope → host's hook → swap → mint
//! ```
//!
//! The kind is under the MAC, so both are one check; from `not_before` to "ahead" it is
//! [`decide`](crate::grant::rotation::decide).

use smallvec::SmallVec;

use super::Engine;
use super::event::Event;
use super::hook::{RefreshRequest, Renew};
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::{Client, Clients};
use crate::grant::rotation::{Decision, OnReplay, RefreshPolicy, Renewal, Rotation, Void, decide};
use crate::grant::{Generation, Grant, InvalidScope, ResponseFields, Scope, Timestamp, Version};
use crate::store::{StoreErrorKind, Swap, TokenStore};
use crate::token::{RefreshToken, mint_refresh};
use crate::wire::Form;

/// How often a lost swap loads and decides again. Whoever wins a swap makes the others retries, so one more round
/// settles it; the rest is for stores whose replies get lost.
const ATTEMPTS: usize = 5;

/// One refresh, and what must hold over its attempts.
struct Refresh<'a> {
    client: &'a Client,
    token: RefreshToken,
    text: &'a str,
    scope: Option<Result<Scope, InvalidScope>>,
    now: Timestamp,
    /// What the hook allowed; it is asked once.
    permit: Option<Option<ResponseFields>>,
    /// Versions of writes whose outcome is unknown. A record of one of these was written by this very request.
    unsure: SmallVec<[Version; 2]>,
    told_behind: bool,
}

/// What one attempt came to.
enum Attempt {
    Answered(Vec<u8>),
    /// Another request was first, or a reply was lost: load and decide again.
    Again,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) async fn refresh(&self, client: &Client, form: &Form<'_>, now: Timestamp) -> Result<Vec<u8>, Failure> {
        let single = |name| form.single(name).map_err(|_| Refusal::RepeatedParameter);
        let text = single("refresh_token")?.ok_or(Refusal::MissingParameter)?;
        let token = RefreshToken::decode(text).ok_or(Refusal::Shape)?;
        let mut refresh = Refresh {
            client,
            token,
            text,
            scope: single("scope")?.map(Scope::parse),
            now,
            permit: None,
            unsure: SmallVec::new(),
            told_behind: false,
        };
        for _ in 0..ATTEMPTS {
            if let Attempt::Answered(body) = self.attempt(&mut refresh).await? {
                return Ok(body);
            }
        }
        Err(Refusal::Contention.into())
    }

    async fn attempt(&self, refresh: &mut Refresh<'_>) -> Result<Attempt, Failure> {
        let grant = self.prove(refresh).await?;
        let of_grant = |why: Refusal| Failure { grant: Some(grant.id), ..why.into() };
        if refresh.unsure.contains(&grant.version) {
            let mask = asked_mask(&grant, refresh).map_err(of_grant)?;
            let finish = match refresh.client.rotation() {
                Rotation::Always => Finish::Step,
                Rotation::Never => Finish::Keep,
            };
            return self.finish(&grant, refresh, mask, finish).map(Attempt::Answered);
        }
        let policy = RefreshPolicy {
            rotation: refresh.client.rotation(),
            retry_window: refresh.client.retry_window(),
            clock_skew: self.clock_skew,
            not_before: self.not_before(refresh.client),
        };
        let decision = decide(&grant, refresh.token.generation(), &policy, refresh.now);
        match decision {
            Decision::Refuse(void) => return Err(of_grant(void.into())),
            // The older token may be so by this request's own lost write: that is no evidence of a thief.
            Decision::Replay if !refresh.unsure.is_empty() => {
                return Err(of_grant(Refusal::Store(StoreErrorKind::Indeterminate)));
            }
            Decision::Replay => return Err(self.replay(&grant, refresh).await),
            Decision::Step { behind: true, .. } | Decision::Keep { behind: true } if !refresh.told_behind => {
                refresh.told_behind = true;
                let (presented, stored) = (refresh.token.generation(), grant.generation);
                self.emit(&Event::StoreBehind { grant: grant.id, presented, stored });
            }
            Decision::Retry | Decision::Step { .. } | Decision::Keep { .. } => {}
        }
        let mask = asked_mask(&grant, refresh).map_err(of_grant)?;
        let fields = match &refresh.permit {
            Some(fields) => fields.clone(),
            None => {
                let fields = self.ask_hook(&grant, refresh, mask, decision == Decision::Retry).await?;
                refresh.permit = Some(fields.clone());
                fields
            }
        };
        let (to, behind, finish) = match decision {
            Decision::Step { to, behind } => (to, behind, Finish::Step),
            Decision::Keep { behind } => (refresh.token.generation(), behind, Finish::Keep),
            _ => return self.finish(&grant, refresh, mask, Finish::Retry).map(Attempt::Answered),
        };
        self.write(grant, refresh, Step { to, behind, finish, fields, mask }).await
    }

    /// Loads the record, and proves that the token is of it and of this client.
    async fn prove(&self, refresh: &Refresh<'_>) -> Result<Grant, Failure> {
        let key_id = refresh.token.key_id();
        let Some(key) = self.keys.get(key_id) else {
            self.emit(&Event::UnknownKey { key_id });
            return Err(Refusal::UnknownKey.into());
        };
        let grant = self.store.load(refresh.token.grant_id()).await?.ok_or(Refusal::NoGrant)?;
        if !refresh.token.is_genuine(key, &grant.salt) {
            return Err(Refusal::Mac.into());
        }
        if grant.client_id() != refresh.client.id() {
            return Err(Failure { grant: Some(grant.id), ..Refusal::AnotherClient.into() });
        }
        Ok(grant)
    }

    /// Ends the grant of a replayed token. The event comes first: it stands even where the request is dropped while the
    /// store works.
    async fn replay(&self, grant: &Grant, refresh: &Refresh<'_>) -> Failure {
        self.emit(&Event::ReplayFound {
            grant: grant.id,
            client_id: refresh.client.id(),
            presented: refresh.token.generation(),
            current: grant.generation,
        });
        if refresh.client.on_replay() == OnReplay::EndGrant {
            match self.store.remove(grant.id).await {
                Ok(Some(_)) => self.emit(&Event::Revoked { grant: grant.id, client_id: refresh.client.id() }),
                Ok(None) => {}
                // Not ended for certain: 503, so that whoever sent it may send it again.
                Err(error) => return error.into(),
            }
        }
        Refusal::Replay.into()
    }

    /// Asks the host's hook. `Some` fields take the place of the stored ones.
    async fn ask_hook(
        &self,
        grant: &Grant,
        refresh: &Refresh<'_>,
        mask: u64,
        is_retry: bool,
    ) -> Result<Option<ResponseFields>, Failure> {
        let Some(hook) = &self.hook else { return Ok(None) };
        let scope = grant.scope.select(mask);
        let request = RefreshRequest { grant, client: refresh.client, scope: &scope, is_retry, now: refresh.now };
        match hook.on_refresh_dyn(&request).await {
            Ok(Renew::Allow) => Ok(None),
            Ok(Renew::AllowWith(fields)) => Ok(Some(fields)),
            Ok(Renew::Refuse) => Err(Failure { grant: Some(grant.id), ..Refusal::Hook.into() }),
            Err(error) => Err(Failure { grant: Some(grant.id), cause: Some(error.into()), ..Refusal::Host.into() }),
        }
    }

    /// Writes the refreshed record, if it is still as it was loaded.
    async fn write(&self, grant: Grant, refresh: &mut Refresh<'_>, step: Step) -> Result<Attempt, Failure> {
        let Step { to, behind, finish, fields, mask } = step;
        let expected = grant.version;
        let version = Version::from_u64(rand::random());
        let key_id = match finish {
            // The token stays, so the key that made it does.
            Finish::Keep => refresh.token.key_id(),
            Finish::Step | Finish::Retry => self.keys.signing().id(),
        };
        // A mere extension of the idle expiry may lose its swap; new fields may not.
        let may_lose = finish == Finish::Keep && fields.is_none() && !behind;
        let lifetimes = self.lifetimes(refresh.client);
        let next = grant.renewed(Renewal { version, generation: to, key_id, lifetimes, fields, now: refresh.now });
        match self.store.compare_and_swap(expected, next.clone(), refresh.now).await {
            Ok(Swap::Swapped) => {}
            Ok(Swap::Lost) if may_lose => return self.extended_by_another(refresh, mask).await,
            Ok(Swap::Lost) => return Ok(Attempt::Again),
            Err(error) if error.kind() == StoreErrorKind::Indeterminate => {
                refresh.unsure.push(version);
                return Ok(Attempt::Again);
            }
            Err(error) => return Err(error.into()),
        }
        self.finish(&next, refresh, mask, finish).map(Attempt::Answered)
    }

    /// A client that does not rotate lost the swap that extends its grant: another request has extended it, or ended
    /// it.
    async fn extended_by_another(&self, refresh: &Refresh<'_>, mask: u64) -> Result<Attempt, Failure> {
        let grant = self.prove(refresh).await?;
        if grant.generation != refresh.token.generation() {
            return Ok(Attempt::Again);
        }
        self.finish(&grant, refresh, mask, Finish::Keep).map(Attempt::Answered)
    }

    /// Mints from the record, tells the host and writes the response.
    fn finish(&self, grant: &Grant, refresh: &Refresh<'_>, mask: u64, finish: Finish) -> Result<Vec<u8>, Failure> {
        let (event_grant, client_id, generation) = (grant.id, refresh.client.id(), grant.generation);
        let successor;
        let refresh_token = if finish == Finish::Keep {
            refresh.text.as_bytes()
        } else {
            let Some(key) = self.keys.get(grant.key_id) else {
                self.emit(&Event::UnknownKey { key_id: grant.key_id });
                return Err(Failure { grant: Some(grant.id), ..Refusal::UnknownKey.into() });
            };
            successor = mint_refresh(grant, key);
            &successor
        };
        let body = self.answer(grant, refresh.client, Some(refresh_token), mask, refresh.now);
        self.emit(&match finish {
            Finish::Retry => Event::Retried { grant: event_grant, client_id, generation },
            Finish::Step | Finish::Keep => Event::Refreshed { grant: event_grant, client_id, generation },
        });
        Ok(body)
    }
}

/// What to write.
struct Step {
    to: Generation,
    behind: bool,
    finish: Finish,
    fields: Option<ResponseFields>,
    mask: u64,
}

/// How a refresh ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finish {
    Step,
    Keep,
    Retry,
}

/// The part of the grant's scope that the request asks for: all of it where it asks for none (RFC 6749 section 6).
fn asked_mask(grant: &Grant, refresh: &Refresh<'_>) -> Result<u64, Refusal> {
    match &refresh.scope {
        None => Ok(grant.scope.full_mask()),
        Some(Ok(scope)) => grant.scope.mask_of(scope).ok_or(Refusal::Scope),
        Some(Err(InvalidScope)) => Err(Refusal::Scope),
    }
}

impl From<Void> for Refusal {
    fn from(void: Void) -> Self {
        match void {
            Void::NotBefore => Self::NotBefore,
            Void::Expired => Self::Expired,
            Void::NotRenewable => Self::NotRenewable,
            Void::Exhausted => Self::Exhausted,
        }
    }
}
