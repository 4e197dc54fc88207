//! Which grants a subject has in a shard.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::slot::{NONE, Slots};

/// The subjects of a shard: the slot that each one's list begins with. The lists run through the slots.
///
/// People choose their own subjects, so the hash has a key, and is one made to withstand floods.
pub(super) struct Owners {
    heads: HashTable<u32>,
    key: RandomState,
}

impl Owners {
    pub(super) fn new() -> Self {
        Self { heads: HashTable::new(), key: RandomState::new() }
    }

    /// The slots of a subject, in no order.
    pub(super) fn slots_of(&self, slots: &Slots, subject: &str) -> impl Iterator<Item = u32> {
        let hash = self.key.hash_one(subject);
        let head = self.heads.find(hash, |&head| slots[head].subject() == Some(subject)).copied();
        std::iter::successors(head, |&at| Some(slots[at].next).filter(|&next| next != NONE))
    }

    /// Puts a slot that is in no list into its subject's, if it has a subject.
    pub(super) fn link(&mut self, slots: &mut Slots, at: u32) {
        let Self { heads, key } = self;
        let Some(subject) = slots[at].subject() else { return };
        let entry = heads.entry(
            key.hash_one(subject),
            |&head| slots[head].subject() == Some(subject),
            |&head| slots[head].subject().map_or(0, |subject| key.hash_one(subject)),
        );
        match entry {
            Entry::Vacant(entry) => {
                entry.insert(at);
            }
            Entry::Occupied(entry) => {
                // In second place, so that the table stays as it is.
                let head = *entry.get();
                let second = std::mem::replace(&mut slots[head].next, at);
                slots[at].prev = head;
                slots[at].next = second;
                if second != NONE {
                    slots[second].prev = at;
                }
            }
        }
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
        let Some(subject) = slots[at].subject() else { return };
        if let Ok(mut entry) = self.heads.find_entry(self.key.hash_one(subject), |&head| head == at) {
            if next == NONE {
                entry.remove();
            } else {
                *entry.get_mut() = next;
            }
        }
    }
}
