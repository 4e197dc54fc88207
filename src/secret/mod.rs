//! What is done with a secret whatever it is: kept in memory no longer than it is needed, and compared in constant time.

mod bytes;
mod equal;
mod mac;
#[cfg(feature = "root-secret")]
pub(crate) mod root;
mod wipe;

pub(crate) use bytes::{SecretBytes, SecretText};
pub(crate) use equal::constant_time_eq;
pub(crate) use mac::{MacKey, Short, sha_256};
pub(crate) use wipe::wipe;
