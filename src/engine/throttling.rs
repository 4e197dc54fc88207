//! Guesses that the host sees and the engine does not: at passwords, behind a page.

use std::net::IpAddr;

use super::Engine;
use super::failure::Failure;
use super::host::PendingGuess;
use super::refusal::ThrottleRefusal;
use crate::client::Clients;
use crate::grant::Timestamp;
use crate::store::TokenStore;
use crate::throttle::Guessed;

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Counts a guess before it is looked at: at a password that a page asked for. Whatever else is guessed at, the engine counts itself. It counts as wrong until it is said to
    /// be [right](PendingGuess::right), or [not looked at](PendingGuess::not_looked_at). Without a [throttle](crate::EngineBuilder::throttle) nothing is counted, and nothing refused.
    ///
    /// A grant handler has [`GrantRequest::guess`](crate::GrantRequest::guess), by the same counters.
    ///
    /// # Errors
    ///
    /// There were too many. Answer 429 with `Retry-After`, and do not look: a right guess must be answered as a wrong one then, or the
    /// answers tell them apart. The event [`Refused`](crate::event::Event::Refused) says it too.
    ///
    /// ```
    /// use std::net::IpAddr;
    ///
    /// use regrant::throttle::{Guessed, MemoryThrottle};
    /// use regrant::{Engine, MemoryStore, StaticClients, Timestamp};
    /// # fn is_right(_: &str, password: &str) -> bool { password == "wonderland" }
    /// # let engine =
    /// #     Engine::builder(MemoryStore::new(), StaticClients::new()).throttle(MemoryThrottle::new()).build()?;
    /// let log_in = |username: &str, password: &str, peer: IpAddr| match engine.guess(
    ///     Guessed::Password(username),
    ///     Some(peer),
    ///     Timestamp::from_secs(0),
    /// ) {
    ///     Err(refused) => format!("Too often. Again in {} seconds.", refused.retry_after_secs()),
    ///     Ok(guess) if is_right(username, password) => {
    ///         guess.right();
    ///         "Welcome.".into()
    ///     }
    ///     Ok(_) => "Wrong.".into(),
    /// };
    /// let peer = "192.0.2.1".parse()?;
    /// for _ in 0..10 {
    ///     assert_eq!(log_in("alice", "rabbit", peer), "Wrong.");
    /// }
    /// assert_eq!(log_in("alice", "wonderland", peer), "Too often. Again in 60 seconds.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn guess<'a>(
        &'a self,
        at: Guessed<'a>,
        peer: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<PendingGuess<'a>, ThrottleRefusal> {
        let counted = self.host.guess(at, peer, now);
        if let Err(why) = counted {
            self.tell(&Failure::from(why));
        }
        counted
    }
}
