//! Where clients that register themselves go.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{ClientMetadata, MetadataFault};
use crate::client::{Clients, ClientsError, NativeRedirects};
use crate::grant::Timestamp;

/// A registry that takes clients in that register themselves (RFC 7591): `StatelessClients`, which
/// keeps nothing, or a host's own, which keeps a list.
///
/// ```
/// use regrant::client::{
///     ClientMetadata, ClientRef, ClientRegistry, ClientsError, Lookup, RegisteredClient, RegistrationDenial,
/// };
/// use regrant::{Client, ClientSecret, Clients, Scope, Timestamp};
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Table(Mutex<HashMap<String, Arc<Client>>>);
///
/// impl Clients for Table {
///     async fn find(&self, client_id: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
///         Ok(self.0.lock().map_err(|_| ClientsError::new("poisoned"))?.get(client_id).cloned().map(ClientRef::Shared))
///     }
/// }
///
/// impl ClientRegistry for Table {
///     async fn create(&self, metadata: ClientMetadata, now: Timestamp) -> Result<RegisteredClient, RegistrationDenial> {
///         let mut table = self.0.lock().map_err(|_| RegistrationDenial::Busy)?;
///         let id = format!("client-{}", table.len());
///         let (kept, shown_once) = ClientSecret::generate();
///         let client = metadata.client(&id, Some(kept), &Scope::empty()).build();
///         table.insert(id.clone(), Arc::new(client.map_err(RegistrationDenial::failed)?));
///         Ok(RegisteredClient::new(&id, metadata, now).with_secret(shown_once.reveal()))
///     }
/// }
/// ```
pub trait ClientRegistry: Clients {
    /// Whether somebody may register who presents this initial access token (RFC 7591 section 3), or none. Answered 401 where
    /// not. Compare tokens in constant time, or by their digests. Default: everybody may.
    fn may_register(&self, initial_access_token: Option<&str>) -> bool {
        let _ = initial_access_token;
        true
    }

    /// What redirect URIs of native apps may be, besides what RFC 8252 has. Default: `localhost` with any port, as the largest of
    /// these clients use it, and no scheme of one word.
    fn native_redirects(&self) -> NativeRedirects {
        NativeRedirects::new().with_free_localhost_port(true)
    }

    /// Takes a client in. The metadata are well-formed; what else must hold of them is for the registry, which may take in less
    /// than was asked for, and says what it took.
    ///
    /// # Errors
    ///
    /// [`RegistrationDenial`].
    fn create(
        &self,
        metadata: ClientMetadata,
        now: Timestamp,
    ) -> impl Future<Output = Result<RegisteredClient, RegistrationDenial>> + Send;

    /// Whether clients may look after their registration (RFC 7592): then [`create`](Self::create) gives each a
    /// [registration access token](RegisteredClient::with_access_token), and the three methods below are asked. Default: no.
    fn is_managed(&self) -> bool {
        false
    }

    /// The client as it is registered (RFC 7592 section 2.1), if this is its registration access token; else `None`, answered 401.
    /// Give it the token again, or a new one. A secret that is kept as a digest is not known any more: it is left out.
    ///
    /// # Errors
    ///
    /// [`RegistrationDenial`].
    fn read(
        &self,
        client_id: &str,
        access_token: &str,
    ) -> impl Future<Output = Result<Option<RegisteredClient>, RegistrationDenial>> + Send {
        let _ = (client_id, access_token);
        async { Ok(None) }
    }

    /// Puts these metadata in the place of all that there were (RFC 7592 section 2.2), and says what became of them; as
    /// [`read`](Self::read) where it is not the client's token.
    ///
    /// # Errors
    ///
    /// [`RegistrationDenial`].
    fn update(
        &self,
        client_id: &str,
        access_token: &str,
        metadata: ClientMetadata,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<RegisteredClient>, RegistrationDenial>> + Send {
        let _ = (client_id, access_token, metadata, now);
        async { Ok(None) }
    }

    /// Forgets the client (RFC 7592 section 2.3), and with it all of its tokens, since [`find`](Clients::find) does not find it any
    /// more. `false` where it is not the client's token. Never give its id to another.
    ///
    /// # Errors
    ///
    /// [`RegistrationDenial`].
    fn delete(
        &self,
        client_id: &str,
        access_token: &str,
    ) -> impl Future<Output = Result<bool, RegistrationDenial>> + Send {
        let _ = (client_id, access_token);
        async { Ok(false) }
    }
}

/// A client that was taken in: what it is told (RFC 7591 section 3.2.1).
///
/// `Debug` does not show the secret.
#[derive(Debug)]
pub struct RegisteredClient {
    id: String,
    secret: Option<Secret>,
    issued_at: Timestamp,
    expires_at: Option<Timestamp>,
    access_token: Option<Secret>,
    metadata: ClientMetadata,
}

struct Secret(Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

impl RegisteredClient {
    /// A client of this id, as registered.
    pub fn new(id: &str, metadata: ClientMetadata, issued_at: Timestamp) -> Self {
        Self { id: id.to_owned(), secret: None, issued_at, expires_at: None, access_token: None, metadata }
    }

    /// With this secret, which a client that is public or has keys does not get.
    #[must_use]
    pub fn with_secret(self, secret: &str) -> Self {
        Self { secret: Some(Secret(Zeroizing::new(secret.to_owned()))), ..self }
    }

    /// Which starts no new logins from then on. Default: never.
    #[must_use]
    pub fn with_expiry(self, expires_at: Timestamp) -> Self {
        Self { expires_at: Some(expires_at), ..self }
    }

    /// Which looks after its registration with this token (RFC 7592 section 3).
    #[must_use]
    pub fn with_access_token(self, token: &str) -> Self {
        Self { access_token: Some(Secret(Zeroizing::new(token.to_owned()))), ..self }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it was registered with.
    pub const fn metadata(&self) -> &ClientMetadata {
        &self.metadata
    }

    /// `place` is where it looks after its registration.
    pub(crate) fn to_json(&self, place: Option<&str>) -> Vec<u8> {
        let mut members = Map::new();
        let mut add = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
        add("client_id", json!(self.id));
        add("client_id_issued_at", json!(self.issued_at.as_millis() / 1_000));
        if let Some(Secret(secret)) = self.secret.as_ref().filter(|_| self.has_secret()) {
            add("client_secret", json!(secret.as_str()));
            // Required where there is a secret; 0 is never.
            add("client_secret_expires_at", json!(self.expires_at.map_or(0, |time| time.as_millis() / 1_000)));
        }
        if let (Some(Secret(token)), Some(place)) = (&self.access_token, place) {
            add("registration_access_token", json!(token.as_str()));
            add("registration_client_uri", json!(place));
        }
        self.metadata.say(&mut members);
        Value::Object(members).to_string().into_bytes()
    }

    fn has_secret(&self) -> bool {
        self.metadata.auth_method().is_by_secret()
    }
}

/// Why a client is not taken in.
#[derive(Debug)]
#[non_exhaustive]
pub enum RegistrationDenial {
    /// What it says of itself is not wanted here: `invalid_client_metadata`, or `invalid_redirect_uri`.
    Metadata(MetadataFault),
    /// The host does not want it: `invalid_client_metadata`.
    Unwanted,
    /// Its software statement is none, or is not signed by who it says: `invalid_software_statement`.
    InvalidSoftwareStatement,
    /// Its software statement is not of somebody whom the host believes: `unapproved_software_statement`.
    UnapprovedSoftwareStatement,
    /// Not now: 503.
    Busy,
    /// The registry failed: 503.
    Failed(ClientsError),
}

impl RegistrationDenial {
    /// The registry failed for this cause.
    pub fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(ClientsError::new(source))
    }
}

impl From<MetadataFault> for RegistrationDenial {
    fn from(fault: MetadataFault) -> Self {
        Self::Metadata(fault)
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, RegistrationDenial>> + Send + 'a>>;

/// [`ClientRegistry`] for an engine of any registry.
pub(crate) trait DynClientRegistry: Send + Sync {
    fn may_register_dyn(&self, initial_access_token: Option<&str>) -> bool;
    fn native_redirects_dyn(&self) -> NativeRedirects;
    fn create_dyn(&self, metadata: ClientMetadata, now: Timestamp) -> Answer<'_, RegisteredClient>;
    fn is_managed_dyn(&self) -> bool;
    fn read_dyn<'a>(&'a self, client_id: &'a str, access_token: &'a str) -> Answer<'a, Option<RegisteredClient>>;
    fn update_dyn<'a>(
        &'a self,
        client_id: &'a str,
        access_token: &'a str,
        metadata: ClientMetadata,
        now: Timestamp,
    ) -> Answer<'a, Option<RegisteredClient>>;
    fn delete_dyn<'a>(&'a self, client_id: &'a str, access_token: &'a str) -> Answer<'a, bool>;
}

impl<R: ClientRegistry> DynClientRegistry for R {
    fn may_register_dyn(&self, initial_access_token: Option<&str>) -> bool {
        self.may_register(initial_access_token)
    }

    fn native_redirects_dyn(&self) -> NativeRedirects {
        self.native_redirects()
    }

    fn create_dyn(&self, metadata: ClientMetadata, now: Timestamp) -> Answer<'_, RegisteredClient> {
        Box::pin(self.create(metadata, now))
    }

    fn is_managed_dyn(&self) -> bool {
        self.is_managed()
    }

    fn read_dyn<'a>(&'a self, client_id: &'a str, access_token: &'a str) -> Answer<'a, Option<RegisteredClient>> {
        Box::pin(self.read(client_id, access_token))
    }

    fn update_dyn<'a>(
        &'a self,
        client_id: &'a str,
        access_token: &'a str,
        metadata: ClientMetadata,
        now: Timestamp,
    ) -> Answer<'a, Option<RegisteredClient>> {
        Box::pin(self.update(client_id, access_token, metadata, now))
    }

    fn delete_dyn<'a>(&'a self, client_id: &'a str, access_token: &'a str) -> Answer<'a, bool> {
        Box::pin(self.delete(client_id, access_token))
    }
}
