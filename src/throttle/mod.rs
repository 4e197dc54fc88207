//! How often anybody may guess: at a password, a client's secret, a user code (RFC 6749 sections 4.3.2 and 10.10, RFC 8628 section
//! 5.1).
//!
//! Off until [`EngineBuilder::throttle`](crate::EngineBuilder::throttle) is given a [`Throttle`]. [`MemoryThrottle`] is ready:
//!
//! ```
//! use std::sync::Arc;
//!
//! use regrant::throttle::MemoryThrottle;
//! use regrant::{Engine, MemoryStore, StaticClients};
//!
//! // Keep it, and its limits can be changed while the engine serves.
//! let throttle = Arc::new(MemoryThrottle::new());
//! let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).throttle(Arc::clone(&throttle)).build()?;
//! # Ok::<(), regrant::BuildError>(())
//! ```
//!
//! Beyond a limit the answer is 429 with `Retry-After` and `{"error":"temporarily_unavailable"}`, which no SDK takes for the end of its
//! login. The host hears of it as [`Refused`](crate::event::Event::Refused).
//!
//! # What is counted
//!
//! *Failures*. A guess at a password is counted before it is looked at, so that a thousand at once are not a thousand free ones, and given
//! back if it was right, or if nobody could look at it. So ten under way at once for one person from one address have the eleventh refused, even if all of them
//! are right: a program that logs in for one person many times at once needs a higher limit, or better one login.
//!
//! | guessed at | counted by | at once, then one more after | from where |
//! |---|---|---|---|
//! | a password | the person and the address | 10, a minute | [`GrantRequest::guess`](crate::GrantRequest::guess) in a grant handler, [`Engine::guess`](crate::Engine::guess) behind a page |
//! | | the address, but for people who have logged in from there | 50, 10 seconds | |
//! | | the person, but for addresses that have logged in as them | 100, a minute | |
//! | a client's secret that is kept as a digest | the client and the address | 20, 10 seconds | by itself |
//! | | the address | 100, a second | |
//! | one that takes a slow verification | the same, before it is verified | | by itself |
//! | a user code | the person who is logged in | 5, 12 minutes: at most 10 in an hour | by itself, where the page asks for the login |
//! | | the address | 15, 4 minutes: at most 30 in an hour | |
//! | a registration, right or wrong | the address | 20, a minute | by itself |
//! | an initial or a registration access token | the address | 20, 10 seconds | by itself |
//! | whether a token of another client is alive, at revocation | the address | 10, a minute; beyond that it is answered as a dead one | by itself |
//! | a refresh token of another server, by a public client, before the host's hook looks for it | the client and the address | 100, a second | by itself |
//!
//! # Whom it cannot be turned against
//!
//! - **A client.** A right secret that is kept as a digest passes whatever the counters say: it has at least 32 characters, so counting its
//!   guesses protects nobody, and only answers them. Where verification is slow, strangers use up their own address, never the client;
//!   and a secret that was verified before passes from any.
//! - **A person.** At an address that has logged in as this person, nobody is slowed down by guesses from elsewhere, nor by guesses of
//!   neighbours at others. From other addresses they wait with the guessers while the attack lasts.
//! - **Everybody.** No counter is shared by people, clients or addresses that have nothing to do with each other.
//! - **Refreshes.** No counter is asked about a refresh token of this engine, and a right client at the token endpoint costs no look at any.
//!
//! # What is yours to see to
//!
//! - **Give the address**: [`Request::with_peer`](crate::Request::with_peer), `EndpointService::with_peer`. Behind a proxy take what *your*
//!   proxy wrote, the last entry of a list and not the first: whoever chooses their own address has no limit. Without one a password is
//!   counted by the person alone, user codes too, and secrets, registrations and tokens are not counted at all; the engine says so, once, by
//!   [`PeerUnknown`](crate::event::Event::PeerUnknown).
//! - An IPv6 address stands for its /64. One that is IPv4-mapped, or of the well-known prefix `64:ff9b::/96` of translators (RFC 6052),
//!   stands for the IPv4 address in it; give that address yourself where the translator has a prefix of its own.
//! - **A line at home often has a /56, and a site a /48**: by this count those are 256 and 65,536 addresses, and whoever has one is limited as
//!   somebody with so many addresses is. Nothing wider is counted, since elsewhere a /48 is shared by thousands of lines. What is
//!   counted by a person holds all the same; secrets that are verified slowly, registrations and tokens have nothing but the address, so limit
//!   those before the engine too where that is too much.
//! - **Each node counts for itself**: with three nodes limits are up to three times as high. A restart forgets counts, and from where
//!   people have logged in. A [`MemoryThrottle`] remembers 65,536 such addresses, four of each person: give it
//!   [more places](MemoryThrottle::with_places) for more people. A [`Throttle`] of your own may do better.
//! - People behind one address (an office, a carrier) share its counters. Raise them by [`GuessLimits`] where many do.

mod guess;
mod limits;
mod memory;
mod network;
mod table;
#[cfg(test)]
mod tests;

pub use guess::{Counted, Guess, GuessKind, Guessed, TooManyGuesses};
pub use limits::{GuessLimits, GuessRate};
pub use memory::MemoryThrottle;
pub(crate) use network::network;

use std::sync::Arc;

use crate::grant::Timestamp;

/// Counts guesses, and says when there are too many.
///
/// All are called while a request is served, so none may block. What is counted by which key, and how much is too much, is the
/// throttle's own; [`MemoryThrottle`] has it as the [module](self) says.
///
/// ```
/// use std::time::Duration;
///
/// use regrant::Timestamp;
/// use regrant::throttle::{Counted, Guess, GuessKind, MemoryThrottle, Throttle, TooManyGuesses};
///
/// /// No password is tried at night.
/// struct ByDay(MemoryThrottle);
///
/// impl Throttle for ByDay {
///     fn guess(&self, guess: &Guess<'_>, now: Timestamp) -> Result<Counted, TooManyGuesses> {
///         let hour = now.as_secs() / 3_600 % 24;
///         if guess.kind() == GuessKind::Password && hour < 5 {
///             return Err(TooManyGuesses::until(Duration::from_secs((5 - hour) * 3_600)));
///         }
///         self.0.guess(guess, now)
///     }
///
///     fn right(&self, guess: &Guess<'_>, counted: Counted) {
///         self.0.right(guess, counted);
///     }
///
///     fn give_back(&self, guess: &Guess<'_>, counted: Counted) {
///         self.0.give_back(guess, counted);
///     }
/// }
/// ```
pub trait Throttle: Send + Sync {
    /// Counts a guess: before it is looked at where looking is dear or is itself what is limited, or after it was found wrong.
    ///
    /// # Errors
    ///
    /// There were too many, and this one is not counted: it is answered without being looked at.
    fn guess(&self, guess: &Guess<'_>, now: Timestamp) -> Result<Counted, TooManyGuesses>;

    /// A guess that was counted was looked at, and was right: it is given back. Of a password that is a login, from which more may
    /// follow (a [`MemoryThrottle`] knows the address of the person from then on). `counted` is what [`guess`](Self::guess) has answered.
    fn right(&self, guess: &Guess<'_>, counted: Counted);

    /// A guess that was counted was not looked at after all: it is given back, and nothing else follows. A server that is overloaded
    /// on purpose must take nobody for somebody who has logged in.
    fn give_back(&self, guess: &Guess<'_>, counted: Counted);
}

impl<T: Throttle + ?Sized> Throttle for Arc<T> {
    fn guess(&self, guess: &Guess<'_>, now: Timestamp) -> Result<Counted, TooManyGuesses> {
        (**self).guess(guess, now)
    }

    fn right(&self, guess: &Guess<'_>, counted: Counted) {
        (**self).right(guess, counted);
    }

    fn give_back(&self, guess: &Guess<'_>, counted: Counted) {
        (**self).give_back(guess, counted);
    }
}
