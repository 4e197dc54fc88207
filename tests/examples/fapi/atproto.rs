//! The example as an authorization server of atproto. Clients that are known by a document come in `tests/clients`.

use serde_json::json;

use super::{Town, refused};
use crate::kit::proof::ProofKey;

/// atproto, "Server Metadata", and what its clients do with each session.
#[test]
fn under_atproto_sessions_are_bound() {
    let town = Town::http(&["--profile", "atproto"]);
    let metadata = town.get(None, "/.well-known/oauth-authorization-server", "").json();
    assert_eq!(metadata["client_id_metadata_document_supported"], true);
    assert_eq!(metadata["require_pushed_authorization_requests"], true);
    assert_eq!(metadata["dpop_signing_alg_values_supported"].as_array().unwrap()[0], "ES256");
    assert!(metadata["scopes_supported"].as_array().unwrap().contains(&json!("atproto")));
    let resource = town.get(None, "/.well-known/oauth-protected-resource", "").json();
    assert_eq!(resource["resource"], town.issuer);

    let did = town.get(None, "/.well-known/did.json", "").json();
    assert_eq!(did["service"][0]["serviceEndpoint"], town.issuer);
    let (key, other) = (ProofKey::of(1), ProofKey::of(2));
    for id in ["key-client", "browser-client"] {
        // A challenge is for one session.
        let verifier = format!("{id:-<43}");
        let client = town.client(id).proves(&key).with_verifier(&verifier);
        let tokens = client.log_in();
        assert_eq!(tokens.json()["sub"], did["id"]);
        assert_eq!(tokens.json()["scope"], "atproto");
        let served = client.resource(&tokens.member("access_token"));
        assert_eq!(served.json(), json!({"sub": did["id"], "client_id": id}));
        // The session has one key, of confidential clients too.
        let refresh = tokens.member("refresh_token");
        assert_eq!(refused(&client.proves(&other).refresh(&refresh)), (400, "invalid_grant".to_owned()));
        assert_eq!(client.refresh(&refresh).status, 200);
    }
    for id in ["mtls-client", "ca-client", "older-client"] {
        let form = format!("grant_type=client_credentials&client_id={id}");
        assert_eq!(refused(&town.post(None, "/token", "", &form)).1, "invalid_client", "{id}");
    }
}

/// Only the name of this machine may have a port in atproto.
#[test]
fn a_person_has_the_name_of_the_server() {
    for (issuer, did) in
        [("https://pds.example", "did:web:pds.example"), ("http://127.0.0.1:8091", "did:web:localhost%3A8091")]
    {
        let town = Town::http(&["--profile", "atproto", "--issuer", issuer]);
        assert_eq!(town.get(None, "/.well-known/did.json", "").json()["id"], did);
    }
    assert_eq!(Town::http(&[]).get(None, "/.well-known/did.json", "").status, 404);
}
