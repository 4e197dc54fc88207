//! The small numbers a grant is known by.

use std::fmt;
use std::str::FromStr;

use super::time::Timestamp;

/// Names one grant: 32 bits of the second it was made in, then 32 bits that are random or that its store
/// [proposed](crate::TokenStore::propose_id), so that ids made together lie together in a B-tree.
///
/// Safe to log: a token cannot be made from it. `Display` and `Debug` print 16 hexadecimal digits.
///
/// ```
/// use regrant::GrantId;
/// let id = GrantId::from_u64(0x5f33_f0c4_0000_00a7);
/// assert_eq!(id.to_string(), "5f33f0c4000000a7");
/// assert_eq!(id.as_u64(), 0x5f33_f0c4_0000_00a7);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId(u64);

impl GrantId {
    /// The id of that number, for a store that reads it back from where it was kept.
    ///
    /// ```
    /// assert_eq!(regrant::GrantId::from_u64(7).as_u64(), 7);
    /// ```
    pub const fn from_u64(id: u64) -> Self {
        Self(id)
    }

    /// The number, for a store that keys its records by it.
    ///
    /// ```
    /// assert_eq!(regrant::GrantId::from_u64(7).as_u64(), 7);
    /// ```
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// An id for a grant made at `now`; `lower` is random, or what the [store proposes](crate::TokenStore::propose_id).
    ///
    /// ```text
    /// 0 | seconds 31 | lower 32                drawn
    /// 10 | digest 62                           computed, of what stays
    /// 11 | expiry 18 | digest 44               computed, of what expires: so that such records lie and go together
    /// ```
    pub(crate) const fn at(now: Timestamp, lower: u32) -> Self {
        // The second wraps in 2038; order is for the B-tree's sake alone, and uniqueness is the store's to enforce.
        Self((now.as_secs() & (u32::MAX >> 1) as u64) << 32 | lower as u64)
    }

    /// The id that follows from a digest. Two of them are the same once in a while: what is stored under it says what it is of.
    pub(crate) const fn computed(digest: &[u8; 32]) -> Self {
        Self(0b10 << 62 | first_of(digest) >> 2)
    }

    /// The same of what expires, which is in front: coarse, for the B-tree's sake, and part of what has to be known to find it.
    pub(crate) const fn computed_until(digest: &[u8; 32], expires_at: Timestamp) -> Self {
        // 256 seconds; it wraps after two years, and such things live for hours.
        let coarse = expires_at.as_secs() >> 8 & ((1 << 18) - 1);
        Self(0b11 << 62 | coarse << 44 | first_of(digest) >> 20)
    }

    /// The second that it was drawn in, as far as it says; see [`at`](Self::at).
    pub(crate) const fn second(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whether it was computed, and not drawn.
    #[inline]
    pub(crate) const fn is_computed(self) -> bool {
        self.0 >> 63 == 1
    }
}

/// The first 64 bits.
const fn first_of(digest: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *digest;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Text that is not 16 hexadecimal digits, as a [`GrantId`] is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a grant id has 16 hexadecimal digits, and this text has others")]
#[non_exhaustive]
pub struct InvalidGrantId;

/// Reads what `Display` prints: 16 hexadecimal digits, in either case.
///
/// ```
/// use regrant::GrantId;
/// let id: GrantId = "5f33f0c4000000a7".parse()?;
/// assert_eq!(id.as_u64(), 0x5f33_f0c4_0000_00a7);
/// assert!("+f33f0c4000000a7".parse::<GrantId>().is_err());
/// # Ok::<(), regrant::grant::InvalidGrantId>(())
/// ```
impl FromStr for GrantId {
    type Err = InvalidGrantId;

    fn from_str(text: &str) -> Result<Self, InvalidGrantId> {
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidGrantId);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| InvalidGrantId)
    }
}

impl fmt::Debug for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantId({self})")
    }
}

/// Names one write of a grant: 64 random bits that the engine draws for each write it attempts.
///
/// A store compares it and keeps it; it never makes one. That is how the engine learns, after a lost reply, whether
/// its own write took place.
///
/// ```
/// use regrant::grant::Version;
/// assert_eq!(Version::from_u64(9).as_u64(), 9);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Version(u64);

impl Version {
    /// The version of that number, for a store that reads it back from where it was kept.
    ///
    /// ```
    /// assert_eq!(regrant::grant::Version::from_u64(9).as_u64(), 9);
    /// ```
    pub const fn from_u64(version: u64) -> Self {
        Self(version)
    }

    /// The number, for a store that keeps it in a column of its own.
    ///
    /// ```
    /// assert_eq!(regrant::grant::Version::from_u64(9).as_u64(), 9);
    /// ```
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// How many times a grant's refresh token was rotated: 24 bits, the first token being generation 1.
///
/// Safe to log. A token's generation against the record's is what tells the current token from a retry and from a
/// replay.
///
/// ```
/// use regrant::grant::Generation;
/// assert_eq!(Generation::FIRST.as_u32(), 1);
/// assert!(Generation::FIRST < Generation::MAX);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Generation(u32);

impl Generation {
    /// Before the first refresh token: the generation of a grant whose authorization code was not redeemed yet.
    pub const NONE: Self = Self(0);
    /// The generation of the refresh token that a login hands out.
    pub const FIRST: Self = Self(1);
    /// The last one, 16,777,215; a grant that gets there can be refreshed no more.
    pub const MAX: Self = Self((1 << 24) - 1);

    /// The number.
    ///
    /// ```
    /// assert_eq!(regrant::grant::Generation::MAX.as_u32(), 16_777_215);
    /// ```
    pub const fn as_u32(self) -> u32 {
        self.0
    }

    /// The generation after this one, if there is one.
    pub(crate) const fn next(self) -> Option<Self> {
        if self.0 < Self::MAX.0 { Some(Self(self.0 + 1)) } else { None }
    }

    /// The three wire bytes, big-endian.
    pub(crate) const fn to_bytes(self) -> [u8; 3] {
        u24_to_bytes(self.0)
    }

    /// From the three wire bytes.
    pub(crate) const fn from_bytes(bytes: [u8; 3]) -> Self {
        Self(u24_from_bytes(bytes))
    }

    /// Of a number that is no more than [`MAX`](Self::MAX).
    pub(crate) const fn from_u24(number: u32) -> Self {
        debug_assert!(number <= Self::MAX.0);
        Self(number)
    }
}

/// The lower 24 bits, big-endian.
pub(crate) const fn u24_to_bytes(value: u32) -> [u8; 3] {
    let [_, a, b, c] = value.to_be_bytes();
    [a, b, c]
}

/// 24 bits, big-endian.
pub(crate) const fn u24_from_bytes([a, b, c]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_id_is_none_that_was_computed() {
        for secs in [0, 1_700_000_000, u64::from(u32::MAX >> 1), u64::from(u32::MAX), u64::MAX / 1_000] {
            for random in [0, 1, u32::MAX] {
                assert!(!GrantId::at(Timestamp::from_secs(secs), random).is_computed());
            }
            for digest in [[0; 32], [0xff; 32]] {
                let (stays, expires) =
                    (GrantId::computed(&digest), GrantId::computed_until(&digest, Timestamp::from_secs(secs)));
                assert!(stays.is_computed() && expires.is_computed());
                assert_ne!(stays.as_u64() >> 62, expires.as_u64() >> 62);
            }
        }
        // Until 2038 a drawn id is what it always was.
        assert_eq!(GrantId::at(Timestamp::from_secs(1_700_000_000), 7).as_u64(), 1_700_000_000 << 32 | 7);
    }

    /// As it is shown, so that what a log or a page says is found again; nothing else.
    #[test]
    fn an_id_is_read_as_it_is_shown() {
        for id in [0, 1, 0x5f33_f0c4_0000_00a7, u64::MAX] {
            let id = GrantId::from_u64(id);
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        }
        let too_long = "0".repeat(17);
        let others = [
            "",
            "0",
            "5f33f0c40000 0a7",
            "0x33f0c4000000a7",
            "-f33f0c4000000a7",
            "5f33f0c4000000ag",
            "５f33f0c4000000",
        ];
        for text in others.into_iter().chain([too_long.as_str()]) {
            assert_eq!(text.parse::<GrantId>(), Err(InvalidGrantId), "{text}");
        }
    }

    #[test]
    fn what_expires_together_lies_together() {
        let at = |digest: u8, secs: u64| GrantId::computed_until(&[digest; 32], Timestamp::from_secs(secs));
        assert!(at(0xff, 1_700_000_000) < at(0, 1_700_000_256));
        assert_eq!(at(9, 1_700_000_000).as_u64() >> 44, at(200, 1_700_000_001).as_u64() >> 44);
    }
}
