//! Tokens that are exchanged for others: RFC 8693.
//!
//! ```text
//! party     whose token it is that is presented, and whether it is alive
//! target    for whom the new token is, and how much of the scope it has
//! mint      the new token: a JWT that names the grant of the subject token and dies with it
//! live      such a token, checked
//! ```
//!
//! Nothing is stored. The new token names the grant and the epoch of the subject token in its `jti`, so that it ends with what it came
//! of; its scope and its life are within those of the subject token, so that no number of exchanges makes more of it.

mod live;
mod mint;
mod party;
mod target;

pub(in crate::engine) use live::Exchanged;
pub(in crate::engine) use mint::Minting;
pub use party::{ExchangeParty, ExchangeToken};
pub(in crate::engine) use target::{Aim, Asked};

/// How often a token may be exchanged for another that is exchanged again. Each may add an actor, and the whole of them is in the token.
pub(in crate::engine) const MOST_EXCHANGES: u8 = 8;
