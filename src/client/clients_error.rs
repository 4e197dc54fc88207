//! A registry that cannot answer.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::dynamic::MetadataFault;

/// A registry that cannot answer now.
///
/// ```
/// use std::error::Error;
/// let error = regrant::client::ClientsError::new("connection refused");
/// assert_eq!(error.to_string(), "the client registry failed");
/// assert_eq!(error.source().unwrap().to_string(), "connection refused");
/// ```
// Boxed: what is looked up is handed over by value, and nearly always there.
pub struct ClientsError(Box<Inner>);

struct Inner {
    kind: ClientsErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What keeps a registry from answering.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ClientsErrorKind {
    /// It failed.
    Failed,
    /// The client is not at hand, and is not to be fetched for this [`Purpose`](super::Purpose).
    NotAtHand,
    /// The document that the client is known by cannot be had now.
    Unavailable {
        /// After how many seconds it is worth asking again, where that is known.
        retry_after_secs: Option<u32>,
    },
    /// The document breaks a rule.
    Document(MetadataFault),
}

impl ClientsError {
    /// Wraps the cause.
    ///
    /// ```
    /// let _ = regrant::client::ClientsError::new(std::io::Error::other("connection refused"));
    /// ```
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(ClientsErrorKind::Failed, Some(source.into()))
    }

    /// The client may be one of this registry's, and would have to be fetched, which [`Lookup`](super::Lookup) does not allow.
    ///
    /// Where a client authenticates, the engine then looks at the token first, and asks again if it is genuine. Where an access
    /// token is judged, or a session listed, it does without the client. Elsewhere it is answered 503.
    ///
    /// ```
    /// use regrant::client::{ClientsError, ClientsErrorKind};
    /// assert_eq!(ClientsError::not_at_hand().kind(), ClientsErrorKind::NotAtHand);
    /// ```
    pub fn not_at_hand() -> Self {
        Self::of(ClientsErrorKind::NotAtHand, None)
    }

    /// The document that the client is known by cannot be had, and after how long it may be: said in `Retry-After`, in whole
    /// seconds.
    ///
    /// ```
    /// use regrant::client::{ClientsError, ClientsErrorKind};
    /// use std::time::Duration;
    /// let error = ClientsError::unavailable("too many fetches", Some(Duration::from_millis(1_500)));
    /// assert_eq!(error.kind(), ClientsErrorKind::Unavailable { retry_after_secs: Some(2) });
    /// ```
    pub fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>, retry_after: Option<Duration>) -> Self {
        let retry_after_secs = retry_after
            .map(|wait| u32::try_from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).unwrap_or(u32::MAX));
        Self::of(ClientsErrorKind::Unavailable { retry_after_secs }, Some(source.into()))
    }

    /// The document that the client would be known by breaks this rule. A page says which; at endpoints where clients
    /// authenticate it is answered 503, since the client may mend it.
    ///
    /// ```
    /// use regrant::client::{ClientsError, MetadataFault};
    /// use std::error::Error;
    /// let error = ClientsError::document(MetadataFault::NoRedirectUri);
    /// assert_eq!(error.source().unwrap().to_string(), MetadataFault::NoRedirectUri.to_string());
    /// ```
    pub fn document(fault: MetadataFault) -> Self {
        Self::of(ClientsErrorKind::Document(fault), Some(fault.into()))
    }

    fn of(kind: ClientsErrorKind, source: Option<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Box::new(Inner { kind, source }))
    }

    /// What it is that keeps it from answering.
    pub fn kind(&self) -> ClientsErrorKind {
        self.0.kind
    }

    /// Whether it says after how long it is worth another try: too much was asked for.
    pub(crate) fn is_limited(&self) -> bool {
        matches!(self.0.kind, ClientsErrorKind::Unavailable { retry_after_secs: Some(_) })
    }

    pub(crate) fn is_not_at_hand(&self) -> bool {
        self.0.kind == ClientsErrorKind::NotAtHand
    }
}

impl fmt::Display for ClientsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.kind {
            ClientsErrorKind::Failed => "the client registry failed",
            ClientsErrorKind::NotAtHand => "the client is not at hand",
            ClientsErrorKind::Unavailable { .. } => "the client's metadata document is not to be had",
            ClientsErrorKind::Document(_) => "the client's metadata document is wrong",
        })
    }
}

impl fmt::Debug for ClientsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientsError").field(&self.0.kind).field(&self.0.source).finish()
    }
}

impl Error for ClientsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
