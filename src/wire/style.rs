//! The two styles of response.

/// How token responses and errors are written.
///
/// ```
/// assert_eq!(regrant::wire::ResponseStyle::default(), regrant::wire::ResponseStyle::Rfc6749);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum ResponseStyle {
    /// RFC 6749 sections 5.1 and 5.2: `access_token`, `refresh_token`, `scope`, `token_type` (`Bearer`), `expires_in`,
    /// then the host's fields. Errors with a description.
    #[default]
    Rfc6749,
    /// As an ASP.NET OWIN/Katana authorization server writes them, for a service that takes one's place: `token_type` is
    /// `bearer`, `expires_in` one less than the lifetime, `scopes` joined by `, ` in place of `scope`, and `.issued` and
    /// `.expires` as HTTP dates. Errors have the single member `error`.
    Katana,
}
