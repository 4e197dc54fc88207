//! How an authorization request came, which a page that carries it has to know: what was asked of it is asked no second time.

/// How an authorization request came. Neither, if it stood in the query.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::engine) struct Came {
    /// It was pushed (RFC 9126).
    pub(in crate::engine) pushed: bool,
    /// Its client signed it (RFC 9101).
    pub(in crate::engine) signed: bool,
}

#[cfg(feature = "root-secret")]
impl Came {
    pub(in crate::engine) const fn to_bits(self) -> u8 {
        self.pushed as u8 | (self.signed as u8) << 1
    }

    pub(in crate::engine) const fn from_bits(bits: u8) -> Self {
        Self { pushed: bits & 1 != 0, signed: bits & 2 != 0 }
    }
}
