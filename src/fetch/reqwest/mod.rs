//! A fetch on `reqwest`.

mod builder;
mod resolver;

use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;

use ::reqwest::Client;
use tokio::task::JoinHandle;

pub use self::builder::{ReqwestFetchBuilder, ReqwestFetchError};
use self::resolver::NotPublic;
use super::fetch::{Fetch, FetchError, FetchLimits};
use super::response::FetchResponse;
use super::url::FetchUrl;

/// A [`Fetch`] on `reqwest`, with TLS by rustls on AWS-LC (feature `reqwest`).
///
/// A name is looked up once; where one of its addresses is not [public](super::is_public) there is no connection at all,
/// else it goes to the addresses that were judged, at most 8. Certificates are checked as the system does. HTTP/1.1, a
/// connection for each fetch; no redirects, no proxy whatever the environment says, no cookies, no decompression, no
/// retries. A head may have 100 headers and some 400 KiB, as hyper has it.
///
/// It has to be polled on a tokio runtime with its IO and time enabled. A fetch is a task there, which ends with its future: it
/// keeps to its time also where nobody polls it, and what it brings is there later. A name is looked up by the system, on one of the
/// runtime's threads for what blocks; such a thread is not free before the system gives up, whatever the limit of the
/// fetch. [`ReqwestFetchBuilder::resolver`] takes another resolver.
///
/// ```
/// use regrant::fetch::{Fetch, FetchLimits, FetchUrl, ReqwestFetch};
///
/// # async fn look() -> Result<(), Box<dyn std::error::Error>> {
/// let fetch = ReqwestFetch::new()?;
/// let url = FetchUrl::parse("https://app.example.com/oauth/client.json")?;
/// let limits = FetchLimits::default();
/// let response = fetch.fetch(&url, &limits).await?;
/// println!("fresh for {} s: {} bytes", response.check(&limits)?.as_secs(), response.body().len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ReqwestFetch {
    client: Client,
    /// To the conformance kit's server alone.
    is_plain: bool,
}

impl ReqwestFetch {
    /// With the system's resolver.
    ///
    /// # Errors
    ///
    /// [`ReqwestFetchError`], where TLS cannot be set up: no root certificates are installed.
    pub fn new() -> Result<Self, ReqwestFetchError> {
        Self::builder().build()
    }

    /// With settings.
    pub fn builder() -> ReqwestFetchBuilder {
        ReqwestFetchBuilder::new()
    }
}

impl Fetch for ReqwestFetch {
    async fn fetch(&self, url: &FetchUrl, limits: &FetchLimits) -> Result<FetchResponse, FetchError> {
        let (fetch, url, limits) = (self.clone(), url.clone(), *limits);
        let mut task = Task(tokio::spawn(async move { fetch.get(&url, &limits).await }));
        match (&mut task.0).await {
            Ok(fetched) => fetched,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is going down.
                Err(error) => Err(FetchError::failed(error)),
            },
        }
    }

    fn goes_on_unpolled(&self) -> bool {
        true
    }
}

/// A task that ends with this.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ReqwestFetch {
    async fn get(&self, url: &FetchUrl, limits: &FetchLimits) -> Result<FetchResponse, FetchError> {
        let request = if self.is_plain {
            self.client.get(format!("http://{}{}", url.host(), url.path_and_query()))
        } else {
            self.client.get(url.as_str())
        };
        // From here to the last byte of the body.
        let mut response = request.timeout(limits.time()).send().await.map_err(fault)?;
        let most = limits.body_bytes();
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(FetchError::TooLarge);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(fault)? {
            if chunk.len() > most - body.len() {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let found = FetchResponse::new(response.status().as_u16(), body);
        let headers = response.headers().iter();
        Ok(headers.fold(found, |found, (name, value)| found.with_header(name.as_str(), value.as_bytes())))
    }

    /// Posts a form to where a client wants to hear something, by the same rules as a fetch. The status of the answer; what else is in
    /// it is not looked at.
    #[cfg(all(feature = "jwt", feature = "root-secret"))]
    pub(crate) async fn post_form(
        &self,
        url: &FetchUrl,
        body: String,
        limits: &FetchLimits,
    ) -> Result<u16, FetchError> {
        let request = if self.is_plain {
            self.client.post(format!("http://{}{}", url.host(), url.path_and_query()))
        } else {
            self.client.post(url.as_str())
        };
        let request = request.header(::reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = request.body(body).timeout(limits.time()).send().await.map_err(fault)?;
        Ok(answer.status().as_u16())
    }
}

impl fmt::Debug for ReqwestFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestFetch").finish_non_exhaustive()
    }
}

fn fault(error: ::reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::TimedOut;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return FetchError::Address;
        }
        cause = error.source();
    }
    FetchError::failed(error)
}
