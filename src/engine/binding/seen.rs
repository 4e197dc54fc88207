//! Proofs that were used: RFC 9449 section 11.1.
//!
//! Kept for each grant by itself, the newest 64, and only for requests whose token was genuine: a flood costs the grant that it is
//! sent for, and nobody else. Where one is dropped, all proofs that end no later than it are refused for this grant, and the client is
//! given a nonce of now, with which it passes. So nothing is forgotten that would still be accepted, and no honest client is kept
//! out. What was not used for as long as a proof lives goes with the map that it is in.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use super::UsedFor;
use crate::grant::{GrantId, Timestamp};
use crate::proof::dpop::{Nonces, Proven};

/// How many are remembered for one grant.
const MOST_OF_GRANT: usize = 64;
/// And for one key of a client that makes grants for itself: all of its nodes share it.
const MOST_OF_CLIENT: usize = 1_024;

const SHARDS: usize = 16;

/// Longer than any proof is accepted, from when it was seen first.
const TURN: Duration = Duration::from_secs(Nonces::LIFETIME.as_secs() + 2 * Nonces::MOST_AHEAD.as_secs() + 60);

/// What is said of a proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Note {
    /// It was not used before, and now is.
    First,
    /// It was used for the same, first at this time.
    Again(Timestamp),
    /// It was used for something else.
    Elsewhere,
    /// Nobody can tell.
    Forgotten,
}

#[derive(Default)]
pub(super) struct Seen([Mutex<Shard>; SHARDS]);

/// What was used lately, and what was used before that. An entry that is looked at moves to the first; the second is dropped whole.
struct Shard {
    current: HashMap<[u8; 16], Used>,
    before: HashMap<[u8; 16], Used>,
    turned_at: Timestamp,
}

impl Default for Shard {
    fn default() -> Self {
        Self { current: HashMap::new(), before: HashMap::new(), turned_at: Timestamp::EPOCH }
    }
}

/// The proofs of one grant.
struct Used {
    proofs: SmallVec<[One; 2]>,
    /// Of those that end no later nothing is known any more.
    forgotten_until: Timestamp,
}

impl Default for Used {
    fn default() -> Self {
        Self { proofs: SmallVec::new(), forgotten_until: Timestamp::EPOCH }
    }
}

#[derive(Clone, Copy)]
struct One {
    digest: [u8; 16],
    used_for: UsedFor,
    used_at: Timestamp,
    /// The last moment at which it would be accepted.
    until: Timestamp,
}

impl Seen {
    pub(super) fn of_grant(
        &self,
        grant: GrantId,
        proven: &Proven,
        used_for: UsedFor,
        skew: Duration,
        now: Timestamp,
    ) -> Note {
        let place = place(&[b"grant", &grant.as_u64().to_be_bytes()]);
        self.note(place, proven, used_for, MOST_OF_GRANT, skew, now)
    }

    pub(super) fn of_client(&self, client_id: &str, proven: &Proven, skew: Duration, now: Timestamp) -> Note {
        self.note(place_of_client(client_id, proven), proven, UsedFor::Once, MOST_OF_CLIENT, skew, now)
    }

    pub(super) fn forget(&self, client_id: &str, proven: &Proven) {
        let place = place_of_client(client_id, proven);
        let digest = digest_of(proven);
        if let Some(used) = self.shard(&place).lock().current.get_mut(&place) {
            used.proofs.retain(|one| one.digest != digest);
        }
    }

    fn shard(&self, place: &[u8; 16]) -> &Mutex<Shard> {
        &self.0[usize::from(place[0]) % SHARDS]
    }

    fn note(
        &self,
        place: [u8; 16],
        proven: &Proven,
        used_for: UsedFor,
        most: usize,
        skew: Duration,
        now: Timestamp,
    ) -> Note {
        // Without a time of its own it would have to be remembered for ever; such proofs are not let in.
        let Some(until) = proven.fresh_until() else { return Note::Forgotten };
        let one = One { digest: digest_of(proven), used_for, used_at: now, until };
        let mut shard = self.shard(&place).lock();
        shard.turn(now);
        let Shard { current, before, .. } = &mut *shard;
        let used = current.entry(place).or_insert_with(|| before.remove(&place).unwrap_or_default());
        used.note(one, most, skew, now)
    }

    /// How many grants it knows of.
    #[cfg(test)]
    fn len(&self) -> usize {
        let len = |shard: &Mutex<Shard>| {
            let shard = shard.lock();
            shard.current.len() + shard.before.len()
        };
        self.0.iter().map(len).sum()
    }
}

impl Shard {
    fn turn(&mut self, now: Timestamp) {
        if now >= self.turned_at + TURN {
            // Twice, where nothing came for so long.
            let is_long_ago = now >= self.turned_at + TURN + TURN;
            self.before = std::mem::take(&mut self.current);
            if is_long_ago {
                self.before = HashMap::new();
            }
            self.turned_at = now;
        } else if now + TURN < self.turned_at {
            // The clock went back. Nothing is dropped for that, and the turns go on from here.
            self.turned_at = now;
        }
    }
}

impl Used {
    fn note(&mut self, one: One, most: usize, skew: Duration, now: Timestamp) -> Note {
        if let Some(same) = self.proofs.iter().find(|same| same.digest == one.digest) {
            let is_same = same.used_for == one.used_for && one.used_for != UsedFor::Once;
            return if is_same { Note::Again(same.used_at) } else { Note::Elsewhere };
        }
        // A clock that goes back a little must not bring one back.
        let is_kept = |one: &One| now <= one.until + skew + skew;
        // One that was kept waiting for so long may have been seen, and forgotten.
        if one.until <= self.forgotten_until || !is_kept(&one) {
            return Note::Forgotten;
        }
        self.proofs.retain(|old| is_kept(old));
        if self.proofs.len() >= most {
            // Those that end first.
            let ends = self.proofs.iter().map(|old| old.until).min().unwrap_or(one.until);
            self.forgotten_until = self.forgotten_until.max(ends);
            self.proofs.retain(|old| old.until > ends);
            if one.until <= ends {
                return Note::Forgotten;
            }
        }
        self.proofs.push(one);
        Note::First
    }
}

/// The client of a `jti` chooses it, so it is not compared with those of other keys.
fn digest_of(proven: &Proven) -> [u8; 16] {
    place(&[proven.thumbprint().as_bytes(), proven.jti().as_bytes()])
}

fn place_of_client(client_id: &str, proven: &Proven) -> [u8; 16] {
    place(&[b"client", proven.thumbprint().as_bytes(), client_id.as_bytes()])
}

fn place(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let whole: [u8; 32] = hash.finalize().into();
    let mut cut = [0; 16];
    cut.copy_from_slice(&whole[..16]);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Generation;
    use crate::proof::dpop::Proof;

    const SKEW: Duration = Duration::from_secs(5);

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_597_240_260 + secs)
    }

    fn one(number: u32, until: Timestamp) -> One {
        One { digest: place(&[&number.to_be_bytes()]), used_for: UsedFor::Once, used_at: at(0), until }
    }

    #[test]
    fn a_proof_is_used_once_or_again_for_the_same() {
        let mut used = Used::default();
        let refresh = |generation| One {
            used_for: UsedFor::Refresh(Generation::from_bytes([0, 0, generation])),
            ..one(1, at(300))
        };
        assert_eq!(used.note(refresh(1), 64, SKEW, at(0)), Note::First);
        assert_eq!(used.note(refresh(1), 64, SKEW, at(1)), Note::Again(at(0)));
        assert_eq!(used.note(refresh(2), 64, SKEW, at(1)), Note::Elsewhere);
        assert_eq!(used.note(one(2, at(300)), 64, SKEW, at(1)), Note::First);
        assert_eq!(
            used.note(one(2, at(300)), 64, SKEW, at(1)),
            Note::Elsewhere,
            "what has no step of its own is not sent again"
        );
    }

    /// A request that was kept waiting until its proof is not remembered any more may be the second one.
    #[test]
    fn a_proof_that_comes_after_its_time_may_have_been_used() {
        for (secs, note) in [(310, Note::First), (311, Note::Forgotten)] {
            assert_eq!(Used::default().note(one(1, at(300)), 64, SKEW, at(secs)), note, "{secs}");
        }
    }

    /// Nothing is forgotten and still accepted, and who has a nonce of now is not kept out.
    #[test]
    fn under_a_flood_what_is_forgotten_is_refused_and_what_is_new_passes() {
        let mut used = Used::default();
        let mut accepted = Vec::new();
        for number in 0..10_000 {
            // Ten proofs under each nonce.
            let proof = one(number, at(300 + u64::from(number) / 10));
            match used.note(proof, 64, SKEW, at(u64::from(number) / 10)) {
                Note::First => accepted.push(proof),
                Note::Forgotten => {
                    // With the nonce of the refusal.
                    let again = one(1_000_000 + number, proof.until + Duration::from_millis(1));
                    assert_eq!(used.note(again, 64, SKEW, at(u64::from(number) / 10)), Note::First, "{number}");
                    accepted.push(again);
                }
                other => panic!("{number}: {other:?}"),
            }
            assert!(used.proofs.len() <= 64);
        }
        let now = at(1_000);
        for proof in accepted.into_iter().filter(|proof| now <= proof.until) {
            assert_ne!(used.note(proof, 64, SKEW, now), Note::First);
        }
    }

    /// A clock that goes back by a skew, after one that was ahead by another, brings nothing back.
    #[test]
    fn what_has_ended_is_known_for_two_skews_more() {
        let mut used = Used::default();
        let (first, second, third) = (one(1, at(300)), one(2, at(400)), one(3, at(400)));
        let last = at(300) + SKEW + SKEW;
        assert_eq!(used.note(first, 64, SKEW, at(0)), Note::First);
        assert_eq!(used.note(second, 64, SKEW, last), Note::First);
        assert_eq!(used.note(first, 64, SKEW, at(300)), Note::Elsewhere);
        assert_eq!(used.note(third, 64, SKEW, last + Duration::from_millis(1)), Note::First);
        assert_eq!(used.proofs.len(), 2);
    }

    /// RFC 9449 section 4.1: the proof of a token request. What one client sends keeps no other out.
    #[test]
    fn each_client_has_a_place_of_its_own() {
        let text = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo\
                    RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.\
                    eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwi\
                    aWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
        let proven = Proof::read(text.as_bytes()).unwrap().verify_signature().unwrap();
        assert_ne!(place_of_client("one", &proven), place_of_client("two", &proven));
        assert_eq!(place_of_client("one", &proven), place_of_client("one", &proven));
    }

    /// An entry is kept for one turn at least, and for two at most.
    #[test]
    fn a_turn_drops_what_was_used_before_the_last_one() {
        let shard = || Shard { turned_at: at(10_000), ..Shard::default() };
        let after = |shard: &mut Shard, since: Duration| {
            shard.current.insert([1; 16], Used::default());
            shard.turn(at(10_000) + since);
            (shard.current.len(), shard.before.len())
        };
        let just_before = |time: Duration| time.saturating_sub(Duration::from_millis(1));
        for (since, kept) in [
            (Duration::ZERO, (1, 0)),
            (just_before(TURN), (1, 0)),
            (TURN, (0, 1)),
            (just_before(TURN + TURN), (0, 1)),
            (TURN + TURN, (0, 0)),
        ] {
            assert_eq!(after(&mut shard(), since), kept, "{since:?}");
        }
    }

    /// Nothing is dropped for it. Back by a turn or less, the next turn is when it was to be; back by more, it would be long in coming.
    #[test]
    fn a_clock_that_went_back_drops_nothing_and_the_turns_go_on() {
        let turned_at = at(10_000);
        let ms = Duration::from_millis(1);
        for (now, turns_from) in [
            (turned_at + ms, turned_at),
            (turned_at - ms, turned_at),
            (turned_at - TURN, turned_at),
            (turned_at - TURN - ms, turned_at - TURN - ms),
        ] {
            let mut shard = Shard { turned_at, ..Shard::default() };
            shard.current.insert([1; 16], Used::default());
            shard.before.insert([2; 16], Used::default());
            shard.turn(now);
            assert_eq!((shard.current.len(), shard.before.len(), shard.turned_at), (1, 1, turns_from));
        }
    }

    #[test]
    fn what_was_not_used_for_long_is_dropped_and_no_sooner() {
        let seen = Seen::default();
        let note = |grant: u64, now: Timestamp, number: u32| {
            let place = place(&[&grant.to_be_bytes()]);
            let mut shard = seen.shard(&place).lock();
            shard.turn(now);
            let Shard { current, before, .. } = &mut *shard;
            let used = current.entry(place).or_insert_with(|| before.remove(&place).unwrap_or_default());
            used.note(one(number, now + Nonces::LIFETIME), 64, SKEW, now)
        };
        for grant in 0..1_000 {
            assert_eq!(note(grant, at(0), 1), Note::First);
        }
        assert_eq!(seen.len(), 1_000);
        for secs in [1, 100, 299] {
            for grant in 0..1_000 {
                assert_ne!(note(grant, at(secs), 1), Note::First, "{secs}");
            }
        }
        for turn in 1..4 {
            for grant in 2_000..2_100 {
                note(grant, at(turn * TURN.as_secs() + 300), 1);
            }
        }
        assert!(seen.len() <= 200, "{}", seen.len());
    }
}
