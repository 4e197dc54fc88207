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
/// The seal is a Feistel network of four rounds over two halves of 16 bits: a permutation, so no two places have one text. It
/// keeps from clients what they might be curious about. Nothing is safe because of it: tokens have their MAC.
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
        debug_assert!(shards.is_power_of_two() && shards <= 1 << 16);
        // One that is even would lose what it multiplies.
        let rounds = std::array::from_fn(|_| Round { add: rand::random(), multiply: rand::random::<u64>() | 1 });
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
        for round in self.rounds.iter().rev() {
            (left, right) = (right ^ round.of(left), left);
        }
        let place = u32::from(left) << 16 | u32::from(right);
        Place { shard: (place & ((1 << self.shard_bits) - 1)) as usize, slot: place >> self.shard_bits }
    }

    /// The lower half of the ids that name a place.
    pub(super) fn seal(&self, Place { shard, slot }: Place) -> u32 {
        debug_assert!(u64::from(slot) < self.slots());
        #[expect(clippy::cast_possible_truncation, reason = "a shard has at most 16 bits, and a half has 16")]
        let place = slot << self.shard_bits | shard as u32;
        #[expect(clippy::cast_possible_truncation, reason = "halves")]
        let (mut left, mut right) = ((place >> 16) as u16, place as u16);
        for round in &self.rounds {
            (left, right) = (right, left ^ round.of(right));
        }
        u32::from(left) << 16 | u32::from(right)
    }
}

impl Round {
    #[inline]
    const fn of(self, half: u16) -> u16 {
        let mixed = self.add.wrapping_add(half as u64).wrapping_mul(self.multiply);
        let mixed = (mixed ^ mixed >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 48) as u16
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(half: u32) -> GrantId {
        GrantId::from_u64(0x6553_f100_0000_0000 | u64::from(half))
    }

    proptest! {
        #[test]
        fn what_is_sealed_names_its_place(bits in 0..=16_u32, place in any::<u32>(), second in any::<u32>()) {
            let places = Places::new(1 << bits);
            let place = Place { shard: (place & ((1 << bits) - 1)) as usize, slot: place >> bits };
            let half = places.seal(place);
            prop_assert_eq!(places.of(id(half)), place);
            prop_assert_eq!(places.of(GrantId::from_u64(u64::from(second) << 32 | u64::from(half))), place);
        }

        #[test]
        fn every_id_has_a_place(bits in 0..=16_u32, half in any::<u32>()) {
            let places = Places::new(1 << bits);
            let place = places.of(id(half));
            prop_assert!(place.shard < 1 << bits);
            prop_assert_eq!(places.seal(place), half);
        }
    }

    /// Neighbours lie nowhere near each other, whatever the key: each bit of the text differs for half of them.
    #[test]
    fn a_text_says_nothing_of_its_neighbours() {
        const KEYS: u32 = 64;
        const SLOTS: u32 = 256;
        let mut flips = [0_u32; 32];
        for _ in 0..KEYS {
            let places = Places::new(256);
            let text = |slot| places.seal(Place { shard: 7, slot });
            for slot in 0..SLOTS {
                let differs = text(slot) ^ text(slot + 1);
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

    #[test]
    fn another_store_has_another_key() {
        let place = Place { shard: 3, slot: 9 };
        let texts: std::collections::BTreeSet<u32> = (0..16).map(|_| Places::new(16).seal(place)).collect();
        assert!(texts.len() > 12, "{texts:?}");
    }
}
