//! HMAC with SHA-256 (RFC 2104), as tokens need it: the key is hashed once, and a short message costs two blocks and no more.
//!
//! The compression function is the `sha2` crate's; the padding (FIPS 180-4 section 5.1.1) is here, since a refresh makes three
//! MACs of messages that fit in one block, and buffering bytes that are all there costs about as much as hashing them.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::wipe;

/// Bytes in a block of SHA-256.
const BLOCK: usize = 64;

/// What fits in one block beside the bit that ends a message and the 64 bits of its length.
const SHORT: usize = BLOCK - 9;

/// The state before the first block: FIPS 180-4 section 5.3.3.
const START: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

type State = [u32; 8];

/// A key as HMAC uses it: the two states behind its inner and its outer block. Zeroized on drop.
#[derive(Clone)]
pub(crate) struct MacKey {
    inner: State,
    outer: State,
}

/// A message of `LEN` bytes that fits in one block, written where it is hashed: a block that is moved as soon as it is written
/// keeps the processor waiting. Wiped on drop.
pub(crate) struct Short<const LEN: usize>([[u8; BLOCK]; 1]);

impl<const LEN: usize> Short<LEN> {
    /// `LEN` zeros, to be written over.
    #[inline]
    pub(crate) const fn new() -> Self {
        const { assert!(LEN <= SHORT, "it fits in one block") };
        let mut block = [0; BLOCK];
        block[LEN] = 0x80;
        // Not more than 63 bytes, after the key's block: the length in bits is of two bytes.
        let [.., high, low] = ((BLOCK + LEN) * 8).to_be_bytes();
        (block[BLOCK - 2], block[BLOCK - 1]) = (high, low);
        Self([block])
    }

    /// The message.
    #[inline]
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut self.0[0][..LEN]
    }
}

impl<const LEN: usize> Drop for Short<LEN> {
    #[inline]
    fn drop(&mut self) {
        wipe(&mut self.0[0]);
    }
}

impl MacKey {
    /// The key of 32 bytes. RFC 2104 section 2: a key shorter than a block is padded with zeros.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let keyed = |pad: u8| {
            let mut block = [pad; BLOCK];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            let mut state = START;
            compress256(&mut state, &[block]);
            wipe(&mut block);
            state
        };
        Self { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    /// The MAC over these parts, one behind the other. At most 55 bytes are one block.
    #[inline]
    pub(crate) fn mac<const PARTS: usize>(&self, parts: [&[u8]; PARTS]) -> [u8; 32] {
        let mut state = self.inner;
        if parts.iter().map(|part| part.len()).sum::<usize>() <= SHORT {
            last_block(&mut state, parts, BLOCK);
        } else {
            all_blocks(&mut state, &parts);
        }
        self.outer_of(&state)
    }

    /// The MAC over a message that is in its block already.
    #[inline]
    pub(crate) fn mac_short<const LEN: usize>(&self, message: &Short<LEN>) -> [u8; 32] {
        let mut state = self.inner;
        compress256(&mut state, &message.0);
        self.outer_of(&state)
    }

    #[inline]
    fn outer_of(&self, inner: &State) -> [u8; 32] {
        let mut digest = Short::<32>::new();
        write(digest.bytes(), inner);
        let mut state = self.outer;
        // Wiped as what is computed from a key is, though of no use to anybody but who has the outer state.
        compress256(&mut state, &digest.0);
        bytes(&state)
    }
}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// SHA-256 of what is mostly short: a client's secret.
#[inline]
pub(crate) fn sha_256(message: &[u8]) -> [u8; 32] {
    if message.len() > SHORT {
        return Sha256::digest(message).into();
    }
    let mut state = START;
    last_block(&mut state, [message], 0);
    bytes(&state)
}

/// The block that ends a message: its last bytes, which fit, a bit, and the length in bits of all. `before` bytes went before.
#[inline]
fn last_block<const PARTS: usize>(state: &mut State, parts: [&[u8]; PARTS], before: usize) {
    // Where it is hashed: a block that is moved as soon as it is written keeps the processor waiting.
    let (mut blocks, mut at) = ([[0; BLOCK]], 0);
    let [block] = &mut blocks;
    for part in parts {
        // It fits: `SHORT` was looked at, or the part is a digest.
        let Some(place) = block.get_mut(at..at + part.len()) else { break };
        place.copy_from_slice(part);
        at += part.len();
    }
    if let Some(end) = block.get_mut(at) {
        *end = 0x80;
    }
    let len = before + at;
    block[BLOCK - 8..].copy_from_slice(&(len as u64 * 8).to_be_bytes());
    compress256(state, &blocks);
    let [block] = &mut blocks;
    wipe(block);
}

/// A message of any length behind the key's block.
fn all_blocks(state: &mut State, parts: &[&[u8]]) {
    let mut block = [0; BLOCK];
    let (mut at, mut len) = (0, BLOCK);
    for byte in parts.iter().copied().flatten() {
        block[at] = *byte;
        (at, len) = (at + 1, len + 1);
        if at == BLOCK {
            compress256(state, &[block]);
            at = 0;
        }
    }
    if at <= SHORT {
        last_block(state, [&block[..at]], len - at);
    } else {
        // The length has no room behind the bit: it gets a block of its own.
        block[at] = 0x80;
        block[at + 1..].fill(0);
        compress256(state, &[block]);
        block.fill(0);
        block[BLOCK - 8..].copy_from_slice(&(len as u64 * 8).to_be_bytes());
        compress256(state, &[block]);
    }
    wipe(&mut block);
}

/// A state as a digest has it.
#[inline]
fn bytes(state: &State) -> [u8; 32] {
    let mut bytes = [0; 32];
    write(&mut bytes, state);
    bytes
}

#[inline]
fn write(bytes: &mut [u8], state: &State) {
    for (place, word) in bytes.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;

    use super::*;

    /// RFC 4231 section 4: the test cases whose keys are of 32 bytes or less. A key padded with zeros is the same key.
    #[test]
    fn the_cases_of_rfc_4231() {
        let counted: Vec<u8> = (1..=25).collect();
        for (key, message, mac) in [
            (&[0x0b; 20][..], &b"Hi There"[..], "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&counted, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        ] {
            let mut padded = [0; 32];
            padded[..key.len()].copy_from_slice(key);
            let made = MacKey::new(&padded).mac([message]);
            assert_eq!(made.map(|byte| format!("{byte:02x}")).concat(), mac);
        }
    }

    /// Each length around the edges of a block, in one part and in three.
    #[test]
    fn every_length_is_padded_as_others_pad_it() {
        let key = MacKey::new(&[7; 32]);
        let message: Vec<u8> = (0..=255).collect();
        for len in 0..=256 {
            let message = &message[..len];
            let mut other = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
            other.update(message);
            let other: [u8; 32] = other.finalize().into_bytes().into();
            assert_eq!(key.mac([message]), other, "{len}");
            let (one, rest) = message.split_at(len / 3);
            assert_eq!(key.mac([one, &[], rest]), other, "{len}");
            assert_eq!(sha_256(message), <[u8; 32]>::from(Sha256::digest(message)), "{len}");
        }
    }

    proptest! {
        #[test]
        fn it_is_hmac(key: [u8; 32], parts: [Vec<u8>; 3]) {
            let mut other = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            for part in &parts {
                other.update(part);
            }
            let other: [u8; 32] = other.finalize().into_bytes().into();
            prop_assert_eq!(MacKey::new(&key).mac([&parts[0], &parts[1], &parts[2]]), other);
        }

        #[test]
        fn it_is_sha_256(message: Vec<u8>) {
            prop_assert_eq!(sha_256(&message), <[u8; 32]>::from(Sha256::digest(&message)));
        }
    }
}
