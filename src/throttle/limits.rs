//! How many guesses are too many.

use std::time::Duration;

/// So many guesses at once, and one more after each interval.
///
/// ```
/// use std::time::Duration;
/// use regrant::throttle::GuessRate;
/// let rate = GuessRate::new(10, Duration::from_secs(60));
/// assert_eq!((rate.at_once(), rate.every()), (10, Duration::from_secs(60)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GuessRate {
    at_once: u32,
    every: Duration,
}

impl GuessRate {
    /// At least one at once, and at least a millisecond between two. In any time of `at_once` intervals there are at most twice
    /// `at_once`.
    pub fn new(at_once: u32, every: Duration) -> Self {
        Self { at_once: at_once.max(1), every: every.max(Duration::from_millis(1)) }
    }

    const fn of(at_once: u32, secs: u64) -> Self {
        Self { at_once, every: Duration::from_secs(secs) }
    }

    /// How many at once.
    pub const fn at_once(self) -> u32 {
        self.at_once
    }

    /// After how long there is one more.
    pub const fn every(self) -> Duration {
        self.every
    }

    /// In milliseconds.
    pub(super) fn interval(self) -> u64 {
        u64::try_from(self.every.as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

/// The limits of a [`MemoryThrottle`](super::MemoryThrottle). The defaults are in the table of the [module](super).
///
/// ```
/// use std::time::Duration;
/// use regrant::throttle::{GuessLimits, GuessRate, MemoryThrottle};
/// // Behind a carrier's address there are many people.
/// let limits = GuessLimits::default().with_passwords_of_address(GuessRate::new(500, Duration::from_secs(2)));
/// let throttle = MemoryThrottle::new();
/// throttle.set_limits(limits);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GuessLimits {
    pub(super) password_here: GuessRate,
    pub(super) passwords_of_address: GuessRate,
    pub(super) password_anywhere: GuessRate,
    pub(super) client_secret_here: GuessRate,
    pub(super) client_secrets_of_address: GuessRate,
    pub(super) user_codes_of_person: GuessRate,
    pub(super) user_codes_of_address: GuessRate,
    pub(super) registrations: GuessRate,
    pub(super) registration_tokens: GuessRate,
    pub(super) tokens: GuessRate,
    pub(super) foreign_tokens: GuessRate,
}

impl Default for GuessLimits {
    fn default() -> Self {
        Self {
            // Whoever has forgotten which password it was has it after ten, or never.
            password_here: GuessRate::of(10, 60),
            // An office has one address.
            passwords_of_address: GuessRate::of(50, 10),
            // 1,540 guesses in a day, from however many addresses: none of a thousand and more is a good password.
            password_anywhere: GuessRate::of(100, 60),
            client_secret_here: GuessRate::of(20, 10),
            client_secrets_of_address: GuessRate::of(100, 1),
            // In an hour at most 10: five at once, and five more as they grow back.
            user_codes_of_person: GuessRate::of(5, 12 * 60),
            // At most 30.
            user_codes_of_address: GuessRate::of(15, 4 * 60),
            registrations: GuessRate::of(20, 60),
            registration_tokens: GuessRate::of(20, 10),
            tokens: GuessRate::of(10, 60),
            // Honest ones that have expired are among them, of all who share an address.
            foreign_tokens: GuessRate::of(100, 1),
        }
    }
}

impl GuessLimits {
    /// Guesses at one person's password from one address.
    #[must_use]
    pub const fn with_password_here(self, rate: GuessRate) -> Self {
        Self { password_here: rate, ..self }
    }

    /// Guesses from one address at the passwords of all people who have not logged in from there.
    #[must_use]
    pub const fn with_passwords_of_address(self, rate: GuessRate) -> Self {
        Self { passwords_of_address: rate, ..self }
    }

    /// Guesses at one person's password from all addresses that have not logged in as this person.
    #[must_use]
    pub const fn with_password_anywhere(self, rate: GuessRate) -> Self {
        Self { password_anywhere: rate, ..self }
    }

    /// Guesses at one client's secret from one address.
    #[must_use]
    pub const fn with_client_secret_here(self, rate: GuessRate) -> Self {
        Self { client_secret_here: rate, ..self }
    }

    /// Guesses at any client's secret from one address.
    #[must_use]
    pub const fn with_client_secrets_of_address(self, rate: GuessRate) -> Self {
        Self { client_secrets_of_address: rate, ..self }
    }

    /// Guesses at user codes by one person.
    #[must_use]
    pub const fn with_user_codes_of_person(self, rate: GuessRate) -> Self {
        Self { user_codes_of_person: rate, ..self }
    }

    /// Guesses at user codes from one address.
    #[must_use]
    pub const fn with_user_codes_of_address(self, rate: GuessRate) -> Self {
        Self { user_codes_of_address: rate, ..self }
    }

    /// Registrations from one address.
    #[must_use]
    pub const fn with_registrations(self, rate: GuessRate) -> Self {
        Self { registrations: rate, ..self }
    }

    /// Guesses at tokens of registrations from one address.
    #[must_use]
    pub const fn with_registration_tokens(self, rate: GuessRate) -> Self {
        Self { registration_tokens: rate, ..self }
    }

    /// Tokens of other clients from one address.
    #[must_use]
    pub const fn with_tokens(self, rate: GuessRate) -> Self {
        Self { tokens: rate, ..self }
    }

    /// Refresh tokens that no other server has made either, of one public client from one address.
    #[must_use]
    pub const fn with_foreign_tokens(self, rate: GuessRate) -> Self {
        Self { foreign_tokens: rate, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each limit is its own, so that one that is set while an engine serves sets no other.
    #[test]
    fn each_is_set_by_itself() {
        type Row = (fn(GuessLimits, GuessRate) -> GuessLimits, fn(&mut GuessLimits) -> &mut GuessRate);
        let rate = GuessRate::new(7_301, Duration::from_secs(7));
        let rows: [Row; 11] = [
            (GuessLimits::with_password_here, |limits| &mut limits.password_here),
            (GuessLimits::with_passwords_of_address, |limits| &mut limits.passwords_of_address),
            (GuessLimits::with_password_anywhere, |limits| &mut limits.password_anywhere),
            (GuessLimits::with_client_secret_here, |limits| &mut limits.client_secret_here),
            (GuessLimits::with_client_secrets_of_address, |limits| &mut limits.client_secrets_of_address),
            (GuessLimits::with_user_codes_of_person, |limits| &mut limits.user_codes_of_person),
            (GuessLimits::with_user_codes_of_address, |limits| &mut limits.user_codes_of_address),
            (GuessLimits::with_registrations, |limits| &mut limits.registrations),
            (GuessLimits::with_registration_tokens, |limits| &mut limits.registration_tokens),
            (GuessLimits::with_tokens, |limits| &mut limits.tokens),
            (GuessLimits::with_foreign_tokens, |limits| &mut limits.foreign_tokens),
        ];
        for (set, field) in rows {
            let mut wanted = GuessLimits::default();
            *field(&mut wanted) = rate;
            assert_eq!(set(GuessLimits::default(), rate), wanted);
        }
    }
}
