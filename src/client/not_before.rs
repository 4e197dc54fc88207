//! A time that only moves forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::grant::Timestamp;

/// Grants made earlier are void. Clones share the time: a client that a registry gives out as a copy is the same client.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotBefore(Arc<AtomicU64>);

impl NotBefore {
    pub(crate) fn at(time: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(time.as_millis())))
    }

    pub(crate) fn get(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    /// Moves it forward; a time that is earlier changes nothing.
    pub(crate) fn raise(&self, time: Timestamp) {
        self.0.fetch_max(time.as_millis(), Ordering::Relaxed);
    }
}
