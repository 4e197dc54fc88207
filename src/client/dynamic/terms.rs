//! What a registry of clients that nobody made by hand gives to each of them.

use std::sync::Arc;

use super::{ClientMetadata, ClientPolicy, MetadataFault, RegistrationDenial};
use crate::client::{Client, ClientBuilder, ClientError, ClientSecret, NativeRedirects};
use crate::grant::{Lifetimes, Scope};

/// The settings that such registries share.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) policy: Option<Arc<dyn ClientPolicy>>,
    pub(crate) scope: Scope,
    pub(crate) default_scope: Option<Scope>,
    pub(crate) lifetimes: Option<Lifetimes>,
    pub(crate) native_redirects: NativeRedirects,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            policy: None,
            scope: Scope::empty(),
            default_scope: None,
            lifetimes: None,
            native_redirects: NativeRedirects::new().with_free_localhost_port(true),
        }
    }
}

impl Terms {
    /// The client of these metadata, in the making.
    pub(crate) fn builder(&self, metadata: &ClientMetadata, id: &str, secret: Option<ClientSecret>) -> ClientBuilder {
        let builder = metadata.client(id, secret, &self.scope).native_redirects(self.native_redirects.clone());
        match self.lifetimes {
            Some(lifetimes) => builder.lifetimes(lifetimes),
            None => builder,
        }
    }

    /// The client, with its part of the default scope.
    pub(crate) fn build(&self, builder: ClientBuilder) -> Result<Client, ClientError> {
        let mut client = builder.build()?;
        if let Some(default) = &self.default_scope {
            client.default_scope = client.scope.select(client.scope.mask_within(default));
        }
        Ok(client)
    }

    pub(crate) fn admit(&self, client: &Client) -> bool {
        self.policy.as_ref().is_none_or(|policy| policy.admits_id(client.id()) && policy.admits(client))
    }

    pub(crate) fn admit_id(&self, client_id: &str) -> bool {
        self.policy.as_ref().is_none_or(|policy| policy.admits_id(client_id))
    }

    /// What a client that registers gets. Where nothing of the scope that it names is left, it is refused.
    #[cfg(feature = "root-secret")]
    pub(super) fn narrow(&self, metadata: ClientMetadata) -> Result<ClientMetadata, RegistrationDenial> {
        let metadata = metadata.within(&self.scope)?;
        match &self.policy {
            // A host that changes the scope may be wrong about what there is.
            Some(policy) => Ok(policy.take_in(metadata)?.within(&self.scope)?),
            None => Ok(metadata),
        }
    }

    /// The client of a document; `None` where the host does not want it. A document is for all servers, so scopes that nobody has
    /// heard of here are nothing wrong.
    pub(crate) fn of_document(&self, url: &str, json: &[u8]) -> Result<Option<Client>, MetadataFault> {
        let metadata = ClientMetadata::from_document(json, url, &self.native_redirects)?;
        let metadata = match self.policy.as_ref().map(|policy| policy.take_in(metadata.clone())) {
            None => metadata,
            Some(Ok(metadata)) => metadata,
            Some(Err(RegistrationDenial::Metadata(fault))) => return Err(fault),
            Some(Err(_)) => return Ok(None),
        };
        match self.build(self.builder(&metadata, url, None).url_as_id()) {
            Ok(client) => Ok(Some(client)),
            Err(ClientError::RedirectUri(fault)) => Err(fault.into()),
            Err(_) => Err(MetadataFault::ClientId),
        }
    }
}
