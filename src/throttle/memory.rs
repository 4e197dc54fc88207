//! A throttle in memory.

use std::fmt;
use std::hash::Hash;

use parking_lot::{Mutex, MutexGuard};

use super::limits::GuessRate;
use super::table::{Known, Slot, Table};
use super::{Guess, GuessLimits, Guessed, Throttle, TooManyGuesses};
use crate::grant::Timestamp;

/// Counts guesses in memory, in a fixed number of places: under attack it takes no byte more, and nothing has to be cleaned up.
///
/// Where there are more things than places, those that the least was counted of are forgotten first. No thing is counted for another.
///
/// ```
/// use regrant::Timestamp;
/// use regrant::throttle::{Guess, Guessed, MemoryThrottle, Throttle};
///
/// let throttle = MemoryThrottle::new();
/// let guess = Guess::new(Guessed::Password("alice"), Some("192.0.2.1".parse()?));
/// for _ in 0..10 {
///     throttle.guess(&guess, Timestamp::from_secs(0))?;
/// }
/// let refused = throttle.guess(&guess, Timestamp::from_secs(0)).unwrap_err();
/// assert_eq!(refused.retry_after_secs(), 60);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MemoryThrottle(Mutex<Counts>);

struct Counts {
    limits: GuessLimits,
    password_here: Table,
    passwords_of_address: Table,
    password_anywhere: Table,
    known: Known,
    client_secret_here: Table,
    client_secrets_of_address: Table,
    user_codes_of_person: Table,
    user_codes_of_address: Table,
    registrations: Table,
    registration_tokens: Table,
    tokens: Table,
    foreign_tokens: Table,
}

/// Something that a guess is counted by.
struct Counter<'t> {
    table: &'t mut Table,
    slot: Slot,
    rate: GuessRate,
}

impl<'t> Counter<'t> {
    fn new(table: &'t mut Table, thing: impl Hash, rate: GuessRate) -> Self {
        let slot = table.slot(thing);
        Self { table, slot, rate }
    }
}

/// The most that a guess is counted by.
type Counters<'t> = [Option<Counter<'t>>; 3];

impl MemoryThrottle {
    /// How many places each of its twelve tables has, unless said otherwise.
    const PLACES: usize = 16_384;

    /// With the [limits](GuessLimits) that the module names, and 16,384 places for each kind of counter: 3 MiB in all.
    pub fn new() -> Self {
        Self::with_places(Self::PLACES)
    }

    /// With so many places for each kind of counter: how many people, clients or addresses are counted at a time, and how many people's
    /// addresses are remembered. It takes 192 bytes for each, now and for ever.
    ///
    /// ```
    /// let large = regrant::throttle::MemoryThrottle::with_places(1 << 20);
    /// # let _ = large;
    /// ```
    pub fn with_places(places: usize) -> Self {
        let table = || Table::new(places);
        Self(Mutex::new(Counts {
            limits: GuessLimits::default(),
            password_here: table(),
            passwords_of_address: table(),
            password_anywhere: table(),
            known: Known::new(places),
            client_secret_here: table(),
            client_secrets_of_address: table(),
            user_codes_of_person: table(),
            user_codes_of_address: table(),
            registrations: table(),
            registration_tokens: table(),
            tokens: table(),
            foreign_tokens: table(),
        }))
    }

    /// Other limits, from now on.
    ///
    /// ```
    /// use regrant::throttle::{GuessLimits, MemoryThrottle};
    /// let throttle = MemoryThrottle::new();
    /// throttle.set_limits(GuessLimits::default());
    /// ```
    pub fn set_limits(&self, limits: GuessLimits) {
        self.counts().limits = limits;
    }

    /// The limits that hold now.
    pub fn limits(&self) -> GuessLimits {
        self.counts().limits
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock()
    }
}

impl Counts {
    /// What a guess is counted by.
    fn of(&mut self, guess: &Guess<'_>) -> Counters<'_> {
        let limits = self.limits;
        match (guess.at(), guess.network()) {
            (Guessed::Password(person), Some(network)) => [
                Some(Counter::new(&mut self.password_here, (person, network), limits.password_here)),
                Some(Counter::new(&mut self.passwords_of_address, network, limits.passwords_of_address)),
                // Whoever has logged in from there is not kept from it by what others do elsewhere, and their slips are not counted
                // against those who have not.
                (!self.known.has(person, network))
                    .then(|| Counter::new(&mut self.password_anywhere, person, limits.password_anywhere)),
            ],
            (Guessed::Password(person), None) => {
                [Some(Counter::new(&mut self.password_anywhere, person, limits.password_anywhere)), None, None]
            }
            (Guessed::ClientSecret(id), Some(network)) => [
                Some(Counter::new(&mut self.client_secret_here, (id, network), limits.client_secret_here)),
                Some(Counter::new(&mut self.client_secrets_of_address, network, limits.client_secrets_of_address)),
                None,
            ],
            (Guessed::UserCode(person), network) => [
                Some(Counter::new(&mut self.user_codes_of_person, person, limits.user_codes_of_person)),
                network.map(|network| {
                    Counter::new(&mut self.user_codes_of_address, network, limits.user_codes_of_address)
                }),
                None,
            ],
            (Guessed::Registration, Some(network)) => {
                [Some(Counter::new(&mut self.registrations, network, limits.registrations)), None, None]
            }
            (Guessed::RegistrationToken, Some(network)) => {
                [Some(Counter::new(&mut self.registration_tokens, network, limits.registration_tokens)), None, None]
            }
            (Guessed::Token, Some(network)) => {
                [Some(Counter::new(&mut self.tokens, network, limits.tokens)), None, None]
            }
            (Guessed::ForeignToken(id), Some(network)) => {
                [Some(Counter::new(&mut self.foreign_tokens, (id, network), limits.foreign_tokens)), None, None]
            }
            // By the client alone anybody could shut it out; by nothing, everybody.
            (
                Guessed::ClientSecret(_)
                | Guessed::Registration
                | Guessed::RegistrationToken
                | Guessed::Token
                | Guessed::ForeignToken(_),
                None,
            ) => [None, None, None],
        }
    }
}

impl Throttle for MemoryThrottle {
    fn guess(&self, guess: &Guess<'_>, now: Timestamp) -> Result<(), TooManyGuesses> {
        let mut counts = self.counts();
        let mut counters = counts.of(guess);
        // Of all or of none: what is refused is counted nowhere.
        let waits = counters.iter_mut().flatten().map(|counter| counter.table.wait(counter.slot, counter.rate, now));
        let wait = waits.max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(TooManyGuesses::until(wait));
        }
        for counter in counters.into_iter().flatten() {
            counter.table.take(counter.slot, counter.rate, now);
        }
        Ok(())
    }

    fn right(&self, guess: &Guess<'_>, now: Timestamp) {
        let mut counts = self.counts();
        for counter in counts.of(guess).into_iter().flatten() {
            counter.table.give_back(counter.slot, counter.rate);
        }
        if let (Guessed::Password(person), Some(network)) = (guess.at(), guess.network()) {
            counts.known.remember(person, network, now);
        }
    }
}

impl Default for MemoryThrottle {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryThrottle").field("limits", &self.limits()).finish_non_exhaustive()
    }
}
