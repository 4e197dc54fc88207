//! Codes that are bound to a key: RFC 9449 section 10.

use super::house::{ask, house, redemption, renewal};
use crate::kit::at;
use crate::kit::proof::ProofKey;
use crate::kit::schedule::run as poll;

#[test]
fn a_bound_code_is_for_its_key() {
    let world = house();
    let (own, other) = (ProofKey::of(1), ProofKey::of(2));
    for client in ["phone", "machine"] {
        let code = world.code(client, &[("dpop_jkt", &own.thumbprint())], at(0));
        let stored = world.store.bytes();
        world.bare(client, &redemption(&code), at(1)).assert_error(400, "invalid_dpop_proof");
        world.proven(client, &redemption(&code), &other, at(1)).assert_error(400, "invalid_grant");
        assert_eq!(world.store.bytes(), stored, "{client}");
        let reply = world.proven(client, &redemption(&code), &own, at(2));
        assert_eq!(reply.text("token_type"), "DPoP");
        // What the code was bound to is gone; what the grant is bound to is not.
        let refreshed = world.proven(client, &super::house::renewal(&reply.refresh_token()), &other, at(3));
        assert_eq!(refreshed.status == 200, client == "machine");
    }
}

/// A store that went back to before the redemption is moved forward by the next refresh to what that had left: bound, by what its client
/// shows, and the code's own key gone (sections 5 and 10).
#[test]
fn a_redemption_that_the_store_lost_binds_once_more() {
    let world = house();
    let (own, other) = (ProofKey::of(1), ProofKey::of(2));
    for client in ["phone", "machine"] {
        for jkt in [None, Some(own.thumbprint())] {
            let asked: Vec<_> = jkt.iter().map(|jkt| ("dpop_jkt", &**jkt)).collect();
            let code = world.code(client, &asked, at(0));
            let before = world.store.grants().pop().unwrap();
            let first = world.proven(client, &redemption(&code), &own, at(1)).refresh_token();
            world.store.misplace(before.id(), before);
            let second = world.proven(client, &renewal(&first), &own, at(2)).assert_ok().refresh_token();
            world.bare(client, &renewal(&second), at(3)).assert_error(400, "invalid_dpop_proof");
            let refreshed = world.proven(client, &renewal(&second), &other, at(4));
            assert_eq!(refreshed.status == 200, client == "machine", "{client} {jkt:?}");
            // What was bound for certain does nothing without its key, whatever its age. What may have been anybody's tells that the login is
            // in two hands.
            let stored = world.store.bytes();
            let old = world.bare(client, &renewal(&first), at(200));
            if jkt.is_some() {
                old.assert_error(400, "invalid_dpop_proof");
                assert_eq!(world.store.bytes(), stored, "{client}");
            } else {
                old.assert_error(400, "invalid_grant");
                assert!(world.store.bytes().is_empty(), "{client}");
            }
            poll(world.engine.end_sessions_of("alice", at(5))).unwrap();
        }
    }
}

/// Who knows code and verifier, and not the key, ends nobody's login.
#[test]
fn a_second_use_without_the_key_changes_nothing() {
    let world = house();
    let (own, other) = (ProofKey::of(1), ProofKey::of(2));
    let code = world.code("phone", &[], at(0));
    let proof = world.fresh(&own, at(1)).sign();
    let redeem = ask("phone", &redemption(&code)).header("dpop", proof);
    world.send(&redeem, at(1)).assert_ok();
    let stored = world.store.bytes();
    world.bare("phone", &redemption(&code), at(2)).assert_error(400, "invalid_dpop_proof");
    world.proven("phone", &redemption(&code), &other, at(2)).assert_error(400, "invalid_grant");
    world.send(&redeem, at(2)).assert_error(400, "use_dpop_nonce");
    assert_eq!(world.store.bytes(), stored);
    world.proven("phone", &redemption(&code), &own, at(3)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty(), "twice by who has the key");
}

#[test]
fn a_thumbprint_that_is_none_is_refused_and_the_page_carries_a_good_one() {
    let world = house();
    let jkt = ProofKey::of(1).thumbprint();
    let query = |jkt: &str| {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", "phone")
            .append_pair("redirect_uri", "http://127.0.0.1/cb")
            .append_pair("code_challenge", crate::kit::bank::CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .append_pair("dpop_jkt", jkt)
            .finish()
    };
    let authorize = |query: &str| {
        let request = regrant::Request::new("GET", b"").with_query(query.as_bytes());
        crate::kit::schedule::run(world.engine.authorize(&request, at(0)))
            .map(|asked| asked.carried().any(|(name, value)| name == "dpop_jkt" && value == jkt))
    };
    assert!(authorize(&query(&jkt)).unwrap());
    for wrong in [&jkt[1..], &format!("{jkt}="), &format!("{jkt}A"), "none", &jkt.replace(|_: char| true, "!")] {
        assert!(authorize(&query(wrong)).is_err(), "{wrong}");
    }
}

/// Section 10.1: the proof that comes with a pushed request binds the code, as `dpop_jkt` does, and the two agree.
#[test]
fn a_pushed_request_binds_its_code_to_the_key_of_its_proof() {
    let world = super::house::pushing();
    let (own, other) = (ProofKey::of(1), ProofKey::of(2));
    let par = format!("{}/par", crate::kit::bank::ISSUER);
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", "http://127.0.0.1/cb")
        .append_pair("code_challenge", crate::kit::bank::CHALLENGE)
        .append_pair("code_challenge_method", "S256")
        .finish();
    let push = |more: &str, proof: &str| {
        let ask = ask("phone", &format!("{body}{more}")).header("dpop", proof);
        crate::kit::Reply::of(&world.engine.blocking().push(&ask.request(), at(0)).unwrap())
    };
    let refused = push("", &own.proof("POST", &par).sign());
    refused.assert_error(400, "use_dpop_nonce");
    let nonce = super::house::nonce_of(&refused);
    let good = || own.proof("POST", &par).nonce(&nonce);
    push("", &good().with("htu", super::house::token_url()).sign()).assert_error(400, "invalid_dpop_proof");
    push(&format!("&dpop_jkt={}", other.thumbprint()), &good().sign()).assert_error(400, "invalid_request");
    assert!(world.store.bytes().is_empty(), "nobody has been let in");
    for more in [String::new(), format!("&dpop_jkt={}", own.thumbprint())] {
        let pushed = push(&more, &good().sign());
        assert_eq!(pushed.status, 201);
        super::house::nonce_of(&pushed);
        let uri = pushed.text("request_uri");
        let query = crate::kit::bank::Query::of(&[("client_id", "phone"), ("request_uri", &uri)]);
        let code = world.authorize(&query, at(1)).code();
        world.bare("phone", &redemption(&code), at(2)).assert_error(400, "invalid_dpop_proof");
        world.proven("phone", &redemption(&code), &other, at(2)).assert_error(400, "invalid_grant");
        world.proven("phone", &redemption(&code), &own, at(2)).assert_ok();
    }
}

/// Sections 5.2 and 10: a client that is marked binds its code where it pushes, by the one or by the other.
#[test]
fn a_marked_client_pushes_no_request_that_is_bound_to_nothing() {
    let world = super::house::pushing();
    let own = ProofKey::of(1);
    let par = format!("{}/par", crate::kit::bank::ISSUER);
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", "http://127.0.0.1/cb")
        .append_pair("code_challenge", crate::kit::bank::CHALLENGE)
        .append_pair("code_challenge_method", "S256")
        .finish();
    let push = |client: &str, more: &str, proof: Option<String>| {
        let ask = ask(client, &format!("{body}{more}"));
        let ask = proof.into_iter().fold(ask, |ask, proof| ask.header("dpop", proof));
        crate::kit::Reply::of(&world.engine.blocking().push(&ask.request(), at(0)).unwrap())
    };
    for (marked, free) in [("marked-phone", "phone"), ("marked-machine", "machine")] {
        push(marked, "", None).assert_error(400, "invalid_dpop_proof");
        assert_eq!(push(free, "", None).status, 201);
        assert_eq!(push(marked, &format!("&dpop_jkt={}", own.thumbprint()), None).status, 201);
        push(marked, "&dpop_jkt=none", None).assert_error(400, "invalid_request");
        let nonce = super::house::nonce_of(&push(marked, "", Some(own.proof("POST", &par).sign())));
        assert_eq!(push(marked, "", Some(own.proof("POST", &par).nonce(&nonce).sign())).status, 201);
    }
}
