//! Where the id of a grant says that it is.

use crate::grant::GrantId;

/// The lower half of an id that was drawn here is the place of its slot, so that no look-up is needed to find it; under a key that
/// nobody has, since clients see their ids: a place says how many sessions there are, and whose slot was free.
///
/// ```text
/// 0 | seconds 31 | sealed (slot 32 - n | shard n)         2^n shards
/// ```
///
/// Any id has a place so, and belongs to the shard of it; whether it is there, its slot says.
///
/// The seal is a Feistel network of four rounds over two halves of 16 bits: of each second a permutation of its own, so no two
/// places have one text, and a place has another one in another second. It keeps from clients what they might be curious about.
/// Nothing is safe because of it: tokens have their MAC.
pub(super) struct Places {
    rounds: [Round; 4],
    shard_bits: u32,
}

#[derive(Clone, Copy)]
struct Round {
    add: u64,
    multiply: u64,
}

/// A slot and the shard that it is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) shard: usize,
    pub(super) slot: u32,
}

impl Places {
    /// Of so many shards, a power of two of at most 65,536.
    pub(super) fn new(shards: usize) -> Self {
        Self::keyed(shards, key())
    }

    fn keyed(shards: usize, key: [[u64; 2]; 4]) -> Self {
        debug_assert!(shards.is_power_of_two() && shards <= 1 << 16);
        // One that is even would lose what it multiplies.
        let rounds = key.map(|[add, multiply]| Round { add, multiply: multiply | 1 });
        Self { rounds, shard_bits: shards.trailing_zeros() }
    }

    /// How many slots of a shard there are places for.
    pub(super) const fn slots(&self) -> u64 {
        1 << (32 - self.shard_bits)
    }

    /// The place that an id names.
    #[inline]
    pub(super) fn of(&self, id: GrantId) -> Place {
        #[expect(clippy::cast_possible_truncation, reason = "halves of the lower half")]
        let (mut left, mut right) = ((id.as_u64() >> 16) as u16, id.as_u64() as u16);
        let second = id.second();
        for round in self.rounds.iter().rev() {
            (left, right) = (right ^ round.of(left, second), left);
        }
        let place = u32::from(left) << 16 | u32::from(right);
        Place { shard: (place & ((1 << self.shard_bits) - 1)) as usize, slot: place >> self.shard_bits }
    }

    /// The lower half of the id of that second which names a place.
    pub(super) fn seal(&self, Place { shard, slot }: Place, second: u32) -> u32 {
        debug_assert!(u64::from(slot) < self.slots());
        #[expect(clippy::cast_possible_truncation, reason = "a shard has at most 16 bits, and a half has 16")]
        let place = slot << self.shard_bits | shard as u32;
        #[expect(clippy::cast_possible_truncation, reason = "halves")]
        let (mut left, mut right) = ((place >> 16) as u16, place as u16);
        for round in &self.rounds {
            (left, right) = (right, left ^ round.of(right, second));
        }
        u32::from(left) << 16 | u32::from(right)
    }
}

impl Round {
    #[inline]
    const fn of(self, half: u16, second: u32) -> u16 {
        let mixed = self.add.wrapping_add((second as u64) << 16 | half as u64).wrapping_mul(self.multiply);
        let mixed = (mixed ^ mixed >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 48) as u16
    }
}

#[cfg(not(shuttle))]
fn key() -> [[u64; 2]; 4] {
    rand::random()
}

/// Always the same, so that a schedule that fails can be had again.
#[cfg(shuttle)]
const fn key() -> [[u64; 2]; 4] {
    [[1, 3], [5, 7], [9, 11], [13, 15]]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(second: u32, half: u32) -> GrantId {
        GrantId::from_u64(u64::from(second) << 32 | u64::from(half))
    }

    /// A key that tests repeat.
    fn places(shards: usize, key: u64) -> Places {
        let mut word = key;
        let mut next = || {
            word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            word ^ word >> 29
        };
        Places::keyed(shards, std::array::from_fn(|_| [next(), next()]))
    }

    proptest! {
        #[test]
        fn what_is_sealed_names_its_place(bits in 0..=16_u32, place in any::<u32>(), second in any::<u32>(), key in any::<u64>()) {
            let places = places(1 << bits, key);
            let place = Place { shard: (place & ((1 << bits) - 1)) as usize, slot: place >> bits };
            prop_assert_eq!(places.of(id(second, places.seal(place, second))), place);
        }

        #[test]
        fn every_id_has_a_place(bits in 0..=16_u32, second in any::<u32>(), half in any::<u32>(), key in any::<u64>()) {
            let places = places(1 << bits, key);
            let place = places.of(id(second, half));
            prop_assert!(place.shard < 1 << bits);
            prop_assert_eq!(places.seal(place, second), half);
        }
    }

    /// Neighbours lie nowhere near each other, nor does a place where it was a second ago: each bit of the text differs for half of
    /// them.
    #[test]
    fn a_text_says_nothing_of_its_neighbours() {
        const KEYS: u32 = 64;
        const SLOTS: u32 = 256;
        for (slots, seconds) in [(1, 0), (0, 1)] {
            let mut flips = [0_u32; 32];
            for key in 0..KEYS {
                let places = places(256, key.into());
                for slot in 0..SLOTS {
                    let text = |slot, second| places.seal(Place { shard: 7, slot }, second);
                    let differs = text(slot, 1_700_000_000) ^ text(slot + slots, 1_700_000_000 + seconds);
                    for (bit, flips) in flips.iter_mut().enumerate() {
                        *flips += differs >> bit & 1;
                    }
                }
            }
            let all = KEYS * SLOTS;
            for (bit, flips) in flips.into_iter().enumerate() {
                assert!(flips > all * 4 / 10 && flips < all * 6 / 10, "bit {bit}: {flips} of {all}");
            }
        }
    }

    #[test]
    fn another_store_has_another_key() {
        let place = Place { shard: 3, slot: 9 };
        let texts: std::collections::BTreeSet<u32> = (0..16).map(|_| Places::new(16).seal(place, 1)).collect();
        assert!(texts.len() > 12, "{texts:?}");
    }
}
