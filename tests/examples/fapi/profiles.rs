//! The example under the profiles that it can be told.

use serde_json::json;

use super::{Town, encoded, refused};
use crate::kit::proof::ProofKey;

/// FAPI 2.0 Security Profile section 5.3.2.1: clients that authenticate by keys and certificates, all of whose tokens are bound, and
/// whose refresh tokens do not rotate.
#[test]
fn under_fapi_every_client_that_is_left_does_all_of_it() {
    let town = Town::https(&["--profile", "fapi2"]);
    let authority = town.authority.as_ref().unwrap();
    let (key, issued) = (ProofKey::of(1), authority.issue("ca-client"));
    for client in [
        town.client("key-client").proves(&key),
        town.client("signed-client").proves(&key),
        town.client("mtls-client").shows(&town.mtls),
        town.client("ca-client").shows(&issued),
    ] {
        let tokens = client.log_in();
        let served = client.resource(&tokens.member("access_token"));
        assert_eq!(served.json(), json!({"sub": "alice", "client_id": client.id}));
        let refresh = tokens.member("refresh_token");
        for _ in 0..2 {
            let renewed = client.refresh(&refresh);
            assert_eq!(renewed.status, 200, "{renewed:?}");
            let own = renewed.json()["refresh_token"].as_str().map(str::to_owned);
            assert!(own.is_none_or(|own| own == refresh), "it does not rotate");
            assert_eq!(client.resource(&renewed.member("access_token")).status, 200);
        }
    }
    // And a certificate is renewed here too.
    let client = town.client("ca-client").shows(&issued);
    let refresh = client.log_in().member("refresh_token");
    let renewed = authority.issue("ca-client");
    assert_eq!(client.shows(&renewed).refresh(&refresh).status, 200);
}

/// Sections 5.3.2.1 and 5.3.2.2.
#[test]
fn under_fapi_nobody_comes_otherwise() {
    let town = Town::http(&["--profile", "fapi2"]);
    let metadata = town.get(None, "/.well-known/oauth-authorization-server", "").json();
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.iter().all(|method| *method != "none" && *method != "client_secret_jwt"), "{methods:?}");
    for (id, what) in [("browser-client", "it is public"), ("older-client", "it has a secret")] {
        let client = town.client(id);
        assert_eq!(town.get(None, &format!("/authorize?{}", client.asks(&[])), "").status, 400, "{what}");
        assert_eq!(refused(&town.post(None, "/par", "", &client.asks(&[]))), (401, "invalid_client".to_owned()));
        let form = encoded(&[("grant_type", "refresh_token"), ("refresh_token", "made-up"), ("client_id", id)]);
        assert_eq!(refused(&town.post(None, "/token", "", &form)), (401, "invalid_client".to_owned()));
    }
    // Not pushed, though it is signed; and no token that is anybody's.
    let signed = town.client("signed-client");
    let direct = town.get(None, &format!("/authorize?{}", signed.asks_signed()), "");
    assert_eq!(super::told(&direct, "error"), "invalid_request");
    assert_eq!(refused(&signed.credentials()), (400, "invalid_dpop_proof".to_owned()));
    let code = signed.code();
    assert_eq!(refused(&signed.redeem(&code)), (400, "invalid_dpop_proof".to_owned()));
    assert_eq!(signed.proves(&ProofKey::of(1)).redeem(&code).json()["token_type"], "DPoP");
}
