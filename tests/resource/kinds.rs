//! One token taken for another: each kind is refused at every door but its own (RFC 9068 section 5, RFC 8725 section 3.11).

use regrant::engine::BearerErrorKind;
use serde_json::json;

use super::jwt::{both, ed25519, is_refused};
use crate::kit::at;
use crate::kit::jwt::parts;
use crate::kit::portal::{ISSUER, OnShelf, redemption, renewal};

/// Every kind of token at every door but its own: refused there, and nothing of it is spent.
#[test]
fn no_token_passes_for_another_kind() {
    for client_id in ["portal", "native"] {
        let world = OnShelf::simple();
        let tokens = world.login(client_id, at(0));
        let code = world.code(client_id, at(0));
        let (refresh, access) = (tokens.refresh_token(), tokens.access_token());
        let stored = world.store.bytes();
        for token in [&refresh, &access] {
            world.redeem(client_id, token, at(1)).assert_error(400, "invalid_grant");
        }
        for token in [&code, &access] {
            world.refresh(client_id, token, at(1)).assert_error(400, "invalid_grant");
        }
        for token in [&code, &refresh] {
            assert_eq!(world.bearer(token, at(1)).unwrap_err().kind(), BearerErrorKind::InvalidToken);
            assert!(!world.is_active("api", token, at(1)), "a resource learns of neither");
        }
        let reply = world.revoke(client_id, &code, at(1));
        assert_eq!((reply.status, &*reply.body), (200, &b"{}"[..]));
        assert_eq!(world.store.bytes(), stored);
        world.redeem(client_id, &code, at(1)).assert_ok();
        world.refresh(client_id, &refresh, at(1)).assert_ok();
    }
}

#[test]
fn an_id_token_opens_no_door() {
    for tokens in both() {
        let world = OnShelf::signing(ed25519(1).0, tokens);
        for client in ["portal", "native", "vault"] {
            let reply = world.login(client, at(1));
            let id_token = reply.text("id_token");
            is_refused(&world, &id_token);
            for body in [redemption(client, &id_token), renewal(&id_token)] {
                world.token(client, &body, at(2)).assert_error(400, "invalid_grant");
            }
            // Nor is an access token an ID token: its type and its audience are others.
            let (header, claims) = parts(&reply.access_token());
            assert_eq!((&header["typ"], &claims["aud"]), (&json!("at+jwt"), &json!(ISSUER)));
            assert_ne!(parts(&id_token).0["typ"], "at+jwt");
            for body in [redemption(client, &reply.access_token()), renewal(&reply.access_token())] {
                world.token(client, &body, at(2)).assert_error(400, "invalid_grant");
            }
        }
    }
}
