//! Where a refresh token that is presented is from.

#[cfg(feature = "root-secret")]
use crate::engine::foreign::Foreign;
#[cfg(feature = "root-secret")]
use crate::grant::Grant;

/// This engine, or another server. A type, so that the refresh of a token of ours is compiled as if there were no others.
pub(super) trait Source {
    /// Whether another server made it.
    const IS_FOREIGN: bool;

    /// What is known of such a token.
    #[cfg(feature = "root-secret")]
    fn foreign(&mut self) -> Option<&mut Foreign>;

    /// Whether the next write, of this grant, takes its login over.
    #[cfg(feature = "root-secret")]
    fn begins(&mut self, grant: &Grant) -> bool;

    /// Whether it was this request that took its login over.
    #[cfg(feature = "root-secret")]
    fn has_begun(&self, grant: &Grant) -> bool;

    /// Whether its login is not taken over yet.
    #[cfg(feature = "proof")]
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
    fn begins(&mut self, _: &Grant) -> bool {
        false
    }

    #[cfg(feature = "root-secret")]
    #[inline]
    fn has_begun(&self, _: &Grant) -> bool {
        false
    }

    #[cfg(feature = "proof")]
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

    fn begins(&mut self, grant: &Grant) -> bool {
        Self::begins(self, grant)
    }

    fn has_begun(&self, grant: &Grant) -> bool {
        Self::has_begun(self, grant)
    }

    #[cfg(feature = "proof")]
    fn is_new(&self) -> bool {
        Self::is_new(self)
    }
}
