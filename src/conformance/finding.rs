//! What a check comes upon where it does not pass.

use std::error::Error;
use std::fmt::{Display, Write};

use super::report::FailureKind;
use crate::store::{StoreError, StoreErrorKind};

/// Why a check did not pass.
#[derive(Debug)]
pub(super) enum Finding {
    /// There was nothing to check, and why not.
    Nothing(&'static str),
    Failed(FailureKind, String),
}

impl Finding {
    /// The same, of this.
    pub(super) fn about(self, what: impl Display) -> Self {
        match self {
            Self::Failed(kind, seen) => Self::Failed(kind, format!("{what}: {seen}")),
            nothing @ Self::Nothing(_) => nothing,
        }
    }

    /// An error or a panic is what the store has promised not to answer with.
    pub(super) fn into_broken_promise(self) -> Self {
        match self {
            Self::Failed(FailureKind::StoreError | FailureKind::Panic, seen) => {
                Self::Failed(FailureKind::BrokenPromise, seen)
            }
            other => other,
        }
    }

    pub(super) fn panicked(said: &str) -> Self {
        // As tokio says it; its features can miss the timer or the sockets alone.
        let wants_a_runtime = ["no reactor running", "Tokio 1.x", "A Tokio context was found, but"];
        if wants_a_runtime.iter().any(|words| said.contains(words)) {
            return Self::Failed(FailureKind::Runtime, format!("it panicked without its async runtime: {said}"));
        }
        Self::Failed(FailureKind::Panic, format!("it panicked: {said}"))
    }
}

/// What was seen is not what the store promises.
impl From<String> for Finding {
    fn from(seen: String) -> Self {
        Self::Failed(FailureKind::BrokenPromise, seen)
    }
}

impl From<&str> for Finding {
    fn from(seen: &str) -> Self {
        seen.to_owned().into()
    }
}

/// An error of a store, its kind and its causes.
pub(super) fn failed(what: &str, error: &StoreError) -> Finding {
    let kind = match error.kind() {
        StoreErrorKind::NotApplied => "NotApplied",
        StoreErrorKind::Indeterminate => "Indeterminate",
        StoreErrorKind::Corrupt => "Corrupt",
        StoreErrorKind::NewerFormat => "NewerFormat",
    };
    let mut text = format!("{what} failed, {kind}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    Finding::Failed(FailureKind::StoreError, text)
}
