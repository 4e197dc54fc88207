//! Whose grants to list.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::client_key::client_key;

/// In front of a realm and behind it, in what a store sees as the owner. No subject of a new grant has it.
pub(crate) const SEPARATOR: char = '\u{1f}';

/// A resource owner, and where wanted one of the clients: what [`TokenStore::list`](crate::TokenStore::list) looks
/// grants up by.
///
/// To a store it is texts that are compared as they are, [`owner_key`](Self::owner_key) and
/// [`client_key`](Self::client_key): the same as those of the grants.
///
/// ```
/// use regrant::grant::Owner;
/// let everywhere = Owner::subject("usuario.teste");
/// let in_the_app = Owner::subject("usuario.teste").at_client("marketplace-app");
/// assert_eq!(everywhere.client_id(), None);
/// assert_eq!(in_the_app.client_id(), Some("marketplace-app"));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    key: SmolStr,
    client_id: Option<SmolStr>,
}

impl Owner {
    /// The grants of this subject, at any client.
    ///
    /// ```
    /// assert_eq!(regrant::grant::Owner::subject("alice").owner_key(), "alice");
    /// ```
    pub fn subject(subject: &str) -> Self {
        Self { key: subject.into(), client_id: None }
    }

    /// The same subject in a [realm](crate::EngineBuilder::realm): somebody else than in another realm, or in none.
    ///
    /// ```
    /// use regrant::grant::Owner;
    /// assert_ne!(Owner::subject("alice").in_realm("shop"), Owner::subject("alice").in_realm("bank"));
    /// ```
    #[must_use]
    pub fn in_realm(self, realm: &str) -> Self {
        Self { key: owner_key(Some(realm), &self.key), ..self }
    }

    /// Narrows it to the grants at one client.
    ///
    /// ```
    /// assert_eq!(regrant::grant::Owner::subject("alice").at_client("app").client_id(), Some("app"));
    /// ```
    #[must_use]
    pub fn at_client(self, client_id: &str) -> Self {
        Self { client_id: Some(client_id.into()), ..self }
    }

    /// What a store looks up: equal to [`Grant::owner_key`](crate::Grant::owner_key) of this owner's grants. At most
    /// [`Grant::MAX_OWNER_BYTES`](crate::Grant::MAX_OWNER_BYTES).
    ///
    /// ```
    /// assert_eq!(regrant::grant::Owner::subject("alice").owner_key(), "alice");
    /// ```
    pub fn owner_key(&self) -> &str {
        &self.key
    }

    /// The one client, or `None` for any.
    ///
    /// ```
    /// assert_eq!(regrant::grant::Owner::subject("alice").client_id(), None);
    /// ```
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// What a store looks up of the client: equal to [`Grant::client_key`](crate::Grant::client_key) of its grants. `None` for
    /// any client.
    ///
    /// ```
    /// assert_eq!(regrant::grant::Owner::subject("alice").at_client("app").client_key().as_deref(), Some("app"));
    /// ```
    pub fn client_key(&self) -> Option<Cow<'_, str>> {
        self.client_id().map(client_key)
    }

    /// Whether a grant is one of these.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// assert!(regrant::grant::Owner::subject("alice").owns(&grant));
    /// assert!(!regrant::grant::Owner::subject("alice").at_client("other").owns(&grant));
    /// ```
    pub fn owns(&self, grant: &super::Grant) -> bool {
        grant.owner_key() == Some(self.owner_key()) && self.client_id().is_none_or(|client| client == grant.client_id())
    }
}

/// What a store sees as the owner of a grant. Injective: neither a realm nor a subject has the separator, and a subject
/// without a realm does not begin with it.
pub(crate) fn owner_key(realm: Option<&str>, subject: &str) -> SmolStr {
    match realm {
        None => subject.into(),
        Some(realm) => smol_str::format_smolstr!("{SEPARATOR}{realm}{SEPARATOR}{subject}"),
    }
}

/// The subject in an owner's key of this realm.
pub(crate) fn subject_in<'k>(realm: Option<&str>, key: &'k str) -> &'k str {
    match realm {
        None => key,
        Some(realm) => key.get(realm.len() + 2 * SEPARATOR.len_utf8()..).unwrap_or_default(),
    }
}
