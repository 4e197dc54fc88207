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
use super::answer::Issue;
use super::event::Event;
use super::grants::{ATTEMPTS, of_grant, prove};
use super::hook::{DynRefreshHook, RefreshRequest, Renew};
use super::id_token::Claims;
use super::refusal::Refusal;
use super::token::Failure;
use crate::client::{Client, Clients};
use crate::grant::rotation::{Decision, RefreshPolicy, Renewal, Rotation, Void, decide};
use crate::grant::{Generation, Grant, InvalidScope, ResponseFields, Scope, Timestamp, Version};
use crate::store::{StoreErrorKind, Swap, TokenStore};
use crate::token::{GRANT_TEXT_LEN, GrantToken, TokenKind, mint_refresh};
use crate::wire::Parameters;

/// One refresh, and what must hold over its attempts.
struct Refresh<'a> {
    client: &'a Client,
    token: GrantToken,
    text: &'a [u8; GRANT_TEXT_LEN],
    scope: Option<Result<Scope, InvalidScope>>,
    now: Timestamp,
    /// Whether the hook has allowed it; it is asked once.
    permitted: bool,
    /// Fields that the hook gave in place of the stored ones.
    fields: Option<ResponseFields>,
    /// Versions of writes whose outcome is unknown. A record of one of these was written by this very request.
    unsure: SmallVec<[Version; 2]>,
    /// Whether a swap was lost.
    lost: bool,
    told_behind: bool,
    /// What the host says in the ID token; it is asked once.
    claims: Option<Claims>,
}

/// What one look at the record comes to.
enum Verdict {
    /// Nothing is to be written: a retry, or this request's own write, which was in doubt.
    Answer(Finish),
    /// This generation is to be written.
    Write(Generation, Finish),
    /// An older token came back.
    Replay,
}

/// How a refresh ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finish {
    /// With the next refresh token.
    Step,
    /// With the same one: the client does not rotate.
    Keep,
    /// With the same successor again.
    Retry,
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) async fn refresh(
        &self,
        client: &Client,
        parameters: &Parameters<'_>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        let text = parameters.refresh_token().ok_or(Refusal::MissingParameter)?;
        let text = text.try_into().map_err(|_| Refusal::Shape)?;
        let token = GrantToken::decode(text).ok_or(Refusal::Shape)?;
        let key = self.key(token.key_id())?;
        let mut refresh = Refresh {
            client,
            token,
            text,
            scope: parameters.scope().map(Scope::parse),
            now,
            permitted: false,
            fields: None,
            unsure: SmallVec::new(),
            lost: false,
            told_behind: false,
            claims: None,
        };
        for _ in 0..ATTEMPTS {
            // Borrowed from where it is: a grant is large enough for moves to be felt.
            let mut loaded = self.store.load(refresh.token.grant_id()).await;
            let grant = match loaded {
                Ok(Some(ref mut grant)) => grant,
                Ok(None) => return Err(Refusal::NoGrant.into()),
                Err(error) => return Err(error.into()),
            };
            prove(grant, &refresh.token, TokenKind::Refresh, key, client)?;
            let (generation, finish) = match self.judge(grant, &mut refresh)? {
                Verdict::Replay => return Err(self.replay(grant, &refresh).await),
                Verdict::Answer(finish) => (None, finish),
                Verdict::Write(generation, finish) => (Some(generation), finish),
            };
            let mask = asked_mask(grant, &refresh)?;
            if let (Some(hook), false) = (&self.hook, refresh.permitted) {
                refresh.fields = ask(hook.as_ref(), grant, &refresh, mask, finish).await?;
                refresh.permitted = true;
            }
            if self.issues_id_tokens() && refresh.claims.is_none() {
                refresh.claims = Some(self.id_claims(grant, client, mask, now).await?);
            }
            let Some(generation) = generation else { return self.finish(grant, &mut refresh, mask, finish) };
            let expected = grant.version;
            self.renew(grant, &refresh, generation, finish);
            match self.store.compare_and_swap(expected, grant, now).await {
                Ok(Swap::Swapped) => return self.finish(grant, &mut refresh, mask, finish),
                Ok(Swap::Lost) => refresh.lost = true,
                Err(error) if error.kind() == StoreErrorKind::Indeterminate => refresh.unsure.push(grant.version),
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Contention.into())
    }

    pub(super) fn refresh_policy(&self, client: &Client) -> RefreshPolicy {
        RefreshPolicy {
            rotation: client.rotation(),
            retry_window: client.retry_window(),
            clock_skew: self.clock_skew,
            not_before: self.not_before(client),
        }
    }

    /// What the record makes of the token.
    fn judge(&self, grant: &Grant, refresh: &mut Refresh<'_>) -> Result<Verdict, Failure> {
        let client = refresh.client;
        if refresh.unsure.contains(&grant.version) {
            return Ok(Verdict::Answer(match client.rotation() {
                Rotation::Always => Finish::Step,
                Rotation::Never => Finish::Keep,
            }));
        }
        let presented = refresh.token.generation();
        let (verdict, behind) = match decide(grant, presented, &self.refresh_policy(client), refresh.now) {
            Decision::Step { to, behind } => (Verdict::Write(to, Finish::Step), behind),
            // Whoever won the swap has extended the grant as well as this request would have.
            Decision::Keep { behind: false } if refresh.lost && refresh.fields.is_none() => {
                (Verdict::Answer(Finish::Keep), false)
            }
            Decision::Keep { behind } => (Verdict::Write(presented, Finish::Keep), behind),
            Decision::Retry => (Verdict::Answer(Finish::Retry), false),
            // It may be an older one by this request's own lost write: that is no evidence of a thief.
            Decision::Replay if !refresh.unsure.is_empty() => {
                return Err(of_grant(grant, Refusal::Store(StoreErrorKind::Indeterminate)));
            }
            // It was current when this request came; its client has given up on it and gone on by two steps.
            Decision::Replay if refresh.lost && presented.next() != Some(grant.generation) => {
                return Err(of_grant(grant, Refusal::Overtaken));
            }
            Decision::Replay => (Verdict::Replay, false),
            Decision::Refuse(void) => return Err(of_grant(grant, void.into())),
        };
        if behind && !refresh.told_behind {
            refresh.told_behind = true;
            self.emit(&Event::StoreBehind { grant: grant.id, presented, stored: grant.generation });
        }
        Ok(verdict)
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
        self.replayed(grant, refresh.client).await
    }

    /// Makes it the record after this refresh, of a version that is new.
    fn renew(&self, grant: &mut Grant, refresh: &Refresh<'_>, generation: Generation, finish: Finish) {
        let key_id = match finish {
            // The token stays, so the key that made it does.
            Finish::Keep => refresh.token.key_id(),
            Finish::Step | Finish::Retry => self.keys.signing().id(),
        };
        grant.renew(Renewal {
            version: Version::from_u64(rand::random()),
            generation,
            key_id,
            lifetimes: self.lifetimes(refresh.client),
            fields: refresh.fields.clone(),
            now: refresh.now,
        });
    }

    /// Mints from the record, tells the host and writes the response.
    fn finish(&self, grant: &Grant, refresh: &mut Refresh<'_>, mask: u64, finish: Finish) -> Result<Vec<u8>, Failure> {
        let successor;
        let refresh_token = match finish {
            Finish::Keep => refresh.text,
            Finish::Step | Finish::Retry => {
                let key = self.keys.get(grant.key_id).ok_or_else(|| {
                    self.emit(&Event::UnknownKey { key_id: grant.key_id });
                    // The token is good; another node can answer it, and this one once it has the key.
                    of_grant(grant, Refusal::MissingKey)
                })?;
                successor = mint_refresh(grant, key);
                &successor
            }
        };
        let body = self.answer(&Issue {
            grant,
            client: refresh.client,
            refresh_token: Some(refresh_token),
            scope_mask: mask,
            nonce: None,
            claims: refresh.claims.take().unwrap_or_default(),
            now: refresh.now,
        })?;
        let (grant, client_id, generation) = (grant.id, refresh.client.id(), grant.generation);
        self.emit(&match finish {
            Finish::Retry => Event::Retried { grant, client_id, generation },
            Finish::Step | Finish::Keep => Event::Refreshed { grant, client_id, generation },
        });
        Ok(body)
    }
}

/// The part of the grant's scope that the request asks for: all of it where it asks for none (RFC 6749 section 6).
fn asked_mask(grant: &Grant, refresh: &Refresh<'_>) -> Result<u64, Failure> {
    match &refresh.scope {
        None => Some(Scope::WHOLE),
        Some(Ok(scope)) => grant.scope.mask_of(scope),
        Some(Err(InvalidScope)) => None,
    }
    .ok_or_else(|| of_grant(grant, Refusal::Scope))
}

/// Asks the host's hook: new extra fields, if it has any.
async fn ask(
    hook: &dyn DynRefreshHook,
    grant: &Grant,
    refresh: &Refresh<'_>,
    mask: u64,
    finish: Finish,
) -> Result<Option<ResponseFields>, Failure> {
    let scope = grant.scope.select(mask);
    let is_retry = finish == Finish::Retry;
    let request = RefreshRequest { grant, client: refresh.client, scope: &scope, is_retry, now: refresh.now };
    match hook.on_refresh_dyn(&request).await {
        Ok(Renew::Allow) => Ok(None),
        Ok(Renew::AllowWith(fields)) => Ok(Some(fields)),
        Ok(Renew::Refuse) => Err(of_grant(grant, Refusal::Hook)),
        Err(error) => Err(Failure { cause: Some(error.into()), ..of_grant(grant, Refusal::Host) }),
    }
}

impl From<Void> for Refusal {
    fn from(void: Void) -> Self {
        match void {
            Void::NotBefore => Self::NotBefore,
            Void::Expired => Self::Expired,
            Void::NotRenewable => Self::NotRenewable,
            Void::Exhausted => Self::Exhausted,
            Void::ClockBehind => Self::ClockBehind,
        }
    }
}
