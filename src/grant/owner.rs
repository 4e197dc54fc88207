//! Whose grants to list.

use smol_str::SmolStr;

/// A resource owner, and where wanted one of the clients: what [`TokenStore::list`](crate::TokenStore::list) looks
/// grants up by.
///
/// ```
/// use regrant::Owner;
/// let everywhere = Owner::subject("usuario.teste");
/// let in_the_app = Owner::subject("usuario.teste").at_client("marketplace-app");
/// assert_eq!(everywhere.client_id(), None);
/// assert_eq!(in_the_app.client_id(), Some("marketplace-app"));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    subject: SmolStr,
    client_id: Option<SmolStr>,
}

impl Owner {
    /// The grants of this subject, at any client.
    ///
    /// ```
    /// assert_eq!(regrant::Owner::subject("alice").subject_id(), "alice");
    /// ```
    pub fn subject(subject: &str) -> Self {
        Self { subject: subject.into(), client_id: None }
    }

    /// Narrows it to the grants at one client.
    ///
    /// ```
    /// assert_eq!(regrant::Owner::subject("alice").at_client("app").client_id(), Some("app"));
    /// ```
    #[must_use]
    pub fn at_client(self, client_id: &str) -> Self {
        Self { client_id: Some(client_id.into()), ..self }
    }

    /// The subject.
    ///
    /// ```
    /// assert_eq!(regrant::Owner::subject("alice").subject_id(), "alice");
    /// ```
    pub fn subject_id(&self) -> &str {
        &self.subject
    }

    /// The one client, or `None` for any.
    ///
    /// ```
    /// assert_eq!(regrant::Owner::subject("alice").client_id(), None);
    /// ```
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// Whether a grant is one of these.
    ///
    /// ```
    /// # let grant = regrant::Grant::sample("alice", "app");
    /// assert!(regrant::Owner::subject("alice").owns(&grant));
    /// assert!(!regrant::Owner::subject("alice").at_client("other").owns(&grant));
    /// ```
    pub fn owns(&self, grant: &super::Grant) -> bool {
        grant.subject() == Some(self.subject_id()) && self.client_id().is_none_or(|client| client == grant.client_id())
    }
}
