//! Who stands behind an answer.

use std::fmt;

/// Who stands behind an answer to an authorization request. It decides whether the browser is sent on to the client: where clients are
/// let in that nobody made by hand, that is a site or a program of anybody's (RFC 9700 section 4.11.2).
///
/// ```
/// use regrant::engine::Person;
/// /// Of somebody who pressed "Cancel".
/// fn who(session: Option<&str>) -> Person<'_> {
///     session.map_or(Person::AtThePage, Person::LoggedIn)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Person<'a> {
    /// Somebody who is logged in, by their subject.
    LoggedIn(&'a str),
    /// Somebody whom the host does not know: who was shown the page of this request, with
    /// [where the answer goes](crate::AuthorizationRequest::destination), and pressed its button. Nothing is kept of their answer, since
    /// anybody can give it, so another one may follow.
    AtThePage,
    /// Nobody: the host answers by itself, as it does to `prompt=none`, and as a host does that has no login of its own.
    Nobody,
}

impl Person<'_> {
    /// Whether a person has seen where this leads.
    pub(super) const fn is_there(self) -> bool {
        !matches!(self, Self::Nobody)
    }

    pub(super) const fn subject(&self) -> Option<&str> {
        match self {
            Self::LoggedIn(subject) => Some(subject),
            Self::AtThePage | Self::Nobody => None,
        }
    }
}

impl fmt::Debug for Person<'_> {
    /// Without the subject: a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoggedIn(_) => "LoggedIn(..)",
            Self::AtThePage => "AtThePage",
            Self::Nobody => "Nobody",
        })
    }
}
