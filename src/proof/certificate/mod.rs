//! Client certificates (RFC 8705), as far as OAuth needs them: their names, their key, and what they are known by. Nothing here
//! checks a chain: the host's TLS does.

mod names;
mod subject;

pub use names::{CertificateName, CertificateNameError};

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode as _, Reader as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use self::names::Kind;
use self::subject::DistinguishedName;
use super::jwk;
use crate::token::{PublicKey, Thumbprint};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Whether the host's TLS built a chain from a certificate to one of those that it trusts to issue certificates to clients.
///
/// A certificate says what its maker wanted: without a chain `CN=bank` is anybody. So the name of a certificate is believed
/// with [`Verified`](Self::Verified) alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it did, or it did not")]
pub enum CertificateChain {
    /// It did, and the certificate has not expired.
    Verified,
    /// It did not, or it did not look: self-signed certificates are accepted (RFC 8705 section 2.2).
    NotVerified,
}

/// The certificate that a client showed in the TLS handshake of the connection that the request came over. The handshake has proven
/// that the client holds its key.
///
/// Take it from the TLS of this process. Behind a proxy that ends TLS it comes in a header, which is worth what the proxy
/// makes of it: trust one that your proxy overwrites in every request, and read it yourself. Cloning shares it.
#[derive(Clone)]
pub struct ClientCertificate(Arc<Inner>);

struct Inner {
    thumbprint: Thumbprint,
    chain: CertificateChain,
    subject: DistinguishedName,
    alternative: Vec<GeneralName>,
    key: Option<Thumbprint>,
}

/// Why a certificate cannot be read. Says nothing of what was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// More than [`ClientCertificate::MAX_BYTES`].
    #[error("a certificate has at most 16 KiB")]
    TooLong,
    /// No X.509 certificate in DER (RFC 5280 section 4.1).
    #[error("no X.509 certificate")]
    Malformed,
}

impl ClientCertificate {
    /// The longest certificate that is read.
    pub const MAX_BYTES: usize = 16 * 1_024;

    /// Reads the certificate of the client itself, the first that it sent, in DER; and what the host's TLS has seen of its chain.
    ///
    /// # Errors
    ///
    /// [`CertificateError`].
    ///
    /// ```
    /// use regrant::client::{CertificateChain, CertificateError, ClientCertificate};
    /// let read = ClientCertificate::from_der(b"-----BEGIN CERTIFICATE-----", CertificateChain::NotVerified);
    /// assert_eq!(read.err(), Some(CertificateError::Malformed));
    /// ```
    pub fn from_der(der: &[u8], chain: CertificateChain) -> Result<Self, CertificateError> {
        if der.len() > Self::MAX_BYTES {
            return Err(CertificateError::TooLong);
        }
        let certificate = Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        let certificate = certificate.tbs_certificate();
        // Names that cannot be read, or stand twice, are none.
        let alternative = certificate.get_extension::<SubjectAltName>().ok().flatten();
        Ok(Self(Arc::new(Inner {
            thumbprint: Thumbprint::from_bytes(Sha256::digest(der).into()),
            chain,
            subject: DistinguishedName::of(certificate.subject()),
            alternative: alternative.map(|(_, names)| names.0).unwrap_or_default(),
            key: public_key(certificate).map(|key| Thumbprint::from_bytes(key.thumbprint())),
        })))
    }

    /// What tokens are bound to (`x5t#S256`, RFC 8705 section 3.1): the SHA-256 of the certificate. Another certificate of the same key
    /// has another.
    pub fn thumbprint(&self) -> &Thumbprint {
        &self.0.thumbprint
    }

    /// What its key is known by (RFC 7638); `None` for a kind of key that a JWK set here cannot have.
    pub fn key_thumbprint(&self) -> Option<&Thumbprint> {
        self.0.key.as_ref()
    }

    /// What the host has said of its chain.
    pub fn chain(&self) -> CertificateChain {
        self.0.chain
    }

    /// Whether it is of this name, by an issuer that the host trusts (`tls_client_auth`, RFC 8705 section 2.1).
    pub fn is_of(&self, name: &CertificateName) -> bool {
        self.0.chain == CertificateChain::Verified && self.says(name)
    }

    /// Whether this name stands in it, whoever wrote it there.
    fn says(&self, name: &CertificateName) -> bool {
        match &name.0 {
            Kind::Subject(subject) => self.0.subject == *subject,
            alternative => self.0.alternative.iter().any(|own| is_alternative(own, alternative)),
        }
    }
}

/// Letters of host names count in any case (RFC 5280 sections 4.2.1.6 and 7.2), those of URIs and of mailboxes do not (7.4, 7.5).
/// No wildcard is one: what was registered is one client.
fn is_alternative(own: &GeneralName, name: &Kind) -> bool {
    match (own, name) {
        (GeneralName::DnsName(own), Kind::Dns(name)) => own.as_str().eq_ignore_ascii_case(name),
        (GeneralName::UniformResourceIdentifier(own), Kind::Uri(name)) => own.as_str() == *name,
        (GeneralName::Rfc822Name(own), Kind::Email(name)) => is_mailbox(own.as_str(), name),
        (GeneralName::IpAddress(own), Kind::Ip(IpAddr::V4(name))) => own.as_bytes() == name.octets(),
        (GeneralName::IpAddress(own), Kind::Ip(IpAddr::V6(name))) => own.as_bytes() == name.octets(),
        _ => false,
    }
}

fn is_mailbox(own: &str, name: &str) -> bool {
    match (own.rsplit_once('@'), name.rsplit_once('@')) {
        (Some((own, own_host)), Some((name, host))) => own == name && own_host.eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// The key, where it is of a kind that clients sign by.
fn public_key(certificate: &x509_cert::TbsCertificate) -> Option<PublicKey> {
    let info = certificate.subject_public_key_info();
    let bytes = info.subject_public_key.as_bytes()?;
    match info.algorithm.oid {
        RSA_ENCRYPTION => {
            let (n, e) = AnyRef::from_der(bytes).ok()?.sequence(rsa_parts).ok()?;
            jwk::rsa(n, e).ok()
        }
        EC_PUBLIC_KEY => {
            let curve: ObjectIdentifier = info.algorithm.parameters.as_ref()?.decode_as().ok()?;
            let (&[4], point) = bytes.split_first_chunk()? else { return None };
            let (x, y) = point.split_first_chunk::<32>()?;
            (curve == P_256).then_some(PublicKey::P256 { x: *x, y: y.try_into().ok()? })
        }
        ED25519 => jwk::ed25519(bytes.try_into().ok()?).ok(),
        _ => None,
    }
}

/// Modulus and exponent (RFC 8017 appendix A.1.1).
fn rsa_parts(reader: &mut x509_cert::der::SliceReader<'_>) -> x509_cert::der::Result<(Vec<u8>, Vec<u8>)> {
    let n: UintRef<'_> = reader.decode()?;
    let e: UintRef<'_> = reader.decode()?;
    Ok((n.as_bytes().to_vec(), e.as_bytes().to_vec()))
}

impl fmt::Debug for ClientCertificate {
    /// The thumbprint, and what is known of the chain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCertificate({} {:?})", self.0.thumbprint, self.0.chain)
    }
}
