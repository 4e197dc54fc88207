//! `grant_type=urn:ietf:params:oauth:grant-type:device_code`: RFC 8628 sections 3.4 and 3.5.
//!
//! Polling writes nothing. Once somebody has let the device in, its record says which grant; the grant's step to generation 1 is the
//! redemption, by compare-and-swap, so of any number of concurrent polls one takes it. The others, and a device that lost the answer, are
//! answered the same again within the client's retry window.

use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::binding::{Presented, UsedFor};
use crate::engine::client_auth::Authenticated;
#[cfg(feature = "proof")]
use crate::engine::client_auth::SpentFor;
use crate::engine::device::{DeviceEngine, may_begin};
use crate::engine::failure::{Failure, of_grant};
use crate::engine::grants::is_record_of;
use crate::engine::host::{Event, GrantChanges, IssueKind};
#[cfg(feature = "proof")]
use crate::engine::markers::Spending;
use crate::engine::refusal::{ClientRefusal, GrantRefusal, RequestRefusal, SenderRefusal, Unavailable};
use crate::engine::swap::{ATTEMPTS, Swapped, Swaps, new_version};
use crate::engine::time::Time;
use crate::engine::token_endpoint::hook::Asked;
use crate::grant::device::DeviceAnswer;
use crate::grant::{Generation, Grant, GrantId};
use crate::store::TokenStore;
use crate::token::{GrantToken, TokenKind};
use crate::wire::Form;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    pub(super) async fn poll_device(
        &self,
        devices: &DeviceEngine,
        client: &Authenticated<'_>,
        form: &Form<'_>,
        presented: &mut Presented<'_>,
        time: &Time<'_>,
    ) -> Result<Vec<u8>, Failure> {
        if !may_begin(devices, client) {
            return Err(ClientRefusal::UnauthorizedClient.into());
        }
        // Repeats were refused before.
        let text = form.single("device_code").ok().flatten().ok_or(RequestRefusal::MissingParameter)?;
        let token = text.as_bytes().try_into().ok().and_then(GrantToken::decode).ok_or(GrantRefusal::Shape)?;
        self.knows_key(token.key_id())?;
        let record = self.store.load(token.grant_id()).await?.ok_or(GrantRefusal::NoGrant)?;
        is_record_of(&record, token.grant_id())?;
        // Not as a login's: its keys are the realm's, and it has no owner.
        let device = record.device().filter(|_| record.realm() == self.realm()).ok_or(GrantRefusal::AnotherRealm)?;
        let key = self.realm.keys().get(token.key_id()).ok_or(GrantRefusal::UnknownKey)?;
        if !token.is_genuine(TokenKind::Device, key, &record.salt) {
            return Err(GrantRefusal::Mac.into());
        }
        if record.client_id() != client.id() {
            return Err(GrantRefusal::AnotherClient.into());
        }
        // Before anything is said of the answer: who has read the code without having the key learns nothing.
        self.check_sender(&record, presented, UsedFor::Code, time.now())?;
        let now = time.now();
        if record.created_at < self.not_before(client) {
            return Err(GrantRefusal::NotBefore.into());
        }
        let is_late = now >= record.refresh_expires_at;
        match device.answer {
            DeviceAnswer::Approved(grant) => {
                self.redeem_device(client, form, presented, (text.as_bytes(), &record, grant), time).await
            }
            _ if is_late => Err(GrantRefusal::DeviceExpired.into()),
            DeviceAnswer::Denied => Err(GrantRefusal::DeviceDenied.into()),
            // Another device may have this place later, so the time is part of what is counted by.
            DeviceAnswer::Pending if devices.keeps_pace((record.id.as_u64(), record.created_at.as_millis()), now) => {
                Err(GrantRefusal::DevicePending.into())
            }
            DeviceAnswer::Pending => Err(GrantRefusal::DeviceTooFast.into()),
        }
    }

    /// Hands out the first tokens of a grant, or hands them out again.
    async fn redeem_device(
        &self,
        client: &Authenticated<'_>,
        form: &Form<'_>,
        presented: &mut Presented<'_>,
        (text, record, id): (&[u8], &Grant, GrantId),
        time: &Time<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let mut claims = None;
        let mut permitted: Option<Option<GrantChanges>> = None;
        let mut has_room = false;
        #[cfg(feature = "proof")]
        let mut unspent = client.unspent(SpentFor::Code(text));
        let mut swaps = Swaps::none();
        for _ in 0..ATTEMPTS {
            let Some(mut grant) = self.store.load(id).await? else {
                let is_late = time.now() >= record.refresh_expires_at;
                // Whoever let it in has thought better of it.
                return Err(if is_late { GrantRefusal::DeviceExpired } else { GrantRefusal::DeviceDenied }.into());
            };
            is_record_of(&grant, id)?;
            if grant.realm() != self.realm() || grant.client_id() != client.id() {
                return Err(GrantRefusal::DeviceUsed.into());
            }
            // What the first tokens were bound to, or are to be.
            self.check_sender(&grant, presented, UsedFor::Code, time.now())?;
            #[cfg(feature = "proof")]
            if !presented.is_bare() {
                Box::pin(self.check_auth_key(&grant, client, time.now())).await?;
            }
            let is_first = grant.is_approved_only();
            let is_own = swaps.wrote_this(&grant);
            if is_first && time.now() >= grant.refresh_expires_at {
                return Err(of_grant(&grant, GrantRefusal::DeviceExpired));
            }
            // Never past the record of the device, which a store may keep for longer: where a client's tokens do not rotate, each refresh
            // looks like the first answer.
            let hears_again =
                || time.now() < record.expires_at && self.answers_device_again(&grant, client, &swaps, time);
            if !is_first && !is_own && !hears_again() {
                return Err(of_grant(&grant, GrantRefusal::DeviceUsed));
            }
            if grant.created_at < self.not_before(client) {
                return Err(of_grant(&grant, GrantRefusal::NotBefore));
            }
            let (target, mask) = self.left_of_code(client, &grant, form).map_err(|why| of_grant(&grant, why))?;
            // The same request again: whoever has got hold of it need not have the key. A new proof tells.
            if !is_first && !is_own && presented.was_used() {
                return Err(of_grant(&grant, SenderRefusal::ProofForgotten));
            }
            // Before the swap: a host that refuses or fails here leaves the code to be redeemed yet.
            if let (Some(hook), None) = (self.host.hook(), &permitted) {
                let kind = if is_first { IssueKind::Device } else { IssueKind::Retry };
                let now = time.now();
                let asked = Asked { grant: &grant, client, mask, target: &target, kind, form, now };
                permitted = Some(asked.ask(hook).await?);
            }
            if let (true, Some(Some(changes))) = (is_first, &permitted) {
                changes.apply(&mut grant);
            }
            if claims.is_none() {
                claims = Some(self.id_claims(&grant, client, mask, time.now()).await?);
            }
            // Last of all, so that no refusal spends it, and before anything is written.
            #[cfg(feature = "proof")]
            if let Some(assertion) = unspent.take() {
                let assertion = assertion.bound_to(presented.bound_to(client, &grant));
                // Where a client's tokens do not rotate, each refresh looks like the first answer.
                let too_late = |since| !is_first && !is_own && !self.answers_again(client, since, time);
                let (whose, what) = ((&grant, &**client), (text, assertion));
                Box::pin(self.check_both(whose, presented, what, too_late, time)).await?;
                let spending = Box::pin(self.spend_assertion(assertion, Some(grant.id), time));
                let spent = spending.await.map_err(|why| why.about(&grant))?;
                if matches!(spent, Some(Spending::Again { since, .. }) if too_late(since)) {
                    return Err(of_grant(&grant, GrantRefusal::AssertionSpent));
                }
            }
            if is_first {
                if !has_room {
                    self.make_room(&grant, client, time).await?;
                    has_room = true;
                }
                self.spend_proof(&grant, client, presented, text, time).await?;
                let (expected, now) = (grant.version, time.now());
                grant.go_live();
                self.bind(&mut grant, client, presented);
                // One that gets no refresh token must not be kept for it.
                grant.renewable &= client.may_refresh();
                grant.name_resources(target.of_grant);
                grant.redeem(new_version(), self.realm.keys().signing().id(), self.lifetimes(client), now);
                if swaps.swap(&self.store, expected, &grant, now).await? != Swapped::Done {
                    continue;
                }
            } else if !is_own {
                self.spend_proof(&grant, client, presented, text, time).await?;
                // And where another node has seen it.
                if presented.was_used() {
                    return Err(of_grant(&grant, SenderRefusal::ProofForgotten));
                }
            }
            let claims = (None, claims.unwrap_or_default());
            let body = self.first_answer(&grant, client, (&target, mask), presented, claims, time.now())?;
            if is_first || is_own {
                self.emit_issued(&grant, client, &target);
            } else {
                self.emit(&Event::Retried {
                    grant: grant.id,
                    client_id: client.id(),
                    subject: self.subject_of(&grant),
                    generation: grant.generation,
                    audience: target.audience(),
                });
            }
            return Ok(body);
        }
        Err(Unavailable::Contention.into())
    }

    /// Whether a grant whose tokens are out answers the device once more: nothing has been done with them yet, within the window. One that
    /// saw it unanswered, and was overtaken by another poll of its own, is answered whatever the window says.
    fn answers_device_again(&self, grant: &Grant, client: &Client, swaps: &Swaps, time: &Time<'_>) -> bool {
        let is_live = self.realm.keys_of(grant).is_some_and(|keys| keys.get(grant.key_id).is_some());
        let window = self.retry_window(client);
        let in_window = time.arrived().since(grant.rotated_at) < window || swaps.tried();
        // A refresh that kept the token moves the time of the last one.
        let is_untouched = grant.generation == Generation::FIRST && grant.access_epoch == 0;
        is_live && is_untouched && !window.is_zero() && in_window && time.now() < grant.expires_at
    }
}
