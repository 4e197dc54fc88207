//! Settings of the fetch on `reqwest`.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
#[cfg(feature = "conformance")]
use std::net::SocketAddr;
use std::sync::Arc;

use ::reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use ::reqwest::redirect::Policy;
use ::reqwest::{Certificate, Client, retry};

use super::ReqwestFetch;
use super::resolver::{Dial, LookUp, Refuses, Vetted, look_up_by, system};

/// A [`ReqwestFetch`] in the making.
#[must_use]
pub struct ReqwestFetchBuilder {
    look_up: LookUp,
    refuses: Option<Refuses>,
    user_agent: Option<String>,
    test: Option<Test>,
}

/// The server of a test, which stands in for every other.
#[cfg_attr(not(feature = "conformance"), allow(dead_code, reason = "nobody makes one"))]
struct Test {
    dial: Dial,
    tls: Tls,
}

#[cfg_attr(not(feature = "conformance"), allow(dead_code, reason = "nobody makes one"))]
enum Tls {
    None,
    /// By this root certificate alone, in DER.
    Root(Vec<u8>),
}

/// Why there is no [`ReqwestFetch`]: TLS could not be set up, or the user agent is no header's value.
#[derive(Debug, thiserror::Error)]
#[error("the fetch could not be set up")]
pub struct ReqwestFetchError(#[source] ::reqwest::Error);

impl ReqwestFetchBuilder {
    pub(super) fn new() -> Self {
        Self { look_up: system(), refuses: None, user_agent: None, test: None }
    }

    /// Looks names up by this instead of the system's resolver. What it gives is judged in the same way, so nothing
    /// depends on it but the fetch itself. It is asked once for each fetch, and has to end where its future is dropped.
    ///
    /// ```
    /// use regrant::fetch::ReqwestFetch;
    /// let fetch = ReqwestFetch::builder().resolver(|host| async move {
    ///     println!("{host} is looked up");
    ///     Ok(vec![[1, 1, 1, 1].into()])
    /// });
    /// # let _ = fetch;
    /// ```
    pub fn resolver<F>(mut self, look_up: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        self.look_up = look_up_by(look_up);
        self
    }

    /// Refuses more than what is not [public](crate::fetch::is_public): addresses of your own servers, a NAT64 prefix of
    /// your own. One address that is refused refuses the name. Of a NAT64 address (`64:ff9b::/96`) it is asked twice: of the address, and of
    /// the IPv4 address in it.
    ///
    /// ```
    /// use regrant::fetch::ReqwestFetch;
    /// use std::net::IpAddr;
    /// let fetch = ReqwestFetch::builder().refuse(|address| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 17));
    /// # let _ = fetch;
    /// ```
    pub fn refuse(mut self, refuses: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        self.refuses = Some(Arc::new(refuses));
        self
    }

    /// The `User-Agent`: `regrant/` and the version if not set.
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        self.user_agent = Some(user_agent.to_owned());
        self
    }

    /// For tests alone, and only there with the feature `conformance`: addresses that have passed all checks are not
    /// connected to, but what `dial` says for them, **without TLS**.
    ///
    /// Nothing is let through that would be refused otherwise: a test on a server of this machine needs a resolver that
    /// gives a public address for it. Whoever sets it to one server cannot be led to another.
    #[cfg(feature = "conformance")]
    pub fn danger_dial_in_plain(mut self, dial: impl Fn(IpAddr) -> SocketAddr + Send + Sync + 'static) -> Self {
        self.test = Some(Test { dial: Arc::new(dial), tls: Tls::None });
        self
    }

    /// The same with TLS, for which the root certificate given here, in DER, counts and no other.
    #[cfg(feature = "conformance")]
    pub fn danger_dial(
        mut self,
        root_certificate: &[u8],
        dial: impl Fn(IpAddr) -> SocketAddr + Send + Sync + 'static,
    ) -> Self {
        self.test = Some(Test { dial: Arc::new(dial), tls: Tls::Root(root_certificate.to_vec()) });
        self
    }

    /// The fetch.
    ///
    /// # Errors
    ///
    /// [`ReqwestFetchError`], where TLS cannot be set up: no root certificates are installed.
    pub fn build(self) -> Result<ReqwestFetch, ReqwestFetchError> {
        let (dial, tls) = self.test.map_or((None, None), |test| (Some(test.dial), Some(test.tls)));
        let is_plain = matches!(tls, Some(Tls::None));
        let vetted = Vetted { look_up: self.look_up, refuses: self.refuses, dial };
        let accept = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let agent = self.user_agent.as_deref().unwrap_or(concat!("regrant/", env!("CARGO_PKG_VERSION")));
        // Also what is so with the features that this crate asks for: another crate in the build may ask for more.
        let mut client = Client::builder()
            .user_agent(agent)
            .default_headers(accept)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .retry(retry::never())
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .no_hickory_dns()
            .http1_only()
            .https_only(!is_plain)
            .pool_max_idle_per_host(0)
            .dns_resolver(vetted);
        if let Some(Tls::Root(der)) = tls {
            client = client.tls_certs_only([Certificate::from_der(&der).map_err(ReqwestFetchError)?]);
        }
        let client = client.tls_backend_rustls().build().map_err(ReqwestFetchError)?;
        Ok(ReqwestFetch { client, is_plain })
    }
}

impl fmt::Debug for ReqwestFetchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestFetchBuilder").field("user_agent", &self.user_agent).finish_non_exhaustive()
    }
}
