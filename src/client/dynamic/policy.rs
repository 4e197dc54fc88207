//! What a host says to clients that nobody made by hand.

use std::sync::Arc;

use super::{ClientMetadata, RegistrationDenial};
use crate::client::Client;

/// Whom of the clients that nobody made by hand a host takes in, and whom it lets in: of those that register themselves
/// (`StatelessClients`), and of those that are known by a [document](crate::fetch::DocumentClients).
///
/// ```
/// use regrant::Client;
/// use regrant::client::{ClientMetadata, ClientPolicy, RegistrationDenial};
///
/// struct OnlyHere;
///
/// impl ClientPolicy for OnlyHere {
///     fn take_in(&self, metadata: ClientMetadata) -> Result<ClientMetadata, RegistrationDenial> {
///         Ok(metadata.retain_redirect_uris(|uri| uri.starts_with("http://127.0.0.1"))?.without_links())
///     }
///
///     fn admits(&self, client: &Client) -> bool {
///         client.metadata().is_none_or(|metadata| metadata.name() != Some("Known to be bad"))
///     }
///
///     fn admits_id(&self, client_id: &str) -> bool {
///         !client_id.starts_with("https://bad.example/")
///     }
/// }
/// ```
pub trait ClientPolicy: Send + Sync {
    /// See [`ClientRegistry::may_register`](super::ClientRegistry::may_register); not asked of clients that are known by a
    /// document. Default: everybody may.
    fn may_register(&self, initial_access_token: Option<&str>) -> bool {
        let _ = initial_access_token;
        true
    }

    /// What of this a client gets; less than it asked for, or nothing. Asked once of a client that registers, and each time that a
    /// document is fetched. Default: all of it.
    ///
    /// # Errors
    ///
    /// [`RegistrationDenial`]. A client whose document is not wanted is an unknown client.
    fn take_in(&self, metadata: ClientMetadata) -> Result<ClientMetadata, RegistrationDenial> {
        Ok(metadata)
    }

    /// Whether such a client is let in: asked at every use of its id or of a token of it, so answer from memory. One that is not
    /// is an unknown client. Default: all are.
    fn admits(&self, client: &Client) -> bool {
        let _ = client;
        true
    }

    /// Whether a client of this id may be let in, whatever it says of itself: asked before a document is fetched, and where none
    /// is at hand, as when an access token is judged. Answer from memory. An id that is not admitted is an unknown client's.
    /// Default: all are.
    fn admits_id(&self, client_id: &str) -> bool {
        let _ = client_id;
        true
    }
}

/// One policy for several registries.
#[deny(clippy::missing_trait_methods)]
impl<P: ClientPolicy + ?Sized> ClientPolicy for Arc<P> {
    fn may_register(&self, initial_access_token: Option<&str>) -> bool {
        (**self).may_register(initial_access_token)
    }

    fn take_in(&self, metadata: ClientMetadata) -> Result<ClientMetadata, RegistrationDenial> {
        (**self).take_in(metadata)
    }

    fn admits(&self, client: &Client) -> bool {
        (**self).admits(client)
    }

    fn admits_id(&self, client_id: &str) -> bool {
        (**self).admits_id(client_id)
    }
}
