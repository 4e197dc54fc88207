//! What a client says of itself, for the page that asks for consent, and what the host keeps with it.

use smol_str::SmolStr;

use super::Client;
use crate::grant::HostData;

/// Boxed, since most clients of most registries have none of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct About {
    pub(super) name: Option<SmolStr>,
    pub(super) uri: Option<SmolStr>,
    pub(super) logo_uri: Option<SmolStr>,
    pub(super) policy_uri: Option<SmolStr>,
    pub(super) tos_uri: Option<SmolStr>,
    pub(super) host_data: Option<HostData>,
}

/// Of a client that registered itself, or is known by a document, these are [its own words](Client::metadata), if the host has none: claims, which a page
/// shows as such.
impl Client {
    /// Its name for people (`client_name`, RFC 7591 section 2): escape it, a page shows it as text.
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").name("Bank of Atlantis").build()?;
    /// assert_eq!(client.name(), Some("Bank of Atlantis"));
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.about.as_deref().and_then(|about| about.name.as_deref()).or_else(|| self.metadata()?.name())
    }

    /// Its home page (`client_uri`, RFC 7591 section 2).
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").client_uri("https://bank.example/").build()?;
    /// assert_eq!(client.client_uri(), Some("https://bank.example/"));
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn client_uri(&self) -> Option<&str> {
        self.about.as_deref().and_then(|about| about.uri.as_deref()).or_else(|| self.metadata()?.client_uri())
    }

    /// Its picture (`logo_uri`, RFC 7591 section 2). A page that loads it tells the server there who is about to log in.
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").logo_uri("https://bank.example/logo.svg").build()?;
    /// assert_eq!(client.logo_uri(), Some("https://bank.example/logo.svg"));
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn logo_uri(&self) -> Option<&str> {
        self.about.as_deref().and_then(|about| about.logo_uri.as_deref()).or_else(|| self.metadata()?.logo_uri())
    }

    /// Where it says what it does with data (`policy_uri`, RFC 7591 section 2).
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").policy_uri("https://bank.example/privacy").build()?;
    /// assert_eq!(client.policy_uri(), Some("https://bank.example/privacy"));
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn policy_uri(&self) -> Option<&str> {
        self.about.as_deref().and_then(|about| about.policy_uri.as_deref()).or_else(|| self.metadata()?.policy_uri())
    }

    /// Its terms of service (`tos_uri`, RFC 7591 section 2).
    ///
    /// ```
    /// let client = regrant::Client::public("mobile-app").tos_uri("https://bank.example/terms").build()?;
    /// assert_eq!(client.tos_uri(), Some("https://bank.example/terms"));
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn tos_uri(&self) -> Option<&str> {
        self.about.as_deref().and_then(|about| about.tos_uri.as_deref()).or_else(|| self.metadata()?.tos_uri())
    }

    /// What the host keeps with it for itself.
    ///
    /// ```
    /// use regrant::HostData;
    /// let client = regrant::Client::public("mobile-app").host_data(HostData::of(&7)?).build()?;
    /// assert_eq!(client.host_data().map(HostData::as_bytes), Some(&b"7"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn host_data(&self) -> Option<&HostData> {
        self.about.as_deref()?.host_data.as_ref()
    }
}
