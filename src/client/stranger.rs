//! Clients that nobody made by hand: how a registry says that one is, and what such a client may.

use std::sync::Arc;

use smol_str::SmolStr;

use super::client::{Client, ClientError};
use super::dynamic::ClientMetadata;
use super::{AUTHORIZATION_CODE, ClientBuilder, REFRESH_TOKEN};

impl ClientBuilder {
    /// Whether nobody made it by hand, as where a registry of the host's own takes in whoever comes: see
    /// [`Client::is_stranger`]. Such a registry says that it [lets strangers in](crate::Clients::lets_strangers_in). Default: no.
    ///
    /// ```
    /// let client = regrant::Client::public("app-7301").stranger(true).build()?;
    /// assert!(client.is_stranger());
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn stranger(mut self, is_one: bool) -> Self {
        self.client.stranger = is_one;
        self
    }

    /// Allows a [stranger](Self::stranger)'s client another grant type than authorization codes and refresh tokens, such as
    /// `client_credentials`: anybody who registers one has it then. A client made by hand needs no more than
    /// [`grant_type`](Self::grant_type). Where the registry has to fetch such a client, it is not fetched for a request of another grant type
    /// either, which has no token that shows that somebody let it in: that is `unauthorized_client`.
    ///
    /// ```
    /// use regrant::client::ClientError;
    /// let stranger = || regrant::Client::public("app-7301").stranger(true);
    /// assert!(matches!(stranger().grant_type("password").build(), Err(ClientError::GrantTypeOfStranger)));
    /// assert!(stranger().danger_grant_type_of_stranger("password").build()?.may_use("password"));
    /// # Ok::<(), ClientError>(())
    /// ```
    pub fn danger_grant_type_of_stranger(mut self, grant_type: &str) -> Self {
        self.opened.push(grant_type.into());
        self.grant_type(grant_type)
    }

    /// Whether the person is asked each time where its redirect URI is on [their own
    /// machine](crate::client::Destination::is_on_this_device), whatever they consented to before: any program there could begin a
    /// login in its name (RFC 8252 section 8.6). [`Engine::approve`](crate::Engine::approve) then wants to be told that the page
    /// [was shown](crate::Authorization::with_page_shown), and `prompt=none` is `consent_required`. A stranger's client is asked for
    /// each time in any case. Default: no.
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").ask_each_time(true).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn ask_each_time(mut self, each_time: bool) -> Self {
        self.client.asked_each_time = each_time;
        self
    }

    /// Nobody made it by hand: it registered itself, and says this. See
    /// [`ClientMetadata::client`](crate::client::ClientMetadata::client), which makes the whole client of it.
    ///
    /// ```
    /// use regrant::Client;
    /// let says = r#"{"redirect_uris":["https://app.example/cb"],"client_name":"App"}"#.parse()?;
    /// let client = Client::public("app").self_registered(says).build()?;
    /// assert!(client.is_stranger());
    /// assert_eq!(client.metadata().and_then(|metadata| metadata.name()), Some("App"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn self_registered(mut self, says: ClientMetadata) -> Self {
        self.client.metadata = Some(Arc::new(says));
        self.stranger(true)
    }

    /// Its id is the URL of a document, which may be percent-encoded: a client without a secret sends it in no Basic header.
    pub(super) fn url_as_id(mut self) -> Self {
        self.id_is_url = self.client.secrets.is_empty();
        self
    }
}

/// Whether a stranger's client may use what it uses: codes, refresh tokens, and what the host has opened to it.
pub(super) fn check(client: &Client, opened: &[SmolStr]) -> Result<(), ClientError> {
    let is_open = |grant_type: &SmolStr| {
        [AUTHORIZATION_CODE, REFRESH_TOKEN].contains(&grant_type.as_str()) || opened.contains(grant_type)
    };
    let is_fine = !client.stranger || client.grant_types.iter().all(is_open);
    if is_fine { Ok(()) } else { Err(ClientError::GrantTypeOfStranger) }
}
