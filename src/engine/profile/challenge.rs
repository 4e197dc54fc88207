//! A challenge is for one session (atproto, "Proof Key for Code Exchange"): within 24 hours and more, no other is approved with it.
//!
//! Its marker is written at the approval: what strangers push leaves nothing behind, and who has approved has let it in.

use crate::client::Clients;
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::engine::markers::{Kind, Spending, Thing};
use crate::engine::refusal::AuthorizationRefusal;
use crate::engine::time::Time;
use crate::grant::Timestamp;
use crate::store::TokenStore;

const DAY_SECS: u64 = 86_400;

/// The challenge as it is spent on this day: until the next one is over. A marker's time is a part of its name, so it has to be one that
/// every request of the day comes to.
fn thing(challenge: &[u8; 32], day: u64) -> Thing<'_> {
    let until = Timestamp::from_secs((day + 2) * DAY_SECS);
    Thing { kind: Kind::Challenge, issuer: "", name: challenge, until }
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Spends it for the request of this id; the same request again is an answer that got lost.
    pub(in crate::engine) async fn spend_challenge(
        &self,
        challenge: &[u8; 32],
        request: &[u8; 16],
        time: &Time<'_>,
    ) -> Result<(), Failure> {
        if !self.is_of_atproto() {
            return Ok(());
        }
        let spent_for = [&b"approved"[..], request];
        let today = time.now().as_secs() / DAY_SECS;
        if self.spend(&thing(challenge, today), &spent_for, None, time).await? == Spending::Elsewhere {
            return Err(AuthorizationRefusal::ChallengeSpent.into());
        }
        // Written first and then looked at: of two nodes on both sides of midnight one sees the other.
        for day in [today.checked_sub(1), Some(today + 1)].into_iter().flatten() {
            if self.spent(&thing(challenge, day), &spent_for, time).await? == Some(Spending::Elsewhere) {
                return Err(AuthorizationRefusal::ChallengeSpent.into());
            }
        }
        Ok(())
    }
}
