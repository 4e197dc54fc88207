//! What becomes of scopes that nobody here knows.

/// What an authorization request that asks for an unknown scope comes to. A scope is known where the client may have it,
/// where another client of the registry may ([`Clients::knows_scope`](crate::Clients::knows_scope)), or where the metadata
/// advertises it ([`Endpoints::with_scopes`](crate::Endpoints::with_scopes)).
///
/// OpenID Connect Core section 3.1.2.1 has scopes ignored that are not understood: clients ask for `offline_access`, `phone`
/// or `address` without knowing what a provider has. RFC 6749 section 3.3 allows both, and says that the response names what
/// was granted, which it does. A known scope that the client may not have is refused under each policy, with
/// `invalid_scope`: it is understood, so to drop it would hide a registration that lacks it. So is a request of which
/// nothing is left, and one that is malformed.
///
/// ```
/// use regrant::client::UnknownScopes;
/// assert_eq!(UnknownScopes::default(), UnknownScopes::IgnoreWithOpenId);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum UnknownScopes {
    /// Ignored where `openid` is asked for by a client that may have it, refused elsewhere.
    #[default]
    IgnoreWithOpenId,
    /// Ignored.
    Ignore,
    /// Refused with `invalid_scope`.
    Refuse,
}
