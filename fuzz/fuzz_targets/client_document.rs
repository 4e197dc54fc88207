//! Whatever a site answers, a client is known by it only if it is the document of this very URL, of a client without a secret;
//! and whatever text comes as a client id, nothing is fetched but URLs that may be, and for nobody who has not asked at the
//! authorization endpoint.
//!
//! An input is the body of a document, and the id of a client.
#![no_main]

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use regrant::client::{AuthMethod, ClientMetadata, ClientRef, ClientsError, Lookup, NativeRedirects, Purpose};
use regrant::fetch::{DocumentClients, Fetch, FetchError, FetchLimits, FetchResponse, FetchUrl};
use regrant::{Clients as _, Scope, StaticClients, Timestamp};
use serde_json::Value;

const URL: &str = "https://a.example/";
const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);

thread_local! {
    /// What every site answers, and what was asked for.
    static WEB: RefCell<(Vec<u8>, Vec<String>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

struct Web;

impl Fetch for Web {
    async fn fetch(&self, url: &FetchUrl, _: &FetchLimits) -> Result<FetchResponse, FetchError> {
        let body = WEB.with_borrow_mut(|(body, asked)| {
            asked.push(url.as_str().to_owned());
            body.clone()
        });
        Ok(FetchResponse::new(200, body).with_header("content-type", b"application/json"))
    }
}

fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits for nothing"),
    }
}

/// Another decoder's reading: the document of [`URL`], of a client without a secret.
fn is_document(value: &Value) -> bool {
    let is_absent = |name: &str| value.get(name).is_none_or(Value::is_null);
    let method = value.get("token_endpoint_auth_method").filter(|method| !method.is_null());
    value.get("client_id").and_then(Value::as_str) == Some(URL)
        && is_absent("client_secret")
        && is_absent("client_secret_expires_at")
        && method.is_none_or(|method| matches!(method.as_str(), Some("none" | "")))
}

fn check(client: &ClientRef<'_>, body: &[u8]) {
    let said: Value = match serde_json::from_slice(body) {
        Ok(said) => said,
        // This decoder keeps numbers, and what no `f64` can be is JSON all the same; a client says none that is looked at.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(error) => panic!("no JSON: {error}"),
    };
    assert!(is_document(&said));
    assert!(client.id() == URL && client.is_public() && client.is_stranger());
    assert!(
        client.may_use("authorization_code") && !client.may_use("client_credentials") && !client.may_use("password")
    );
    let metadata = client.metadata().expect("it says something of itself");
    assert_eq!(metadata.auth_method(), AuthMethod::None);
    let uris: Vec<&str> = said["redirect_uris"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(metadata.redirect_uris().len() > 0);
    for uri in metadata.redirect_uris() {
        assert!(uris.contains(&uri) && uri.is_ascii() && !uri.contains('#'), "{uri}");
        assert!(
            !["javascript:", "data:", "file:", "blob:", "vbscript:", "about:"].iter().any(|bad| uri.starts_with(bad))
        );
    }
    for link in [client.client_uri(), client.logo_uri(), client.policy_uri(), client.tos_uri()].into_iter().flatten() {
        assert!(link.starts_with("https://"));
    }
    assert!(client.scope().iter().all(|token| ["read", "write"].contains(&token)));
}

fuzz_target!(|input: &[u8]| {
    let clients = DocumentClients::new(StaticClients::new(), Web)
        .with_scope(Scope::parse("read write").expect("a scope"))
        .with_clock(|| NOW);
    WEB.set((input.to_vec(), Vec::new()));
    let find = |id: &str, purpose: Purpose| at_once(clients.find(id, Lookup::new(purpose)));
    let native = NativeRedirects::new().with_free_localhost_port(true);
    let read = ClientMetadata::from_document(input, URL, &native);
    match find(URL, Purpose::Authorization) {
        Ok(Some(client)) => {
            check(&client, input);
            assert!(read.is_ok());
            // It is kept: nothing is fetched again.
            assert!(find(URL, Purpose::Licensed).is_ok_and(|found| found.is_some()));
            assert!(find(URL, Purpose::AccessToken).is_ok_and(|found| found.is_some()));
            assert_eq!(WEB.with_borrow(|(_, asked)| asked.len()), 1);
        }
        Ok(None) => panic!("a URL is not unknown"),
        Err(error) => {
            // Such clients are let in where the host says so alone.
            let by_key = read.as_ref().is_ok_and(|read| read.auth_method() == AuthMethod::PrivateKeyJwt);
            let is_too_long = input.len() > FetchLimits::default().body_bytes();
            assert!(read.is_err() || by_key || is_too_long, "{error:?}");
            if let (true, false, Ok(read)) = (by_key, is_too_long, &read) {
                let keyed = DocumentClients::new(StaticClients::new(), Web)
                    .with_scope(Scope::parse("read write").expect("a scope"))
                    .with_private_key_jwt(true)
                    .with_clock(|| NOW);
                let found = at_once(keyed.find(URL, Lookup::new(Purpose::Authorization)));
                if read.jwks_uri().is_some_and(|uri| FetchUrl::parse(uri).is_err()) {
                    assert!(found.is_err(), "its keys are nowhere to be had");
                } else {
                    let client = found.expect("a document").expect("a client");
                    assert!(client.id() == URL && !client.is_public() && client.is_stranger());
                    assert!(!client.may_use("client_credentials") && !client.may_use("password"));
                }
            }
            // It is not kept.
            assert!(
                find(URL, Purpose::AccessToken)
                    .is_err_and(|error: ClientsError| { error.kind() == regrant::client::ClientsErrorKind::NotAtHand })
            );
        }
    }
    let Ok(id) = std::str::from_utf8(input) else { return };
    WEB.with_borrow_mut(|(_, asked)| asked.clear());
    let is_url = FetchUrl::parse(id).is_ok();
    for purpose in [Purpose::Authentication, Purpose::AccessToken, Purpose::Sessions, Purpose::IdTokenHint] {
        let found = find(id, purpose);
        assert!(if is_url { found.is_err() } else { matches!(found, Ok(None)) });
    }
    for purpose in [Purpose::Subject, Purpose::Registration] {
        assert!(matches!(find(id, purpose), Ok(None)));
    }
    assert!(WEB.with_borrow(|(_, asked)| asked.is_empty()));
    let _ = find(id, Purpose::Authorization);
    assert_eq!(WEB.with_borrow(|(_, asked)| asked.clone()), if is_url { vec![id.to_owned()] } else { Vec::new() });
});
