//! Refusals of who guesses too often.

use crate::throttle::{GuessKind, TooManyGuesses};
use crate::wire::ErrorCode;

/// There were too many guesses: answered 429 with `Retry-After` (RFC 6585 section 4).
///
/// ```
/// fn log(why: regrant::event::ThrottleRefusal) {
///     eprintln!("{why}, again after {} s", why.retry_after_secs());
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ThrottleRefusal {
    kind: GuessKind,
    retry_after_secs: u32,
}

impl ThrottleRefusal {
    pub(in crate::engine) fn new(kind: GuessKind, refused: TooManyGuesses) -> Self {
        Self { kind, retry_after_secs: refused.retry_after_secs() }
    }

    /// What was guessed at.
    pub const fn kind(self) -> GuessKind {
        self.kind
    }

    /// What `Retry-After` says: after how many seconds there may be another guess, at least one.
    pub const fn retry_after_secs(self) -> u32 {
        self.retry_after_secs
    }

    /// `temporarily_unavailable`: SDKs throw tokens away on other codes, and on what is no OAuth error.
    pub const fn code(self) -> ErrorCode {
        ErrorCode::TemporarilyUnavailable
    }
}
