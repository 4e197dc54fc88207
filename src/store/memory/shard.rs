//! One shard: everything behind one lock.

use super::index::Index;
use super::intern::Pairs;
use super::owners::Owners;
use super::slot::Slots;
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::store::Swap;

/// The hash of an id. Ids are a second and 32 random bits, so they only need spreading, not a key.
///
/// An [`Index`] uses the upper half and the lowest eight bits, [`home`] those between.
pub(super) fn spread(id: GrantId) -> u64 {
    let product = u128::from(id.as_u64() ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
    #[expect(clippy::cast_possible_truncation, reason = "the lower half and the upper half")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

/// Which of `shards` an id of that hash belongs to.
pub(super) const fn home(hash: u64, shards: usize) -> usize {
    ((((hash >> 8) & 0xff_ffff) * shards as u64) >> 24) as usize
}

/// Slots, and the two indexes over them: by id and by owner.
///
/// In this order, since a refresh needs all but the owners, and what it needs fills two lines of memory.
#[repr(C)]
pub(super) struct Shard {
    ids: Index,
    slots: Slots,
    sweep: Sweep,
    pairs: Pairs,
    owners: Owners,
}

/// The search for expired grants: it goes round the slots, some at a time.
struct Sweep {
    /// The slot to look at next.
    at: u32,
    /// Slots to look at that were put off: one line of memory more for each write would slow every refresh down.
    owed: u32,
    /// No grant of the shard expires before this.
    earliest: Timestamp,
    /// The same of the slots looked at in this round, and of all that were written since it began.
    earliest_in_round: Timestamp,
}

impl Sweep {
    fn note(&mut self, expires_at: Timestamp) {
        self.earliest = self.earliest.min(expires_at);
        self.earliest_in_round = self.earliest_in_round.min(expires_at);
    }
}

impl Shard {
    /// How many slots are looked at in a row.
    const BATCH: u32 = 32;

    pub(super) fn new() -> Self {
        Self {
            ids: Index::new(),
            slots: Slots::new(),
            pairs: Pairs::new(),
            sweep: Sweep { at: 0, owed: 0, earliest: Timestamp::MAX, earliest_in_round: Timestamp::MAX },
            owners: Owners::new(),
        }
    }

    fn find(&self, hash: u64, id: GrantId) -> Option<u32> {
        self.ids.find(hash, |at| self.slots[at].id == id)
    }

    #[inline]
    fn read(&self, at: u32) -> Grant {
        let slot = &self.slots[at];
        slot.read(self.pairs.get(slot.pair))
    }

    pub(super) fn contains(&self, hash: u64, id: GrantId) -> bool {
        self.find(hash, id).is_some()
    }

    #[inline]
    pub(super) fn load(&self, hash: u64, id: GrantId) -> Option<Grant> {
        self.find(hash, id).map(|at| self.read(at))
    }

    /// Adds a grant whose id is not there. `false` where there is no slot left.
    pub(super) fn insert(&mut self, hash: u64, grant: &Grant) -> bool {
        if self.ids.is_full() {
            self.ids.rebuild(self.slots.occupied().map(|(at, slot)| (spread(slot.id), at)));
        }
        let Some(at) = self.slots.take() else { return false };
        self.sweep.note(grant.expires_at);
        let pair = self.pairs.acquire(&grant.client_id, &grant.scope);
        self.slots[at].write(grant, pair);
        self.ids.insert(hash, at);
        self.owners.link(&mut self.slots, at);
        true
    }

    #[inline]
    pub(super) fn compare_and_swap(&mut self, hash: u64, expected: Version, next: &Grant) -> Swap {
        let Some(at) = self.find(hash, next.id) else { return Swap::Lost };
        let slot = &self.slots[at];
        if slot.version != expected {
            return Swap::Lost;
        }
        self.sweep.note(next.expires_at);
        let (pair, same_details) = (slot.pair, slot.has_details_of(next));
        if same_details && self.pairs.get(pair).is(&next.client_id, &next.scope) {
            self.slots[at].renew(next, pair);
        } else {
            self.rewrite(at, next);
        }
        Swap::Swapped
    }

    /// Writes a grant of the same id, but with another client, scope, subject or fields, over one.
    #[inline(never)]
    fn rewrite(&mut self, at: u32, next: &Grant) {
        let old = self.slots[at].pair;
        let pair = if self.pairs.get(old).is(&next.client_id, &next.scope) {
            old
        } else {
            // The old one goes first, so that there are never more pairs than slots: that many an index can tell apart.
            self.pairs.release(old);
            self.pairs.acquire(&next.client_id, &next.scope)
        };
        if self.slots[at].owner() == next.owner_key() {
            self.slots[at].write(next, pair);
        } else {
            self.owners.unlink(&mut self.slots, at);
            self.slots[at].write(next, pair);
            self.owners.link(&mut self.slots, at);
        }
    }

    pub(super) fn remove(&mut self, hash: u64, id: GrantId) -> Option<Grant> {
        let at = self.find(hash, id)?;
        let grant = self.read(at);
        self.discard(at);
        Some(grant)
    }

    fn discard(&mut self, at: u32) {
        let slot = &self.slots[at];
        let (hash, pair) = (spread(slot.id), slot.pair);
        self.ids.remove(hash, at);
        self.owners.unlink(&mut self.slots, at);
        self.pairs.release(pair);
        self.slots.vacate(at);
    }

    /// Adds an owner's grants with an id after `after` to `page`, lowest first, at most `limit`.
    pub(super) fn list(&self, owner: &Owner, after: Option<GrantId>, limit: usize, page: &mut Vec<Grant>) {
        let mut found: Vec<(GrantId, u32)> = self
            .owners
            .slots_of(&self.slots, owner.owner_key())
            .map(|at| (&self.slots[at], at))
            .filter(|(slot, _)| after.is_none_or(|after| slot.id > after))
            .filter(|(slot, _)| owner.client_id().is_none_or(|id| self.pairs.get(slot.pair).client_id == id))
            .map(|(slot, at)| (slot.id, at))
            .collect();
        if found.len() > limit {
            found.select_nth_unstable(limit);
            found.truncate(limit);
        }
        found.sort_unstable();
        page.extend(found.into_iter().map(|(_, at)| self.read(at)));
    }

    /// How many slots there are to look at for expired grants; none where no grant can have expired.
    pub(super) fn to_sweep(&self, now: Timestamp) -> u32 {
        if now < self.sweep.earliest { 0 } else { self.slots.len() }
    }

    /// The part of a sweep that a write owes, `slots` of them and sooner or later. An insert that owes two keeps the
    /// expired grants fewer than the others. Says how many grants were removed.
    pub(super) fn sweep_on_write(&mut self, slots: u32, now: Timestamp) -> usize {
        self.sweep.owed += slots;
        if self.sweep.owed < Self::BATCH {
            return 0;
        }
        let owed = std::mem::take(&mut self.sweep.owed);
        if now < self.sweep.earliest { 0 } else { self.sweep(owed, usize::MAX, now) }
    }

    /// Looks at the next `slots` slots and removes at most `limit` expired grants; says how many.
    pub(super) fn sweep(&mut self, slots: u32, limit: usize, now: Timestamp) -> usize {
        let mut removed = 0;
        for _ in 0..slots.min(self.slots.len()) {
            if removed == limit {
                break;
            }
            if self.sweep.at >= self.slots.len() {
                self.sweep.at = 0;
                self.sweep.earliest = std::mem::replace(&mut self.sweep.earliest_in_round, Timestamp::MAX);
            }
            let at = self.sweep.at;
            self.sweep.at += 1;
            let slot = &self.slots[at];
            if slot.is_vacant() {
                continue;
            }
            let expires_at = slot.expires_at();
            let expires_at = if expires_at <= now { slot.kept_until() } else { expires_at };
            if expires_at <= now {
                self.discard(at);
                removed += 1;
            } else {
                self.sweep.earliest_in_round = self.sweep.earliest_in_round.min(expires_at);
            }
        }
        removed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::grant::foreign::ForeignOrigin;
    use crate::grant::members::Members;

    /// The sizes of shards for ids as they come: a second, then random bits (here: counted).
    fn sizes(shards: usize) -> Vec<usize> {
        let mut sizes = vec![0; shards];
        for n in 0..200_000_u64 {
            let id = GrantId::from_u64((1_700_000_000 + n / 1_000) << 32 | (n.wrapping_mul(0x9e37_79b9) & 0xffff_ffff));
            sizes[home(spread(id), shards)] += 1;
        }
        sizes
    }

    #[test]
    fn shards_get_the_same() {
        for shards in [1, 2, 7, 64] {
            let (sizes, mean) = (sizes(shards), 200_000 / shards);
            for (at, &size) in sizes.iter().enumerate() {
                assert!(size > mean * 9 / 10 && size < mean * 11 / 10, "shard {at} of {shards}: {size}");
            }
        }
    }

    #[test]
    fn every_hash_has_a_home() {
        for hash in [0, u64::MAX, u64::MAX >> 32, 1 << 8, u64::MAX << 8] {
            for shards in [1, 2, 3, 256, 65_536] {
                assert!(home(hash, shards) < shards);
            }
        }
        assert_eq!(home(u64::MAX, 256), 255);
        assert_eq!(home(0, 256), 0);
    }

    #[test]
    fn what_no_grant_has_any_more_is_forgotten() {
        let mut shard = Shard::new();
        for n in 0..1_000 {
            // A stranger's id carries what the client said of itself, and each is of one client.
            let client_id = format!("client {n} {}", "x".repeat(if n % 2 == 0 { 0 } else { 1_000 }));
            let mut grant = Grant::sample(&format!("subject {n}"), &client_id);
            grant.id = GrantId::from_u64(n);
            let hash = spread(grant.id);
            assert!(shard.insert(hash, &grant));
            let mut next = Grant::sample(&format!("subject {}", n + 1), "app");
            next.id = grant.id;
            assert_eq!(shard.compare_and_swap(hash, grant.version, &next), Swap::Swapped);
            assert_eq!(shard.remove(hash, grant.id), Some(next));
        }
        assert_eq!((shard.slots.len(), shard.slots.occupied().count()), (1, 0));
        assert_eq!((shard.ids.len(), shard.owners.len(), shard.pairs.len()), (0, 0, 0));
    }

    /// A place of a pair has the bits that the number of a slot has. One pair more than there are slots would be taken for
    /// another one, where 16,777,216 grants of as many scopes are in one shard.
    #[test]
    fn there_are_never_more_places_of_pairs_than_slots() {
        let mut shard = Shard::new();
        let of = |n: u64, client_id: &str| {
            let mut grant = Grant::sample("alice", client_id);
            grant.id = GrantId::from_u64(n);
            (spread(grant.id), grant)
        };
        for n in 0..100 {
            let (hash, grant) = of(n, &format!("client {n}"));
            assert!(shard.insert(hash, &grant));
        }
        assert_eq!((shard.pairs.len(), shard.pairs.places()), (100, 100));
        for n in 0..100 {
            // Another client, and then the same with another subject.
            let (hash, next) = of(n, &format!("client {}", n + 1_000));
            assert_eq!(shard.compare_and_swap(hash, next.version, &next), Swap::Swapped);
            let renamed = Grant { owner: Some("bob".into()), ..next.clone() };
            assert_eq!(shard.compare_and_swap(hash, next.version, &renamed), Swap::Swapped);
            assert_eq!(shard.load(hash, next.id), Some(renamed));
        }
        assert_eq!((shard.pairs.len(), shard.pairs.places()), (100, 100));
    }

    /// A grant that began with another server's token stays until nobody could accept that.
    #[test]
    fn what_is_kept_for_the_sake_of_its_first_token_is_not_swept() {
        let mut grant = Grant::sample("alice", "app");
        let (expires_at, kept_until) = (grant.expires_at, grant.expires_at + std::time::Duration::from_secs(900));
        let foreign = Some(ForeignOrigin { proof: [1; 20], kept_until });
        grant.members = Some(Arc::new(Members { foreign, ..Members::default() }));
        let (hash, mut shard) = (spread(grant.id), Shard::new());
        assert!(shard.insert(hash, &grant));
        let before = Timestamp::from_millis(kept_until.as_millis() - 1);
        for now in [expires_at, before] {
            assert_eq!((0..4).map(|_| shard.sweep(1, usize::MAX, now)).sum::<usize>(), 0);
        }
        assert_eq!(shard.load(hash, grant.id), Some(grant));
        assert_eq!(shard.to_sweep(before), 0, "and is not looked for until then");
        assert_eq!((0..4).map(|_| shard.sweep(1, usize::MAX, kept_until)).sum::<usize>(), 1);
    }

    #[test]
    fn a_shard_without_expired_grants_is_not_searched() {
        let grant = Grant::sample("alice", "app");
        let (hash, expires_at) = (spread(grant.id), grant.expires_at);
        let before = Timestamp::from_millis(expires_at.as_millis() - 1);
        let mut shard = Shard::new();
        assert_eq!(shard.to_sweep(Timestamp::MAX), 0);
        assert!(shard.insert(hash, &grant));
        assert_eq!(shard.to_sweep(before), 0);
        assert_eq!(shard.to_sweep(expires_at), 1);
        // Extended: one round finds out that there is nothing to do.
        let mut next = shard.load(hash, GrantId::from_u64(1_700_000_000 << 32 | 7)).unwrap();
        next.expires_at = Timestamp::from_millis(expires_at.as_millis() + 1_000);
        assert_eq!(shard.compare_and_swap(hash, next.version, &next), Swap::Swapped);
        assert_eq!(shard.to_sweep(expires_at), 1);
        for _ in 0..3 {
            assert_eq!(shard.sweep(1, usize::MAX, expires_at), 0);
        }
        assert_eq!(shard.to_sweep(expires_at), 0);
        assert_eq!(shard.sweep(1, 1, next.expires_at), 1);
        assert!(!shard.contains(hash, next.id));
        assert_eq!(shard.sweep(10, 10, Timestamp::MAX), 0);
    }
}
