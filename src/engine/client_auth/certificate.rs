//! `tls_client_auth` and `self_signed_tls_client_auth`: RFC 8705 section 2. The certificate comes with the connection, and the client says
//! who it is by its id alone.

use crate::client::{AuthMethod, Client, Clients, Lookup};
use crate::engine::Engine;
use crate::engine::failure::Failure;
use crate::grant::Timestamp;
use crate::proof::ClientCertificate;
use crate::store::TokenStore;

/// Whether it authenticates by a certificate at all.
pub(super) fn is_by_certificate(client: &Client) -> bool {
    client.allows(AuthMethod::TlsClientAuth) || client.allows(AuthMethod::SelfSignedTlsClientAuth)
}

impl<S: TokenStore, C: Clients> Engine<S, C> {
    /// Whether this certificate is the client's: of its name, by an issuer that the host trusts (section 2.1), or of one of its keys
    /// (section 2.2).
    pub(super) async fn is_certificate_of(
        &self,
        certificate: &ClientCertificate,
        client: &Client,
        lookup: Lookup,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        if client.certificate_name().is_some_and(|name| certificate.is_of(name)) {
            return Ok(true);
        }
        let Some(key) = certificate.key_thumbprint().filter(|_| client.allows(AuthMethod::SelfSignedTlsClientAuth))
        else {
            return Ok(false);
        };
        let keys = self.keys_of_client(client, lookup, now, |keys| keys.contains(key)).await?;
        Ok(keys.is_some_and(|keys| keys.contains(key)))
    }
}
