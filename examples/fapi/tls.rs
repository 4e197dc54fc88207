//! https by rustls. Every client is asked for a certificate, none has to have one, and any is taken: whether somebody whom the server
//! trusts has issued it is found out besides, and told to the engine. (A certificate is one of X.509 version 3: rustls reads no other.)
//!
//! One port is for both kinds of clients so: those whose certificates an authority issued (RFC 8705 section 2.1) and those that made
//! theirs themselves (section 2.2). A verifier that refuses what it does not trust would shut the second out, and one that takes
//! everything and tells nobody would let a self-signed `CN=ca-client` pass for the first.

use std::convert::Infallible;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use hyper_util::rt::TokioIo;
use regrant::client::{CertificateChain, ClientCertificate};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, ServerConnection, SignatureScheme,
};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use crate::serve::{HEAD, Timed, accept, connection};

pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    issuers: Issuers,
}

/// Those who may issue certificates to clients.
#[derive(Clone)]
struct Issuers(Option<Arc<dyn ClientCertVerifier>>);

impl Tls {
    /// All files are in PEM.
    pub(crate) fn new(certificate: &Path, key: &Path, client_ca: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(AnyCertificate(Arc::clone(&provider))))
            .with_single_cert(certificates(certificate)?, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let issuers = match client_ca {
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(path)? {
                    roots.add(root)?;
                }
                Some(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?)
            }
            None => None,
        };
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), issuers: Issuers(issuers) })
    }

    /// Serves until `stop`.
    pub(crate) async fn serve(self, listener: TcpListener, app: Router, stop: impl Future<Output = ()>) {
        accept(listener, stop, |stream, peer, watcher| {
            let (acceptor, issuers, app) = (self.acceptor.clone(), self.issuers.clone(), app.clone());
            async move {
                // Whoever does not get through is told so by TLS, and hears no reason.
                let stream = match timeout(HEAD, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => stream,
                    Ok(Err(error)) => return eprintln!("handshake: {error}"),
                    Err(_) => return eprintln!("handshake: it took too long"),
                };
                let shown = Shown { certificate: issuers.certificate_of(stream.get_ref().1), service: app };
                if let Err(error) = watcher.watch(connection(TokioIo::new(stream), peer, shown)).await {
                    eprintln!("connection: {error}");
                }
            }
        })
        .await;
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    let all = read().map_err(|error| format!("{}: {error}", path.display()))?;
    if all.is_empty() { Err(format!("{}: no certificate is in it", path.display())) } else { Ok(all) }
}

impl Issuers {
    /// The certificate that the client of a connection has shown, if it has. A session that is resumed has the one with which it
    /// began, which is judged again here: it may have expired since.
    fn certificate_of(&self, connection: &ServerConnection) -> Option<ClientCertificate> {
        let (own, between) = connection.peer_certificates()?.split_first()?;
        let is_trusted =
            |issuers: &Arc<dyn ClientCertVerifier>| issuers.verify_client_cert(own, between, UnixTime::now()).is_ok();
        let is_verified = self.0.as_ref().is_some_and(is_trusted);
        let chain = if is_verified { CertificateChain::Verified } else { CertificateChain::NotVerified };
        // One that cannot be read is none.
        ClientCertificate::from_der(own, chain).ok()
    }
}

/// Takes any certificate, from clients that hold its key: that is what the signature of the handshake proves.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: a client that made its certificate itself would find no issuer of its own among them, and show none.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The routes, for a connection whose client has shown this: each request has it among its extensions, where
/// `EndpointService` looks for it.
#[derive(Clone)]
struct Shown {
    certificate: Option<ClientCertificate>,
    service: Router,
}

impl Service<http::Request<Timed>> for Shown {
    type Response = axum::response::Response;
    type Error = Infallible;
    type Future = <Router as Service<http::Request<Timed>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<http::Request<Timed>>::poll_ready(&mut self.service, cx)
    }

    fn call(&mut self, mut request: http::Request<Timed>) -> Self::Future {
        if let Some(certificate) = &self.certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        self.service.call(request)
    }
}
