//! The slots of a shard.

use std::ops::{Index, IndexMut};

use super::slot::{NONE, Slot};

/// As many chunks as a shard can have: the last one ends beyond the 16,777,216 slots of a shard.
const CHUNKS: usize = 17;
const _: () = assert!((Slots::FIRST_CHUNK as u64) * ((1 << CHUNKS) - 1) >= 1 << 24);

/// The slots of a shard, in chunks, so that growth copies nothing and needs no memory twice.
pub(super) struct Slots {
    /// All full but the last that has any, and each twice as large as the one before, so that most look-ups find their chunk on the same line
    /// of memory, near the lock. Each has its capacity from the start; pages are touched as slots are.
    chunks: [Vec<Slot>; CHUNKS],
    len: u32,
    /// As many as there may be.
    most: u32,
    /// Those that are vacant, in a list.
    vacant: Vacant,
}

/// The vacant slots: the first is vacant for longest. An id that is proposed for a slot is left in it, and it goes last.
struct Vacant {
    first: u32,
    last: u32,
    len: u32,
    /// The newest second that any slot was proposed in.
    newest: u32,
}

impl Slots {
    /// Slots of the first chunk; a power of two.
    const FIRST_CHUNK: u32 = 256;

    pub(super) const fn new(most: u32) -> Self {
        Self {
            chunks: [const { Vec::new() }; CHUNKS],
            len: 0,
            most,
            vacant: Vacant { first: NONE, last: NONE, len: 0, newest: NONE },
        }
    }

    /// How many there are, vacant ones too.
    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// The slot of that number, if there is one.
    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<&Slot> {
        // The chunks say it themselves: how many there are stands on another line of memory.
        if at > u32::MAX - Self::FIRST_CHUNK {
            return None;
        }
        let (chunk, at) = Self::locate(at);
        self.chunks.get(chunk)?.get(at)
    }

    /// A slot to write to, in no list. `None` where there are as many as there may be.
    pub(super) fn take(&mut self) -> Option<u32> {
        if self.vacant.first == NONE {
            return self.grow();
        }
        let at = self.vacant.first;
        self.take_vacant(at);
        Some(at)
    }

    /// Takes a vacant slot out of their list.
    pub(super) fn take_vacant(&mut self, at: u32) {
        let slot = &mut self[at];
        let (prev, next) = (std::mem::replace(&mut slot.prev, NONE), std::mem::replace(&mut slot.next, NONE));
        match prev {
            NONE => self.vacant.first = next,
            prev => self[prev].next = next,
        }
        match next {
            NONE => self.vacant.last = prev,
            next => self[next].prev = prev,
        }
        self.vacant.len -= 1;
    }

    /// A vacant slot that no id of that second or a later one was proposed for: what it names was nobody's yet, also where the clock was
    /// set back. It stays vacant; the caller leaves the id in it. `None` where there is none and there are as many vacant ones as is
    /// good, or no room for more. After a clock that was far ahead, ids are looked up until it is there again.
    pub(super) fn propose(&mut self, second: u32) -> Option<u32> {
        let at = self.vacant.first;
        let at = if at != NONE && is_after(second, self[at].pair) {
            self.take_vacant(at);
            at
        } else {
            // Who is proposed for many and inserts none makes no store grow.
            let occupied = self.len - self.vacant.len;
            if self.vacant.len >= Self::FIRST_CHUNK / 4 + occupied / 8 {
                return None;
            }
            self.grow()?
        };
        self.put_last(at);
        self[at].pair = second;
        if is_after(second, self.vacant.newest) {
            self.vacant.newest = second;
        }
        Some(at)
    }

    /// A new slot, in no list.
    fn grow(&mut self) -> Option<u32> {
        if self.len >= self.most {
            return None;
        }
        let at = self.len;
        let (chunk, _) = Self::locate(at);
        let slots = &mut self.chunks[chunk];
        if slots.capacity() == 0 {
            slots.reserve_exact((Self::FIRST_CHUNK as usize) << chunk);
        }
        slots.push(Slot::vacant(NONE));
        self.len += 1;
        Some(at)
    }

    /// Puts a vacant slot that is in no list behind all others.
    fn put_last(&mut self, at: u32) {
        let last = std::mem::replace(&mut self.vacant.last, at);
        (self[at].prev, self[at].next) = (last, NONE);
        match last {
            NONE => self.vacant.first = at,
            last => self[last].next = at,
        }
        self.vacant.len += 1;
    }

    /// The chunk of a slot, and its place in there. Before the chunk of 256 * 2^n slots there are 256 * (2^n - 1).
    const fn locate(at: u32) -> (usize, usize) {
        let at = at + Self::FIRST_CHUNK;
        let chunk = at.ilog2();
        ((chunk - Self::FIRST_CHUNK.ilog2()) as usize, (at - (1 << chunk)) as usize)
    }

    /// The slots that hold a grant, first to last.
    pub(super) fn occupied(&self) -> impl Iterator<Item = (u32, &Slot)> {
        (0..).zip(self.chunks.iter().flatten()).filter(|(_, slot)| !slot.is_vacant())
    }

    /// Overwrites a slot, so that above all its salt is gone.
    pub(super) fn vacate(&mut self, at: u32) {
        // Nobody knows which ids it was proposed for while it was taken by another; none of them is newer than this.
        self[at] = Slot::vacant(self.vacant.newest);
        self.put_last(at);
    }
}

/// Whether a second is after another, which may be none at all. They have 31 bits, and go round in 2038.
const fn is_after(second: u32, other: u32) -> bool {
    const BITS: u32 = u32::MAX >> 1;
    other == NONE || (second.wrapping_sub(other) & BITS).wrapping_sub(1) < BITS / 2
}

impl Index<u32> for Slots {
    type Output = Slot;

    fn index(&self, at: u32) -> &Slot {
        let (chunk, at) = Self::locate(at);
        &self.chunks[chunk][at]
    }
}

impl IndexMut<u32> for Slots {
    fn index_mut(&mut self, at: u32) -> &mut Slot {
        let (chunk, at) = Self::locate(at);
        &mut self.chunks[chunk][at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Grant;

    #[test]
    fn a_vacated_slot_keeps_no_salt_and_is_taken_next() {
        let mut slots = Slots::new(100);
        let (a, b) = (slots.take().unwrap(), slots.take().unwrap());
        slots[a].write(&Grant::sample("alice", "app"), 0);
        slots[b].write(&Grant::sample("bob", "app"), 0);
        assert_eq!(slots[a].salt.0, [0x5a; 16]);
        slots.vacate(a);
        assert!(slots[a].is_vacant());
        assert_eq!(slots[a].salt.0, [0; 16]);
        assert_eq!(slots[a].owner(), None);
        assert_eq!(slots[b].owner(), Some("bob"));
        assert_eq!((slots.take(), slots.take(), slots.len()), (Some(a), Some(2), 3));
    }

    /// A second proposes no slot twice, whether it was used meanwhile or not; those that nobody used come again in the next.
    #[test]
    fn a_slot_is_proposed_once_a_second() {
        let mut slots = Slots::new(1_000);
        let first: Vec<u32> = (0..4).map(|_| slots.propose(9).unwrap()).collect();
        assert_eq!(first, [0, 1, 2, 3]);
        // One is used, and is vacant again within the second.
        slots.take_vacant(1);
        slots[1].write(&Grant::sample("alice", "app"), 0);
        slots.vacate(1);
        // One is taken by a grant that nothing was proposed for.
        assert_eq!(slots.take(), Some(0));
        slots[0].write(&Grant::sample("bob", "app"), 0);
        slots.vacate(0);
        assert_eq!(slots.propose(9), Some(4));
        // Nor where the clock is set back.
        assert_eq!(slots.propose(8), Some(5));
        let next: Vec<u32> = (0..7).map(|_| slots.propose(10).unwrap()).collect();
        assert_eq!(next, [2, 3, 1, 0, 4, 5, 6], "the one that is vacant for longest comes first");
        // Nobody inserts: there is an end to it.
        let proposed = std::iter::from_fn(|| slots.propose(11)).count();
        assert_eq!((proposed, slots.len()), (64, 64));
        assert_eq!((0..64).map(|_| slots.take().unwrap()).max(), Some(63));
        assert_eq!((slots.take(), slots.vacant.len, slots.vacant.last), (Some(64), 0, NONE));
    }

    #[test]
    fn seconds_go_round() {
        let last = u32::MAX >> 1;
        for (second, other) in [(1, 0), (0, last), (5, last), (1_000_000_000, 0), (0, NONE), (last, NONE)] {
            assert!(is_after(second, other), "{second} after {other}");
        }
        for (second, other) in [(0, 0), (last, last), (0, 1), (last, 0), (last, 5), (0, 1_000_000_000)] {
            assert!(!is_after(second, other), "{second} after {other}");
        }
    }

    #[test]
    fn there_are_no_more_slots_than_there_may_be() {
        let mut slots = Slots::new(2);
        assert_eq!((slots.propose(1), slots.propose(1), slots.propose(1)), (Some(0), Some(1), None));
        assert_eq!((slots.take(), slots.take(), slots.take(), slots.propose(2)), (Some(0), Some(1), None, None));
        assert!(slots.get(1).is_some() && slots.get(2).is_none());
    }

    #[test]
    fn every_place_is_in_a_chunk() {
        let mut before = 0;
        for chunk in 0..17 {
            let len = 256 << chunk;
            assert_eq!(Slots::locate(before), (chunk, 0));
            assert_eq!(Slots::locate(before + len - 1), (chunk, len as usize - 1));
            before += len;
        }
        assert!(before >= super::super::index::Index::PLACES);
    }
}
