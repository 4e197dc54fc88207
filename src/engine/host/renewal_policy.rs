//! Which grants can be renewed.

use crate::wire::Form;

/// Which logins make a grant whose refresh token renews something.
///
/// A refresh token is handed out in every case, and it looks like any other. Where the grant is not renewable it is
/// `invalid_grant` every time, for ever.
///
/// ```
/// use regrant::engine::RenewalPolicy;
/// use regrant::{Engine, MemoryStore, StaticClients};
///
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
///     .renewal(RenewalPolicy::OptIn("refresh_token_active".into()))
///     .build()?;
/// # Ok::<(), regrant::BuildError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum RenewalPolicy {
    /// All of them.
    #[default]
    Always,
    /// None of them.
    Never,
    /// Those that have this parameter once, with the exact value `true`. `True`, `1`, ` true`, an empty value, none, or
    /// a repeated parameter do not count; neither does the parameter in a refresh request.
    OptIn(Box<str>),
}

impl RenewalPolicy {
    /// The parameter by which a login asks for it.
    pub(crate) fn parameter(&self) -> Option<&str> {
        if let Self::OptIn(parameter) = self { Some(parameter) } else { None }
    }

    /// Whether there is a login whose grant may be renewed.
    #[cfg(feature = "root-secret")]
    pub(crate) const fn allows_any(&self) -> bool {
        !matches!(self, Self::Never)
    }

    pub(crate) fn allows(&self, form: &Form<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::OptIn(parameter) => form.single(parameter) == Ok(Some("true")),
        }
    }
}
