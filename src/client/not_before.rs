//! A time that only moves forward, shared by all who hold the client.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::grant::Timestamp;

/// Grants made earlier are void.
#[derive(Debug, Default)]
pub(crate) struct NotBefore(AtomicU64);

impl NotBefore {
    pub(crate) fn at(time: Timestamp) -> Self {
        Self(AtomicU64::new(time.as_millis()))
    }

    pub(crate) fn get(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    /// Moves it forward; a time that is earlier changes nothing.
    pub(crate) fn raise(&self, time: Timestamp) {
        self.0.fetch_max(time.as_millis(), Ordering::Relaxed);
    }
}

impl Clone for NotBefore {
    fn clone(&self) -> Self {
        Self::at(self.get())
    }
}
