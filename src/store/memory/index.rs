//! Finding places by hash.

/// A hash table of places in a list, which the caller keeps: slots, or interned pairs.
///
/// A refresh among millions of grants costs the lines of memory that it waits for, one after the other. Here tag and
/// place share four bytes, so the table costs one of them, where a table with its tags apart costs two; it grows by
/// half, not to double; and it is rebuilt from the list, front to back, so that growth needs no memory twice.
///
/// Open addressing with linear probing. Hashes must be good in all bits, since each end is used on its own.
pub(super) struct Index {
    /// Eight bits of the hash, then the place.
    buckets: Vec<u32>,
    /// Buckets that have a place, or had one and are passed over since.
    used: usize,
    /// Buckets that have a place.
    live: usize,
}

const PLACE_BITS: u32 = 24;
/// No place has the tag of these two.
const EMPTY: u32 = u32::MAX;
const DELETED: u32 = u32::MAX - 1;

impl Index {
    /// Places are below this.
    pub(super) const PLACES: u32 = 1 << PLACE_BITS;

    const LEAST: usize = 8;

    pub(super) const fn new() -> Self {
        Self { buckets: Vec::new(), used: 0, live: 0 }
    }

    /// The place with that hash that `is` says is it.
    pub(super) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.bucket_of(hash, is).map(|bucket| self.buckets[bucket] % Self::PLACES)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// All the places.
    pub(super) fn places(&self) -> impl Iterator<Item = u32> {
        self.buckets.iter().filter(|&&bucket| bucket < DELETED).map(|bucket| bucket % Self::PLACES)
    }

    /// Whether nothing can be added before it is rebuilt: one bucket in eight stays empty, or searches get long.
    pub(super) fn is_full(&self) -> bool {
        self.used >= self.buckets.len() / 8 * 7
    }

    /// Begins anew, with room for more than there was and these places, with their hashes, in it.
    pub(super) fn rebuild(&mut self, places: impl Iterator<Item = (u64, u32)>) {
        // Where a quarter is free once what was deleted is left out, the size stays.
        let len = self.buckets.len();
        let len = if self.live < len / 8 * 5 { len } else { (len + len / 2).max(Self::LEAST) };
        // The old ones go before the new ones come.
        self.buckets = Vec::new();
        self.buckets = vec![EMPTY; len];
        (self.used, self.live) = (0, 0);
        for (hash, place) in places {
            self.insert(hash, place);
        }
    }

    /// Adds a place that is not there, to a table that is not full.
    pub(super) fn insert(&mut self, hash: u64, place: u32) {
        debug_assert!(place < Self::PLACES);
        let mut bucket = self.first(hash);
        while self.buckets[bucket] < DELETED {
            bucket = self.after(bucket);
        }
        if self.buckets[bucket] == EMPTY {
            self.used += 1;
        }
        self.live += 1;
        self.buckets[bucket] = tag(hash) << PLACE_BITS | place;
    }

    /// Writes another place of the same hash over one.
    pub(super) fn replace(&mut self, hash: u64, place: u32, by: u32) {
        if let Some(bucket) = self.bucket_of(hash, |other| other == place) {
            self.buckets[bucket] = tag(hash) << PLACE_BITS | by;
        }
    }

    pub(super) fn remove(&mut self, hash: u64, place: u32) {
        let Some(mut bucket) = self.bucket_of(hash, |other| other == place) else { return };
        self.live -= 1;
        self.buckets[bucket] = DELETED;
        // At the end of a run nothing has to be passed over.
        if self.buckets[self.after(bucket)] == EMPTY {
            while self.buckets[bucket] == DELETED {
                self.buckets[bucket] = EMPTY;
                self.used -= 1;
                bucket = bucket.checked_sub(1).unwrap_or(self.buckets.len() - 1);
            }
        }
    }

    fn bucket_of(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<usize> {
        let tag = tag(hash);
        let mut bucket = self.first(hash);
        loop {
            // There are no buckets at first, and later always an empty one.
            let &entry = self.buckets.get(bucket)?;
            if entry >> PLACE_BITS == tag && is(entry % Self::PLACES) {
                return Some(bucket);
            }
            if entry == EMPTY {
                return None;
            }
            bucket = self.after(bucket);
        }
    }

    /// Where a search begins. By the upper half of the hash as a fraction, so that any number of buckets will do.
    fn first(&self, hash: u64) -> usize {
        (((hash >> 32) * self.buckets.len() as u64) >> 32) as usize
    }

    fn after(&self, bucket: usize) -> usize {
        if bucket + 1 < self.buckets.len() { bucket + 1 } else { 0 }
    }
}

/// The lowest eight bits, but never that of [`EMPTY`] and [`DELETED`].
fn tag(hash: u64) -> u32 {
    let [lowest, ..] = hash.to_le_bytes();
    u32::from(lowest.min(0xfe))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The places are numbers, their hashes as bad as `bad` says.
    fn hash(place: u32, bad: bool) -> u64 {
        let n = u64::from(place);
        if bad { (n % 3) << 62 | 0xff } else { n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) }
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(steps in prop::collection::vec((0..4_u8, 0..200_u32), 0..800), bad in any::<bool>()) {
            let mut index = Index::new();
            let mut model = std::collections::BTreeSet::new();
            for (step, place) in steps {
                let (at, held) = (hash(place, bad), model.contains(&place));
                prop_assert_eq!(index.find(at, |other| other == place), held.then_some(place));
                match (step, held) {
                    (0..=1, false) => {
                        if index.is_full() {
                            index.rebuild(model.iter().map(|&place| (hash(place, bad), place)));
                        }
                        index.insert(at, place);
                        model.insert(place);
                    }
                    (2, true) => {
                        index.remove(at, place);
                        model.remove(&place);
                    }
                    (3, true) => {
                        // There and back.
                        index.replace(at, place, place + 1_000);
                        prop_assert_eq!(index.find(at, |other| other == place), None);
                        index.replace(at, place + 1_000, place);
                    }
                    _ => {}
                }
                let (empty, deleted) =
                    index.buckets.iter().fold((0, 0), |(e, d), &b| (e + usize::from(b == EMPTY), d + usize::from(b == DELETED)));
                prop_assert_eq!(index.live, model.len());
                prop_assert_eq!(index.used, model.len() + deleted);
                prop_assert!(index.buckets.is_empty() || empty > 0);
            }
            for &place in &model {
                prop_assert_eq!(index.find(hash(place, bad), |other| other == place), Some(place));
            }
        }
    }

    #[test]
    fn it_does_not_grow_while_places_come_and_go() {
        let mut index = Index::new();
        let mut largest = 0;
        for place in 0..100_000 {
            if index.is_full() {
                index.rebuild((place.max(500) - 500..place).map(|place| (hash(place, false), place)));
            }
            index.insert(hash(place, false), place);
            if place >= 500 {
                index.remove(hash(place - 500, false), place - 500);
            }
            if place == 5_000 {
                largest = index.buckets.len();
            }
        }
        assert_eq!(index.live, 500);
        assert!(index.buckets.len() <= largest && largest < 1_500, "{largest}");
    }
}
