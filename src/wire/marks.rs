//! Finding the few bytes that mean something among the many that do not.

/// The places, first to last, of every byte that is `ALSO`, below `-` or above `~`: controls, space, `%`, `&`, `+`, DEL
/// and what is not ASCII are among them, and nothing that tokens are made of is.
///
/// Tokens and secrets are long and plain, so eight bytes are looked at in one go, as one number: that is as good for ten
/// bytes, where vectors would be all set-up and rest.
pub(crate) struct Marks<'a, const ALSO: u8> {
    bytes: &'a [u8],
    /// The end of the word that was looked at last; beyond the end of `bytes` for the last one.
    end: usize,
    /// The highest bit of every marked byte of that word that is still to be given, the first byte lowest.
    found: u64,
}

impl<'a, const ALSO: u8> Marks<'a, ALSO> {
    pub(crate) const fn of(bytes: &'a [u8]) -> Self {
        const { assert!(ALSO.is_ascii(), "compared as seven bits") };
        Self { bytes, end: 0, found: 0 }
    }

    /// The marks of a rest that is shorter than a word. By itself, so that the loop has the registers.
    #[inline(never)]
    fn of_rest(&self, rest: &[u8]) -> u64 {
        if let Some(&last) = self.bytes.last_chunk() {
            // The last word of all, without the bytes that were looked at before.
            return marks::<ALSO>(last) >> (8 * (WORD - rest.len()));
        }
        let mut word = [b'-'; WORD];
        word[..rest.len()].copy_from_slice(rest);
        // What is beyond the rest is no place.
        marks::<ALSO>(word) & ((1 << (8 * rest.len())) - 1)
    }
}

impl<const ALSO: u8> Iterator for Marks<'_, ALSO> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            let left = self.bytes.get(self.end..)?;
            self.found = match left.first_chunk() {
                Some(&word) => marks::<ALSO>(word),
                None if left.is_empty() => return None,
                None => self.of_rest(left),
            };
            self.end += WORD;
        }
        let at = self.end - WORD + self.found.trailing_zeros() as usize / 8;
        self.found &= self.found - 1;
        Some(at)
    }
}

/// Whether no byte is below `-` or above `~`: then there is no mark, whatever else is one.
#[inline]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    let (mut found, mut rest) = (0, bytes);
    while let Some((&word, after)) = rest.split_first_chunk() {
        (found, rest) = (found | unusual(u64::from_le_bytes(word)), after);
    }
    found |= match bytes.last_chunk() {
        // Some of it again.
        Some(&last) => unusual(u64::from_le_bytes(last)),
        None => rest.iter().fold(0, |found, &byte| found | unusual(all(byte))),
    };
    found & all(0x80) == 0
}

const WORD: usize = 8;

const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; WORD])
}

/// The highest bit of each byte that is marked.
#[inline]
const fn marks<const ALSO: u8>(word: [u8; WORD]) -> u64 {
    let word = u64::from_le_bytes(word);
    // Of seven bits, sums tell all by the eighth, and nothing is carried on to the next byte.
    let differs = ((word & all(0x7f)) ^ all(ALSO)) + all(0x7f);
    (unusual(word) | !differs) & all(0x80)
}

/// The highest bit of each byte that is below `-` or above `~`, and other bits that say nothing.
#[inline]
const fn unusual(word: u64) -> u64 {
    let low = word & all(0x7f);
    let is_above = (low + all(0x80 - 0x7f)) | word;
    let is_not_below = low + all(0x80 - b'-');
    is_above | !is_not_below
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(bytes: &[u8]) -> Vec<usize> {
        (0..bytes.len()).filter(|&at| bytes[at] == b'=' || !matches!(bytes[at], b'-'..=b'~')).collect()
    }

    #[test]
    fn every_byte_at_every_place_of_a_word() {
        for byte in 0..=u8::MAX {
            for (before, after) in [0, 3, 7, 8, 9, 40].into_iter().flat_map(|b| [0, 1, 6, 7, 8].map(|a| (b, a))) {
                let bytes = [vec![b'-'; before], vec![byte], vec![b'~'; after]].concat();
                let marks = Marks::<b'='>::of(&bytes);
                assert!(marks.eq(naive(&bytes)), "{byte:#x} after {before}, before {after}");
                assert_eq!(is_plain(&bytes), matches!(byte, b'-'..=b'~'), "{byte:#x} after {before}, before {after}");
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_looking_at_each(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(Marks::<b'='>::of(&bytes).eq(naive(&bytes)));
            prop_assert_eq!(is_plain(&bytes), bytes.iter().all(|byte| matches!(byte, b'-'..=b'~')));
        }

        #[test]
        fn agrees_where_few_are_marked(bytes in prop::collection::vec(prop::sample::select(b"+-<=>a~\x7f".to_vec()), 0..64)) {
            prop_assert!(Marks::<b'='>::of(&bytes).eq(naive(&bytes)));
        }
    }
}
