//! The clients that prove keys.

use serde_json::json;

use super::Town;
use crate::kit::jwt::claims;
use crate::kit::proof::ProofKey;

/// RFC 7523, 9126 and 9449.
#[test]
fn a_client_that_signs_pushes_and_proves() {
    for access in ["opaque", "jwt"] {
        let town = Town::http(&["--access", access]);
        let key = ProofKey::of(1);
        let client = town.client("key-client").proves(&key);
        let tokens = client.log_in();
        assert_eq!(tokens.json()["token_type"], "DPoP");
        let token = tokens.member("access_token");
        assert_eq!(client.resource(&token).json(), json!({"sub": "alice", "client_id": "key-client"}));
        if access == "jwt" {
            assert_eq!(claims(&token)["cnf"]["jkt"], key.thumbprint());
            assert_eq!(claims(&token)["aud"], format!("{}/resource", town.issuer));
        } else {
            assert!(!token.contains('.'));
        }
        // A confidential client may change the key that its tokens are bound to (RFC 9449 section 5).
        let other = ProofKey::of(2);
        let client = client.proves(&other);
        assert_eq!(client.resource(&token).status, 401);
        let renewed = client.refresh(&tokens.member("refresh_token"));
        assert_eq!(client.resource(&renewed.member("access_token")).json()["sub"], "alice");
        assert_eq!(client.credentials().json()["token_type"], "DPoP");
    }
}

/// RFC 9101.
#[test]
fn a_client_that_signs_its_requests() {
    let town = Town::http(&[]);
    let client = town.client("signed-client");
    let tokens = client.log_in();
    assert_eq!(client.resource(&tokens.member("access_token")).json()["client_id"], "signed-client");
    assert_eq!(client.refresh(&tokens.member("refresh_token")).status, 200);
}

/// RFC 9449 section 5: bound where a proof is sent, the refresh token too.
#[test]
fn a_browser_with_a_proof_and_without() {
    let town = Town::http(&[]);
    let client = town.client("browser-client");
    let tokens = client.log_in();
    assert_eq!(tokens.json()["token_type"], "Bearer");
    assert_eq!(client.resource(&tokens.member("access_token")).json()["sub"], "alice");
    assert_eq!(client.refresh(&tokens.member("refresh_token")).status, 200);

    let (key, other) = (ProofKey::of(3), ProofKey::of(4));
    let client = client.proves(&key);
    let tokens = client.log_in();
    let (access, refresh) = (tokens.member("access_token"), tokens.member("refresh_token"));
    assert_eq!(client.resource(&access).json(), json!({"sub": "alice", "client_id": "browser-client"}));
    // No bearer token, neither of them.
    assert_eq!(client.without_proof().resource(&access).status, 401);
    assert_eq!(client.without_proof().refresh(&refresh).member("error"), "invalid_dpop_proof");
    assert_eq!(client.proves(&other).refresh(&refresh).member("error"), "invalid_grant");
    // Nothing of that did any harm.
    assert_eq!(client.refresh(&refresh).status, 200);
}

/// A tab that is behind, by far: with its key it catches up, and without one it is a replay.
#[test]
fn who_proves_the_key_catches_up() {
    let town = Town::http(&[]);
    let key = ProofKey::of(5);
    for (client, catches_up) in
        [(town.client("browser-client").proves(&key), true), (town.client("browser-client"), false)]
    {
        let first = client.log_in().member("refresh_token");
        let second = client.refresh(&first).member("refresh_token");
        let third = client.refresh(&second).member("refresh_token");
        let behind = client.refresh(&first);
        if catches_up {
            assert_eq!(behind.member("refresh_token"), third);
            assert_eq!(client.refresh(&third).status, 200);
        } else {
            assert_eq!(behind.member("error"), "invalid_grant");
            assert_eq!(client.refresh(&third).member("error"), "invalid_grant", "the login is over");
        }
    }
}

/// RFC 7523 as it was: under the MAC of a secret, and for the token endpoint. One client here may still do so.
#[test]
fn a_client_of_before() {
    let town = Town::http(&[]);
    for by_secret in [true, false] {
        for for_token_endpoint in [true, false] {
            let mut client = town.client("older-client");
            (client.by_secret, client.for_token_endpoint) = (by_secret, for_token_endpoint);
            let tokens = client.log_in();
            assert_eq!(client.resource(&tokens.member("access_token")).json()["client_id"], "older-client");
            assert_eq!(client.refresh(&tokens.member("refresh_token")).status, 200);
        }
    }
}
