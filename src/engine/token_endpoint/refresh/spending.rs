//! The proof and the assertion of a refresh: spent last of all, so that no refusal spends them.

use super::{Finish, Refresh, check_in_time};
use crate::client::{Client, Clients};
use crate::engine::Engine;
use crate::engine::failure::{Failure, of_grant};
use crate::engine::markers::Spending;
use crate::engine::refusal::{GrantRefusal, SenderRefusal};
use crate::engine::time::Time;
use crate::engine::token_endpoint::source::Source;
use crate::grant::{Grant, Timestamp};
use crate::store::TokenStore;

impl<F> Refresh<'_, '_, F> {
    /// Whether there is a proof or an assertion.
    #[inline]
    pub(super) const fn has_to_spend(&self) -> bool {
        self.unspent.is_some() || !self.presented.is_bare()
    }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Spends the proof and the assertion of the request, where it has them. `writes`: whether the record is to be written after it.
    pub(super) async fn spend_for_refresh<F: Source>(
        &self,
        grant: &Grant,
        refresh: &mut Refresh<'_, '_, F>,
        finish: Finish,
        writes: bool,
    ) -> Result<(), Failure> {
        let (client, time) = (refresh.client, refresh.time);
        // What is not stored yet has no time of its last refresh: what came before it came to nothing.
        let is_new = refresh.source.is_new();
        let too_late = |used_at| !is_new && self.is_too_late(grant, client, finish, used_at, time);
        let forgotten = || Err(of_grant(grant, SenderRefusal::ProofForgotten));
        if refresh.presented.used_at().is_some_and(too_late) {
            return forgotten();
        }
        let unspent = refresh.unspent.map(|unspent| unspent.bound_to(refresh.presented.bound_to(client, grant)));
        if let Some(unspent) = unspent {
            self.check_both((grant, client), refresh.presented, (refresh.text, unspent), too_late, time).await?;
        }
        self.spend_proof(grant, client, refresh.presented, refresh.text, time).await?;
        // And where another node has seen it.
        if refresh.presented.used_at().is_some_and(too_late) {
            return forgotten();
        }
        if let Some(unspent) = unspent {
            if writes {
                check_in_time(grant, time.now())?;
            }
            let spent = self.spend_assertion(unspent, Some(grant.id), time).await.map_err(|why| why.about(grant))?;
            if matches!(spent, Some(Spending::Again { since, .. }) if too_late(since)) {
                return Err(of_grant(grant, GrantRefusal::AssertionSpent));
            }
            refresh.unspent = None;
        }
        Ok(())
    }

    /// Whether a request is refused whose proof or assertion was used before, at this time, for the same: who has got hold of it need not have
    /// the key. Where tokens rotate, the record tells an answer that got lost from an old token. What does not rotate, or did not then, is
    /// answered again within the window alone, or where nothing has been written since: it came to nothing.
    fn is_too_late(&self, grant: &Grant, client: &Client, finish: Finish, used_at: Timestamp, time: &Time<'_>) -> bool {
        let is_late = time.arrived().since(used_at) >= self.retry_window(client);
        match finish {
            Finish::Resync => true,
            Finish::Step | Finish::Keep => is_late && grant.rotated_at >= used_at,
            Finish::ForeignAgain => is_late,
            Finish::Retry => false,
        }
    }
}
