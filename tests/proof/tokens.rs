//! At the token endpoint: RFC 9449 section 5, 8 and 10.1; what a grant is bound to, and for how long.

use regrant::Grant;
use regrant::grant::DecodeError;

use super::house::{LOGIN, ask, house, node, nonce_of, renewal, token_url};
use crate::kit::proof::ProofKey;
use crate::kit::{World, altered, at};

const A: u8 = 1;
const B: u8 = 2;

fn key(byte: u8) -> ProofKey {
    ProofKey::of(byte)
}

#[test]
fn a_proof_makes_a_token_that_is_bound_to_its_key() {
    let world = house();
    let reply = world.proven("phone", LOGIN, &key(A), at(0));
    reply.assert_ok();
    assert_eq!(reply.text("token_type"), "DPoP");
    assert_eq!(reply.access_token().len(), 111);
    nonce_of(&reply);
    let bearer = world.bare("phone", LOGIN, at(0));
    assert_eq!((bearer.text("token_type").as_str(), bearer.access_token().len()), ("Bearer", 67));
    assert!(bearer.header("dpop-nonce").is_empty(), "nobody asked for it");
    assert_eq!(world.events.names(), ["Refused", "Issued", "SenderBound", "Issued"]);
}

/// Section 8: before anybody is authenticated, and nothing is spent.
#[test]
fn without_a_nonce_of_now_the_request_is_sent_again_and_spends_nothing() {
    let world = house();
    let login = world.proven("phone", LOGIN, &key(A), at(0));
    let stored = world.store.bytes();
    let other = node(&world, |builder| {
        builder.root_secret(regrant::RootSecret::from_bytes(7, &[9; 32])).dpop(regrant::engine::Dpop::new())
    });
    let refresh = renewal(&login.refresh_token());
    for (what, nonce) in [
        ("none", None),
        ("empty", Some(String::new())),
        ("made up", Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned())),
        ("of another root secret", Some(other.nonce(at(0)))),
        ("one that was altered", Some(altered(&world.nonce(at(0)), 20))),
        ("one that is too old", Some(world.nonce(at(0)))),
    ] {
        let making = key(A).proof("POST", &token_url());
        let proof = nonce.iter().fold(making, |proof, nonce| proof.nonce(nonce)).sign();
        let now = if what == "one that is too old" { at(301) } else { at(1) };
        for ask in
            [ask("phone", &refresh), ask("phone", "grant_type=refresh_token&refresh_token=none"), ask("nobody", LOGIN)]
        {
            let reply = world.send(&ask.header("dpop", &proof), now);
            reply.assert_error(400, "use_dpop_nonce");
            assert_eq!(nonce_of(&reply).len(), 40, "{what}");
        }
        assert_eq!(world.store.bytes(), stored, "{what}");
    }
    world.proven("phone", &refresh, &key(A), at(2)).assert_ok();
}

/// A refusal has the next nonce too: clients refuse answers without (atproto).
#[test]
fn every_answer_to_a_proof_has_a_nonce() {
    let world = house();
    let nonce = world.nonce(at(0));
    let proof = || key(A).proof("POST", &token_url()).nonce(&nonce).sign();
    let mut seen = vec![nonce.clone()];
    for ask in [
        ask("phone", LOGIN),
        ask("nobody", LOGIN),
        ask("phone", "grant_type=refresh_token&refresh_token=none"),
        ask("phone", "grant_type=unknown"),
        ask("phone", LOGIN).method("GET"),
        ask("phone", LOGIN).content_type("text/plain"),
        ask("phone", LOGIN).header("dpop", "second"),
    ] {
        seen.push(nonce_of(&world.send(&ask.header("dpop", proof()), at(1))));
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 8, "each another");
}

/// Section 4.3: with a right nonce the client's clock does not count.
#[test]
fn a_phone_whose_clock_is_off_stays_logged_in() {
    let world = house();
    for iat in [0, 1, 4_000_000_000_u64, 253_402_300_799] {
        let login = world.fresh(&key(A), at(0)).with("iat", iat).sign();
        let login = world.send(&ask("phone", LOGIN).header("dpop", login), at(0));
        login.assert_ok();
        let proof = world.fresh(&key(A), at(500)).with("iat", iat).sign();
        world.send(&ask("phone", &renewal(&login.refresh_token())).header("dpop", proof), at(500)).assert_ok();
    }
}

/// Section 4.3, each rule by a proof that breaks it; nothing changes.
#[test]
fn a_proof_that_is_none_is_refused() {
    let world = house();
    let login = world.proven("phone", LOGIN, &key(A), at(0));
    let stored = world.store.bytes();
    let refresh = renewal(&login.refresh_token());
    let good = || world.fresh(&key(A), at(1));
    let url = token_url();
    let signed = good().sign();
    let (head, signature) = signed.rsplit_once('.').unwrap();
    for (what, proof) in [
        ("another method", good().with("htm", "GET").sign()),
        ("method in lower case", good().with("htm", "post").sign()),
        ("another endpoint", good().with("htu", format!("{url}/revoke")).sign()),
        ("another host", good().with("htu", url.replace("://", "://evil.")).sign()),
        ("another scheme", good().with("htu", url.replace("https:", "http:")).sign()),
        ("the host as a user", good().with("htu", url.replace("://", "://x@")).sign()),
        ("no URL", good().with("htu", "token").sign()),
        ("a nonce that is no text", good().with("nonce", 7).sign()),
        ("no jti", good().with("jti", "").sign()),
        ("a jti that is too long", good().with("jti", "j".repeat(300)).sign()),
        ("no iat", good().with("iat", "now").sign()),
        ("signature of another", format!("{head}.{}", good().sign().rsplit_once('.').unwrap().1)),
        ("no signature", format!("{head}.")),
        ("altered signature", format!("{head}.{}", altered(signature, 3))),
        ("two proofs in one header", format!("{signed}, {signed}")),
        ("nothing", String::new()),
        ("no JWT", "proof".to_owned()),
    ] {
        let reply = world.send(&ask("phone", &refresh).header("dpop", &proof), at(1));
        reply.assert_error(400, "invalid_dpop_proof");
        nonce_of(&reply);
        assert_eq!(world.store.bytes(), stored, "{what}");
    }
    let two = ask("phone", &refresh).header("dpop", good().sign()).header("dpop", good().sign());
    world.send(&two, at(1)).assert_error(400, "invalid_dpop_proof");
    assert_eq!(world.store.bytes(), stored);
    for same in [format!("{url}?a=b"), format!("{url}#part"), url.replacen("https", "HTTPS", 1)] {
        let proof = world.fresh(&key(A), at(1)).with("htu", same).sign();
        let again = world.proven("phone", LOGIN, &key(A), at(1)).refresh_token();
        world.send(&ask("phone", &renewal(&again)).header("dpop", proof), at(1)).assert_ok();
    }
}

/// Section 5: public clients, by the record; whatever the generation, nothing changes.
#[test]
fn a_bound_refresh_token_does_nothing_without_its_key() {
    let world = house();
    let first = world.proven("phone", LOGIN, &key(A), at(0)).refresh_token();
    let second = world.proven("phone", &renewal(&first), &key(A), at(100)).refresh_token();
    let third = world.proven("phone", &renewal(&second), &key(A), at(200)).refresh_token();
    let stored = world.store.bytes();
    world.events.take();
    for token in [&first, &second, &third] {
        world.bare("phone", &renewal(token), at(201)).assert_error(400, "invalid_dpop_proof");
        world.proven("phone", &renewal(token), &key(B), at(201)).assert_error(400, "invalid_grant");
        assert_eq!(world.store.bytes(), stored);
    }
    assert!(world.events.names().iter().all(|name| name == "Refused"), "no replay without the key");
    world.proven("phone", &renewal(&third), &key(A), at(300)).assert_ok();
    world.proven("phone", &renewal(&first), &key(A), at(400)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty(), "with the key it is a replay");
}

/// A lost answer is answered again to who proves the key, by a new proof or the same.
#[test]
fn a_retry_is_for_who_proves_the_key() {
    let world = house();
    let first = world.proven("phone", LOGIN, &key(A), at(0)).refresh_token();
    let proof = world.fresh(&key(A), at(10)).sign();
    let refresh = ask("phone", &renewal(&first)).header("dpop", &proof);
    let second = world.send(&refresh, at(10)).refresh_token();
    let stored = world.store.bytes();
    world.bare("phone", &renewal(&first), at(11)).assert_error(400, "invalid_dpop_proof");
    world.proven("phone", &renewal(&first), &key(B), at(11)).assert_error(400, "invalid_grant");
    assert_eq!(world.send(&refresh, at(11)).refresh_token(), second, "the same use");
    assert_eq!(world.proven("phone", &renewal(&first), &key(A), at(12)).refresh_token(), second);
    assert_eq!(world.store.bytes(), stored);
}

/// Section 5: once a public client proves a key, it gets no refresh token any more that is not bound to it.
#[test]
fn a_login_without_a_key_is_bound_by_the_first_refresh_with_one() {
    let world = house();
    let first = world.bare("phone", LOGIN, at(0)).refresh_token();
    assert_eq!(world.store.grants()[0].encode()[0], 1, "nothing new is needed");
    let second = world.bare("phone", &renewal(&first), at(1)).refresh_token();
    world.events.take();
    let third = world.proven("phone", &renewal(&second), &key(A), at(2)).refresh_token();
    assert_eq!(world.events.names(), ["Refused", "SenderBound", "Refreshed"]);
    world.bare("phone", &renewal(&third), at(3)).assert_error(400, "invalid_dpop_proof");
    world.proven("phone", &renewal(&third), &key(B), at(3)).assert_error(400, "invalid_grant");
    world.proven("phone", &renewal(&third), &key(A), at(3)).assert_ok();
}

/// RFC 9700 section 4.14.2, law 3: who has stolen an unbound token and binds the login to his own key does not keep it when its owner comes
/// with the token from before, which was anybody's; but the answer to that is for who proves the key.
#[test]
fn a_thief_does_not_keep_a_login_by_binding_it() {
    for (owner, status, error) in [(None, 400, "invalid_dpop_proof"), (Some(B), 400, "invalid_grant")] {
        let world = house();
        let of_owner = |token: &str, secs: u64| match owner {
            None => world.bare("phone", &renewal(token), at(secs)),
            Some(own) => world.proven("phone", &renewal(token), &key(own), at(secs)),
        };
        let first = world.bare("phone", LOGIN, at(0)).refresh_token();
        let second = world.bare("phone", &renewal(&first), at(100)).refresh_token();
        let stolen = world.proven("phone", &renewal(&second), &key(A), at(200)).refresh_token();
        let stored = world.store.bytes();
        // In the window it may be the owner's own answer that got lost, bound to his key.
        assert_eq!(of_owner(&second, 210).outcome(), (status, Some(error.into())));
        assert_eq!(world.store.bytes(), stored);
        let next = world.proven("phone", &renewal(&stolen), &key(A), at(250)).refresh_token();
        world.events.take();
        of_owner(&second, 300).assert_error(400, "invalid_grant");
        assert!(world.events.names().contains(&"ReplayFound".to_owned()));
        assert!(world.store.bytes().is_empty(), "it ends for both");
        world.proven("phone", &renewal(&next), &key(A), at(301)).assert_error(400, "invalid_grant");
    }
}

/// What was bound when it was made ends nothing without the key, also in a login that began unbound; and an owner ends it by a token from
/// before, as any other login (RFC 7009 section 2.1).
#[test]
fn of_a_login_that_was_bound_later_each_token_is_judged_as_it_was_made() {
    let world = house();
    let first = world.bare("phone", LOGIN, at(0)).refresh_token();
    let second = world.proven("phone", &renewal(&first), &key(A), at(100)).refresh_token();
    let third = world.proven("phone", &renewal(&second), &key(A), at(200)).refresh_token();
    world.proven("phone", &renewal(&third), &key(A), at(300)).assert_ok();
    let stored = world.store.bytes();
    for token in [&second, &third] {
        world.bare("phone", &renewal(token), at(500)).assert_error(400, "invalid_dpop_proof");
        world.proven("phone", &renewal(token), &key(B), at(500)).assert_error(400, "invalid_grant");
        world.revoke(&ask("phone", &format!("token={token}")), at(500));
    }
    assert_eq!(world.store.bytes(), stored);
    world.revoke(&ask("phone", &format!("token={first}")), at(500));
    assert!(world.store.bytes().is_empty());
}

/// Section 5, RFC 8705 section 4: a confidential client is known besides, so it may change its key; but not drop it.
#[test]
fn a_confidential_client_changes_its_key_and_keeps_proving_one() {
    let world = house();
    let first = world.proven("machine", LOGIN, &key(A), at(0)).refresh_token();
    let second = world.proven("machine", &renewal(&first), &key(B), at(1));
    assert_eq!(second.text("token_type"), "DPoP");
    let stored = world.store.bytes();
    let second = second.refresh_token();
    world.bare("machine", &renewal(&second), at(2)).assert_error(400, "invalid_dpop_proof");
    assert_eq!(world.store.bytes(), stored);
    world.proven("machine", &renewal(&second), &key(A), at(3)).assert_ok();
    // Where the first was not bound, some of its nodes may prove a key already.
    let plain = world.bare("machine", LOGIN, at(4)).refresh_token();
    let bound = world.proven("machine", &renewal(&plain), &key(A), at(5));
    assert_eq!(bound.text("token_type"), "DPoP");
    assert_eq!(world.bare("machine", &renewal(&bound.refresh_token()), at(6)).text("token_type"), "Bearer");
}

#[test]
fn a_marked_client_gets_nothing_without_a_proof() {
    let world = house();
    for client in ["marked-phone", "marked-machine"] {
        world.bare(client, LOGIN, at(0)).assert_error(400, "invalid_dpop_proof");
        let first = world.proven(client, LOGIN, &key(A), at(0)).refresh_token();
        world.bare(client, &renewal(&first), at(1)).assert_error(400, "invalid_dpop_proof");
        world.bare(client, &renewal(&altered(&first, 30)), at(1)).assert_error(400, "invalid_dpop_proof");
    }
    let own = "grant_type=client_credentials";
    world.bare("marked-machine", own, at(0)).assert_error(400, "invalid_dpop_proof");
    let token = world.proven("marked-machine", own, &key(A), at(0));
    assert_eq!(token.text("token_type"), "DPoP");
    let of_itself = world.store.grants().into_iter().find(|grant| grant.subject().is_none()).unwrap();
    assert_eq!(of_itself.encode()[0], 1, "the token says it all");
}

/// Nobody is logged out by an engine that takes proofs, nor let in by one that takes none.
#[test]
fn what_is_bound_stays_bound_where_proofs_are_off() {
    let world = house();
    let bound = world.proven("phone", LOGIN, &key(A), at(0));
    let off = node(&world, |builder| builder);
    let proof = world.fresh(&key(A), at(1)).sign();
    for ask in [
        ask("phone", &renewal(&bound.refresh_token())),
        ask("phone", &renewal(&bound.refresh_token())).header("dpop", proof),
    ] {
        let reply = off.send(&ask, at(1));
        reply.assert_error(400, "invalid_dpop_proof");
        assert!(reply.header("dpop-nonce").is_empty());
    }
    let refused = off.at_resource(None, "/x", &[("authorization", &format!("Bearer {}", bound.access_token()))], at(1));
    assert_eq!(refused.unwrap_err().kind(), regrant::engine::BearerErrorKind::InvalidToken);
    let plain_login = off.bare("phone", LOGIN, at(0)).refresh_token();
    world.bare("phone", &renewal(&plain_login), at(1)).assert_ok();
    world.proven("phone", &renewal(&bound.refresh_token()), &key(A), at(2)).assert_ok();
}

/// A version that does not know what binds it leaves the record alone, and does not serve it as anybody's.
#[test]
fn a_bound_record_cannot_be_read_as_another() {
    let world = house();
    world.proven("phone", LOGIN, &key(A), at(0));
    let bytes = world.store.grants()[0].encode();
    assert_eq!(bytes[0], 2);
    let place = bytes.len() - 36;
    assert_eq!(bytes[place], 18);
    let mut later = bytes.clone();
    later[place] = 200;
    assert_eq!(Grant::decode(&later), Err(DecodeError::NewerFormat));
}

/// RFC 7009; an old token that was found in a log ends no login.
#[test]
fn revocation_of_a_bound_grant_takes_its_current_token() {
    let world = house();
    let revoke = |token: &str, now| {
        let request = ask("phone", &format!("token={token}"));
        regrant_revoke(&world, &request, now);
        !world.store.bytes().is_empty()
    };
    let first = world.proven("phone", LOGIN, &key(A), at(0)).refresh_token();
    let second = world.proven("phone", &renewal(&first), &key(A), at(100)).refresh_token();
    let third = world.proven("phone", &renewal(&second), &key(A), at(200)).refresh_token();
    assert!(revoke(&first, at(201)));
    assert!(revoke(&second, at(200 + 31)), "past the window");
    assert!(!revoke(&third, at(300)));
    let first = world.proven("phone", LOGIN, &key(A), at(0)).refresh_token();
    world.proven("phone", &renewal(&first), &key(A), at(100)).assert_ok();
    assert!(!revoke(&first, at(110)), "within the window it is what its client may have");
    let first = world.bare("phone", LOGIN, at(0)).refresh_token();
    let second = world.bare("phone", &renewal(&first), at(100)).refresh_token();
    world.bare("phone", &renewal(&second), at(200)).assert_ok();
    assert!(!revoke(&first, at(201)), "unbound ones as ever");
}

fn regrant_revoke(world: &World, ask: &crate::kit::Ask, now: regrant::Timestamp) {
    assert_eq!(world.engine.blocking().revoke(&ask.request(), now).unwrap().status(), 200);
}
