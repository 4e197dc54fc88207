//! Describing a client to people.

use super::ClientBuilder;
use super::about::About;
use super::client::ClientError;
use crate::grant::HostData;
use crate::wire::{has_control, read_uri, web_host};

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 512;
/// The longest link.
const MAX_URI_BYTES: usize = 2_048;

impl ClientBuilder {
    fn about(&mut self) -> &mut About {
        self.client.about.get_or_insert_default()
    }

    /// Its name for people, such as the page that asks for consent shows: 1 to 512 bytes without control characters.
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").name("Bank of Atlantis").build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn name(mut self, name: &str) -> Self {
        self.about().name = Some(name.into());
        self
    }

    /// Its home page: an `https` or `http` URL of at most 2,048 bytes, as the other links are.
    ///
    /// ```
    /// use regrant::client::ClientError;
    /// let builder = regrant::Client::public("mobile-app").client_uri("javascript:alert(1)");
    /// assert!(matches!(builder.build(), Err(ClientError::Link)));
    /// ```
    pub fn client_uri(mut self, uri: &str) -> Self {
        self.about().uri = Some(uri.into());
        self
    }

    /// Its picture.
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").logo_uri("https://bank.example/logo.svg").build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn logo_uri(mut self, uri: &str) -> Self {
        self.about().logo_uri = Some(uri.into());
        self
    }

    /// Where it says what it does with data.
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").policy_uri("https://bank.example/privacy").build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn policy_uri(mut self, uri: &str) -> Self {
        self.about().policy_uri = Some(uri.into());
        self
    }

    /// Its terms of service.
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").tos_uri("https://bank.example/terms").build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn tos_uri(mut self, uri: &str) -> Self {
        self.about().tos_uri = Some(uri.into());
        self
    }

    /// Data of the host's own, which goes with the client wherever it does: to pages, handlers and hooks.
    ///
    /// ```
    /// use regrant::HostData;
    /// let client = regrant::Client::public("mobile-app").host_data(HostData::of(&("team 7", true))?).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn host_data(mut self, data: HostData) -> Self {
        self.about().host_data = Some(data);
        self
    }
}

/// What a page can show without harm.
pub(super) fn check(about: &About) -> Result<(), ClientError> {
    let is_name = |name: &str| (1..=MAX_NAME_BYTES).contains(&name.len()) && !has_control(name);
    if !about.name.as_deref().is_none_or(is_name) {
        return Err(ClientError::Name);
    }
    let is_link = |uri: &str| uri.len() <= MAX_URI_BYTES && read_uri(uri).is_some_and(|uri| web_host(&uri).is_some());
    let mut links = [&about.uri, &about.logo_uri, &about.policy_uri, &about.tos_uri].into_iter().flatten();
    if links.all(|uri| is_link(uri)) { Ok(()) } else { Err(ClientError::Link) }
}
