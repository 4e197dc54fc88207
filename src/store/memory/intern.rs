//! Clients and scopes, kept once per shard.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use smol_str::SmolStr;

use crate::grant::Scope;

/// A client and a scope that grants of the shard have.
#[derive(Default)]
pub(super) struct Pair {
    pub(super) client_id: SmolStr,
    pub(super) scope: Scope,
    grants: u32,
}

impl Pair {
    pub(super) fn is(&self, client_id: &str, scope: &Scope) -> bool {
        self.client_id == client_id && self.scope == *scope
    }
}

/// The pairs of a shard, counted. Most stores have a handful; where clients name scopes at will there may be many, so
/// they are hashed, with a key that strangers do not know.
pub(super) struct Pairs {
    places: Vec<Pair>,
    vacant: Vec<u32>,
    index: HashTable<u32>,
    key: RandomState,
}

impl Pairs {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), vacant: Vec::new(), index: HashTable::new(), key: RandomState::new() }
    }

    pub(super) fn get(&self, at: u32) -> &Pair {
        &self.places[at as usize]
    }

    /// The place of the pair, which counts one grant more.
    pub(super) fn acquire(&mut self, client_id: &str, scope: &Scope) -> u32 {
        let Self { places, vacant, index, key } = self;
        let entry = index.entry(
            hash(key, client_id, scope),
            |&at| places[at as usize].is(client_id, scope),
            |&at| hash(key, &places[at as usize].client_id, &places[at as usize].scope),
        );
        match entry {
            Entry::Occupied(entry) => {
                let at = *entry.get();
                places[at as usize].grants += 1;
                at
            }
            Entry::Vacant(entry) => {
                // Copies, not clones: a count shared with other shards would go from core to core on every load.
                let pair = Pair {
                    client_id: SmolStr::new(client_id),
                    scope: Scope::from_canonical(SmolStr::new(scope.as_str())),
                    grants: 1,
                };
                let at = vacant.pop().unwrap_or_else(|| {
                    places.push(Pair::default());
                    // A pair has at least one slot, and slots are counted in 32 bits.
                    u32::try_from(places.len() - 1).unwrap_or(u32::MAX)
                });
                places[at as usize] = pair;
                entry.insert(at);
                at
            }
        }
    }

    /// Counts one grant less; the last one takes the pair with it.
    pub(super) fn release(&mut self, at: u32) {
        let pair = &mut self.places[at as usize];
        pair.grants -= 1;
        if pair.grants == 0 {
            let pair = std::mem::take(pair);
            let hash = hash(&self.key, &pair.client_id, &pair.scope);
            if let Ok(entry) = self.index.find_entry(hash, |&other| other == at) {
                entry.remove();
            }
            self.vacant.push(at);
        }
    }
}

fn hash(key: &RandomState, client_id: &str, scope: &Scope) -> u64 {
    key.hash_one((client_id, scope.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_kept_once_and_as_long_as_it_is_used() {
        let (read, long) = (Scope::parse("read").unwrap(), Scope::parse(&"x".repeat(100)).unwrap());
        let mut pairs = Pairs::new();
        let a = pairs.acquire("app", &read);
        assert_eq!(pairs.acquire("app", &read), a);
        let b = pairs.acquire("app", &long);
        assert_ne!(a, b);
        assert!(pairs.get(b).is("app", &long));
        pairs.release(a);
        assert!(pairs.get(a).is("app", &read));
        pairs.release(a);
        assert_eq!(pairs.acquire("other", &read), a, "the place is used again");
        assert!(pairs.get(b).is("app", &long));
        assert_eq!(pairs.index.len(), 2);
    }

    #[test]
    fn a_long_scope_is_not_shared_with_the_grant_it_came_from() {
        let scope = Scope::parse(&"x".repeat(100)).unwrap();
        let mut pairs = Pairs::new();
        let at = pairs.acquire("app", &scope);
        assert_ne!(pairs.get(at).scope.as_str().as_ptr(), scope.as_str().as_ptr());
    }
}
