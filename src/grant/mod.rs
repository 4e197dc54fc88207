//! The domain, pure: a grant, its scope and lifetimes, and the rotation. No clock, no randomness, no store.

pub(crate) mod code;
mod codec;
mod fields;
mod id;
mod lifetimes;
mod owner;
mod record;
pub(crate) mod rotation;
mod scope;
mod time;

pub use codec::DecodeError;
pub use fields::{FieldError, ResponseFields};
pub use id::{Generation, GrantId, Version};
pub(crate) use id::{u24_from_bytes, u24_to_bytes};
pub use lifetimes::Lifetimes;
pub use owner::Owner;
pub use record::Grant;
pub(crate) use record::Salt;
pub use rotation::{OnReplay, Rotation};
pub use scope::{InvalidScope, Scope};
pub use time::Timestamp;
