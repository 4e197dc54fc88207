//! A request, as little of it as the endpoints look at.

use std::net::IpAddr;

#[cfg(feature = "mtls")]
use crate::proof::ClientCertificate;

/// A request to one of the engine's endpoints, borrowed from whatever HTTP stack received it.
///
/// Hand over every header; those that mean something here are kept and counted, since a repeated one is an error. The
/// [query](Self::with_query) too: what stands there authenticates nobody (RFC 6749 section 2.3.1), but endpoints that are asked by GET
/// read it.
///
/// ```
/// use regrant::Request;
///
/// let request = Request::new("POST", b"grant_type=refresh_token&refresh_token=...")
///     .with_header("content-type", b"application/x-www-form-urlencoded")
///     .with_header("authorization", b"Basic YXBwOnNlY3JldA==")
///     .with_header("user-agent", b"anything");
/// # let _ = request;
/// ```
#[derive(Clone, Copy)]
pub struct Request<'a> {
    method: &'a str,
    query: &'a [u8],
    body: &'a [u8],
    content_type: Header<'a>,
    authorization: Header<'a>,
    /// The proof of possession (RFC 9449 section 4.1).
    #[cfg(feature = "proof")]
    dpop: Header<'a>,
    #[cfg(feature = "proof")]
    url: Option<&'a str>,
    peer: Option<IpAddr>,
    #[cfg(feature = "mtls")]
    certificate: Option<&'a ClientCertificate>,
}

/// A header that may be there once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header<'a> {
    Absent,
    One(&'a [u8]),
    Repeated,
}

impl<'a> Header<'a> {
    const fn and(self, value: &'a [u8]) -> Self {
        match self {
            Self::Absent => Self::One(value),
            Self::One(_) | Self::Repeated => Self::Repeated,
        }
    }
}

impl<'a> Request<'a> {
    /// A request without headers: its method as HTTP writes it, and the whole body.
    ///
    /// ```
    /// let request = regrant::Request::new("GET", b"");
    /// # let _ = request;
    /// ```
    pub const fn new(method: &'a str, body: &'a [u8]) -> Self {
        let absent = Header::Absent;
        Self {
            method,
            query: b"",
            body,
            content_type: absent,
            authorization: absent,
            #[cfg(feature = "proof")]
            dpop: absent,
            #[cfg(feature = "proof")]
            url: None,
            peer: None,
            #[cfg(feature = "mtls")]
            certificate: None,
        }
    }

    /// The query string of the URI, without the `?`. The authorization endpoint reads it, that of logouts, the one of registrations (which
    /// client is managed, RFC 7592) and metadata of resources; client credentials and tokens never come there (RFC 6749 section 2.3.1, RFC
    /// 9700 section 4.3.2).
    ///
    /// ```
    /// let request = regrant::Request::new("GET", b"").with_query(b"response_type=code&client_id=app");
    /// # let _ = request;
    /// ```
    #[must_use]
    pub const fn with_query(self, query: &'a [u8]) -> Self {
        Self { query, ..self }
    }

    /// Adds a header; names in any case.
    ///
    /// ```
    /// let request = regrant::Request::new("GET", b"").with_header("Authorization", b"Bearer abc");
    /// # let _ = request;
    /// ```
    #[must_use]
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a request is large, and to move it in and out costs more than all else here"
    )]
    pub fn with_header(mut self, name: &str, value: &'a [u8]) -> Self {
        self.keep_header(name, value);
        self
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "of a name that is known when this is compiled nothing is left but a move"
    )]
    fn keep_header(&mut self, name: &str, value: &'a [u8]) {
        // As HTTP/2 and most libraries write it, or else in any case.
        let is = |header: &str| name == header || name.eq_ignore_ascii_case(header);
        if is("content-type") {
            self.content_type = self.content_type.and(value);
        } else if is("authorization") {
            self.authorization = self.authorization.and(value);
        }
        #[cfg(feature = "proof")]
        if is("dpop") {
            self.dpop = self.dpop.and(value);
        }
    }

    /// Adds headers, all that the request has: pairs of a name in any case and a value.
    ///
    /// ```
    /// let headers = vec![(String::from("Authorization"), b"Bearer abc".to_vec())];
    /// let borrowed = headers.iter().map(|(name, value)| (name, &value[..]));
    /// let request = regrant::Request::new("GET", b"").with_headers(borrowed);
    /// # let _ = request;
    /// ```
    #[must_use]
    pub fn with_headers(mut self, headers: impl IntoIterator<Item = (impl AsRef<str>, &'a [u8])>) -> Self {
        for (name, value) in headers {
            self.keep_header(name.as_ref(), value);
        }
        self
    }

    /// Where a request to a resource goes, for the proof that comes with it (RFC 9449 section 4.3, item 9): the path of the request, or
    /// the whole URL where the resource does not have the scheme and host that it is registered by. Query and fragment do not count.
    /// Without it, a proof has to be for the URI of the resource itself. The token endpoint looks at the URL that the metadata publish.
    ///
    /// A host that another is chosen by, as `Host` or `Forwarded`, is for the client to write: take scheme and host
    /// from your configuration.
    ///
    /// ```
    /// use regrant::Request;
    /// let request = Request::new("GET", b"").with_header("authorization", b"DPoP ...").with_url("/files/7");
    /// # let _ = request;
    /// ```
    #[cfg(feature = "proof")]
    #[must_use]
    pub const fn with_url(self, url: &'a str) -> Self {
        Self { url: Some(url), ..self }
    }

    /// The address that the request comes from: what limits count that are for whoever asks. An IPv6 address stands for its
    /// /64, and an IPv4-mapped one for the IPv4 address in it.
    ///
    /// Behind a proxy that is not the other end of the connection. Give what your own proxy says of it (`Forwarded`, RFC
    /// 7239 section 5.2), and nothing that a client could have written there; without an address limits are higher, and
    /// shared by more.
    ///
    /// ```
    /// let connection: std::net::SocketAddr = "192.0.2.1:50000".parse()?;
    /// let request = regrant::Request::new("POST", b"").with_peer(connection.ip());
    /// assert_eq!(request.peer(), Some(connection.ip()));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub const fn with_peer(self, peer: IpAddr) -> Self {
        Self { peer: Some(peer.to_canonical()), ..self }
    }

    /// The address that it comes from, if the host has said so.
    pub const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The certificate that the client showed when its connection was made (RFC 8705): of TLS that ends in this process, or as a proxy
    /// says that the host trusts. Never take it from a header that a client could have written. Without one, a client that
    /// authenticates by its certificate is refused.
    ///
    /// ```
    /// use regrant::Request;
    /// use regrant::client::{CertificateChain, CertificateError, ClientCertificate};
    /// # fn request(der: &[u8]) -> Result<(), CertificateError> {
    /// // `der` is the first of the certificates that the TLS of the connection has.
    /// let certificate = ClientCertificate::from_der(der, CertificateChain::Verified)?;
    /// let request = Request::new("POST", b"grant_type=client_credentials&client_id=app").with_certificate(&certificate);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "mtls")]
    #[must_use]
    pub const fn with_certificate(self, certificate: &'a ClientCertificate) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    #[cfg(feature = "mtls")]
    pub(crate) const fn certificate(&self) -> Option<&'a ClientCertificate> {
        self.certificate
    }

    pub(crate) const fn method(&self) -> &'a str {
        self.method
    }

    pub(crate) const fn query_string(&self) -> &'a [u8] {
        self.query
    }

    pub(crate) const fn body(&self) -> &'a [u8] {
        self.body
    }

    pub(crate) const fn content_type(&self) -> Header<'a> {
        self.content_type
    }

    pub(crate) const fn authorization(&self) -> Header<'a> {
        self.authorization
    }

    #[cfg(feature = "proof")]
    pub(crate) const fn dpop(&self) -> Header<'a> {
        self.dpop
    }

    #[cfg(feature = "proof")]
    pub(crate) const fn url(&self) -> Option<&'a str> {
        self.url
    }
}

impl std::fmt::Debug for Request<'_> {
    /// Method and length alone: headers and body hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket for both families says it so of a client on IPv4, who must not have a second budget by that.
    #[test]
    fn a_mapped_peer_is_its_ipv4_address() {
        let peer = |text: &str| Request::new("POST", b"").with_peer(text.parse().unwrap()).peer().unwrap().to_string();
        assert_eq!(peer("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(peer("192.0.2.1"), "192.0.2.1");
        assert_eq!(peer("2001:db8::1"), "2001:db8::1");
        assert_eq!(Request::new("POST", b"").peer(), None);
    }
}
