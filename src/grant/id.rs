//! The small numbers a grant is known by.

use std::fmt;

use super::time::Timestamp;

/// Names one grant: 32 bits of the second it was made in, then 32 random bits, so that ids made together lie
/// together in a B-tree.
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

    /// An id for a grant made at `now`; `random` fills the lower half.
    pub(crate) const fn at(now: Timestamp, random: u32) -> Self {
        // The second wraps in 2106; order is for the B-tree's sake alone, and uniqueness is the store's to enforce.
        Self((now.as_secs() << 32) | random as u64)
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
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
/// use regrant::Version;
/// assert_eq!(Version::from_u64(9).as_u64(), 9);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Version(u64);

impl Version {
    /// The version of that number, for a store that reads it back from where it was kept.
    ///
    /// ```
    /// assert_eq!(regrant::Version::from_u64(9).as_u64(), 9);
    /// ```
    pub const fn from_u64(version: u64) -> Self {
        Self(version)
    }

    /// The number, for a store that keeps it in a column of its own.
    ///
    /// ```
    /// assert_eq!(regrant::Version::from_u64(9).as_u64(), 9);
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
/// use regrant::Generation;
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
    /// assert_eq!(regrant::Generation::MAX.as_u32(), 16_777_215);
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
