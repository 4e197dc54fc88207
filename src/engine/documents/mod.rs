//! What an authorization server says of itself, and a resource.

#[cfg(feature = "jwt")]
mod discovery;
mod members;
mod metadata;
mod places;
mod protected_resource;

pub use members::{MetadataError, MetadataMembers};
pub use metadata::Endpoints;
pub(super) use protected_resource::metadata_url;
