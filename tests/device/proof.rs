//! A device that begins with a proof of possession has to show the same key when it polls (RFC 9449 sections 5 and 10): whoever reads the code
//! has no use for it.

use std::sync::Arc;

use regrant::engine::Dpop;
use regrant::{MemoryStore, Request, Response, TokenStore};

use crate::kit::proof::ProofKey;
use crate::kit::schedule::run;
use crate::place::{DEVICE_CODE, Place, TV, settings};

const BEGIN: &str = "https://id.example/device_authorization";
const TOKEN: &str = "https://id.example/token";

fn ask<S: TokenStore>(place: &Place<S>, url: &str, body: &str, proof: Option<&str>) -> Response {
    let request =
        Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    let request = match proof {
        Some(proof) => request.with_header("dpop", proof.as_bytes()),
        None => request,
    };
    if url == BEGIN {
        run(place.engine.begin_device(&request, place.now()))
    } else {
        run(place.engine.token(&request, place.now()))
    }
}

/// A proof of this key, with the nonce that the server says.
fn proof<S: TokenStore>(place: &Place<S>, url: &str, body: &str, key: u8) -> String {
    let proof = || ProofKey::of(key).proof("POST", url);
    let first = ask(place, url, body, Some(&proof().sign()));
    assert!(String::from_utf8_lossy(first.body()).contains("use_dpop_nonce"), "a nonce first");
    let nonce = first.headers().find(|header| header.0 == "dpop-nonce").unwrap().1.to_owned();
    proof().nonce(&nonce).sign()
}

/// With a proof of this key.
fn send<S: TokenStore>(place: &Place<S>, url: &str, body: &str, key: Option<u8>) -> (u16, serde_json::Value) {
    let proof = key.map(|key| proof(place, url, body, key));
    let response = ask(place, url, body, proof.as_deref());
    (response.status(), serde_json::from_slice(response.body()).unwrap())
}

/// RFC 9449 section 11.1: a proof is good for one answer, for the first one as for one that is given again, on all nodes.
#[test]
fn a_proof_is_spent_by_each_answer() {
    let store = Arc::new(MemoryStore::new());
    let node = || Place::on(Arc::clone(&store), settings(), |builder| builder.dpop(Dpop::new().with_markers(true)));
    let (place, other) = (node(), node());
    let (_, begun) = send(&place, BEGIN, TV, Some(1));
    let text = |name: &str| begun[name].as_str().unwrap().to_owned();
    place.approve(&place.find(&text("user_code"), "alice").unwrap()).unwrap();
    let poll = format!("grant_type={DEVICE_CODE}&device_code={}&{TV}", text("device_code"));
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let proof = proof(&place, TOKEN, &poll, 1);
        for (place, status) in [(&place, 200), (&other, 400), (&place, 400)] {
            let response = ask(place, TOKEN, &poll, Some(&proof));
            assert_eq!(response.status(), status, "{}", String::from_utf8_lossy(response.body()));
            if status == 200 {
                bodies.push(response.into_body());
            }
        }
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "the same tokens");
}

#[test]
fn a_device_code_is_bound_to_the_key_that_it_was_begun_with() {
    let place = Place::of(settings(), |builder| builder.dpop(Dpop::new()));
    let (status, begun) = send(&place, BEGIN, TV, Some(1));
    assert_eq!(status, 200, "{begun}");
    let text = |name: &str| begun[name].as_str().unwrap().to_owned();
    let poll = format!("grant_type={DEVICE_CODE}&device_code={}&{TV}", text("device_code"));
    for _ in 0..2 {
        assert_eq!(send(&place, TOKEN, &poll, None).1["error"], "invalid_dpop_proof");
        assert_eq!(send(&place, TOKEN, &poll, Some(2)).1["error"], "invalid_grant");
        place.advance(10);
        if place.find(&text("user_code"), "alice").is_ok() {
            assert_eq!(send(&place, TOKEN, &poll, Some(1)).1["error"], "authorization_pending");
            place.approve(&place.find(&text("user_code"), "alice").unwrap()).unwrap();
        }
    }
    let (status, tokens) = send(&place, TOKEN, &poll, Some(1));
    assert_eq!((status, tokens["token_type"].as_str()), (200, Some("DPoP")), "{tokens}");
    // The lost answer is the key's too, and so is what follows.
    assert_eq!(send(&place, TOKEN, &poll, Some(2)).0, 400);
    assert_eq!(send(&place, TOKEN, &poll, Some(1)).1["refresh_token"], tokens["refresh_token"]);
    let refresh = format!("grant_type=refresh_token&refresh_token={}&{TV}", tokens["refresh_token"].as_str().unwrap());
    assert_eq!(send(&place, TOKEN, &refresh, None).0, 400);
    assert_eq!(send(&place, TOKEN, &refresh, Some(1)).0, 200);
}
