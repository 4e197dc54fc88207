//! Proofs that come twice (RFC 9449 section 11.1), and requests of somebody who has got hold of one.

use std::sync::Arc;

use parking_lot::Mutex;
use regrant::engine::BearerErrorKind::{InvalidDpopProof, UseDpopNonce};
use regrant::engine::{Dpop, HookError, IssueDecision, IssueHook, IssueRequest};
use regrant::grant::Rotation;

use super::house::{LOGIN, ask, confidential, house, node, nonce_of, plain, redemption, renewal, token_url};
use crate::kit::bank::ISSUER;
use crate::kit::proof::ProofKey;
use crate::kit::{Ask, World, at};

fn key() -> ProofKey {
    ProofKey::of(1)
}

#[test]
fn a_proof_reaches_a_resource_once() {
    let world = house();
    let token = world.proven("phone", LOGIN, &key(), at(0)).access_token();
    let proof = key().proof("GET", &format!("{ISSUER}/x")).nonce(&world.nonce(at(1))).ath(&token).sign();
    world.with_proof("/x", &token, &proof, at(1)).unwrap();
    for secs in [1, 2, 100, 301] {
        assert_eq!(world.with_proof("/x", &token, &proof, at(secs)).unwrap_err().kind(), InvalidDpopProof, "{secs}");
    }
    assert_eq!(world.with_proof("/x", &token, &proof, at(302)).unwrap_err().kind(), UseDpopNonce);
}

#[test]
fn a_proof_of_one_endpoint_is_none_at_another() {
    let world = house();
    let login = world.proven("phone", LOGIN, &key(), at(0));
    let (token, refresh) = (login.access_token(), login.refresh_token());
    let of_token_endpoint = world.fresh(&key(), at(1)).ath(&token).sign();
    let refused = world.at_resource(
        None,
        "/x",
        &[("authorization", &format!("DPoP {token}")), ("dpop", &of_token_endpoint)],
        at(1),
    );
    assert_eq!(refused.unwrap_err().kind(), InvalidDpopProof);
    let of_resource = key().proof("POST", &format!("{ISSUER}/x")).nonce(&world.nonce(at(1))).ath(&token).sign();
    world
        .send(&ask("phone", &renewal(&refresh)).header("dpop", of_resource), at(1))
        .assert_error(400, "invalid_dpop_proof");
}

/// One proof, and the next refresh token of the same grant.
#[test]
fn a_proof_that_refreshed_does_not_refresh_again() {
    let world = house();
    let first = world.proven("phone", LOGIN, &key(), at(0)).refresh_token();
    let proof = world.fresh(&key(), at(1)).sign();
    let second = world.send(&ask("phone", &renewal(&first)).header("dpop", &proof), at(1)).refresh_token();
    let stored = world.store.bytes();
    world.send(&ask("phone", &renewal(&second)).header("dpop", &proof), at(2)).assert_error(400, "invalid_dpop_proof");
    assert_eq!(world.store.bytes(), stored);
    world.proven("phone", &renewal(&second), &key(), at(3)).assert_ok();
}

/// Somebody has the whole request, token and proof, and not the key: the login goes on.
#[test]
fn a_request_that_was_caught_ends_nothing_and_gets_nothing_new() {
    let world = house();
    for client in ["phone", "fleet"] {
        let first = world.proven(client, LOGIN, &key(), at(0)).refresh_token();
        let caught = ask(client, &renewal(&first)).header("dpop", world.fresh(&key(), at(1)).sign());
        let second = world.send(&caught, at(1)).refresh_token();
        let third = world.proven(client, &renewal(&second), &key(), at(2)).refresh_token();
        let stored = world.store.bytes();
        for secs in [3, 60, 200] {
            world.send(&caught, at(secs)).assert_error(400, "use_dpop_nonce");
        }
        assert_eq!(world.store.bytes(), stored, "{client}");
        world.proven(client, &renewal(&third), &key(), at(250)).assert_ok();
    }
}

/// The same of a client whose tokens do not rotate: a lost answer is given again within the window, and then a new proof is asked for.
#[test]
fn a_caught_request_extends_nothing_where_tokens_stay() {
    let keeps = [confidential("machine").rotation(Rotation::Never)];
    let world = World::new(keeps, |builder| plain(builder).dpop(Dpop::new()));
    let nonce = || {
        let proof = key().proof("POST", &token_url()).sign();
        nonce_of(&world.send(&ask("machine", LOGIN).header("dpop", proof), at(10)))
    };
    let proven =
        |body: &str| ask("machine", body).header("dpop", key().proof("POST", &token_url()).nonce(&nonce()).sign());
    let token = world.send(&proven(LOGIN), at(10)).assert_ok().refresh_token();
    let caught = proven(&renewal(&token));
    for secs in [10, 39] {
        world.send(&caught, at(secs)).assert_ok();
    }
    let stored = world.store.bytes();
    for secs in [159, 250] {
        world.send(&caught, at(secs)).assert_error(400, "use_dpop_nonce");
    }
    assert_eq!(world.store.bytes(), stored);
    world.send(&proven(&renewal(&token)), at(260)).assert_ok();
}

/// At the token endpoint nothing else makes a request of these single.
#[test]
fn client_credentials_take_a_proof_once() {
    let world = house();
    let proof = world.fresh(&key(), at(1)).sign();
    let own = ask("machine", "grant_type=client_credentials").header("dpop", proof);
    world.send(&own, at(1)).assert_ok();
    let stored = world.store.bytes();
    world.send(&own, at(2)).assert_error(400, "invalid_dpop_proof");
    assert_eq!(world.store.bytes(), stored);
    // What failed has not used it.
    let proof = world.fresh(&key(), at(3)).sign();
    let own = ask("machine", "grant_type=client_credentials").header("dpop", proof);
    world.store.fail_next(crate::kit::Fault::InsertNotApplied);
    world.send(&own, at(3)).assert_error(503, "temporarily_unavailable");
    world.send(&own, at(3)).assert_ok();
    let proof = world.fresh(&key(), at(4)).sign();
    let wrong = ask("machine", "grant_type=password&username=alice&password=wrong").header("dpop", &proof);
    world.send(&wrong, at(4)).assert_error(400, "invalid_grant");
    world.send(&ask("machine", LOGIN).header("dpop", proof), at(4)).assert_ok();
}

/// A flood by who has the key: what is forgotten is refused, and a client that does as it is told gets in, each time.
#[test]
fn a_flood_keeps_no_honest_proof_out() {
    let world = house();
    let token = world.proven("phone", LOGIN, &key(), at(0)).access_token();
    let other = world.proven("phone", LOGIN, &ProofKey::of(2), at(0)).access_token();
    let url = format!("{ISSUER}/x");
    let honest = ProofKey::of(2).proof("GET", &url).nonce(&world.nonce(at(0))).ath(&other).sign();
    let nonce = world.nonce(at(0));
    let mut used = Vec::new();
    let mut told_again = 0;
    for number in 0..200 {
        let proof = key().proof("GET", &url).nonce(&nonce).ath(&token).sign();
        let now = at(1 + number / 20);
        match world.with_proof("/x", &token, &proof, now) {
            Ok(_) => used.push(proof),
            Err(refused) => {
                assert_eq!(refused.kind(), UseDpopNonce);
                told_again += 1;
                let again = key().proof("GET", &url).nonce(refused.dpop_nonce().unwrap()).ath(&token).sign();
                world.with_proof("/x", &token, &again, now).expect("with the nonce of the refusal");
                used.push(again);
            }
        }
    }
    assert!(told_again > 0 && used.len() == 200);
    for proof in &used {
        assert!(world.with_proof("/x", &token, proof, at(12)).is_err(), "none is used twice");
    }
    world.with_proof("/x", &other, &honest, at(12)).expect("of another grant");
}

/// An engine that takes another's place knows what that has seen.
#[test]
fn an_exchange_forgets_nothing() {
    let world = house();
    let token = world.proven("phone", LOGIN, &key(), at(0)).access_token();
    let proof = key().proof("GET", &format!("{ISSUER}/x")).nonce(&world.nonce(at(1))).ath(&token).sign();
    world.with_proof("/x", &token, &proof, at(1)).unwrap();
    let World { engine, store, events } = world;
    let slot = regrant::engine::EngineSlot::new(engine);
    let next = node(&World { engine: slot.engine(), store: store.clone(), events: events.clone() }, |builder| {
        builder.dpop(Dpop::new())
    });
    slot.exchange(std::sync::Arc::into_inner(next.engine).unwrap()).unwrap();
    let world = World { engine: slot.engine(), store, events };
    assert_eq!(world.with_proof("/x", &token, &proof, at(2)).unwrap_err().kind(), InvalidDpopProof);
}

/// Over nodes by markers, where the host says so.
#[test]
fn over_nodes_a_proof_is_known_by_its_marker() {
    let one = house();
    let marking = || node(&one, |builder| builder.dpop(Dpop::new().with_markers(true)));
    let (a, b) = (marking(), marking());
    let proof = a.fresh(&key(), at(1)).sign();
    let own = ask("machine", "grant_type=client_credentials").header("dpop", proof);
    a.send(&own, at(1)).assert_ok();
    b.send(&own, at(1)).assert_error(400, "invalid_dpop_proof");
    let first = a.proven("phone", LOGIN, &key(), at(2)).refresh_token();
    let caught = ask("phone", &renewal(&first)).header("dpop", a.fresh(&key(), at(3)).sign());
    let second = a.send(&caught, at(3)).refresh_token();
    assert_eq!(b.send(&caught, at(4)).refresh_token(), second, "a lost answer, at another node");
    let third = a.proven("phone", &renewal(&second), &key(), at(5)).refresh_token();
    let stored = one.store.bytes();
    // Nor at one that has never seen it.
    for node in [b, marking()] {
        node.send(&caught, at(6)).assert_error(400, "use_dpop_nonce");
        assert_eq!(one.store.bytes(), stored, "and ends no login there");
    }
    let b = marking();
    let proof = a.fresh(&key(), at(7)).sign();
    let fourth = a.send(&ask("phone", &renewal(&third)).header("dpop", &proof), at(7)).refresh_token();
    b.send(&ask("phone", &renewal(&fourth)).header("dpop", &proof), at(8)).assert_error(400, "invalid_dpop_proof");
    b.proven("phone", &renewal(&fourth), &key(), at(9)).assert_ok();
    let code = a.code("phone", &[], at(10));
    let redeem = ask("phone", &redemption(&code)).header("dpop", a.fresh(&key(), at(10)).sign());
    a.send(&redeem, at(11)).assert_ok();
    let stored = one.store.bytes();
    marking().send(&redeem, at(12)).assert_error(400, "use_dpop_nonce");
    assert_eq!(one.store.bytes(), stored, "nor is a code that was redeemed redeemed twice by the same request");
    let of_a_node = one.store.grants().iter().filter(|grant| grant.is_marker()).count();
    assert!(of_a_node >= 6, "{of_a_node}");
}

/// While this node's host is asked, another node answers.
#[derive(Clone, Default)]
struct Meanwhile(Arc<Mutex<Option<(World, Ask)>>>);

impl IssueHook for Meanwhile {
    async fn on_issue(&self, _: &IssueRequest<'_>) -> Result<IssueDecision, HookError> {
        let meanwhile = self.0.lock().take();
        if let Some((node, ask)) = meanwhile {
            node.send(&ask, at(1)).assert_ok();
        }
        Ok(IssueDecision::Allow)
    }
}

/// A request that is overtaken looks at the record again, and its proof is then none that came before. So by two proofs a code that was redeemed
/// twice ends the login (RFC 6749 section 4.1.2), also where the second looked before the first had written.
#[test]
fn a_request_that_is_overtaken_has_not_sent_its_own_proof_before() {
    for markers in [false, true] {
        let one = house();
        let (hook, dpop) = (Meanwhile::default(), || Dpop::new().with_markers(markers));
        let slow = node(&one, |builder| builder.dpop(dpop()).on_issue(hook.clone()));
        let quick = node(&one, |builder| builder.dpop(dpop()));
        let code = slow.code("phone", &[], at(0));
        let redeem = || ask("phone", &redemption(&code)).header("dpop", slow.fresh(&key(), at(1)).sign());
        *hook.0.lock() = Some((quick, redeem()));
        slow.send(&redeem(), at(1)).assert_error(400, "invalid_grant");
        assert!(hook.0.lock().is_none() && one.store.grants().iter().all(regrant::Grant::is_marker), "{markers}");
    }
}
