//! Comparison in constant time.

use subtle::{Choice, ConstantTimeEq};

/// Whether two byte strings of one length are equal, in constant time: the differences of all words are gathered, and
/// looked at once. `N` is a multiple of 4.
pub(crate) fn constant_time_eq<const N: usize>(left: &[u8; N], right: &[u8; N]) -> Choice {
    const { assert!(N % 4 == 0, "whole words") };
    let (mut left, mut right) = (left.as_slice(), right.as_slice());
    let mut difference = 0;
    while let (Some((l, after_l)), Some((r, after_r))) = (left.split_first_chunk(), right.split_first_chunk()) {
        difference |= u32::from_ne_bytes(*l) ^ u32::from_ne_bytes(*r);
        (left, right) = (after_l, after_r);
    }
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
