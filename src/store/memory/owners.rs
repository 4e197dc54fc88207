//! Which grants a subject has in a shard.

use std::hash::{BuildHasher, RandomState};

use super::index::Index;
use super::slot::NONE;
use super::slots::Slots;

/// The subjects of a shard: the slot that each one's list begins with. The lists run through the slots.
///
/// People choose their own subjects, so the hash has a key, and is one made to withstand floods.
pub(super) struct Owners {
    heads: Index,
    key: RandomState,
}

impl Owners {
    pub(super) fn new() -> Self {
        Self { heads: Index::new(), key: RandomState::new() }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    /// The slots of a subject, in no order.
    pub(super) fn slots_of(&self, slots: &Slots, subject: &str) -> impl Iterator<Item = u32> {
        let hash = self.key.hash_one(subject);
        let head = self.heads.find(hash, |head| slots[head].owner() == Some(subject));
        std::iter::successors(head, |&at| Some(slots[at].next).filter(|&next| next != NONE))
    }

    /// Puts a slot that is in no list into its subject's, if it has a subject.
    pub(super) fn link(&mut self, slots: &mut Slots, at: u32) {
        let Some(subject) = slots[at].owner() else { return };
        let hash = self.key.hash_one(subject);
        if let Some(head) = self.heads.find(hash, |head| slots[head].owner() == Some(subject)) {
            // In second place, so that the index stays as it is.
            let second = std::mem::replace(&mut slots[head].next, at);
            slots[at].prev = head;
            slots[at].next = second;
            if second != NONE {
                slots[second].prev = at;
            }
            return;
        }
        if self.heads.is_full() {
            let heads = slots.occupied().filter(|&(other, slot)| other != at && slot.prev == NONE);
            self.heads.rebuild(heads.filter_map(|(head, slot)| Some((self.key.hash_one(slot.owner()?), head))));
        }
        self.heads.insert(hash, at);
    }

    /// Takes a slot out of its subject's list, before its subject changes.
    pub(super) fn unlink(&mut self, slots: &mut Slots, at: u32) {
        let prev = std::mem::replace(&mut slots[at].prev, NONE);
        let next = std::mem::replace(&mut slots[at].next, NONE);
        if next != NONE {
            slots[next].prev = prev;
        }
        if prev != NONE {
            slots[prev].next = next;
            return;
        }
        let Some(subject) = slots[at].owner() else { return };
        let hash = self.key.hash_one(subject);
        if next == NONE {
            self.heads.remove(hash, at);
        } else {
            self.heads.replace(hash, at, next);
        }
    }
}
