//! What a presented refresh token means: the rotation, in one sitting.
//!
//! Pure: no clock, no randomness, no store. The engine has checked the shape, the key, the MAC and the client before.

use std::time::Duration;

use super::id::{Generation, Version};
use super::lifetimes::Lifetimes;
use super::record::Grant;
use super::time::Timestamp;

/// Whether a refresh hands out a new refresh token.
///
/// ```
/// assert_eq!(regrant::grant::Rotation::default(), regrant::grant::Rotation::Always);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Rotation {
    /// Each refresh hands out a new refresh token and retires the one presented (RFC 9700 section 4.14.2).
    #[default]
    Always,
    /// The same refresh token for the life of the grant. For confidential clients only: for public ones RFC 9700
    /// section 2.2.2 demands rotation, and [`ClientBuilder::build`](crate::client::ClientBuilder::build) refuses it.
    Never,
}

/// What a replayed refresh token does to its grant.
///
/// ```
/// assert_eq!(regrant::grant::OnReplay::default(), regrant::grant::OnReplay::EndGrant);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OnReplay {
    /// Ends the grant: nobody can tell the thief from the owner, so both have to log in again (RFC 9700 section
    /// 4.14.2).
    #[default]
    EndGrant,
    /// Refuses the token and leaves the grant, so that a thief who was quicker than the owner keeps it. The event is
    /// the same.
    DangerRejectOnly,
}

/// What of a client's and the engine's settings bears on a refresh.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "no host sees it; the model in tests/model does")]
pub struct RefreshPolicy {
    /// Whether a refresh hands out a new token.
    pub rotation: Rotation,
    /// How long the predecessor is answered with its successor again.
    pub retry_window: Duration,
    /// How far clocks of different nodes may be apart.
    pub clock_skew: Duration,
    /// Grants made earlier are void.
    pub not_before: Timestamp,
}

/// What the engine is to do about a genuine refresh token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "no host sees it; the model in tests/model does, and decides on each")]
pub enum Decision {
    /// Take the step to this generation. `behind`: the token was ahead of the record, so the store lost writes.
    Step {
        /// Of the successor.
        to: Generation,
        /// Whether the token was ahead of the record.
        behind: bool,
    },
    /// Hand the same token out again and extend the idle expiry: the client does not rotate.
    Keep {
        /// Whether the token was ahead of the record.
        behind: bool,
    },
    /// The response got lost: compute the same successor again and write nothing.
    Retry,
    /// An older token came back.
    Replay,
    /// Nothing changes.
    Refuse(Void),
}

/// Why a genuine token of a grant that exists renews nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "no host sees it; the model in tests/model does, and decides on each")]
pub enum Void {
    /// The grant was made before what is still accepted.
    NotBefore,
    /// The grant has expired.
    Expired,
    /// The grant renews nothing.
    NotRenewable,
    /// The last of 16,777,215 generations.
    Exhausted,
    /// It is earlier than the last rotation, by more than clocks may differ.
    ClockBehind,
    /// The last rotation took place while the request was kept waiting, so nobody knows what the token was when it came.
    Overtaken,
    /// A write of this very request may have made the token an older one.
    InDoubt,
}

/// What a request has heard of the writes that it tried.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "no host sees it; the model in tests/model does")]
pub struct Tried {
    /// Another request was first, at least once.
    pub lost: bool,
    /// One may have taken place unseen.
    pub in_doubt: bool,
}

/// Judges `presented` against the record. The order is the order of the checks; the first match answers.
///
/// The request came when `arrived` says, and it is `now` that it is judged: what the engine made it wait in between counts
/// against expiry, which is a promise to others, and not against the retry window, which is one to the client.
pub fn decide(
    grant: &Grant,
    presented: Generation,
    policy: &RefreshPolicy,
    arrived: Timestamp,
    now: Timestamp,
) -> Decision {
    if grant.created_at < policy.not_before {
        return Decision::Refuse(Void::NotBefore);
    }
    if now >= grant.refresh_expires_at || now >= grant.absolute_expires_at {
        return Decision::Refuse(Void::Expired);
    }
    if !grant.renewable {
        return Decision::Refuse(Void::NotRenewable);
    }
    if presented < grant.generation {
        return if presented.next() == Some(grant.generation) {
            decide_predecessor(grant, policy, arrived, now)
        } else if arrived < now && arrived <= grant.rotated_at && !policy.retry_window.is_zero() {
            // In its very millisecond, too: no clock tells which of the two was first.
            Decision::Refuse(Void::Overtaken)
        } else {
            Decision::Replay
        };
    }
    let behind = presented > grant.generation;
    match (policy.rotation, presented.next()) {
        (Rotation::Never, _) => Decision::Keep { behind },
        (Rotation::Always, Some(to)) => Decision::Step { to, behind },
        (Rotation::Always, None) => Decision::Refuse(Void::Exhausted),
    }
}

impl Decision {
    /// The same for a request that has tried to write: what it saw, or did itself, is no evidence of a thief. `retries`: whether the client
    /// has a retry window.
    #[must_use]
    pub fn after(self, tried: Tried, grant: &Grant, presented: Generation, retries: bool) -> Self {
        let is_predecessor = presented.next() == Some(grant.generation);
        match self {
            // It was current when this request saw it, and has been followed by its direct successor since. Whatever
            // time has passed by this request's clock, it passed while the engine made it wait.
            Self::Replay | Self::Refuse(Void::ClockBehind)
                if (tried.lost || tried.in_doubt) && retries && is_predecessor =>
            {
                Self::Retry
            }
            // It may be an older one by this request's own lost write.
            Self::Replay if tried.in_doubt => Self::Refuse(Void::InDoubt),
            // It was current when this request came; its client has given up on it and gone on by two steps.
            Self::Replay if tried.lost && !is_predecessor => Self::Refuse(Void::Overtaken),
            other => other,
        }
    }
}

/// The token that was current before the last rotation. A node whose clock is a little behind the one that rotated sees
/// a negative elapsed time: up to the skew it counts as none. Further back it says nothing: the request may have begun
/// before the rotation and hung since, which is no evidence of a thief.
fn decide_predecessor(grant: &Grant, policy: &RefreshPolicy, arrived: Timestamp, now: Timestamp) -> Decision {
    if grant.rotated_at.since(now) > policy.clock_skew {
        Decision::Refuse(Void::ClockBehind)
    } else if arrived.since(grant.rotated_at) < policy.retry_window {
        Decision::Retry
    } else {
        Decision::Replay
    }
}

/// What a refresh writes besides the next generation.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "no host sees it; the model in tests/model does")]
pub struct Advance {
    /// Of this write.
    pub version: Version,
    /// The next one.
    pub generation: Generation,
    /// The key that its token is made under.
    pub key_id: u8,
    /// Those of the client.
    pub lifetimes: Lifetimes,
    /// The time of the write.
    pub now: Timestamp,
}

impl Grant {
    /// Makes it the record after a refresh.
    pub(crate) fn advance(&mut self, renewal: Advance) {
        let Advance { version, generation, key_id, lifetimes, now } = renewal;
        // A node whose clock is behind the last rotation must not end the session that it extends.
        let least = if now < self.rotated_at { self.refresh_expires_at } else { Timestamp::EPOCH };
        let refresh_expires_at = (now + lifetimes.idle()).max(least).min(self.absolute_expires_at);
        let access_expires_at = now + lifetimes.access_token();
        self.version = version;
        self.generation = generation;
        self.key_id = key_id;
        // A clock that went back must not reopen a window that has closed.
        self.rotated_at = now.max(self.rotated_at);
        self.refresh_expires_at = refresh_expires_at;
        // Access tokens issued before live as long as they were told to, whatever lifetimes are now.
        self.expires_at = refresh_expires_at.max(access_expires_at).max(self.expires_at).min(self.absolute_expires_at);
        self.forget_code(now);
    }

    /// How long an access token of this grant that is issued now may live: the lifetime, or what is left of the record,
    /// in whole seconds.
    pub(crate) fn access_lifetime_secs(&self, lifetimes: Lifetimes, now: Timestamp) -> u32 {
        let left = self.expires_at.since(now).as_secs();
        let wanted = lifetimes.access_token().as_secs();
        // Within 24 bits, since `Lifetimes` keeps to that.
        u32::try_from(wanted.min(left)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROTATED: u64 = 1_000_000;

    fn grant(generation: u32) -> Grant {
        let [_, a, b, c] = generation.to_be_bytes();
        let mut grant = Grant::sample("alice", "app");
        grant.generation = Generation::from_bytes([a, b, c]);
        grant.created_at = Timestamp::from_millis(1);
        grant.rotated_at = Timestamp::from_millis(ROTATED);
        grant.refresh_expires_at = Timestamp::from_millis(ROTATED + 500_000);
        grant.absolute_expires_at = Timestamp::from_millis(ROTATED + 900_000);
        grant
    }

    fn generation(number: u32) -> Generation {
        grant(number).generation
    }

    const POLICY: RefreshPolicy = RefreshPolicy {
        rotation: Rotation::Always,
        retry_window: Duration::from_secs(30),
        clock_skew: Duration::from_secs(5),
        not_before: Timestamp::EPOCH,
    };

    fn at(presented: u32, policy: &RefreshPolicy, offset: i64) -> Decision {
        let now = Timestamp::from_millis(ROTATED.saturating_add_signed(offset));
        decide(&grant(7), generation(presented), policy, now, now)
    }

    #[test]
    fn current_older_and_newer() {
        assert_eq!(at(7, &POLICY, 0), Decision::Step { to: generation(8), behind: false });
        assert_eq!(at(9, &POLICY, 0), Decision::Step { to: generation(10), behind: true });
        assert_eq!(at(6, &POLICY, 0), Decision::Retry);
        assert_eq!(at(5, &POLICY, 0), Decision::Replay);
        assert_eq!(at(0, &POLICY, 0), Decision::Replay);
    }

    #[test]
    fn the_window_has_two_edges() {
        assert_eq!(at(6, &POLICY, 29_999), Decision::Retry);
        assert_eq!(at(6, &POLICY, 30_000), Decision::Replay);
        assert_eq!(at(6, &POLICY, -5_000), Decision::Retry);
        assert_eq!(at(6, &POLICY, -5_001), Decision::Refuse(Void::ClockBehind));
        assert_eq!(at(5, &POLICY, -5_001), Decision::Replay);
        let none = RefreshPolicy { retry_window: Duration::ZERO, ..POLICY };
        assert_eq!(at(6, &none, 0), Decision::Replay);
        assert_eq!(at(6, &none, -1), Decision::Replay);
    }

    /// Law 24. What came in time came in time, and what was overtaken while it waited is no evidence of a thief.
    #[test]
    fn a_wait_inside_the_engine_counts_against_nobody() {
        let judge = |presented: u32, policy: &RefreshPolicy, arrived: i64, now: i64| {
            let at = |offset| Timestamp::from_millis(ROTATED.saturating_add_signed(offset));
            decide(&grant(7), generation(presented), policy, at(arrived), at(now))
        };
        let none = RefreshPolicy { retry_window: Duration::ZERO, ..POLICY };
        assert_eq!(judge(6, &POLICY, 29_999, 400_000), Decision::Retry);
        assert_eq!(judge(6, &POLICY, 30_000, 400_000), Decision::Replay);
        assert_eq!(judge(6, &POLICY, -400_000, 400_000), Decision::Retry);
        assert_eq!(judge(6, &none, -400_000, 400_000), Decision::Replay);
        for presented in [0, 4, 5] {
            assert_eq!(judge(presented, &POLICY, -1, 0), Decision::Refuse(Void::Overtaken));
            assert_eq!(judge(presented, &POLICY, -400_000, 400_000), Decision::Refuse(Void::Overtaken));
            // In the millisecond of the rotation: nobody knows which was first.
            assert_eq!(judge(presented, &POLICY, 0, 1), Decision::Refuse(Void::Overtaken));
            // It came after the rotation.
            assert_eq!(judge(presented, &POLICY, 1, 400_000), Decision::Replay);
            // It did not wait: a clock that is behind hides nobody.
            assert_eq!(judge(presented, &POLICY, -1, -1), Decision::Replay);
            assert_eq!(judge(presented, &POLICY, 0, 0), Decision::Replay);
            assert_eq!(judge(presented, &none, -1, 0), Decision::Replay);
            assert_eq!(judge(presented, &none, 0, 1), Decision::Replay);
        }
        // Expiry is a promise to others.
        assert_eq!(judge(7, &POLICY, 499_999, 500_000), Decision::Refuse(Void::Expired));
    }

    /// What a request did itself, or saw happen, is judged as that; a request that has tried nothing is judged as it was.
    #[test]
    fn what_a_request_tried_is_no_evidence_of_a_thief() {
        let after = |decision: Decision, lost, in_doubt, presented: u32, retries| {
            decision.after(Tried { lost, in_doubt }, &grant(7), generation(presented), retries)
        };
        let all =
            [Decision::Replay, Decision::Retry, Decision::Refuse(Void::ClockBehind), Decision::Refuse(Void::Expired)];
        for decision in all {
            assert_eq!(after(decision, false, false, 6, true), decision);
            assert_eq!(after(decision, false, false, 5, true), decision);
        }
        for (lost, in_doubt) in [(true, false), (false, true), (true, true)] {
            assert_eq!(after(Decision::Replay, lost, in_doubt, 6, true), Decision::Retry);
            assert_eq!(after(Decision::Refuse(Void::ClockBehind), lost, in_doubt, 6, true), Decision::Retry);
            assert_eq!(
                after(Decision::Refuse(Void::Expired), lost, in_doubt, 6, true),
                Decision::Refuse(Void::Expired)
            );
        }
        for presented in [5, 6] {
            // Without a window there is no retry, and its own write is still no thief.
            assert_eq!(after(Decision::Replay, false, true, presented, false), Decision::Refuse(Void::InDoubt));
        }
        assert_eq!(after(Decision::Replay, true, false, 6, false), Decision::Replay);
        assert_eq!(after(Decision::Replay, true, false, 5, true), Decision::Refuse(Void::Overtaken));
        assert_eq!(after(Decision::Replay, true, true, 5, true), Decision::Refuse(Void::InDoubt));
    }

    #[test]
    fn expiry_comes_before_replay_and_renewability() {
        assert_eq!(at(3, &POLICY, 500_000), Decision::Refuse(Void::Expired));
        let voided = RefreshPolicy { not_before: Timestamp::from_millis(2), ..POLICY };
        assert_eq!(at(3, &voided, 500_000), Decision::Refuse(Void::NotBefore));
        let mut fixed = grant(7);
        fixed.renewable = false;
        let now = Timestamp::from_millis(ROTATED);
        for presented in [3, 6, 7, 8] {
            let decision = decide(&fixed, generation(presented), &POLICY, now, now);
            assert_eq!(decision, Decision::Refuse(Void::NotRenewable));
        }
    }

    #[test]
    fn the_last_generation_cannot_be_rotated_but_can_be_kept() {
        let mut last = grant(7);
        last.generation = Generation::MAX;
        let now = Timestamp::from_millis(ROTATED);
        assert_eq!(decide(&last, Generation::MAX, &POLICY, now, now), Decision::Refuse(Void::Exhausted));
        let never = RefreshPolicy { rotation: Rotation::Never, ..POLICY };
        assert_eq!(decide(&last, Generation::MAX, &never, now, now), Decision::Keep { behind: false });
    }

    #[test]
    fn a_clock_that_goes_back_moves_no_rotation_back() {
        let renewal = Advance {
            version: Version::from_u64(2),
            generation: generation(8),
            key_id: 0,
            lifetimes: Lifetimes::default(),
            now: Timestamp::from_millis(ROTATED - 60_000),
        };
        let mut renewed = grant(7);
        let short = Lifetimes::default().with_idle(Duration::from_secs(1));
        renewed.advance(Advance { now: Timestamp::EPOCH, lifetimes: short, ..renewal });
        assert_eq!(renewed.refresh_expires_at, grant(7).refresh_expires_at);
        renewed.advance(renewal);
        assert_eq!(renewed.rotated_at, Timestamp::from_millis(ROTATED));
    }
}
