//! An assertion is used once where its issuer's are (RFC 7521 section 8.2, RFC 7523 section 3, item 7): by its `jti`, else by what was
//! signed; over nodes; and a lost answer is no second use.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regrant::RootSecret;
use regrant::engine::{Dpop, EngineSlot};
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use serde_json::json;

use super::desk::*;
use crate::kit::laws::world::Hook;
use crate::kit::schedule::{Scheduler, interleave, run, run_and_drop};
use crate::kit::signer::{Signer, with_assertion};
use crate::kit::store::faulty::{Fault as StoreFault, Op, Shelf as FaultyShelf};
use crate::kit::store::stalling::Hand;
use crate::kit::{Ask, Fault, Reply, Shelf, at, form};

/// The same request within the retry window gets a token of the same grant; for something else, by somebody else or later it gets nothing.
#[test]
fn the_same_request_again_is_an_answer_that_got_lost() {
    same_again(&Desk::new());
    // JWTs name nothing of the record but its id and epoch.
    let (key, _) = SigningKey::generate(SigningAlgorithm::Es256).unwrap();
    let jwts = |builder: Builder<Arc<Shelf>>| builder.signing_key(key).jwt_access_tokens(JwtAccessTokens::new());
    same_again(&Desk::with(|builder| jwts(builder.jwt_bearer(bearer()))));
}

fn same_again(desk: &Desk) {
    let one = jag("a", 0);
    let first = desk.assert("chat", &one, "", 0).assert_ok().access_token();
    let held = desk.store.bytes();
    assert_eq!(held.len(), 2, "a grant and a marker");
    desk.events.take();
    let again = desk.assert("chat", &one, "", 119).assert_ok().access_token();
    assert_eq!(desk.events.names(), ["Retried"]);
    for token in [&first, &again] {
        assert_eq!(desk.introspect(token, 120)["active"], true);
    }
    // Another scope is another request.
    desk.assert("chat", &one, "&scope=read", 119).assert_error(400, "invalid_grant");
    // Later than an answer is waited for.
    desk.assert("chat", &one, "", 121).assert_error(400, "invalid_grant");
    assert_eq!(desk.store.bytes(), held, "and nothing is written for any of these");
    // Its client has revoked what it got: it has had the answer.
    let ask = form(format!("token={first}")).basic("chat", crate::kit::SECRET);
    assert_eq!(run(desk.engine.revoke(&ask.request(), at(20))).status(), 200);
    desk.assert("chat", &one, "", 21).assert_error(400, "invalid_grant");
    // The grant was ended: nothing brings these tokens back, and the policy is asked about a request of which nobody can tell any more
    // whether it was answered.
    run(desk.engine.end_sessions_of("alice", at(22))).unwrap();
    desk.events.take();
    let anew = desk.assert("chat", &one, "", 22).assert_ok().access_token();
    assert_eq!(desk.events.names(), ["Asserted", "Issued"]);
    assert_eq!(desk.introspect(&anew, 22)["active"], true);
    for token in [&first, &again] {
        assert_eq!(desk.introspect(token, 22), json!({"active": false}));
    }
    // That answer may get lost too, and its client may revoke it.
    let lost = desk.assert("chat", &one, "", 23).assert_ok().access_token();
    assert_eq!(desk.events.names().last().unwrap(), "Retried");
    let ask = form(format!("token={lost}")).basic("chat", crate::kit::SECRET);
    assert_eq!(run(desk.engine.revoke(&ask.request(), at(24))).status(), 200);
    desk.assert("chat", &one, "", 25).assert_error(400, "invalid_grant");
    assert_eq!(desk.introspect(&anew, 25), json!({"active": false}));
}

#[test]
fn it_is_known_by_its_jti_else_by_what_was_signed() {
    let desk = Desk::new();
    // By ECDSA, so that anybody makes another signature of it.
    let text = partner().jwt(&partner().header("ES256"), &partner_claims(0));
    let (message, signature) = text.rsplit_once('.').unwrap();
    let signature = p256::ecdsa::Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (r, s) = signature.split_scalars();
    let twin = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
    let twin = format!("{message}.{}", URL_SAFE_NO_PAD.encode(twin.to_bytes()));
    desk.assert("chat", &text, "", 0).assert_ok();
    desk.assert("mail", &twin, "", 1).assert_error(400, "invalid_grant");
    desk.assert("chat", &twin, "&scope=read", 1).assert_error(400, "invalid_grant");
    // The next one that its issuer makes is another.
    desk.assert("chat", &signed_by(&partner(), &partner_claims(1)), "", 1).assert_ok();
    // By its jti, whoever's it is: two issuers may choose the same.
    for (signer, claims) in [(partner(), partner_claims(2)), (idp(), jag_claims("same", 2))] {
        let text = if claims["iss"] == IDP {
            signed_jag(&claims)
        } else {
            signed_by(&signer, &but(claims, "jti", json!("same")))
        };
        desk.assert("chat", &text, "", 2).assert_ok();
    }
    // With other words, under the name that was used.
    let other = but(but(partner_claims(2), "jti", json!("same")), "more", json!(1));
    desk.assert("chat", &signed_by(&partner(), &other), "&scope=read", 3).assert_error(400, "invalid_grant");
}

/// Off, each request has a grant of its own, and nothing is remembered.
#[test]
fn where_it_is_off_one_assertion_serves_many_requests() {
    let desk = Desk::new();
    let one = workload(0);
    for secs in 0..5 {
        desk.assert("chat", &one, "", secs * 600).assert_ok();
        desk.assert("mail", &one, "", secs * 600).assert_ok();
    }
    assert_eq!((desk.grants().len(), desk.store.bytes().len()), (10, 10));
    desk.assert("chat", &one, "", 3_610).assert_error(400, "invalid_grant");
}

/// Two nodes, and a root secret that is being replaced: what one has spent the other knows, and an answer that one lost the other gives.
#[test]
fn over_nodes_it_is_used_once() {
    let store = Arc::new(Shelf::default());
    let root = |id: u8| RootSecret::from_bytes(id, &[id; 32]);
    let node = |own: u8, other: u8| {
        Desk::on(Arc::clone(&store), |builder| {
            let builder = builder.root_secret(root(own)).accept_root(root(other), at(10_000));
            builder.subject_secret(root(1).subject_secret()).jwt_bearer(bearer())
        })
    };
    let nodes = [node(1, 2), node(2, 1)];
    for (number, [here, there]) in [[&nodes[0], &nodes[1]], [&nodes[1], &nodes[0]]].into_iter().enumerate() {
        let one = jag(&format!("of {number}"), 0);
        here.assert("chat", &one, "", 0).assert_ok();
        there.assert("chat", &one, "&scope=read", 1).assert_error(400, "invalid_grant");
        let grants = here.grants().len();
        for secs in [2, 3] {
            there.assert("chat", &one, "", secs).assert_ok();
            assert_eq!(here.grants().len(), grants, "the same grant");
        }
        // Nor does the time when it was refused count as the time of its use.
        for secs in [121, 122] {
            there.assert("chat", &one, "", secs).assert_error(400, "invalid_grant");
        }
        assert_eq!(here.grants().len(), grants);
    }
}

/// Two nodes that have the secrets in another order, as right before and right after the old one goes, asked at once: one grant at most,
/// however their steps fall, and however often they are asked again.
#[test]
fn over_nodes_at_once_it_is_used_once() {
    let root = |id: u8| RootSecret::from_bytes(id, &[id; 32]);
    let mut refused_both = 0;
    for bits in 0..1_024_u32 {
        let store = Arc::clone(&FaultyShelf::of(Shelf::default()));
        let node = |own: u8, other: u8| {
            Desk::on(store.clone(), |builder| {
                let builder = builder.root_secret(root(own)).accept_root(root(other), at(10_000));
                builder.subject_secret(root(1).subject_secret()).jwt_bearer(bearer())
            })
        };
        let nodes = [node(1, 2), node(2, 1)];
        let ask = asking("chat", &jag("a", 0), "");
        let order: [u8; 10] = std::array::from_fn(|step| u8::from(bits >> step & 1 == 1));
        let request = ask.request();
        let futures = nodes.iter().map(|node| Box::pin(node.engine.token(&request, at(0))) as _).collect();
        let replies: Vec<Reply> = interleave(futures, &order).iter().map(Reply::of).collect();
        refused_both += usize::from(replies.iter().all(|reply| reply.status != 200));
        for secs in [1, 2, 200] {
            for node in &nodes {
                let reply = Reply::of(&run(node.engine.token(&request, at(secs))));
                assert!(reply.status == 200 || reply.status == 400, "{reply:?}");
            }
        }
        let told = nodes.iter().flat_map(|node| node.events.take());
        let issued: std::collections::BTreeSet<_> = told.filter(|event| event.starts_with("Issued")).collect();
        assert!(issued.len() <= 1, "{bits:010b}: {replies:?}");
    }
    assert!(refused_both > 0, "each has seen the other");
}

/// A root secret is replaced node by node: until the old one goes, a node that has the new one is understood by one that has the old one alone,
/// and from then on by one that has forgotten it.
#[test]
fn nodes_before_and_after_a_replaced_secret_know_what_the_one_between_spent() {
    let store = Arc::new(Shelf::default());
    let root = |id: u8| RootSecret::from_bytes(id, &[id; 32]);
    let node = |own: u8, accepts_old: bool| {
        Desk::on(Arc::clone(&store), |builder| {
            let builder = builder.root_secret(root(own)).subject_secret(root(1).subject_secret());
            let builder = if accepts_old { builder.accept_root(root(1), at(100)) } else { builder };
            builder.jwt_bearer(bearer())
        })
    };
    let (old, between, new) = (node(1, false), node(2, true), node(2, false));
    for (secs, other) in [(98, &old), (100, &new), (101, &new)] {
        let one = jag(&format!("at {secs}"), secs);
        between.assert("chat", &one, "", secs).assert_ok();
        other.assert("chat", &one, "&scope=read", secs + 1).assert_error(400, "invalid_grant");
    }
    // Where it was refused nothing is left that would let the next one in, by a node that has both all along.
    let one = jag("under the old one", 98);
    between.assert("chat", &one, "", 98).assert_ok();
    let grants = between.grants().len();
    for secs in [219, 220, 221] {
        between.assert("chat", &one, "", secs).assert_error(400, "invalid_grant");
        between.assert("chat", &one, "&scope=read", secs).assert_error(400, "invalid_grant");
    }
    assert_eq!(between.grants().len(), grants);
    // And the other way round.
    for (secs, other) in [(98, &old), (100, &new)] {
        let one = jag(&format!("elsewhere at {secs}"), secs);
        other.assert("chat", &one, "", secs).assert_ok();
        between.assert("chat", &one, "&scope=read", secs + 1).assert_error(400, "invalid_grant");
    }
}

/// An engine that takes another's place, and leaves out what it accepted, has not forgotten what was used under that.
#[test]
fn an_exchange_forgets_nothing_of_the_secret_before() {
    let store = Arc::new(Shelf::default());
    let root = |id: u8| RootSecret::from_bytes(id, &[id; 32]);
    let node = |accepts_old: bool| {
        Desk::on(Arc::clone(&store), |builder| {
            let builder = builder.root_secret(root(2)).subject_secret(root(1).subject_secret()).jwt_bearer(bearer());
            if accepts_old { builder.accept_root(root(1), at(100)) } else { builder }
        })
    };
    let slot = EngineSlot::new(node(true).engine);
    let assert = |text: &str, secs: u64| {
        let engine = slot.engine();
        Reply::of(&run(engine.token(&asking("chat", text, "").request(), at(secs))))
    };
    // Before its time and after it.
    for (secs, exchanged_twice) in [(98, false), (99, true)] {
        let one = jag(&format!("at {secs}"), 98);
        assert(&one, secs).assert_ok();
        slot.exchange(node(false).engine).unwrap();
        if exchanged_twice {
            slot.exchange(node(false).engine).unwrap();
        }
        for later in [220, 221] {
            assert(&one, later).assert_error(400, "invalid_grant");
        }
    }
}

/// Concurrent requests with one assertion: one grant.
#[test]
fn of_concurrent_requests_one_makes_the_grant() {
    for order in [
        [0_u8; 40],
        [1; 40],
        std::array::from_fn(|n| u8::try_from(n % 3).unwrap()),
        std::array::from_fn(|n| u8::try_from(n * 7 % 5).unwrap()),
    ] {
        let store = Arc::clone(&FaultyShelf::of(Shelf::default()));
        let desk = Desk::on(store.clone(), |builder| builder.jwt_bearer(bearer()));
        let one = jag("a", 0);
        let asks: Vec<Ask> = ["", "", "&scope=read"].map(|more| asking("chat", &one, more)).into();
        let requests: Vec<_> = asks.iter().map(Ask::request).collect();
        let futures = requests.iter().map(|request| Box::pin(desk.engine.token(request, at(0))) as _).collect();
        let replies: Vec<Reply> = interleave(futures, &order).iter().map(Reply::of).collect();
        let granted = replies.iter().filter(|reply| reply.status == 200).count();
        assert!((1..=2).contains(&granted), "{replies:?}");
        let ids: std::collections::BTreeSet<_> =
            desk.events.take().iter().filter(|event| event.starts_with("Issued")).cloned().collect();
        assert_eq!(ids.len(), 1, "{replies:?}");
    }
}

/// Law 18: dropped at any await, an assertion has been spent for nothing else than the request that the client sends again.
#[test]
fn a_request_that_was_dropped_is_answered_when_it_comes_again() {
    for own in [false, true] {
        let mut lost = 0;
        for polls in 1..60 {
            let store = Arc::clone(&FaultyShelf::of(Shelf::default()));
            let desk = Desk::on(store, |builder| builder.jwt_bearer(bearer()).dpop(Dpop::new().with_markers(true)));
            let ask = |number: u32| {
                if !own {
                    return asking("chat", &jag("a", 0), "");
                }
                let text = signed_jag(&but(jag_claims("a", 0), "client_id", json!("keyed")));
                let assertion = Signer::new("keyed").assertion("keyed", &format!("own {number}"), 0);
                form(with_assertion(&body(&text, ""), &assertion))
            };
            if run_and_drop(desk.engine.token(&ask(0).request(), at(0)), polls).is_some() {
                break;
            }
            lost += 1;
            // As it was sent, and as a client sends it that makes a new assertion of its own for each request.
            desk.send(&ask(0), 1).assert_ok();
            desk.send(&ask(1), 2).assert_ok();
        }
        assert!(lost >= 2, "{own}: {lost}");
    }
}

/// A store that fails at any step: the same request again makes one grant.
#[test]
fn a_store_that_fails_costs_nothing() {
    for (fault, status) in
        [(Fault::InsertNotApplied, 503), (Fault::InsertAppliedAndReplyLost, 200), (Fault::InsertLost, 200)]
    {
        let desk = Desk::new();
        let one = jag("a", 0);
        desk.store.fail_next(fault);
        assert_eq!(desk.assert("chat", &one, "", 0).status, status, "{fault:?}");
        desk.assert("chat", &one, "", 1).assert_ok();
        assert_eq!(desk.grants().len(), 1, "{fault:?}");
    }
}

/// The marker is there, and the grant's own write is in doubt: the record says by its version whose it is.
#[test]
fn a_grant_that_is_in_doubt_is_the_one_that_the_marker_names() {
    for (fault, status) in [(StoreFault::LostAfter, 200), (StoreFault::LostBefore, 503), (StoreFault::NotApplied, 503)]
    {
        let store = Arc::clone(&FaultyShelf::of(Shelf::default()));
        let desk = Desk::on(store, |builder| builder.jwt_bearer(bearer()));
        let one = jag("a", 0);
        desk.store.plan(Op::Insert, StoreFault::None);
        desk.store.plan(Op::Insert, fault);
        assert_eq!(desk.assert("chat", &one, "", 0).status, status, "{fault:?}");
        assert_eq!(desk.store.injected(), 1, "{fault:?}");
        let token = desk.assert("chat", &one, "", 1).assert_ok().access_token();
        assert_eq!(desk.introspect(&token, 1)["active"], true);
        assert_eq!(desk.store.stored().len(), 2, "{fault:?}: a marker and a grant");
    }
}

/// No refusal spends anything: neither the assertion, nor the client's own, nor the proof.
#[test]
fn no_refusal_spends_anything() {
    let desk = Desk::new();
    let text = signed_jag(&but(jag_claims("a", 0), "client_id", json!("keyed")));
    let own = |jti: &str| Signer::new("keyed").assertion("keyed", jti, 0);
    let asked = |more: &str, jti: &str| form(with_assertion(&body(&text, more), &own(jti)));
    let proof = desk.proof(1, 0);
    for (what, ask, code) in [
        ("too wide a scope", asked("&scope=root", "own").header("dpop", &proof), "invalid_scope"),
        ("another proof", asked("", "own").header("dpop", "none"), "invalid_dpop_proof"),
        (
            "another's assertion",
            form(with_assertion(&body(&jag("b", 0), ""), &own("own"))).header("dpop", &proof),
            "invalid_grant",
        ),
    ] {
        let reply = desk.send(&ask, 1);
        assert_eq!(reply.outcome(), (400, Some(code.into())), "{what}");
        assert!(desk.store.bytes().is_empty(), "{what}");
    }
    let reply = desk.send(&asked("", "own").header("dpop", &proof), 2);
    assert_eq!(reply.assert_ok().text("token_type"), "DPoP");
    // A client's own assertion that was used for this is not used for another, and spends nothing of that.
    let next = signed_jag(&but(jag_claims("next", 0), "client_id", json!("keyed")));
    let held = desk.store.bytes();
    let reply = desk.proven(form(with_assertion(&body(&next, ""), &own("own"))), 1, 3);
    reply.assert_error(400, "invalid_grant");
    assert_eq!(desk.store.bytes(), held);
    desk.proven(form(with_assertion(&body(&next, ""), &own("other"))), 1, 4).assert_ok();
    // The other way round: one that was used does not take a new assertion of the client's with it.
    let held = desk.store.bytes();
    desk.proven(form(with_assertion(&body(&next, "&scope=read"), &own("fresh"))), 1, 5)
        .assert_error(400, "invalid_grant");
    assert_eq!(desk.store.bytes(), held);
    desk.send(&form(with_assertion("grant_type=client_credentials", &own("fresh"))), 6).assert_ok();
}

/// Where the issuer's are used many times and the client authenticates by an assertion, that one makes the request single.
#[test]
fn the_clients_own_assertion_is_spent_too() {
    let desk = Desk::new();
    let own = Signer::new("keyed").assertion("keyed", "own", 0);
    let ask = |text: &str, more: &str| form(with_assertion(&body(text, more), &own));
    let one = workload(0);
    desk.send(&ask(&one, ""), 0).assert_ok();
    desk.send(&ask(&one, ""), 1).assert_ok();
    assert_eq!(desk.grants().len(), 1);
    desk.send(&ask(&one, "&scope=read"), 1).assert_error(400, "invalid_grant");
    desk.send(&ask(&workload(1), ""), 1).assert_error(400, "invalid_grant");
}

/// Spent by a request that came to nothing yet, it is that client's all the same.
#[test]
fn another_client_does_not_go_on_where_one_was_dropped() {
    let mut between = 0;
    for polls in 1..40 {
        let store = Arc::clone(&FaultyShelf::of(Shelf::default()));
        let desk = Desk::on(store, |builder| builder.jwt_bearer(bearer()));
        let one = signed_by(&partner(), &partner_claims(0));
        if run_and_drop(desk.engine.token(&asking("chat", &one, "").request(), at(0)), polls).is_some() {
            break;
        }
        let spent = desk.store.stored().len() == 1;
        let reply = desk.assert("mail", &one, "", 1);
        if spent {
            between += 1;
            reply.assert_error(400, "invalid_grant");
            desk.assert("chat", &one, "", 2).assert_ok();
        }
    }
    assert!(between > 0, "the marker goes before the grant");
}

/// Of a request that hung for longer than a marker stays nobody can tell any more whether it is the first.
#[test]
fn a_request_that_hung_past_the_end_of_its_marker_is_refused() {
    let store = Arc::clone(&FaultyShelf::of(Shelf::default()));
    let desk = Desk::on(store, |builder| builder.jwt_bearer(bearer()).on_issue(Hook::default()));
    for (jti, hung, status) in [("in time", 100, 200), ("late", 1_000, 400)] {
        let (clock, ask) = (Hand::at(at(0)), asking("chat", &jag(jti, 0), ""));
        let mut scheduler = Scheduler::new();
        let (engine, own) = (&desk.engine, clock.clone());
        let task = scheduler.spawn(async move { Reply::of(&engine.token(&ask.request(), own).await) });
        let held = desk.store.stored();
        assert!(scheduler.poll(task).is_none(), "it waits for the host");
        assert_eq!(desk.store.stored(), held);
        clock.advance(Duration::from_secs(hung));
        let reply = (0..1_000).find_map(|_| scheduler.poll(task)).unwrap();
        assert_eq!(reply.status, status, "{jti}: {reply:?}");
        assert_eq!(desk.store.stored() == held, status != 200, "{jti}");
    }
}
