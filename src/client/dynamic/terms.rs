//! What a registry of clients that nobody made by hand gives to each of them.

use std::sync::Arc;

use super::{ClientMetadata, ClientPolicy, MetadataFault, RegistrationDenial};
#[cfg(feature = "jwt")]
use crate::client::openid::{is_at, one_https_host};
use crate::client::{AuthMethod, Client, ClientBuilder, ClientSecret, NativeRedirects};
use crate::grant::{Lifetimes, Scope};
#[cfg(feature = "jwt")]
use crate::wire::{read_uri, web_host};

/// The settings that such registries share.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) policy: Option<Arc<dyn ClientPolicy>>,
    pub(crate) scope: Scope,
    pub(crate) default_scope: Option<Scope>,
    /// Whether the scope that a client names is its default, and not the most that it may ask for.
    pub(crate) named_scope_is_default: bool,
    pub(crate) lifetimes: Option<Lifetimes>,
    pub(crate) native_redirects: NativeRedirects,
    /// Whether such clients may authenticate by keys.
    pub(crate) takes_keys: bool,
    /// Whether they may have tokens that are bound to their certificates.
    pub(crate) takes_certificates: bool,
    /// Whether they may know people by pairwise subjects.
    #[cfg(feature = "jwt")]
    pub(crate) takes_pairwise: bool,
    /// Whether they may hear of logouts.
    #[cfg(feature = "jwt")]
    pub(crate) takes_logouts: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            policy: None,
            scope: Scope::empty(),
            default_scope: None,
            named_scope_is_default: false,
            lifetimes: None,
            native_redirects: NativeRedirects::new().with_free_localhost_port(true),
            takes_keys: false,
            takes_certificates: false,
            #[cfg(feature = "jwt")]
            takes_pairwise: false,
            #[cfg(feature = "jwt")]
            takes_logouts: false,
        }
    }
}

impl Terms {
    /// The client of these metadata, in the making.
    pub(crate) fn builder(&self, metadata: &ClientMetadata, id: &str, secret: Option<ClientSecret>) -> ClientBuilder {
        let builder = metadata.client(id, secret, &self.scope).native_redirects(self.native_redirects.clone());
        let builder = match self.lifetimes {
            Some(lifetimes) => builder.lifetimes(lifetimes),
            None => builder,
        };
        let named = metadata.scope();
        let most = match named {
            Some(scope) if !self.named_scope_is_default => scope.select(scope.mask_within(&self.scope)),
            _ => self.scope.clone(),
        };
        // One that names other things than these gets what it names: a grant of nothing is of no use to anybody.
        let within = |wish: &Scope| Some(most.select(most.mask_within(wish))).filter(|scope| !scope.is_empty());
        let own = named.filter(|_| self.named_scope_is_default).and_then(within);
        let default = own.or_else(|| self.default_scope.as_ref().and_then(within));
        let builder = builder.scope(most.clone());
        #[cfg(feature = "jwt")]
        let builder = builder.danger_backchannel_logout_of_stranger(self.takes_logouts);
        match default {
            Some(default) => builder.default_scope(default),
            None => builder,
        }
    }

    /// A client that asks for tokens which are bound to its certificate, and would never get any, is not taken in.
    fn check_demands(&self, metadata: &ClientMetadata) -> Result<(), MetadataFault> {
        let is_refused = metadata.tls_client_certificate_bound_access_tokens() && !self.takes_certificates;
        if is_refused { Err(MetadataFault::CertificatesNotServed) } else { Ok(()) }
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
        if metadata.auth_method() == AuthMethod::PrivateKeyJwt && !self.takes_keys {
            return Err(MetadataFault::AuthMethod.into());
        }
        self.check_demands(&metadata)?;
        #[cfg(feature = "jwt")]
        let metadata = metadata.without_wishes(!self.takes_pairwise, !self.takes_logouts);
        let metadata = metadata.within(&self.scope)?;
        let metadata = match &self.policy {
            // A host that changes the scope may be wrong about what there is.
            Some(policy) => policy.take_in(metadata)?.within(&self.scope)?,
            None => metadata,
        };
        let metadata = metadata.without_unused_statement();
        #[cfg(feature = "jwt")]
        let metadata = metadata.without_backchannel_elsewhere();
        Ok(metadata)
    }

    /// The client of a document; `None` where the host does not want it. A document is for all servers, so scopes that nobody has
    /// heard of here are nothing wrong.
    pub(crate) fn of_document(&self, url: &str, json: &[u8]) -> Result<Option<Client>, MetadataFault> {
        let metadata = ClientMetadata::from_document(json, url, &self.native_redirects)?;
        if metadata.auth_method() == AuthMethod::PrivateKeyJwt && !self.takes_keys {
            return Err(MetadataFault::DocumentAuthMethod);
        }
        self.check_demands(&metadata)?;
        #[cfg(feature = "jwt")]
        let metadata = {
            let metadata = metadata.without_wishes(!self.takes_pairwise, !self.takes_logouts);
            // Whoever has the document's host vouches for the list without that, and another host would have to be asked.
            let host =
                |uri: &str| read_uri(uri).and_then(|uri| web_host(&uri).map(|(host, _)| host.to_ascii_lowercase()));
            if metadata.sector_identifier_uri().is_some_and(|uri| host(uri).is_none() || host(uri) != host(url)) {
                return Err(MetadataFault::SectorIdentifier);
            }
            metadata.without_backchannel_elsewhere()
        };
        // Its redirect URIs change when it likes, and its logins go on: so it is of no sector but that of its own host, whatever they are.
        #[cfg(feature = "jwt")]
        let is_of_its_host = is_at(url, [one_https_host(metadata.redirect_uris()), None]);
        let metadata = match self.policy.as_ref().map(|policy| policy.take_in(metadata.clone())) {
            None => metadata,
            Some(Ok(metadata)) => metadata,
            Some(Err(RegistrationDenial::Metadata(fault))) => return Err(fault),
            Some(Err(_)) => return Ok(None),
        };
        let builder = self.builder(&metadata, url, None).url_as_id();
        #[cfg(feature = "jwt")]
        let builder = if metadata.pairwise_subjects() && metadata.sector_identifier_uri().is_none() && !is_of_its_host {
            builder.sector_of_its_own()
        } else {
            builder
        };
        builder.build().map(Some).map_err(MetadataFault::of_client)
    }
}
