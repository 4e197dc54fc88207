//! What a server gives so that a proof is fresh (RFC 9449 sections 8 and 9).
//!
//! ```text
//! given at, ms 6 | random 8 | MAC 16            30 bytes, 40 characters
//! ```

use std::fmt;
use std::time::Duration;

use super::ProofFault;
use crate::grant::Timestamp;
use crate::secret::constant_time_eq;
use crate::secret::root::{Label, LabelledKey, RootSecret};
use crate::token::{decode_exact, encode_exact};

const HEAD_LEN: usize = 6 + 8;
const MAC_LEN: usize = 16;
const LEN: usize = HEAD_LEN + MAC_LEN;
const TEXT_LEN: usize = LEN * 4 / 3;

/// The nonces of a server: a time and a MAC over it, so that nothing is kept of them and every node of a root secret and realm
/// knows those of the others. Each call gives another one.
///
/// A nonce is right for 5 minutes after it was given. Its place is a header that anybody may ask for, so it proves
/// nothing but that a proof with it is no older. `Debug` shows no key.
///
/// ```
/// use regrant::dpop::{Nonces, ProofFault};
/// use regrant::{RootSecret, Timestamp};
/// use std::time::Duration;
///
/// let nonces = Nonces::new(&RootSecret::from_bytes(1, &[7; 32]), None);
/// let now = Timestamp::from_secs(1_597_240_260);
/// let nonce = nonces.give(now);
/// assert_eq!(nonces.given_at(&nonce, now + Duration::from_secs(300)), Ok(now));
/// assert_eq!(nonces.given_at(&nonce, now + Duration::from_secs(301)), Err(ProofFault::NonceStale));
/// assert_eq!(nonces.given_at("another", now), Err(ProofFault::NonceUnknown));
/// ```
pub struct Nonces {
    current: LabelledKey,
    /// Each before this time.
    accepted: Vec<(LabelledKey, Timestamp)>,
}

impl Nonces {
    /// How long one is right: 5 minutes, which is the most that atproto allows.
    pub const LIFETIME: Duration = Duration::from_secs(300);

    /// How far ahead of this node's clock the clock of the node may be that gave it.
    pub const MOST_AHEAD: Duration = Duration::from_secs(10);

    /// Those under this root secret, in this [realm](crate::EngineBuilder::realm).
    pub fn new(root: &RootSecret, realm: Option<&str>) -> Self {
        Self { current: root.key(Label::Nonce, realm), accepted: Vec::new() }
    }

    /// Accepts those under an earlier root secret, too. New ones are given under the current one.
    ///
    /// ```
    /// use regrant::dpop::Nonces;
    /// use regrant::{RootSecret, Timestamp};
    /// let (old, new) = (RootSecret::from_bytes(1, &[7; 32]), RootSecret::from_bytes(2, &[8; 32]));
    /// let now = Timestamp::from_secs(1_597_240_260);
    /// let nonce = Nonces::new(&old, None).give(now);
    /// assert_eq!(Nonces::new(&new, None).with_accepted(&old, None).given_at(&nonce, now), Ok(now));
    /// ```
    #[must_use]
    pub fn with_accepted(self, root: &RootSecret, realm: Option<&str>) -> Self {
        self.with_accepted_until(root, realm, Timestamp::MAX)
    }

    /// The same, until this time: after it that root secret counts no more, whoever has it.
    ///
    /// ```
    /// use regrant::dpop::{Nonces, ProofFault};
    /// use regrant::{RootSecret, Timestamp};
    /// let (old, new) = (RootSecret::from_bytes(1, &[7; 32]), RootSecret::from_bytes(2, &[8; 32]));
    /// let until = Timestamp::from_secs(1_597_240_260);
    /// let nonce = Nonces::new(&old, None).give(until);
    /// let nonces = Nonces::new(&new, None).with_accepted_until(&old, None, until);
    /// assert_eq!(nonces.given_at(&nonce, until), Err(ProofFault::NonceUnknown));
    /// ```
    #[must_use]
    pub fn with_accepted_until(mut self, root: &RootSecret, realm: Option<&str>, not_after: Timestamp) -> Self {
        self.accepted.push((root.key(Label::Nonce, realm), not_after));
        self
    }

    /// A new one, given now: what goes into `DPoP-Nonce`. 40 characters of base64url.
    pub fn give(&self, now: Timestamp) -> String {
        let mut bytes = [0; LEN];
        let (head, mac) = bytes.split_at_mut(HEAD_LEN);
        head[..6].copy_from_slice(&now.as_millis().to_be_bytes()[2..]);
        // No two are equal, so that a client sees that it was given another.
        head[6..].copy_from_slice(&rand::random::<[u8; 8]>());
        mac.copy_from_slice(&short_mac(&self.current, head));
        let text: [u8; TEXT_LEN] = encode_exact(&bytes);
        // Base64url is ASCII.
        String::from_utf8_lossy(&text).into_owned()
    }

    /// When it was given; of a node whose clock is ahead that may be a little later than now.
    ///
    /// # Errors
    ///
    /// [`ProofFault::NonceUnknown`] where it was not given under secrets that count now, [`ProofFault::NonceStale`] where that was more than
    /// [`LIFETIME`](Self::LIFETIME) ago or is more than [`MOST_AHEAD`](Self::MOST_AHEAD) ahead.
    pub fn given_at(&self, nonce: &str, now: Timestamp) -> Result<Timestamp, ProofFault> {
        let text: &[u8; TEXT_LEN] = nonce.as_bytes().try_into().map_err(|_| ProofFault::NonceUnknown)?;
        let bytes: [u8; LEN] = decode_exact(text).ok_or(ProofFault::NonceUnknown)?;
        let (head, mac) = bytes.split_first_chunk::<HEAD_LEN>().ok_or(ProofFault::NonceUnknown)?;
        let mac: &[u8; MAC_LEN] = mac.try_into().map_err(|_| ProofFault::NonceUnknown)?;
        let accepted = self.accepted.iter().filter(|(_, not_after)| now < *not_after).map(|(key, _)| key);
        let mut keys = std::iter::once(&self.current).chain(accepted);
        if !keys.any(|key| constant_time_eq(&short_mac(key, head), mac).into()) {
            return Err(ProofFault::NonceUnknown);
        }
        let [a, b, c, d, e, f, ..] = *head;
        let given = Timestamp::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f]));
        let is_fresh = given <= now + Self::MOST_AHEAD && now <= given + Self::LIFETIME;
        if is_fresh { Ok(given) } else { Err(ProofFault::NonceStale) }
    }
}

fn short_mac(key: &LabelledKey, head: &[u8]) -> [u8; MAC_LEN] {
    let mut short = [0; MAC_LEN];
    short.copy_from_slice(&key.mac(&[head])[..MAC_LEN]);
    short
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);

    fn nonces(byte: u8, realm: Option<&str>) -> Nonces {
        Nonces::new(&RootSecret::from_bytes(byte, &[byte; 32]), realm)
    }

    #[test]
    fn a_nonce_lives_five_minutes_from_a_little_before_it_was_given() {
        let nonces = nonces(1, None);
        let nonce = nonces.give(NOW);
        let ms = Duration::from_millis(1);
        assert_eq!(nonces.given_at(&nonce, NOW), Ok(NOW));
        assert_eq!(nonces.given_at(&nonce, NOW + Nonces::LIFETIME), Ok(NOW));
        assert_eq!(nonces.given_at(&nonce, NOW + Nonces::LIFETIME + ms), Err(ProofFault::NonceStale));
        assert_eq!(nonces.given_at(&nonce, NOW - Nonces::MOST_AHEAD), Ok(NOW));
        assert_eq!(nonces.given_at(&nonce, NOW - Nonces::MOST_AHEAD - ms), Err(ProofFault::NonceStale));
        assert_eq!(nonces.given_at(&nonce, Timestamp::EPOCH), Err(ProofFault::NonceStale));
        assert_eq!(nonces.given_at(&nonce, Timestamp::MAX), Err(ProofFault::NonceStale));
    }

    #[test]
    fn each_is_another_and_known_by_every_node_of_the_secret() {
        let given: BTreeSet<String> = (0..100).map(|_| nonces(1, Some("shop")).give(NOW)).collect();
        assert_eq!(given.len(), 100);
        for nonce in &given {
            assert_eq!(nonce.len(), 40);
            assert_eq!(nonces(1, Some("shop")).given_at(nonce, NOW), Ok(NOW));
            for other in [nonces(2, Some("shop")), nonces(1, Some("bank")), nonces(1, None)] {
                assert_eq!(other.given_at(nonce, NOW), Err(ProofFault::NonceUnknown));
            }
        }
    }

    #[test]
    fn nothing_else_is_one() {
        let nonces = nonces(1, None);
        let nonce = nonces.give(NOW);
        let bytes = decode_exact::<LEN, TEXT_LEN>(nonce.as_bytes().try_into().unwrap()).unwrap();
        for at in 0..LEN * 8 {
            let mut altered = bytes;
            altered[at / 8] ^= 1 << (at % 8);
            let text: [u8; TEXT_LEN] = encode_exact(&altered);
            let text = std::str::from_utf8(&text).unwrap();
            assert_eq!(nonces.given_at(text, NOW), Err(ProofFault::NonceUnknown), "bit {at}");
        }
        for end in 0..nonce.len() {
            assert_eq!(nonces.given_at(&nonce[..end], NOW), Err(ProofFault::NonceUnknown));
        }
        for text in [format!("{nonce}="), format!(" {nonce}"), format!("{nonce}{nonce}"), "\u{e9}".repeat(20)] {
            assert_eq!(nonces.given_at(&text, NOW), Err(ProofFault::NonceUnknown));
        }
        assert_eq!(format!("{nonces:?}"), "Nonces(..)");
    }
}
