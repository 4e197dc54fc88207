//! One shard: everything behind one lock.

use super::index::Index;
use super::intern::Pairs;
use super::owners::Owners;
use super::slots::Slots;
use crate::grant::{Grant, GrantId, Owner, Timestamp, Version};
use crate::store::Swap;

/// The hash of an id. Ids are a second and 32 bits like random ones, or a digest, so they only need spreading, not a key.
fn spread(id: GrantId) -> u64 {
    let product = u128::from(id.as_u64() ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
    #[expect(clippy::cast_possible_truncation, reason = "the lower half and the upper half")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

/// Slots, and the two indexes over them: by owner, and by those ids that do not say their slot themselves.
///
/// In this order, since a refresh needs what comes first: the sweep beside the lock, the pair behind it, and one of the chunks. They lie here and
/// not in the heap, since at a million grants each page of memory more is one that the processor has to look for.
#[repr(C)]
pub(super) struct Shard {
    sweep: Sweep,
    pairs: Pairs,
    slots: Slots,
    /// Ids that were computed, as of logins that began at another server, or drawn elsewhere.
    unplaced: Index,
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

    /// One of at most so many grants.
    pub(super) fn new(most: u64) -> Self {
        let most = u32::try_from(most).unwrap_or(u32::MAX).min(Index::PLACES);
        Self {
            sweep: Sweep { at: 0, owed: 0, earliest: Timestamp::MAX, earliest_in_round: Timestamp::MAX },
            pairs: Pairs::new(),
            slots: Slots::new(most),
            unplaced: Index::new(),
            owners: Owners::new(),
        }
    }

    /// The slot of an id: the one that it names, as nearly always, or another.
    #[inline]
    fn find(&self, named: u32, id: GrantId) -> Option<u32> {
        // What is computed is where it happens to be: no line of memory is read in vain.
        match self.slots.get(named).filter(|_| !id.is_computed()) {
            Some(slot) if slot.id == id && !slot.is_vacant() => Some(named),
            _ => self.find_unplaced(id),
        }
    }

    #[inline(never)]
    fn find_unplaced(&self, id: GrantId) -> Option<u32> {
        self.unplaced.find(spread(id), |at| self.slots[at].id == id)
    }

    /// The lower half of an id for a grant of that time, which `seal` makes of a slot's number; that slot is kept for it a while.
    pub(super) fn propose(&mut self, now: Timestamp, seal: impl FnOnce(u32, u32) -> u32) -> Option<u32> {
        let second = GrantId::at(now, 0).second();
        let at = self.slots.propose(second)?;
        let half = seal(at, second);
        self.slots[at].id = GrantId::at(now, half);
        Some(half)
    }

    /// Whatever is in that slot will be looked at soon.
    #[cfg(all(feature = "prefetch", target_arch = "x86_64"))]
    #[inline]
    pub(super) fn expect_load(&self, named: u32) {
        if let Some(slot) = self.slots.get(named) {
            slot.prefetch();
        }
    }

    #[inline]
    fn read(&self, at: u32) -> Grant {
        let slot = &self.slots[at];
        slot.read(self.pairs.get(slot.pair))
    }

    pub(super) fn contains(&self, named: u32, id: GrantId) -> bool {
        self.find(named, id).is_some()
    }

    #[inline]
    pub(super) fn load(&self, named: u32, id: GrantId) -> Option<Grant> {
        self.find(named, id).map(|at| self.read(at))
    }

    /// Adds a grant whose id is not there. `false` where there is no slot left.
    pub(super) fn insert(&mut self, named: u32, grant: &Grant) -> bool {
        let Some(at) = self.slot_for(named, grant.id) else { return false };
        self.sweep.note(grant.expires_at);
        let pair = self.pairs.acquire(&grant.client_id, &grant.scope);
        self.slots[at].write(grant, pair);
        self.owners.link(&mut self.slots, at);
        true
    }

    /// The slot that was proposed with the id, unless it was taken or proposed to another one since, or any.
    fn slot_for(&mut self, named: u32, id: GrantId) -> Option<u32> {
        if self.slots.get(named).is_some_and(|slot| slot.id == id && slot.is_vacant()) {
            self.slots.take_vacant(named);
            return Some(named);
        }
        if self.unplaced.is_full() {
            let places: Vec<u32> = self.unplaced.places().collect();
            self.unplaced.rebuild(places.into_iter().map(|at| (spread(self.slots[at].id), at)));
        }
        let at = self.slots.take()?;
        self.unplaced.insert(spread(id), at);
        Some(at)
    }

    #[inline]
    pub(super) fn compare_and_swap(&mut self, named: u32, expected: Version, next: &Grant) -> Swap {
        let Some(at) = self.find(named, next.id) else { return Swap::Lost };
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

    pub(super) fn remove(&mut self, named: u32, id: GrantId) -> Option<Grant> {
        let at = self.find(named, id)?;
        let grant = self.read(at);
        self.discard(at);
        Some(grant)
    }

    fn discard(&mut self, at: u32) {
        let slot = &self.slots[at];
        let (hash, pair) = (spread(slot.id), slot.pair);
        // It is in there only if it is not where its id says.
        self.unplaced.remove(hash, at);
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

    /// As named by an id that was not drawn here.
    const NOWHERE: u32 = u32::MAX;

    /// Whoever is proposed a slot has it, until another one is proposed it or comes without a proposal; then the id is looked up.
    #[test]
    fn a_proposed_slot_that_was_taken_is_no_loss() {
        let mut shard = Shard::new(1_000);
        let of = |id| Grant { id, ..Grant::sample("alice", "app") };
        let propose = |shard: &mut Shard, secs| {
            let now = Timestamp::from_secs(secs);
            let mut named = None;
            let lower = shard.propose(now, |slot, _| *named.insert(slot)).unwrap();
            (named.unwrap(), of(GrantId::at(now, lower)))
        };
        let (slot, first) = propose(&mut shard, 100);
        let (again, second) = propose(&mut shard, 101);
        assert_eq!((slot, again), (0, 0));
        assert_ne!(first.id, second.id);
        // The first one comes late, and its slot is the second's by now.
        assert!(shard.insert(slot, &first));
        assert_eq!(shard.unplaced.len(), 1);
        assert!(shard.insert(again, &second));
        // Which had been taken meanwhile, since there was no other.
        assert_eq!((shard.unplaced.len(), shard.slots.len()), (2, 2));
        let (third_slot, third) = propose(&mut shard, 101);
        assert!(shard.insert(third_slot, &third));
        assert_eq!((shard.unplaced.len(), third_slot), (2, 2));
        for (named, grant) in [(slot, &first), (again, &second), (third_slot, &third)] {
            assert_eq!(shard.load(named, grant.id).as_ref(), Some(grant));
            assert_eq!(shard.remove(named, grant.id).as_ref(), Some(grant));
            assert_eq!(shard.load(named, grant.id), None, "it is nobody's");
        }
        assert_eq!((shard.unplaced.len(), shard.slots.occupied().count()), (0, 0));
    }

    #[test]
    fn what_no_grant_has_any_more_is_forgotten() {
        let mut shard = Shard::new(1_000);
        for n in 0..1_000 {
            // A stranger's id carries what the client said of itself, and each is of one client.
            let client_id = format!("client {n} {}", "x".repeat(if n % 2 == 0 { 0 } else { 1_000 }));
            let mut grant = Grant::sample(&format!("subject {n}"), &client_id);
            grant.id = GrantId::from_u64(n);
            // Half of them are where their id says, and half of them are not.
            let now = Timestamp::from_secs(1_000 + n / 4);
            let named = if n % 2 == 0 { shard.propose(now, |slot, _| slot) } else { None };
            grant.id = GrantId::at(now, named.unwrap_or(5_000 + u32::try_from(n).unwrap()));
            let named = named.unwrap_or(NOWHERE);
            assert!(shard.insert(named, &grant));
            assert_eq!(shard.unplaced.len(), usize::from(named == NOWHERE));
            let mut next = Grant::sample(&format!("subject {}", n + 1), "app");
            next.id = grant.id;
            assert_eq!(shard.compare_and_swap(named, grant.version, &next), Swap::Swapped);
            assert_eq!(shard.remove(named, grant.id), Some(next));
        }
        assert_eq!((shard.slots.len(), shard.slots.occupied().count()), (3, 0), "as many as one second has");
        assert_eq!((shard.unplaced.len(), shard.owners.len(), shard.pairs.len()), (0, 0, 0));
    }

    /// A place of a pair has the bits that the number of a slot has. One pair more than there are slots would be taken for
    /// another one, where 16,777,216 grants of as many scopes are in one shard.
    #[test]
    fn there_are_never_more_places_of_pairs_than_slots() {
        let mut shard = Shard::new(1_000);
        let of = |n: u64, client_id: &str| {
            let mut grant = Grant::sample("alice", client_id);
            grant.id = GrantId::from_u64(n);
            grant
        };
        for n in 0..100 {
            assert!(shard.insert(NOWHERE, &of(n, &format!("client {n}"))));
        }
        assert_eq!((shard.pairs.len(), shard.pairs.places()), (100, 100));
        for n in 0..100 {
            // Another client, and then the same with another subject.
            let next = of(n, &format!("client {}", n + 1_000));
            assert_eq!(shard.compare_and_swap(NOWHERE, next.version, &next), Swap::Swapped);
            let renamed = Grant { owner: Some("bob".into()), ..next.clone() };
            assert_eq!(shard.compare_and_swap(NOWHERE, next.version, &renamed), Swap::Swapped);
            assert_eq!(shard.load(NOWHERE, next.id), Some(renamed));
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
        let mut shard = Shard::new(1_000);
        assert!(shard.insert(NOWHERE, &grant));
        let before = Timestamp::from_millis(kept_until.as_millis() - 1);
        for now in [expires_at, before] {
            assert_eq!((0..4).map(|_| shard.sweep(1, usize::MAX, now)).sum::<usize>(), 0);
        }
        assert_eq!(shard.load(NOWHERE, grant.id), Some(grant));
        assert_eq!(shard.to_sweep(before), 0, "and is not looked for until then");
        assert_eq!((0..4).map(|_| shard.sweep(1, usize::MAX, kept_until)).sum::<usize>(), 1);
    }

    #[test]
    fn a_shard_without_expired_grants_is_not_searched() {
        let grant = Grant::sample("alice", "app");
        let expires_at = grant.expires_at;
        let before = Timestamp::from_millis(expires_at.as_millis() - 1);
        let mut shard = Shard::new(1_000);
        assert_eq!(shard.to_sweep(Timestamp::MAX), 0);
        assert!(shard.insert(NOWHERE, &grant));
        assert_eq!(shard.to_sweep(before), 0);
        assert_eq!(shard.to_sweep(expires_at), 1);
        // Extended: one round finds out that there is nothing to do.
        let mut next = shard.load(NOWHERE, GrantId::from_u64(1_700_000_000 << 32 | 7)).unwrap();
        next.expires_at = Timestamp::from_millis(expires_at.as_millis() + 1_000);
        assert_eq!(shard.compare_and_swap(NOWHERE, next.version, &next), Swap::Swapped);
        assert_eq!(shard.to_sweep(expires_at), 1);
        for _ in 0..3 {
            assert_eq!(shard.sweep(1, usize::MAX, expires_at), 0);
        }
        assert_eq!(shard.to_sweep(expires_at), 0);
        assert_eq!(shard.sweep(1, 1, next.expires_at), 1);
        assert!(!shard.contains(NOWHERE, next.id));
        assert_eq!(shard.sweep(10, 10, Timestamp::MAX), 0);
    }
}
