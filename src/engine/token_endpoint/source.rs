//! Where a refresh token that is presented is from.

#[cfg(feature = "root-secret")]
use crate::engine::foreign::Foreign;

/// This engine, or another server. A type, so that the refresh of a token of ours is compiled as if there were no others.
pub(super) trait Source {
    /// Whether another server made it.
    const IS_FOREIGN: bool;

    /// What is known of such a token.
    #[cfg(feature = "root-secret")]
    fn foreign(&mut self) -> Option<&mut Foreign>;

    /// Whether the next write takes its login over.
    #[cfg(feature = "root-secret")]
    fn is_new(&self) -> bool;
}

/// A token of this engine.
pub(super) struct Ours;

impl Source for Ours {
    const IS_FOREIGN: bool = false;

    #[cfg(feature = "root-secret")]
    #[inline]
    fn foreign(&mut self) -> Option<&mut Foreign> {
        None
    }

    #[cfg(feature = "root-secret")]
    #[inline]
    fn is_new(&self) -> bool {
        false
    }
}

#[cfg(feature = "root-secret")]
impl Source for Foreign {
    const IS_FOREIGN: bool = true;

    fn foreign(&mut self) -> Option<&mut Foreign> {
        Some(self)
    }

    fn is_new(&self) -> bool {
        Self::is_new(self)
    }
}
