//! Minting and checking tokens. Tokens are computed from the record and a key; none is ever stored.

mod access;
mod equal;
mod key;
mod refresh;
mod text;

pub(crate) use access::{AccessToken, mint_access};
pub(crate) use equal::constant_time_eq;
pub use key::Key;
pub(crate) use key::KeyRing;
pub(crate) use refresh::{REFRESH_TEXT_LEN, RefreshToken, mint_refresh};
