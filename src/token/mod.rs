//! Minting and checking tokens. Tokens are computed from the record and a key; none is ever stored.

mod access;
mod key;
mod refresh;
mod text;

pub(crate) use access::{AccessToken, mint_access};
pub use key::Key;
pub(crate) use key::KeyRing;
pub(crate) use refresh::{REFRESH_TEXT_LEN, RefreshToken, mint_refresh};
