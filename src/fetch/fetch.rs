//! How a document of a stranger is fetched: the one thing that a host brings.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::response::FetchResponse;
use super::url::FetchUrl;
use crate::store::BoxFuture;

/// Gets documents that strangers name by their URLs: the metadata of a client, its keys. `ReqwestFetch` (feature
/// `reqwest`) is one; write your own where all that goes out has to pass something of yours.
///
/// The engine decides what is fetched and how often, and judges the answer: its status, type, size and `Cache-Control`.
/// It cannot see the connection. So a fetch
///
/// - connects to public addresses alone ([`is_public`](super::is_public)), the very ones it has judged, without a second
///   look-up (DNS rebinding), by TLS, with the certificate checked;
/// - follows no redirect, and tells the status of every answer as it is;
/// - ends within [`FetchLimits::time`], look-up, connection, head and body together;
/// - reads no more than [`FetchLimits::body_bytes`] of the body, and a head of a bounded size; a body that is longer, or that
///   breaks off, is an error and never a part of it;
/// - sends no cookie, credential or referrer, and keeps no cookie;
/// - uses no proxy that is only in the environment: it would look the name up again;
/// - decompresses nothing;
/// - ends its connection where its future is dropped.
///
/// Best it is a task of its own, which ends with its future, and [says so](Self::goes_on_unpolled): the fetch of a request that hangs up is
/// then not lost.
///
/// With the feature `conformance`, `conformance::check_fetch` has all but TLS and the proxy tried by a hostile server.
///
/// ```
/// use regrant::fetch::{Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
///
/// struct Gateway;
///
/// impl Fetch for Gateway {
///     async fn fetch(&self, url: &FetchUrl, limits: &FetchLimits) -> Result<FetchResponse, FetchError> {
///         // … ask what fetches for all of your servers …
///         # let (status, headers, body) = (200, [("content-type", b"application/json")], b"{}".to_vec());
///         let response = FetchResponse::new(status, body);
///         Ok(headers.into_iter().fold(response, |response, (name, value)| response.with_header(name, value)))
///     }
/// }
/// ```
pub trait Fetch: Send + Sync {
    /// Gets one document.
    ///
    /// # Errors
    ///
    /// [`FetchError`], where there is no whole answer within the limits. The engine answers 503 then, unless it has a
    /// document that is not too old; the error goes to the host's events alone.
    fn fetch(
        &self,
        url: &FetchUrl,
        limits: &FetchLimits,
    ) -> impl Future<Output = Result<FetchResponse, FetchError>> + Send;

    /// Whether a fetch goes on while nobody polls it, and ends within its time: it is a task, which is aborted where its future is
    /// dropped. What requests have begun that hung up then stays for the next that wants the document, for a minute; else whoever hangs
    /// up again and again uses up the fetches that a URL has for everybody. `false` if not said: such a fetch is dropped with the last
    /// request that waits for it, since nobody would see to its time.
    fn goes_on_unpolled(&self) -> bool {
        false
    }
}

/// [`Fetch`] with a boxed future.
pub(crate) trait DynFetch: Send + Sync {
    fn fetch_dyn<'a>(
        &'a self,
        url: &'a FetchUrl,
        limits: &'a FetchLimits,
    ) -> BoxFuture<'a, Result<FetchResponse, FetchError>>;

    fn goes_on_unpolled_dyn(&self) -> bool;
}

impl<F: Fetch> DynFetch for F {
    fn fetch_dyn<'a>(
        &'a self,
        url: &'a FetchUrl,
        limits: &'a FetchLimits,
    ) -> BoxFuture<'a, Result<FetchResponse, FetchError>> {
        Box::pin(self.fetch(url, limits))
    }

    fn goes_on_unpolled_dyn(&self) -> bool {
        self.goes_on_unpolled()
    }
}

macro_rules! forward {
    ($pointer:ty) => {
        #[deny(clippy::missing_trait_methods)]
        impl<F: Fetch + ?Sized> Fetch for $pointer {
            fn fetch(
                &self,
                url: &FetchUrl,
                limits: &FetchLimits,
            ) -> impl Future<Output = Result<FetchResponse, FetchError>> + Send {
                (**self).fetch(url, limits)
            }

            fn goes_on_unpolled(&self) -> bool {
                (**self).goes_on_unpolled()
            }
        }
    };
}

forward!(&F);
forward!(Arc<F>);
forward!(Box<F>);

/// What one fetch may cost.
///
/// ```
/// use regrant::fetch::FetchLimits;
/// use std::time::Duration;
/// let limits = FetchLimits::default();
/// assert_eq!((limits.time(), limits.body_bytes()), (Duration::from_secs(5), 5 * 1_024));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FetchLimits {
    time: Duration,
    body_bytes: usize,
}

impl FetchLimits {
    /// From the look-up of the name to the last byte: 5 seconds if not set. A request waits for it.
    #[must_use]
    pub const fn with_time(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// The length of the body: 5 KiB if not set, as draft-ietf-oauth-client-id-metadata-document section 6.6 has it.
    #[must_use]
    pub const fn with_body_bytes(self, body_bytes: usize) -> Self {
        Self { body_bytes, ..self }
    }

    /// From the look-up of the name to the last byte.
    pub const fn time(&self) -> Duration {
        self.time
    }

    /// The most bytes of the body.
    pub const fn body_bytes(&self) -> usize {
        self.body_bytes
    }
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(5), body_bytes: 5 * 1_024 }
    }
}

/// Why there is no answer. It says nothing that a stranger could learn a network from: it is for the host's events.
///
/// ```
/// use regrant::fetch::FetchError;
/// let error = FetchError::failed(std::io::Error::other("connection refused"));
/// assert_eq!(error.to_string(), "the fetch failed");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The host's name has an address that is [not public](super::is_public), or none at all.
    #[error("the host has no address, or one that is not public")]
    Address,
    /// It took longer than [`FetchLimits::time`].
    #[error("the fetch took too long")]
    TimedOut,
    /// The body is longer than [`FetchLimits::body_bytes`].
    #[error("the document is too large")]
    TooLarge,
    /// The look-up, the connection, TLS, or the answer, which may have been cut short.
    #[error("the fetch failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl FetchError {
    /// Wraps the cause.
    pub fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(cause.into())
    }
}
