//! Clients that nobody made by hand: those that register themselves (RFC 7591), and those that are known by a document. What they
//! say, under which rules and terms, and ids that carry it.

pub(crate) mod compact;
#[cfg(feature = "proof")]
mod declared;
pub(crate) mod demands;
mod fault;
#[cfg(feature = "root-secret")]
mod keys;
mod members;
mod metadata;
#[cfg(feature = "jwt")]
mod openid;
mod policy;
mod read;
mod registry;
mod say;
#[cfg(feature = "root-secret")]
mod stateless;
pub(crate) mod terms;
mod words;

pub use fault::MetadataFault;
#[cfg(feature = "root-secret")]
pub use keys::ClientIdKeys;
pub use metadata::{ApplicationType, ClientMetadata};
pub use policy::ClientPolicy;
pub(crate) use registry::DynClientRegistry;
pub use registry::{ClientRegistry, RegisteredClient, RegistrationDenial};
#[cfg(feature = "root-secret")]
pub use stateless::StatelessClients;
