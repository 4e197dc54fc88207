//! Points in time, to the millisecond.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time: milliseconds since the Unix epoch, from 1970 to the year 10889 (48 bits, which is what a record
/// stores).
///
/// The engine reads no clock of its own: every call takes the time as an argument, so that a test can pass any.
/// Arithmetic saturates at both ends.
///
/// ```
/// use regrant::Timestamp;
/// use std::time::Duration;
///
/// let login = Timestamp::from_secs(1_597_240_260);
/// let later = login + Duration::from_millis(1_500);
/// assert_eq!(later.as_millis(), 1_597_240_261_500);
/// assert_eq!(later.as_secs(), 1_597_240_261);
/// assert_eq!(later.since(login), Duration::from_millis(1_500));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch, which is also the earliest point in time.
    ///
    /// ```
    /// assert_eq!(regrant::Timestamp::EPOCH.as_millis(), 0);
    /// ```
    pub const EPOCH: Self = Self(0);

    /// The latest point in time; a lifetime that ends here never ends.
    ///
    /// ```
    /// use regrant::Timestamp;
    /// assert_eq!(Timestamp::from_millis(u64::MAX), Timestamp::MAX);
    /// ```
    pub const MAX: Self = Self((1 << 48) - 1);

    /// The system's clock, now. A clock before 1970 counts as 1970.
    ///
    /// The target `wasm32-unknown-unknown` has no such clock, and the standard library panics: a host there gives a clock of its own
    /// wherever one is asked for.
    ///
    /// ```
    /// assert!(regrant::Timestamp::now() > regrant::Timestamp::EPOCH);
    /// ```
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// The point `millis` milliseconds after the epoch, at most [`Timestamp::MAX`].
    ///
    /// ```
    /// assert_eq!(regrant::Timestamp::from_millis(1_999).as_secs(), 1);
    /// ```
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 { Self::MAX } else { Self(millis) }
    }

    /// The point `secs` seconds after the epoch, at most [`Timestamp::MAX`].
    ///
    /// ```
    /// assert_eq!(regrant::Timestamp::from_secs(2).as_millis(), 2_000);
    /// ```
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs.saturating_mul(1_000))
    }

    /// Milliseconds since the epoch.
    ///
    /// ```
    /// assert_eq!(regrant::Timestamp::from_secs(2).as_millis(), 2_000);
    /// ```
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    ///
    /// ```
    /// assert_eq!(regrant::Timestamp::from_millis(1_999).as_secs(), 1);
    /// ```
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000
    }

    /// How long `self` is after `earlier`; zero where it is not.
    ///
    /// ```
    /// use regrant::Timestamp;
    /// use std::time::Duration;
    /// assert_eq!(Timestamp::from_secs(5).since(Timestamp::from_secs(3)), Duration::from_secs(2));
    /// assert_eq!(Timestamp::from_secs(3).since(Timestamp::from_secs(5)), Duration::ZERO);
    /// ```
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(millis(after)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, before: Duration) -> Self {
        Self(self.0.saturating_sub(millis(before)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self::EPOCH + time.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_millis(time.0)
    }
}

/// Whole milliseconds of a duration, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
