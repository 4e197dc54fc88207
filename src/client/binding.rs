//! What a client's tokens are bound to: RFC 9449 section 5, RFC 8705 section 3.

use super::builder::ClientBuilder;
use super::client::Client;

/// A client's switches of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Binding {
    dpop_required: bool,
    to_certificate: bool,
    resyncs: bool,
}

impl Client {
    pub(crate) const fn requires_dpop(&self) -> bool {
        self.binding.dpop_required
    }

    pub(crate) const fn has_certificate_bound_tokens(&self) -> bool {
        self.binding.to_certificate
    }

    pub(crate) const fn may_resync(&self) -> bool {
        self.binding.resyncs
    }
}

impl ClientBuilder {
    /// Whether each of its token requests needs a proof of possession (`dpop_bound_access_tokens`, RFC 9449 section 5.2). Off, a
    /// request without one is answered with bearer tokens, unless its grant is bound (`EngineBuilder::dpop`).
    ///
    /// A request that it pushes binds its code: by a proof, or by the parameter `dpop_jkt` (section 10).
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app").grant_type("refresh_token").require_dpop(true).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn require_dpop(mut self, required: bool) -> Self {
        self.client.binding.dpop_required = required;
        self
    }

    /// Whether its access tokens are bound to the certificate that its connection to the token endpoint has
    /// (`tls_client_certificate_bound_access_tokens`, RFC 8705 section 3.4), however it authenticates. A request without a certificate
    /// is then refused; one that comes with a proof of possession too gets tokens that are bound to the proof's key.
    ///
    /// The refresh tokens of a public client are bound to the certificate, and end with it; a confidential client may renew its own.
    ///
    /// ```
    /// # use regrant::{Client, ClientSecret};
    /// let app = Client::confidential("app")
    ///     .secret(ClientSecret::new("a-secret-of-32-characters-or-more")?)
    ///     .certificate_bound_tokens(true)
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn certificate_bound_tokens(mut self, bound: bool) -> Self {
        self.client.binding.to_certificate = bound;
        self
    }

    /// Whether an older refresh token is answered with the current one, where whoever sends it proves the key that the grant is bound
    /// to, by a proof of possession that was not used before. A confidential client proves one of its own, by which it authenticates: by an
    /// assertion that a key signed and that was not used before, or by its certificate. To the grant nothing is written, the idle expiry does not move, and the event is
    /// [`Resynced`](crate::event::Event::Resynced). For an application that runs as many processes on one login, which would otherwise log
    /// itself out.
    ///
    /// Off by default, since it gives something up: whoever has *copied* the key is not noticed any more. So not for keys that
    /// can be exported. Refresh tokens that are bound to no key are judged as ever: an older one is a replay, and ends the grant.
    ///
    /// ```
    /// # use regrant::Client;
    /// let app = Client::public("app").grant_type("refresh_token").require_dpop(true).resync(true).build()?;
    /// # Ok::<(), regrant::client::ClientError>(())
    /// ```
    pub fn resync(mut self, allowed: bool) -> Self {
        self.client.binding.resyncs = allowed;
        self
    }
}
