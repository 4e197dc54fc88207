//! How long tokens and grants live, and how many at once.

use std::time::Duration;

use super::time::millis;

/// How long an access token, an idle grant and a whole grant live, and how many grants a person may have at once.
///
/// The engine has one set of these; a [`Client`](crate::Client) may have others. Parts of a second count for the
/// grant, not for access tokens: their lifetime is in whole seconds, since `expires_in` (RFC 6749 section 5.1) is, and
/// runs from the beginning of the second in which they are issued, as `iat` of a JWT does. So a token may stop working up
/// to a second before `expires_in` is over, and never works after.
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    access_token: Duration,
    idle: Duration,
    absolute: Option<Duration>,
    most_per_owner: Option<u32>,
}

impl Lifetimes {
    /// The longest that an access token can live: 16,777,215 seconds, about 194 days, which is what its wire form holds.
    pub const MAX_ACCESS_TOKEN: Duration = Duration::from_secs((1 << 24) - 1);

    /// How many grants one person may have at the same time at one client that nobody made by hand: 50, where nothing else is
    /// [said](Self::with_most_per_owner).
    pub const MOST_PER_OWNER_AT_STRANGER: u32 = 50;

    /// How many grants one person may have at the same time at all clients together that nobody made by hand: 200. Each
    /// registration is another client, so a bound for each of them bounds nothing.
    pub const MOST_AT_STRANGERS: u32 = 200;

    /// How long an access token works. Default: an hour.
    ///
    /// ```
    /// assert_eq!(regrant::Lifetimes::default().access_token().as_secs(), 3_600);
    /// ```
    pub const fn access_token(&self) -> Duration {
        self.access_token
    }

    /// How long a grant lives without a refresh. Default: 30 days.
    ///
    /// ```
    /// assert_eq!(regrant::Lifetimes::default().idle().as_secs(), 30 * 86_400);
    /// ```
    pub const fn idle(&self) -> Duration {
        self.idle
    }

    /// How long a grant lives whatever happens; `None` is for ever. Default: 365 days.
    ///
    /// ```
    /// assert!(regrant::Lifetimes::default().absolute().is_some());
    /// ```
    pub const fn absolute(&self) -> Option<Duration> {
        self.absolute
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
        Self { access_token: lifetime.min(Self::MAX_ACCESS_TOKEN), ..self }
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
        Self { idle: lifetime, ..self }
    }

    /// Sets how long a grant lives whatever happens; `None` is for ever.
    ///
    /// ```
    /// assert_eq!(regrant::Lifetimes::default().with_absolute(None).absolute(), None);
    /// ```
    #[must_use]
    pub const fn with_absolute(self, lifetime: Option<Duration>) -> Self {
        Self { absolute: lifetime, ..self }
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
    pub(crate) fn are_usable(&self) -> bool {
        self.access_token.as_secs() > 0
            && millis(self.idle) > 0
            && self.absolute.is_none_or(|absolute| millis(absolute) > 0)
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access_token: Duration::from_secs(3_600),
            idle: Duration::from_secs(30 * 86_400),
            absolute: Some(Duration::from_secs(365 * 86_400)),
            most_per_owner: None,
        }
    }
}
