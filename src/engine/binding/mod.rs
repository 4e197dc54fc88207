//! What tokens are bound to, and what a request proves of its sender: RFC 9449, RFC 8705 section 3. `binding_off.rs` is the same face
//! for builds without the feature `proof`.
//!
//! ```text
//! settings     what a host says of proofs of possession, and what an engine has of them
//! presented    what came with a request: a proof, read and not yet believed, and a certificate
//! sender       whether that is what a grant, a code or a client wants
//! seen         proofs that were used; spending is the same over nodes
//! resource     proofs at a resource
//! ```

mod presented;
mod resource;
mod seen;
mod sender;
mod settings;
mod spending;

pub(super) use presented::Presented;
pub use settings::Dpop;
pub(super) use settings::DpopEngine;

use crate::grant::Generation;

/// What a proof was used for, so that a request that comes again is told from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum UsedFor {
    /// To redeem the code of a grant.
    Code,
    /// To refresh by the token of this generation.
    Refresh(Generation),
    /// Something that has no single step of its own.
    Once,
}

impl UsedFor {
    pub(super) const fn refresh(presented: Generation) -> Self {
        Self::Refresh(presented)
    }
}
