//! Certificates: the fetch on `reqwest` believes those that are right, by the name that was asked for.
//!
//! The kit does without TLS, since it drives fetches that have another. `certificates/make.sh` made the certificates.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use regrant::fetch::{Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl, ReqwestFetch, ReqwestFetchBuilder};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivateSec1KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const ROOT: &[u8] = include_bytes!("certificates/root.der");
/// It has signed nothing.
const STRANGER: &[u8] = include_bytes!("certificates/stranger.der");

struct Identity {
    certificate: &'static [u8],
    key: &'static [u8],
}

const GOOD: Identity =
    Identity { certificate: include_bytes!("certificates/good.der"), key: include_bytes!("certificates/good.key.der") };
const EXPIRED: Identity = Identity {
    certificate: include_bytes!("certificates/expired.der"),
    key: include_bytes!("certificates/expired.key.der"),
};

/// Serves the same document to whoever gets through the handshake, for as long as the test runs.
fn serve(identity: &Identity) -> SocketAddr {
    let certificate = CertificateDer::from(identity.certificate);
    let key = PrivateKeyDer::from(PrivateSec1KeyDer::from(identity.key));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), socket.unwrap());
            let mut request = [0; 4_096];
            // A client that does not like the certificate ends it here.
            if stream.read(&mut request).is_ok_and(|count| count > 0) {
                let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    address
}

fn anywhere() -> ReqwestFetchBuilder {
    ReqwestFetch::builder().resolver(|_| std::future::ready(Ok(vec![IpAddr::from([1, 1, 1, 1])])))
}

async fn get(fetch: ReqwestFetchBuilder, host: &str) -> Result<FetchResponse, FetchError> {
    let url = FetchUrl::parse(&format!("https://{host}/client.json")).unwrap();
    fetch.build().unwrap().fetch(&url, &FetchLimits::default()).await
}

#[tokio::test]
async fn a_right_certificate_is_believed() {
    let address = serve(&GOOD);
    let response = get(anywhere().danger_dial(ROOT, move |_| address), "good.example").await.unwrap();
    assert!(response.check(&FetchLimits::default()).is_ok());
    assert_eq!(response.body(), b"{}");
}

#[tokio::test]
async fn another_names_certificate_is_not() {
    let address = serve(&GOOD);
    for host in ["other.example", "a.good.example", "example.good"] {
        let error = get(anywhere().danger_dial(ROOT, move |_| address), host).await.unwrap_err();
        assert!(matches!(error, FetchError::Failed(_)), "{host}: {error:?}");
    }
}

#[tokio::test]
async fn one_that_has_expired_is_not() {
    let address = serve(&EXPIRED);
    let error = get(anywhere().danger_dial(ROOT, move |_| address), "good.example").await.unwrap_err();
    assert!(matches!(error, FetchError::Failed(_)), "{error:?}");
}

#[tokio::test]
async fn one_of_another_root_is_not() {
    let address = serve(&GOOD);
    let error = get(anywhere().danger_dial(STRANGER, move |_| address), "good.example").await.unwrap_err();
    assert!(matches!(error, FetchError::Failed(_)), "{error:?}");
}

/// Without TLS on the other side there is no falling back.
#[tokio::test]
async fn what_is_no_tls_is_an_error() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let _ = socket.unwrap().write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}");
        }
    });
    let error = get(anywhere().danger_dial(ROOT, move |_| address), "good.example").await.unwrap_err();
    assert!(matches!(error, FetchError::Failed(_)), "{error:?}");
}
