//! Comparison in constant time.

use subtle::{Choice, ConstantTimeEq};

/// Whether two byte strings of one length are equal, in constant time: the differences of all words are gathered, and
/// looked at once. `N` is a multiple of 4.
pub(crate) fn constant_time_eq<const N: usize>(left: &[u8; N], right: &[u8; N]) -> Choice {
    const { assert!(N.is_multiple_of(4), "whole words") };
    let (left, right) = (left.as_chunks::<4>().0, right.as_chunks::<4>().0);
    let words = left.iter().zip(right);
    let difference =
        words.fold(0, |seen, (left, right)| seen | (u32::from_ne_bytes(*left) ^ u32::from_ne_bytes(*right)));
    difference.ct_eq(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts() {
        let left = [0x5a; 20];
        assert!(bool::from(constant_time_eq(&left, &left)));
        for at in 0..160 {
            let mut right = left;
            right[at / 8] ^= 1 << (at % 8);
            assert!(!bool::from(constant_time_eq(&left, &right)), "bit {at}");
        }
    }
}
