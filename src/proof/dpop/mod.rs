//! Proofs of possession (RFC 9449): that whoever sends a request holds the key that its token is bound to.
//!
//! ```text
//! proof       one that was read; nothing of it is proven until its signature is
//! target      the request that it is for: method, and URL without query and fragment
//! nonce       what a server gave, so that a proof is fresh whatever the client's clock says
//! verifier    the whole check, for a resource server that has no engine
//! ```

mod fault;
mod nonce;
mod proof;
mod target;
mod verifier;

pub use fault::ProofFault;
pub use nonce::Nonces;
pub use proof::{Proof, Proven};
pub(crate) use target::Target;
pub use verifier::{Presented, Verifier};
