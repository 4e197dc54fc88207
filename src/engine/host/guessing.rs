//! Where the engine counts guesses, if the host has given it a throttle.

use std::fmt;
use std::net::IpAddr;

use super::Host;
use crate::engine::refusal::ThrottleRefusal;
use crate::grant::Timestamp;
use crate::throttle::{Counted, Guess, Guessed, Throttle};

/// The host's throttle.
pub(super) struct Guessing {
    throttle: Box<dyn Throttle>,
}

/// A guess that has been counted as a wrong one, until it is said to be [right](Self::right) or [not looked at](Self::not_looked_at). One
/// that is dropped stays counted: so does the guess of whoever hangs up before the answer.
///
/// ```
/// # use regrant::throttle::Guessed;
/// # use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
/// # struct Busy;
/// # fn is_right(_: &str) -> Result<bool, Busy> { Ok(true) }
/// # let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).build()?;
/// let guess = engine.guess(Guessed::Password("alice"), None, Timestamp::now())?;
/// match is_right("wonderland") {
///     Ok(true) => guess.right(),
///     Ok(false) => drop(guess),
///     Err(Busy) => guess.not_looked_at(),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it counts as wrong until it is said to be right"]
pub struct PendingGuess<'a>(Option<(&'a dyn Throttle, Guess<'a>, Counted)>);

impl<'a> PendingGuess<'a> {
    /// Counts a guess by this throttle.
    pub(in crate::engine) fn count(
        throttle: &'a dyn Throttle,
        at: Guessed<'a>,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Self, ThrottleRefusal> {
        let guess = Guess::new(at, peer);
        let counted = throttle.guess(&guess, now).map_err(|refused| ThrottleRefusal::new(guess.kind(), refused))?;
        Ok(Self(Some((throttle, guess, counted))))
    }
}

impl PendingGuess<'_> {
    /// Somebody looked at it, and it was right. Of a password that is a login: what others guess elsewhere does not keep the person
    /// from this address from then on. So never say it of a guess that nobody has looked at.
    pub fn right(self) {
        if let Some((throttle, guess, counted)) = self.0 {
            throttle.right(&guess, counted);
        }
    }

    /// Nobody could look at it, as where verification is overloaded: it counts no more, and is no login. Answer 503.
    pub fn not_looked_at(self) {
        if let Some((throttle, guess, counted)) = self.0 {
            throttle.give_back(&guess, counted);
        }
    }
}

impl fmt::Debug for PendingGuess<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingGuess").field("counted", &self.0.is_some()).finish_non_exhaustive()
    }
}

impl Host {
    pub(in crate::engine) fn set_throttle(&mut self, throttle: impl Throttle + 'static) {
        self.guessing = Some(Box::new(Guessing { throttle: Box::new(throttle) }));
    }

    /// Counts a guess, where the host has a throttle.
    pub(in crate::engine) fn guess<'a>(
        &'a self,
        at: Guessed<'a>,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<PendingGuess<'a>, ThrottleRefusal> {
        let Some(Guessing { throttle }) = self.guessing.as_deref() else { return Ok(PendingGuess(None)) };
        if peer.is_none() {
            self.tell_peer_unknown();
        }
        PendingGuess::count(&**throttle, at, peer, now)
    }

    /// Whether the host has a throttle.
    #[cfg(feature = "root-secret")]
    pub(in crate::engine) const fn has_throttle(&self) -> bool {
        self.guessing.is_some()
    }
}
