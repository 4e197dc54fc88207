//! `grant_type=refresh_token`: RFC 6749 section 6, with rotation and replay detection (RFC 9700 section 4.14.2).
//!
//! The order of checks is fixed, and the first match answers:
//!
//! ```text
//! shape → key id known → record → MAC → kind → client → what it is bound to → not_before and expiry → renewable →
//! older: retry in the window | resync | replay → ahead: move forward → scope → host's hook → markers → swap → mint
//! ```
//!
//! A token that is not of this engine may be another server's, where the host knows those: it comes this way again, and is proven by
//! its record, or by the host.
//!
//! The kind is under the MAC, so both are one check; from `not_before` to "ahead" it is
//! [`decide`].

#[cfg(feature = "proof")]
mod spending;

#[cfg(feature = "root-secret")]
use std::net::IpAddr;
use std::time::Duration;

use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::binding::{Presented, UsedFor};
use crate::engine::bounds::left_to;
use crate::engine::client_auth::Authenticated;
#[cfg(feature = "proof")]
use crate::engine::client_auth::{SpentFor, Unspent};
use crate::engine::failure::{Failure, of_grant};
use crate::engine::grants::is_in_foreign_grace;
use crate::engine::host::{Event, GrantChanges, IssueKind};
use crate::engine::issue::{Claims, Issue};
use crate::engine::refusal::{GrantRefusal, Refusal, RequestRefusal, SenderRefusal, Unavailable};
use crate::engine::resources::Target;
use crate::engine::swap::{ATTEMPTS, Swapped, Swaps, new_version};
use crate::engine::time::Time;
use crate::engine::token_endpoint::hook::Asked;
use crate::engine::token_endpoint::source::Source;
use crate::grant::rotation::{Advance, Decision, RefreshPolicy, Rotation, Void, decide};
use crate::grant::{Generation, Grant, Scope, Timestamp};
use crate::store::{StoreErrorKind, TokenStore};
use crate::token::{GRANT_TEXT_LEN, GrantToken, TokenKind, mint_refresh_into};
use crate::wire::{Form, Parameters};

/// One refresh, and what must hold over its attempts.
struct Refresh<'a, 'r, F> {
    client: &'a Authenticated<'a>,
    presented: &'a mut Presented<'r>,
    token: &'a GrantToken,
    text: &'a [u8],
    /// As it was asked for: read where it is looked at.
    scope: Option<&'a str>,
    time: &'a Time<'a>,
    /// Whether the hook has allowed it; it is asked once.
    permitted: bool,
    /// What the hook changes of the grant.
    changes: Option<GrantChanges>,
    swaps: Swaps,
    told_behind: bool,
    /// Whether its write binds the grant to its sender.
    binds: bool,
    /// What the host says in the ID token; it is asked once.
    claims: Option<Claims>,
    /// The assertion that the client authenticated by, until it is spent.
    #[cfg(feature = "proof")]
    unspent: Option<Unspent<'a>>,
    /// Where the token is from.
    #[cfg_attr(not(feature = "root-secret"), expect(dead_code, reason = "there are no others to tell apart"))]
    source: F,
}

/// What one look at the record comes to.
enum Verdict {
    /// Nothing is to be written: a retry, or this request's own write, which was in doubt.
    Answer(Finish),
    /// This generation is to be written: the next one where the client's tokens rotate, or the same.
    Write { to: Generation, rotates: bool },
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
    /// With the current one, for an older one, since whoever sent it proves the key.
    Resync,
    /// With the current one, for the token that another server never rotated.
    ForeignAgain,
}

impl Finish {
    const fn of_write(rotates: bool) -> Self {
        if rotates { Self::Step } else { Self::Keep }
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// The same for a token that is not of this engine: where the host knows other servers' tokens, it may be one of those. `refused`: why
    /// it is none of ours.
    #[cfg(feature = "root-secret")]
    pub(super) async fn refresh_foreign(
        &self,
        client: &Authenticated<'_>,
        form: &Form<'_>,
        parameters: &Parameters<'_>,
        presented: &mut Presented<'_>,
        (peer, time): (Option<IpAddr>, &Time<'_>),
        refused: Failure,
    ) -> Result<Vec<u8>, Failure> {
        let text = parameters.refresh_token().and_then(|text| std::str::from_utf8(text).ok());
        let text = text.ok_or(RequestRefusal::MissingParameter)?;
        let foreign = self.foreign_token(client, text, peer, refused).ok_or(GrantRefusal::NoGrant)?;
        self.refresh(client, form, parameters, presented, time, (foreign, None)).await
    }

    /// `named`: the token, where it has the shape of one of this engine's.
    #[expect(clippy::manual_async_fn, reason = "what an `async fn` is given is moved once more when it begins")]
    pub(super) fn refresh<F: Source>(
        &self,
        client: &Authenticated<'_>,
        form: &Form<'_>,
        parameters: &Parameters<'_>,
        presented: &mut Presented<'_>,
        time: &Time<'_>,
        (mut source, named): (F, Option<&GrantToken>),
    ) -> impl Future<Output = Result<Vec<u8>, Failure>> {
        async move {
            let text = parameters.refresh_token().ok_or(RequestRefusal::MissingParameter)?;
            let stand_in;
            let token = if let Some(token) = named {
                self.knows_key_of_refresh(token.key_id())?;
                token
            } else {
                stand_in = self.stand_in(&mut source).ok_or(GrantRefusal::Shape)?;
                &stand_in
            };
            let mut refresh = Refresh {
                client,
                presented,
                token,
                text,
                scope: parameters.scope(),
                time,
                permitted: false,
                changes: None,
                swaps: Swaps::none(),
                told_behind: false,
                binds: false,
                claims: None,
                #[cfg(feature = "proof")]
                unspent: client.unspent(SpentFor::Refresh(text)),
                source,
            };
            for _ in 0..ATTEMPTS {
                // Borrowed in place: a grant is large, and a move of it costs time.
                #[cfg(feature = "root-secret")]
                let mut loaded = match refresh.source.foreign() {
                    None => self.store.load(refresh.token.grant_id()).await,
                    Some(foreign) => Box::pin(self.foreign_grant(foreign, text, client, time)).await,
                };
                #[cfg(not(feature = "root-secret"))]
                let mut loaded = self.store.load(refresh.token.grant_id()).await;
                let grant = match loaded {
                    Ok(Some(ref mut grant)) => grant,
                    Ok(None) => return Err(refresh.no_grant()),
                    Err(error) => return Err(error.into()),
                };
                // Each time, since the record may be another than at the last attempt. What another server made is proven by then.
                if !F::IS_FOREIGN {
                    self.prove(grant, refresh.token, TokenKind::Refresh, client.id())?;
                }
                let unproven = self.check_sender_of_refresh(grant, &mut refresh)?;
                #[cfg(feature = "proof")]
                if !refresh.presented.is_bare() {
                    // Boxed, so that no other request is larger for it.
                    Box::pin(self.check_auth_key(grant, client, time.now())).await?;
                }
                let (write, finish) = match self.judge(grant, &mut refresh, unproven)? {
                    Verdict::Replay => return Err(self.replay(grant, &refresh).await),
                    Verdict::Answer(finish) => (None, finish),
                    Verdict::Write { to, rotates } => (Some((to, rotates)), Finish::of_write(rotates)),
                };
                // After the judgement: a request with a scope that is too wide, or for another resource, still gives a thief away.
                let mask = asked_mask(grant, &refresh)?;
                let (target, mask) = self.target(grant, form, mask).map_err(|why| of_grant(grant, why))?;
                // Before the swap, so that a host that refuses or fails leaves the token as it was.
                if let (Some(hook), false) = (self.host.hook(), refresh.permitted) {
                    let repeats = matches!(finish, Finish::Retry | Finish::Resync | Finish::ForeignAgain);
                    let kind = if repeats { IssueKind::Retry } else { IssueKind::Refresh };
                    refresh.changes =
                        Asked { grant, client, mask, target: &target, kind, form, now: time.now() }.ask(hook).await?;
                    refresh.permitted = true;
                }
                if self.jwt.signs() && refresh.claims.is_none() {
                    refresh.claims = Some(self.id_claims(grant, client, mask, time.now()).await?);
                }
                // Last of all, so that no refusal spends them; for a retry too, which writes nothing else. Boxed, so that no other request is
                // larger for it.
                #[cfg(feature = "proof")]
                if refresh.has_to_spend() {
                    Box::pin(self.spend_for_refresh(grant, &mut refresh, finish, write.is_some())).await?;
                }
                let Some((to, rotates)) = write else { return self.finish(grant, &mut refresh, &target, mask, finish) };
                if !grant.is_redeemed() {
                    Box::pin(self.catch_up(grant, client, time)).await?;
                }
                let expected = grant.version;
                let now = time.now();
                // The host may have taken longer than what was left of the grant.
                check_in_time(grant, now)?;
                self.advance(grant, &mut refresh, (to, rotates), target.of_grant, now);
                #[cfg(feature = "root-secret")]
                if refresh.source.begins(grant) {
                    let taking_over = Box::pin(self.take_over(grant, client, &mut refresh.swaps, time));
                    if taking_over.await? == Swapped::Done {
                        return self.finish(grant, &mut refresh, &target, mask, finish);
                    }
                    continue;
                }
                // Nothing is handed out before the write is certain: a token of a step that was not taken would come back as
                // one that is ahead of the record.
                if refresh.swaps.swap(&self.store, expected, grant, now).await? == Swapped::Done {
                    return self.finish(grant, &mut refresh, &target, mask, finish);
                }
            }
            Err(Unavailable::Contention.into())
        }
    }

    /// Before anything is said of its generation: who finds an old token without the key cannot end the login. What is not refused for that
    /// at once is one that was anybody's when it was made: it may give away that somebody else has bound the login to himself.
    #[inline]
    fn check_sender_of_refresh<F>(
        &self,
        grant: &Grant,
        refresh: &mut Refresh<'_, '_, F>,
    ) -> Result<Option<Failure>, Failure> {
        let presented = refresh.token.generation();
        match self.check_sender(grant, refresh.presented, UsedFor::refresh(presented), refresh.time.now()) {
            Ok(()) => Ok(None),
            Err(failure) if failure.is_another_sender() && grant.is_before_sender(presented) => Ok(Some(failure)),
            Err(failure) => Err(failure),
        }
    }

    /// What stands for a token that another server made. There is none where this engine's alone are looked for: then it has not the shape
    /// of one.
    #[cfg_attr(not(feature = "root-secret"), expect(clippy::unused_self, reason = "there are no others"))]
    fn stand_in<F: Source>(&self, source: &mut F) -> Option<GrantToken> {
        #[cfg(feature = "root-secret")]
        let stand_in = source.foreign().map(|foreign| foreign.stand_in(self.realm.keys().signing().id()));
        #[cfg(not(feature = "root-secret"))]
        let (stand_in, _) = (None, source);
        stand_in
    }

    /// How long after its rotation a predecessor is answered again. What is written as the time of the rotation was read
    /// before the store was asked, so the longest that it may take is added: else a client whose refresh it kept waiting would
    /// have less than its window, or none.
    pub(in crate::engine) fn retry_window(&self, client: &Client) -> Duration {
        let window = client.retry_window();
        if window.is_zero() { window } else { window.saturating_add(self.settings.longest_commit) }
    }

    /// Whether its refresh tokens rotate: as it was said of the client, or else of the engine.
    fn rotation(&self, client: &Client) -> Rotation {
        client.said_rotation().unwrap_or(self.settings.rotation)
    }

    pub(in crate::engine) fn refresh_policy(&self, client: &Client) -> RefreshPolicy {
        RefreshPolicy {
            rotation: self.rotation(client),
            retry_window: self.retry_window(client),
            clock_skew: self.settings.clock_skew,
            not_before: self.not_before(client),
        }
    }

    /// What the record makes of the token.
    #[inline]
    fn judge<F: Source>(
        &self,
        grant: &Grant,
        refresh: &mut Refresh<'_, '_, F>,
        unproven: Option<Failure>,
    ) -> Result<Verdict, Failure> {
        let client = refresh.client;
        let tried = refresh.swaps.tried();
        // First of all: judged by this request's own write, the presented token would be the predecessor.
        if tried && refresh.swaps.wrote_this(grant) {
            let keeps = grant.generation == refresh.token.generation();
            return Ok(Verdict::Answer(if keeps { Finish::Keep } else { Finish::Step }));
        }
        let presented = refresh.token.generation();
        let mut policy = self.refresh_policy(client);
        if policy.rotation == Rotation::Never && self.rotates_out_of(refresh.token.key_id()) {
            policy.rotation = Rotation::Always;
        }
        let mut decision = decide(grant, presented, &policy, refresh.time.arrived(), refresh.time.now());
        if tried {
            decision = decision.after(refresh.swaps.outcome(), grant, presented, !client.retry_window().is_zero());
        }
        if let Some(unproven) = unproven {
            // The answer, the client's own or another's, is for who proves the key. But where it has been too long for an answer that got
            // lost, the token is in two hands (RFC 9700 section 4.14.2), whichever of them has bound the login (RFC 9449 section 5).
            let is_kept = F::IS_FOREIGN && is_in_foreign_grace(grant, client, refresh.time);
            return if decision == Decision::Replay && !is_kept { Ok(Verdict::Replay) } else { Err(unproven) };
        }
        let (verdict, behind) = match decision {
            Decision::Step { to, behind } => (Verdict::Write { to, rotates: true }, behind),
            // Whoever won the swap has extended the grant as well as this request would have; unless it revoked the access tokens alone.
            Decision::Keep { behind: false }
                if refresh.swaps.lost_one()
                    && refresh.changes.is_none()
                    && grant.rotated_at >= refresh.time.arrived() =>
            {
                (Verdict::Answer(Finish::Keep), false)
            }
            Decision::Keep { behind } => (Verdict::Write { to: presented, rotates: false }, behind),
            Decision::Retry => (Verdict::Answer(Finish::Retry), false),
            // The same request again, after the window: whoever has got hold of it need not have the key. A new proof tells.
            Decision::Replay if refresh.presented.was_used() => {
                return Err(of_grant(grant, SenderRefusal::ProofForgotten));
            }
            Decision::Replay if refresh.presented.resyncs(client, grant) => (Verdict::Answer(Finish::Resync), false),
            // Its client keeps what it was given by a server that never rotated.
            Decision::Replay if F::IS_FOREIGN && is_in_foreign_grace(grant, client, refresh.time) => {
                (Verdict::Answer(Finish::ForeignAgain), false)
            }
            Decision::Replay => (Verdict::Replay, false),
            Decision::Refuse(void) => return Err(of_grant(grant, refusal_of(void))),
        };
        if behind && !refresh.told_behind {
            refresh.told_behind = true;
            self.tell_behind(grant, presented);
        }
        Ok(verdict)
    }

    /// Ends the grant of a replayed token. The event comes first: it stands even where the request is dropped while the
    /// store works.
    async fn replay<F: Source>(&self, grant: &Grant, refresh: &Refresh<'_, '_, F>) -> Failure {
        let Refresh { client, presented, text, time, .. } = refresh;
        if let Err(failure) = self.check_unspent_proof(grant, client, presented, text, time).await {
            return failure;
        }
        #[cfg(feature = "proof")]
        if let Some(unspent) = refresh.unspent {
            let unspent = unspent.bound_to(presented.bound_to(client, grant));
            if let Err(why) = Box::pin(self.check_unspent(unspent, refresh.time)).await {
                return why.about(grant);
            }
        }
        self.emit(&Event::ReplayFound {
            grant: grant.id,
            client_id: refresh.client.id(),
            subject: self.subject_of(grant),
            presented: refresh.token.generation(),
            current: grant.generation,
        });
        self.replayed(grant, refresh.client, refresh.time.now()).await
    }

    /// Ends and remembers what a redemption has, where the store went back to before it: what it was is in the record until that is moved
    /// forward. Its tokens are out, so this comes before the swap.
    #[cfg_attr(not(all(feature = "jwt", feature = "root-secret")), expect(unused_variables, reason = "off"))]
    async fn catch_up(&self, grant: &Grant, client: &Client, time: &Time<'_>) -> Result<(), Failure> {
        // Whatever scope this request has: the first one had all of it.
        #[cfg(all(feature = "jwt", feature = "root-secret"))]
        self.remember_listener(grant, client, time).await?;
        if let Some(replaced) = grant.replaces() {
            self.end_replaced(replaced, grant, time.now()).await;
        }
        Ok(())
    }

    /// Makes it the record after this refresh, of a version that is new.
    fn advance<F>(
        &self,
        grant: &mut Grant,
        refresh: &mut Refresh<'_, '_, F>,
        (generation, rotates): (Generation, bool),
        named: u16,
        now: Timestamp,
    ) {
        let lost_its_redemption = !grant.is_redeemed();
        let was_bound_for_certain = lost_its_redemption && grant.code_key().is_some();
        // A token that stays keeps the key that it was made under.
        let key_id = if rotates { self.realm.keys().signing().id() } else { refresh.token.key_id() };
        grant.advance(Advance {
            version: new_version(),
            generation,
            key_id,
            lifetimes: self.lifetimes(refresh.client),
            now,
        });
        if let Some(changes) = &refresh.changes {
            changes.apply(grant);
        }
        if lost_its_redemption {
            // The store went back to before it: what that had left is left now.
            grant.forget_until_redeemed();
            grant.name_resources(named);
            self.bind(grant, refresh.client, refresh.presented);
            // Whose the tokens were that are out nobody can tell any more, so they count as anybody's; but those for a code that had a key
            // were bound.
            if !was_bound_for_certain {
                grant.bind_sender_since(generation);
            }
            refresh.binds = grant.sender().is_some();
            return;
        }
        // Who shows nothing binds nothing.
        if !refresh.presented.is_bare() {
            let sender = refresh.presented.sender_of_refresh(refresh.client, grant);
            refresh.binds = sender != grant.sender();
            // At the server before it was bound too, if that is one of atproto's.
            #[cfg(feature = "proof")]
            let was_bound = self.is_of_atproto() && grant.foreign().is_some();
            #[cfg(not(feature = "proof"))]
            let was_bound = false;
            if was_bound {
                grant.bind_sender(sender);
            } else {
                grant.bind_sender_of_refresh(sender);
            }
            #[cfg(feature = "proof")]
            if let Some(key) = self.auth_key_of(refresh.client) {
                grant.bind_auth_key(key);
            }
        }
    }

    /// Mints from the record, tells the host and writes the response.
    fn finish<F: Source>(
        &self,
        grant: &Grant,
        refresh: &mut Refresh<'_, '_, F>,
        target: &Target<'_>,
        mask: u64,
        finish: Finish,
    ) -> Result<Vec<u8>, Failure> {
        let mut successor;
        let refresh_token = match finish {
            Finish::Keep => refresh.text,
            Finish::Step | Finish::Retry | Finish::Resync | Finish::ForeignAgain => {
                let key = self.keys_of_own(grant).get(grant.key_id).ok_or_else(|| {
                    self.emit(&Event::UnknownKey { key_id: grant.key_id });
                    // The token is good; another node can answer it, and this one once it has the key.
                    of_grant(grant, Unavailable::MissingKey)
                })?;
                successor = [b'A'; GRANT_TEXT_LEN];
                mint_refresh_into(grant, key, &mut successor);
                successor.as_slice()
            }
        };
        let body = self.answer(&Issue {
            grant,
            client: refresh.client,
            refresh_token: Some(refresh_token),
            keeps_token: finish == Finish::Keep,
            scope_mask: mask,
            target,
            bound_to: refresh.presented.bound_to(refresh.client, grant),
            nonce: None,
            claims: refresh.claims.take().unwrap_or_default(),
            now: refresh.time.now(),
        })?;
        if self.host.listens() {
            self.tell_of(grant, refresh, target, finish);
        }
        Ok(body)
    }

    fn tell_of<F: Source>(&self, grant: &Grant, refresh: &Refresh<'_, '_, F>, target: &Target<'_>, finish: Finish) {
        #[cfg(feature = "root-secret")]
        let takes_over = refresh.source.has_begun(grant);
        #[cfg(not(feature = "root-secret"))]
        let takes_over = false;
        let (subject, generation, audience) = (self.subject_of(grant), grant.generation, target.audience());
        let (grant, client_id) = (grant.id, refresh.client.id());
        let presented = refresh.token.generation();
        if refresh.binds {
            self.emit(&Event::SenderBound { grant, client_id, subject });
        }
        self.emit(&match finish {
            Finish::Resync => Event::Resynced { grant, client_id, subject, presented, current: generation, audience },
            Finish::ForeignAgain => Event::ForeignAgain { grant, client_id, subject, current: generation, audience },
            Finish::Step | Finish::Keep | Finish::Retry if takes_over => {
                Event::TakenOver { grant, client_id, subject, generation, audience }
            }
            Finish::Retry => Event::Retried { grant, client_id, subject, generation, audience },
            Finish::Step | Finish::Keep => Event::Refreshed { grant, client_id, subject, generation, audience },
        });
    }
}

impl<F: Source> Refresh<'_, '_, F> {
    /// The record is not there.
    #[cold]
    fn no_grant(&mut self) -> Failure {
        #[cfg(feature = "root-secret")]
        if let Some(foreign) = self.source.foreign() {
            return foreign.failure();
        }
        let gone = Failure::from(GrantRefusal::NoGrant);
        // It was there, and the token was proven to be of it.
        if self.swaps.tried() { gone.of_grant(self.token.grant_id()) } else { gone }
    }
}

/// A grant that has ended meanwhile is not moved on.
fn check_in_time(grant: &Grant, now: Timestamp) -> Result<(), Failure> {
    let has_ended = now >= grant.refresh_expires_at || now >= grant.absolute_expires_at;
    if has_ended { Err(of_grant(grant, GrantRefusal::Expired)) } else { Ok(()) }
}

/// The part of the grant's scope that the request asks for, all of it where it asks for none (RFC 6749 section 6), and that
/// the client may have now.
fn asked_mask<F>(grant: &Grant, refresh: &Refresh<'_, '_, F>) -> Result<u64, Failure> {
    // The second is said where nothing is left: who named a scope can name another, who named none has to log in anew.
    let (asked, none_left) = match refresh.scope {
        None => (Some(Scope::WHOLE), GrantRefusal::ScopeTaken),
        Some(scope) => (Scope::parse(scope).ok().and_then(|scope| grant.scope.mask_of(&scope)), GrantRefusal::Scope),
    };
    asked.and_then(|asked| left_to(refresh.client, &grant.scope, asked)).ok_or_else(|| of_grant(grant, none_left))
}

/// By no `From`: what nobody sees has no place in the surface.
fn refusal_of(void: Void) -> Refusal {
    match void {
        Void::NotBefore => GrantRefusal::NotBefore.into(),
        Void::Expired => GrantRefusal::Expired.into(),
        Void::NotRenewable => GrantRefusal::NotRenewable.into(),
        Void::Exhausted => GrantRefusal::Exhausted.into(),
        Void::ClockBehind => Unavailable::ClockBehind.into(),
        Void::Overtaken => Unavailable::Overtaken.into(),
        Void::InDoubt => Unavailable::Store(StoreErrorKind::Indeterminate).into(),
    }
}
