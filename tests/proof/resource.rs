//! At a resource: RFC 9449 section 7, and what it hears of a bound token: section 6.

use regrant::engine::BearerErrorKind::{self, InvalidDpopProof, InvalidToken, UseDpopNonce};

use super::house::{FILES, LOGIN, MAIL, clients, house, node, plain, street};
use crate::kit::bank::{ISSUER, KEY};
use crate::kit::jwt::claims;
use crate::kit::proof::ProofKey;
use crate::kit::{SECRET, World, altered, at, basic, form};
use regrant::engine::Dpop;
use regrant::jwt::JwtAccessTokens;

fn url(path: &str) -> String {
    format!("{ISSUER}{path}")
}

#[track_caller]
fn kind(refused: Result<regrant::Access, regrant::BearerError>) -> BearerErrorKind {
    refused.expect_err("not let in").kind()
}

#[test]
fn a_bound_token_is_let_in_with_a_proof_of_its_key_and_for_it() {
    let world = house();
    let key = ProofKey::of(1);
    let token = world.proven("phone", LOGIN, &key, at(0)).access_token();
    let other = world.proven("phone", LOGIN, &key, at(0)).access_token();
    let good = || key.proof("GET", &url("/files/7")).nonce(&world.nonce(at(1))).ath(&token);
    let access = world.with_proof("/files/7", &token, &good().sign(), at(1)).unwrap();
    assert_eq!((access.subject(), access.is_bound()), (Some("alice"), true));
    let next = access.dpop_nonce().expect("the next nonce").to_owned();
    let with_next = key.proof("GET", &url("/files/7?page=2")).nonce(&next).ath(&token).sign();
    world.with_proof("/files/7", &token, &with_next, at(1)).unwrap();
    for (what, path, proof, expected) in [
        ("for another token", "/files/7", good().ath(&other).sign(), InvalidDpopProof),
        ("for no token", "/files/7", key.proof("GET", &url("/files/7")).nonce(&next).sign(), InvalidDpopProof),
        ("for another path", "/files/8", good().sign(), InvalidDpopProof),
        ("for a path below", "/files/7/8", good().sign(), InvalidDpopProof),
        ("for another host", "/files/7", good().with("htu", "https://evil.example/files/7").sign(), InvalidDpopProof),
        (
            "a host in the path",
            "//evil.example/files/7",
            good().with("htu", "https://evil.example/files/7").sign(),
            InvalidDpopProof,
        ),
        ("for another method", "/files/7", good().with("htm", "POST").sign(), InvalidDpopProof),
        (
            "by another key",
            "/files/7",
            ProofKey::of(2).proof("GET", &url("/files/7")).nonce(&next).ath(&token).sign(),
            InvalidToken,
        ),
        ("without a nonce", "/files/7", key.proof("GET", &url("/files/7")).ath(&token).sign(), UseDpopNonce),
        ("with another's nonce", "/files/7", good().nonce(&altered(&next, 30)).sign(), UseDpopNonce),
        ("none", "/files/7", "none".to_owned(), InvalidDpopProof),
    ] {
        let refused = world.with_proof(path, &token, &proof, at(1)).expect_err(what);
        assert_eq!((refused.kind(), refused.status()), (expected, 401), "{what}");
        assert_eq!(refused.response().headers().filter(|header| header.0 == "dpop-nonce").count(), 1, "{what}");
    }
    let header = format!("DPoP {token}");
    assert_eq!(kind(world.at_resource(None, "/files/7", &[("authorization", &header)], at(1))), InvalidDpopProof);
    let two = good().sign();
    let again = good().sign();
    let headers = [("authorization", &*header), ("dpop", &*two), ("DPoP", &*again)];
    assert_eq!(kind(world.at_resource(None, "/files/7", &headers, at(1))), InvalidDpopProof);
    world.with_proof("/files/7", &token, &good().sign(), at(1)).unwrap();
}

/// Section 7.2: whoever has got hold of the token alone.
#[test]
fn a_bound_token_is_no_bearer_token_and_a_bearer_token_is_not_bound() {
    let world = house();
    let key = ProofKey::of(1);
    let bound = world.proven("phone", LOGIN, &key, at(0)).access_token();
    let bearer = world.bare("phone", LOGIN, at(0)).access_token();
    let proof = |token: &str| key.proof("GET", &url("/x")).nonce(&world.nonce(at(1))).ath(token).sign();
    let at_x = |headers: &[(&str, &str)]| world.at_resource(None, "/x", headers, at(1));
    assert_eq!(kind(at_x(&[("authorization", &format!("Bearer {bound}"))])), InvalidToken);
    assert_eq!(kind(at_x(&[("authorization", &format!("Bearer {bound}")), ("dpop", &proof(&bound))])), InvalidToken);
    assert_eq!(kind(at_x(&[("authorization", &format!("DPoP {bearer}")), ("dpop", &proof(&bearer))])), InvalidToken);
    at_x(&[("authorization", &format!("Bearer {bearer}"))]).unwrap();
    at_x(&[("authorization", &format!("dpop {bound}")), ("dpop", &proof(&bound))]).unwrap();
    // In a form it would be a bearer token (RFC 6750 section 2.2).
    let body = format!("access_token={bound}");
    let request = regrant::Request::new("POST", body.as_bytes())
        .with_header("content-type", b"application/x-www-form-urlencoded")
        .with_url("/x");
    let refused = crate::kit::schedule::run(world.engine.bearer(&request, &regrant::Scope::empty(), at(1)));
    assert_eq!(kind(refused), InvalidToken);
}

/// Each bit of key and kind is under the MAC.
#[test]
fn no_altered_token_is_bound_to_another_key() {
    for world in [house(), street()] {
        let key = ProofKey::of(1);
        let token = world.proven("phone", LOGIN, &key, at(0)).access_token();
        for place in 0..token.len() {
            let wrong = altered(&token, place);
            let proof = key.proof("GET", FILES).nonce(&world.nonce(at(1))).ath(&wrong).sign();
            let headers = [("authorization", format!("DPoP {wrong}")), ("dpop", proof)];
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            assert!(world.at_resource(None, FILES, &headers, at(1)).is_err(), "{place}");
        }
    }
}

#[test]
fn a_bound_token_is_for_its_resource() {
    let world = street();
    let key = ProofKey::of(1);
    let both = format!("{LOGIN}&resource=https%3A%2F%2Fapi.example%2Ffiles&resource=https%3A%2F%2Fmail.example%2F");
    let login = world.proven("phone", &both, &key, at(0));
    assert_eq!(login.access_token().len(), 114);
    let at_one = |resource: &str, token: &str, path: &str, htu: &str| {
        let proof = key.proof("GET", htu).nonce(&world.nonce(at(1))).ath(token).sign();
        world.at_resource(Some(resource), path, &[("authorization", &format!("DPoP {token}")), ("dpop", &proof)], at(1))
    };
    let token = login.access_token();
    at_one(FILES, &token, "/files/7", "https://api.example/files/7").unwrap();
    at_one(MAIL, &token, "/inbox", "https://mail.example/inbox").unwrap();
    assert_eq!(kind(at_one(FILES, &token, "/files/7", "https://mail.example/files/7")), InvalidDpopProof);
    at_one(FILES, &token, "https://proxy.example/files/7", "https://proxy.example/files/7").unwrap();
    let own = world.proven("phone", LOGIN, &key, at(0)).access_token();
    assert_eq!(kind(at_one(MAIL, &own, "/inbox", "https://mail.example/inbox")), InvalidToken);
    // Where the host says no path, it is the resource itself.
    let request = [
        ("authorization", format!("DPoP {own}")),
        ("dpop", key.proof("GET", FILES).nonce(&world.nonce(at(1))).ath(&own).sign()),
    ];
    let request = request
        .iter()
        .fold(regrant::Request::new("GET", b""), |request, (name, value)| request.with_header(name, value.as_bytes()));
    crate::kit::schedule::run(world.engine.bearer(&request, &regrant::Scope::empty(), at(1))).unwrap();
}

/// Section 4.3, item 11, where a host does without nonces at its resources.
#[test]
fn without_nonces_a_proof_is_of_the_last_minute() {
    let world = house();
    let lax = node(&world, |builder| builder.dpop(Dpop::new().with_resource_nonces(false)));
    let key = ProofKey::of(1);
    let token = lax.proven("phone", LOGIN, &key, at(0)).access_token();
    let t0 = crate::kit::T0;
    for (iat, is_let_in) in [(t0 + 100 - 60, true), (t0 + 100 - 61, false), (t0 + 110, true), (t0 + 111, false)] {
        let proof = key.proof("GET", &url("/x")).with("iat", iat).ath(&token).sign();
        assert_eq!(lax.with_proof("/x", &token, &proof, at(100)).is_ok(), is_let_in, "{iat}");
    }
    // One that says a nonce says a right one.
    let proof = key.proof("GET", &url("/x")).with("iat", t0 + 100).nonce("none").ath(&token).sign();
    assert_eq!(kind(lax.with_proof("/x", &token, &proof, at(100))), UseDpopNonce);
    let proof = key.proof("GET", &url("/x")).with("iat", 0).nonce(&lax.nonce(at(100))).ath(&token).sign();
    lax.with_proof("/x", &token, &proof, at(100)).unwrap();
}

/// RFC 7662 section 2.2, RFC 9728 section 2: where bearer tokens are refused, a resource server is not told that one is good.
#[test]
fn a_token_that_no_resource_takes_is_inactive_there() {
    let strict = |builder| plain(builder).dpop(Dpop::new().with_required_at_resources(true));
    let world = World::new(clients(), strict);
    let bound = world.proven("phone", LOGIN, &ProofKey::of(1), at(0)).access_token();
    let bare = world.bare("phone", LOGIN, at(0)).access_token();
    for (token, is_active) in [(&bound, true), (&bare, false)] {
        let request = form(format!("token={token}")).authorization(basic("api", SECRET));
        let answer = world.engine.blocking().introspect(&request.request(), at(1)).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(answer["active"], is_active);
    }
    let bearer = [("authorization", &*format!("Bearer {bare}"))];
    assert_eq!(kind(world.at_resource(None, "/x", &bearer, at(1))), InvalidToken);
}

/// Sections 6.1 and 6.2: what those hear who check the proof themselves.
#[test]
fn jwts_and_introspection_name_the_key() {
    let jwts =
        |builder| plain(builder).signing_key(KEY.clone()).jwt_access_tokens(JwtAccessTokens::new()).dpop(Dpop::new());
    for world in [house(), World::new(clients(), jwts)] {
        let key = ProofKey::of(1);
        let reply = world.proven("phone", LOGIN, &key, at(0));
        let token = reply.access_token();
        if token.contains('.') {
            assert_eq!(claims(&token)["cnf"]["jkt"], *key.thumbprint());
            assert_eq!(reply.text("token_type"), "DPoP");
            let proof = key.proof("GET", &url("/x")).nonce(&world.nonce(at(1))).ath(&token).sign();
            world.with_proof("/x", &token, &proof, at(1)).unwrap();
            let bearer = [("authorization", &*format!("Bearer {token}"))];
            assert_eq!(kind(world.at_resource(None, "/x", &bearer, at(1))), InvalidToken);
        }
        let request = form(format!("token={token}")).authorization(basic("api", SECRET));
        let answer = world.engine.blocking().introspect(&request.request(), at(1)).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(answer["active"], true);
        assert_eq!(answer["token_type"], "DPoP");
        assert_eq!(answer["cnf"]["jkt"], *key.thumbprint());
        let bearer = world.bare("phone", LOGIN, at(0)).access_token();
        let request = form(format!("token={bearer}")).authorization(basic("api", SECRET));
        let answer = world.engine.blocking().introspect(&request.request(), at(1)).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!((answer["token_type"].as_str(), answer.get("cnf")), (Some("Bearer"), None));
    }
}
