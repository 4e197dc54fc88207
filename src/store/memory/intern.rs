//! Clients and scopes, kept once per shard.

use std::hash::{BuildHasher, RandomState};

use smallvec::SmallVec;
use smol_str::SmolStr;

use super::index::Index;
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
#[repr(C)]
pub(super) struct Pairs {
    /// The first one is where the shard is: most have no other.
    places: SmallVec<[Pair; 1]>,
    vacant: Vec<u32>,
    index: Index,
    key: RandomState,
}

impl Pairs {
    pub(super) fn new() -> Self {
        Self { places: SmallVec::new(), vacant: Vec::new(), index: Index::new(), key: RandomState::new() }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// How many places there are, vacant ones too.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    pub(super) fn get(&self, at: u32) -> &Pair {
        &self.places[at as usize]
    }

    /// The place of the pair, which counts one grant more.
    pub(super) fn acquire(&mut self, client_id: &str, scope: &Scope) -> u32 {
        let hash = hash(&self.key, client_id, scope);
        if let Some(at) = self.index.find(hash, |at| self.get(at).is(client_id, scope)) {
            self.places[at as usize].grants += 1;
            return at;
        }
        if self.index.is_full() {
            let used = (0..).zip(&self.places).filter(|(_, pair)| pair.grants > 0);
            self.index.rebuild(used.map(|(at, pair)| (self::hash(&self.key, &pair.client_id, &pair.scope), at)));
        }
        let at = self.vacant.pop().unwrap_or_else(|| {
            self.places.push(Pair::default());
            // A pair has at least one slot when it comes, and slots are counted in 24 bits.
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        self.places[at as usize] = Pair {
            // Copies, not clones: a count shared with other shards would go from core to core on every load.
            client_id: SmolStr::new(client_id),
            scope: Scope::from_canonical(SmolStr::new(scope.as_str())),
            grants: 1,
        };
        self.index.insert(hash, at);
        at
    }

    /// Counts one grant less; the last one takes the pair with it.
    pub(super) fn release(&mut self, at: u32) {
        let pair = &mut self.places[at as usize];
        pair.grants -= 1;
        if pair.grants == 0 {
            let pair = std::mem::take(pair);
            let hash = hash(&self.key, &pair.client_id, &pair.scope);
            self.index.remove(hash, at);
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
        assert_eq!(pairs.len(), 2);
    }

    #[test]
    fn a_long_scope_is_not_shared_with_the_grant_it_came_from() {
        let scope = Scope::parse(&"x".repeat(100)).unwrap();
        let mut pairs = Pairs::new();
        let at = pairs.acquire("app", &scope);
        assert_ne!(pairs.get(at).scope.as_str().as_ptr(), scope.as_str().as_ptr());
    }
}
