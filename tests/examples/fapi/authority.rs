//! Certificates, who issues them, and the TLS of clients that show them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair,
};
use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ALL_VERSIONS, ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};
use serde_json::{Value, json};

/// Somebody who issues certificates.
pub(super) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(super) struct Identity {
    pub(super) certificate: Certificate,
    pub(super) key: KeyPair,
}

pub(super) fn named(common_name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = named(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    pub(super) fn issue_server(&self) -> Identity {
        self.issue_by(&named("localhost", &["127.0.0.1"]))
    }

    /// To a client, with another key each time.
    pub(super) fn issue(&self, common_name: &str) -> Identity {
        let mut params = named(common_name, &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue_by(&params)
    }

    pub(super) fn issue_by(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        Identity { certificate: params.signed_by(&key, &self.issuer).unwrap(), key }
    }

    pub(super) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }
}

impl Identity {
    pub(super) fn self_signed(common_name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { certificate: named(common_name, &[]).self_signed(&key).unwrap(), key }
    }

    pub(super) fn certificate_pem(&self) -> String {
        self.certificate.pem()
    }

    pub(super) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// RFC 8705 section 2.2.2.
    pub(super) fn jwks(&self) -> Value {
        let (x, y) = self.key.public_key_raw()[1..].split_at(32);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let certificate = STANDARD.encode(self.certificate.der());
        json!({ "keys": [
            {"kty": "EC", "crv": "P-256", "use": "sig", "x": text(x), "y": text(y), "x5c": [certificate]},
        ]})
    }
}

/// Believes the server's authority.
pub(super) fn believing(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.der().clone()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
}

/// The same, and shows this certificate.
pub(super) fn client_config(authority: &Authority, shows: Option<&Identity>) -> Arc<ClientConfig> {
    let config = believing(authority, ALL_VERSIONS);
    Arc::new(match shows {
        None => config.with_no_client_auth(),
        Some(identity) => {
            let certificate: CertificateDer<'static> = identity.certificate.der().clone();
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
            config.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    })
}
