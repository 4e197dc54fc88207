//! The domain, pure: a grant, its scope and lifetimes, and the rotation. No clock, no randomness, no store.

mod auth_key;
mod client_key;
pub(crate) mod code;
pub(crate) mod code_details;
mod codec;
mod confirmation;
pub(crate) mod device;
mod fields;
pub(crate) mod foreign;
mod host_data;
mod id;
mod lifetimes;
pub(crate) mod login;
pub(crate) mod members;
pub(crate) mod owner;
pub(crate) mod record;
mod resources;
pub(crate) mod rotation;
pub(crate) mod sample;
mod scope;
mod time;

pub(crate) use auth_key::AuthKey;
pub use codec::DecodeError;
pub(crate) use confirmation::{Confirmation, Sender};
pub use fields::{FieldError, ResponseFields};
pub use host_data::{HostData, HostDataError};
pub use id::{Generation, GrantId, InvalidGrantId, Version};
pub(crate) use id::{u24_from_bytes, u24_to_bytes};
pub use lifetimes::Lifetimes;
pub use owner::Owner;
pub use record::Grant;
pub(crate) use record::Salt;
pub use rotation::{OnReplay, Rotation};
pub use scope::{InvalidScope, Scope};
pub use time::Timestamp;
