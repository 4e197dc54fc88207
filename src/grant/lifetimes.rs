//! How long tokens and grants live, and how many at once.

use std::fmt;
use std::time::Duration;

/// How long an access token, an idle grant and a whole grant live, and how many grants a person may have at once.
///
/// The engine has one set of these, which [may change](crate::Engine::set_lifetimes) while it serves; a
/// [`Client`](crate::Client) may have others. A grant's are kept to the millisecond, those of access tokens in whole seconds, since
/// `expires_in` (RFC 6749 section 5.1) is; what is below is cut off. They run from the beginning of the second in which the token is
/// issued, as `iat` of a JWT does. So a token may stop working up to a second before `expires_in` is over, and never works after.
///
/// ```
/// use regrant::Lifetimes;
/// use std::time::Duration;
///
/// let lifetimes = Lifetimes::default();
/// assert_eq!(lifetimes.access_token(), Duration::from_secs(3_600));
/// assert_eq!(lifetimes.idle(), Duration::from_secs(30 * 86_400));
/// assert_eq!(lifetimes.absolute(), Some(Duration::from_secs(365 * 86_400)));
///
/// let strict = Lifetimes::default().with_idle(Duration::from_secs(900)).with_absolute(None);
/// assert_eq!(strict.absolute(), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// At most 24 bits.
    access_token_secs: u64,
    idle_millis: u64,
    /// [`NONE`] is for ever.
    absolute_millis: u64,
    most_per_owner: Option<u32>,
}

/// In place of a number.
const NONE: u64 = u64::MAX;

impl Lifetimes {
    /// The longest that an access token can live: 16,777,215 seconds, about 194 days, which is what its wire form holds.
    pub const MAX_ACCESS_TOKEN: Duration = Duration::from_secs((1 << 24) - 1);

    /// How many grants one person may have at the same time at one client that nobody made by hand: 50, where nothing else is
    /// [said](Self::with_most_per_owner).
    pub const MOST_PER_OWNER_AT_STRANGER: u32 = 50;

    /// How many grants one person may have at the same time at all clients together that nobody made by hand: 200. Each
    /// registration is another client, so a bound for each of them bounds nothing. As many such clients may wait to hear of the logouts of one person.
    pub const MOST_AT_STRANGERS: u32 = 200;

    /// How long an access token works. Default: an hour.
    ///
    /// ```
    /// assert_eq!(regrant::Lifetimes::default().access_token().as_secs(), 3_600);
    /// ```
    pub const fn access_token(&self) -> Duration {
        Duration::from_secs(self.access_token_secs)
    }

    /// How long a grant lives without a refresh. Default: 30 days.
    ///
    /// ```
    /// assert_eq!(regrant::Lifetimes::default().idle().as_secs(), 30 * 86_400);
    /// ```
    pub const fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_millis)
    }

    /// How long a grant lives whatever happens; `None` is for ever. Default: 365 days.
    ///
    /// ```
    /// assert!(regrant::Lifetimes::default().absolute().is_some());
    /// ```
    pub const fn absolute(&self) -> Option<Duration> {
        match self.absolute_millis {
            NONE => None,
            millis => Some(Duration::from_millis(millis)),
        }
    }

    /// How many grants one person may have at one client at the same time; `None` is any number, but for a client that [nobody made by
    /// hand](crate::Client::is_stranger): there it is [`Lifetimes::MOST_PER_OWNER_AT_STRANGER`]. Default: `None`.
    ///
    /// ```
    /// assert_eq!(regrant::Lifetimes::default().most_per_owner(), None);
    /// ```
    pub const fn most_per_owner(&self) -> Option<u32> {
        self.most_per_owner
    }

    /// Sets the lifetime of access tokens, cut to [`Lifetimes::MAX_ACCESS_TOKEN`].
    ///
    /// ```
    /// use regrant::Lifetimes;
    /// let minute = Lifetimes::default().with_access_token(std::time::Duration::from_secs(60));
    /// assert_eq!(minute.access_token().as_secs(), 60);
    /// ```
    #[must_use]
    pub fn with_access_token(self, lifetime: Duration) -> Self {
        Self { access_token_secs: lifetime.min(Self::MAX_ACCESS_TOKEN).as_secs(), ..self }
    }

    /// Sets how long a grant lives without a refresh.
    ///
    /// ```
    /// use regrant::Lifetimes;
    /// let day = Lifetimes::default().with_idle(std::time::Duration::from_secs(86_400));
    /// assert_eq!(day.idle().as_secs(), 86_400);
    /// ```
    #[must_use]
    pub const fn with_idle(self, lifetime: Duration) -> Self {
        Self { idle_millis: millis(lifetime), ..self }
    }

    /// Sets how long a grant lives whatever happens; `None` is for ever.
    ///
    /// ```
    /// assert_eq!(regrant::Lifetimes::default().with_absolute(None).absolute(), None);
    /// ```
    #[must_use]
    pub const fn with_absolute(self, lifetime: Option<Duration>) -> Self {
        let absolute_millis = match lifetime {
            None => NONE,
            // Longer than anything lives, and not the one number that says so.
            Some(lifetime) if millis(lifetime) == NONE => NONE - 1,
            Some(lifetime) => millis(lifetime),
        };
        Self { absolute_millis, ..self }
    }

    /// Sets how many grants one person may have at one client at the same time. Where a login would be one too many, the grant that was
    /// refreshed longest ago ends ([`Event::Displaced`](crate::event::Event::Displaced)): what an app that was installed
    /// anew has left behind. Zero is as good as one.
    ///
    /// Logins that are going on at the same moment may come to some more, until the next one.
    ///
    /// ```
    /// use regrant::Lifetimes;
    /// let one_device = Lifetimes::default().with_most_per_owner(Some(1));
    /// assert_eq!(one_device.most_per_owner(), Some(1));
    /// ```
    #[must_use]
    pub const fn with_most_per_owner(self, most: Option<u32>) -> Self {
        Self { most_per_owner: most, ..self }
    }

    /// Whether an access token would live for at least the second that `expires_in` counts in.
    pub(crate) const fn are_usable(&self) -> bool {
        self.access_token_secs > 0 && self.idle_millis > 0 && self.absolute_millis > 0
    }

    /// One word for each of them, to be kept and changed one by one.
    pub(crate) fn to_words(self) -> [u64; 4] {
        [self.access_token_secs, self.idle_millis, self.absolute_millis, self.most_per_owner.map_or(NONE, u64::from)]
    }

    /// Of such words, also where each is of another time.
    #[inline]
    pub(crate) fn from_words([access_token_secs, idle_millis, absolute_millis, most_per_owner]: [u64; 4]) -> Self {
        let most_per_owner = u32::try_from(most_per_owner).ok();
        Self { access_token_secs, idle_millis, absolute_millis, most_per_owner }
    }
}

/// Cut to what a word holds.
const fn millis(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000).saturating_add(duration.subsec_millis() as u64)
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token_secs: 3_600,
            idle_millis: 30 * 86_400_000,
            absolute_millis: 365 * 86_400_000,
            most_per_owner: None,
        }
    }
}

impl fmt::Debug for Lifetimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lifetimes")
            .field("access_token", &self.access_token())
            .field("idle", &self.idle())
            .field("absolute", &self.absolute())
            .field("most_per_owner", &self.most_per_owner())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_all_of_it() {
        let secs = Duration::from_secs;
        let usual = Lifetimes::default();
        assert_eq!([usual.access_token(), usual.idle()], [secs(3_600), secs(30 * 86_400)]);
        for lifetimes in [
            usual,
            usual.with_absolute(None),
            usual.with_absolute(Some(Duration::MAX)),
            usual.with_most_per_owner(Some(0)),
            usual.with_most_per_owner(Some(u32::MAX)),
            usual.with_access_token(Duration::MAX).with_idle(Duration::MAX),
        ] {
            assert_eq!(Lifetimes::from_words(lifetimes.to_words()), lifetimes);
            assert!(lifetimes.are_usable());
        }
    }

    #[test]
    fn what_is_too_short_or_too_long_is_cut() {
        let usual = Lifetimes::default();
        assert_eq!(usual.with_access_token(Duration::MAX).access_token(), Lifetimes::MAX_ACCESS_TOKEN);
        assert_eq!(usual.with_access_token(Duration::from_millis(1_900)).access_token(), Duration::from_secs(1));
        assert_eq!(usual.with_idle(Duration::from_micros(1_900)).idle(), Duration::from_millis(1));
        // For ever is another thing than long.
        assert!(usual.with_absolute(Some(Duration::MAX)).absolute().is_some());
        let short = Duration::from_micros(999);
        assert!(!usual.with_access_token(Duration::from_millis(999)).are_usable());
        assert!(!usual.with_idle(short).are_usable());
        assert!(!usual.with_absolute(Some(short)).are_usable());
    }
}
