//! The name that a client's certificate is registered by.

use std::net::IpAddr;

use super::subject::DistinguishedName;
use crate::wire::{has_control, read_uri};

/// The one name by which a client's certificate is known (`tls_client_auth`, RFC 8705 section 2.1.2).
///
/// ```
/// use regrant::client::CertificateName;
/// let name = CertificateName::subject("CN=ca-client,O=Example")?;
/// assert_eq!(name, CertificateName::subject("cn=CA-client, o=Example")?);
/// assert_ne!(name, CertificateName::dns("ca-client")?);
/// # Ok::<(), regrant::client::CertificateNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateName(pub(super) Kind);

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Subject(DistinguishedName),
    Dns(String),
    Uri(String),
    Email(String),
    Ip(IpAddr),
}

/// Why there is no such name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateNameError {
    /// No distinguished name by RFC 4514: perhaps an attribute that it does not know by a name; write its OID.
    #[error("no distinguished name")]
    Subject,
    /// Empty, longer than 1024 bytes, or with characters that such a name does not have.
    #[error("no name of that kind")]
    Alternative,
}

const MAX_BYTES: usize = 1_024;

impl CertificateName {
    /// The subject (`tls_client_auth_subject_dn`): all of it, in the text form of RFC 4514, which begins with the attribute that stands
    /// last in the certificate. Compared as a name: attribute by attribute, letters of ASCII in any case, and runs of spaces as one (RFC 5280
    /// section 7.1), whatever kind of string the certificate keeps it in.
    ///
    /// # Errors
    ///
    /// [`CertificateNameError::Subject`].
    ///
    /// ```
    /// use regrant::client::CertificateName;
    /// let name = CertificateName::subject("CN=billing,OU=Payments,O=Example Ltd,C=GB")?;
    /// assert_eq!(name, CertificateName::subject("CN=Billing, OU=Payments, O=Example  LTD, C=gb")?);
    /// // What openssl prints begins at the other end.
    /// assert_ne!(name, CertificateName::subject("C=GB,O=Example Ltd,OU=Payments,CN=billing")?);
    /// assert!(CertificateName::subject("/C=GB/O=Example Ltd").is_err());
    /// # Ok::<(), regrant::client::CertificateNameError>(())
    /// ```
    pub fn subject(name: &str) -> Result<Self, CertificateNameError> {
        let is_short = name.len() <= MAX_BYTES;
        let name = is_short.then(|| DistinguishedName::parse(name)).flatten();
        name.map(|name| Self(Kind::Subject(name))).ok_or(CertificateNameError::Subject)
    }

    /// A host name among the alternative names (`tls_client_auth_san_dns`); a wildcard is none.
    ///
    /// # Errors
    ///
    /// [`CertificateNameError::Alternative`].
    pub fn dns(name: &str) -> Result<Self, CertificateNameError> {
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        alternative(name, name.bytes().all(is_host)).map(|name| Self(Kind::Dns(name)))
    }

    /// A URI among them (`tls_client_auth_san_uri`), compared to the letter.
    ///
    /// # Errors
    ///
    /// [`CertificateNameError::Alternative`].
    ///
    /// ```
    /// use regrant::client::CertificateName;
    /// assert!(CertificateName::uri("spiffe://example.org/billing").is_ok());
    /// assert!(CertificateName::dns("*.example.org").is_err(), "a wildcard is nobody in particular");
    /// ```
    pub fn uri(name: &str) -> Result<Self, CertificateNameError> {
        alternative(name, read_uri(name).is_some()).map(|name| Self(Kind::Uri(name)))
    }

    /// A mailbox among them (`tls_client_auth_san_email`): its local part to the letter.
    ///
    /// # Errors
    ///
    /// [`CertificateNameError::Alternative`].
    pub fn email(name: &str) -> Result<Self, CertificateNameError> {
        let is_mailbox = name.rsplit_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
        alternative(name, is_mailbox && !name.contains(' ')).map(|name| Self(Kind::Email(name)))
    }

    /// An address among them (`tls_client_auth_san_ip`).
    pub const fn ip(address: IpAddr) -> Self {
        Self(Kind::Ip(address))
    }
}

fn alternative(name: &str, is_one: bool) -> Result<String, CertificateNameError> {
    let is_text = name.is_ascii() && !name.is_empty() && name.len() <= MAX_BYTES && !has_control(name);
    if is_text && is_one { Ok(name.to_owned()) } else { Err(CertificateNameError::Alternative) }
}
