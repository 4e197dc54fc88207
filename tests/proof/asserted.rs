//! An assertion and a proof of possession in one request: RFC 7523 section 2.2 and RFC 9449 section 5. Each is used once, for this
//! request; neither is spent by a refusal of the other, and what was lost on its way is answered again.

use std::sync::Arc;
use std::time::Duration;

use regrant::client::ClientBuilder;
use regrant::engine::Dpop;
use regrant::grant::Rotation;
use regrant::{Authorization, Client, Endpoints, EngineBuilder, RootSecret, StaticClients, TokenStore};
use serde_json::json;

use crate::kit::foreign::{OldServer, UUID};
use crate::kit::portal::{CALLBACK, ISSUER, Portal, VERIFIER, query, run};
use crate::kit::proof::ProofKey;
use crate::kit::schedule::run_and_drop;
use crate::kit::signer::{Signer, claims, with_assertion};
use crate::kit::store::faulty::{self, Shelf as FaultyShelf};
use crate::kit::{Ask, Fault, Password, Reply, Shelf, at, form, renewal, scope};

const CREDENTIALS: &str = "grant_type=client_credentials&scope=read";
const PASSWORD: &str = "grant_type=password&username=alice&password=wonderland";

fn client() -> ClientBuilder {
    Client::confidential("keyed")
        .keys(Signer::new("one").keys())
        .private_key_jwt(true)
        .require_dpop(true)
        .redirect_uri(CALLBACK)
        .grant_type("authorization_code")
        .grant_type("refresh_token")
        .grant_type("client_credentials")
        .grant_type("password")
        .scope(scope("read"))
}

fn able<S: TokenStore>(builder: EngineBuilder<S, StaticClients>, dpop: Dpop) -> EngineBuilder<S, StaticClients> {
    let places = Endpoints::new().with_authorization("/authorize").with_token("/token");
    builder.root_secret(RootSecret::from_bytes(1, &[5; 32])).endpoints(places).grant_handler(Password).dpop(dpop)
}

fn desk_of<S: TokenStore + Clone>(store: S, dpop: Dpop) -> Portal<S> {
    Portal::new(store, [client()], |builder| able(builder, dpop))
}

fn desk() -> Portal<Arc<Shelf>> {
    desk_of(Arc::new(Shelf::default()), Dpop::new())
}

fn assertion(jti: &str) -> String {
    Signer::new("one").assertion("keyed", jti, 0)
}

impl<S: TokenStore + Clone> Portal<S> {
    fn sent(&self, ask: &Ask, secs: u64) -> Reply {
        Reply::of(&run(self.engine.token(&ask.request(), at(secs))))
    }

    /// A proof of this key with a nonce of now.
    fn proof_of(&self, key: u8, secs: u64) -> String {
        let proof = || ProofKey::of(key).proof("POST", &format!("{ISSUER}/token"));
        let asked = self.sent(&form("grant_type=none").header("dpop", proof().sign()), secs);
        proof().nonce(asked.header("dpop-nonce")[0]).sign()
    }

    fn both(&self, body: &str, jti: &str, key: u8, secs: u64) -> Ask {
        form(with_assertion(body, &assertion(jti))).header("dpop", self.proof_of(key, secs))
    }

    fn code_now(&self) -> String {
        let query = query("keyed").replace("openid+read", "read");
        self.approve(&query, Authorization::of("alice"), at(0)).get("code").unwrap().to_owned()
    }
}

fn redemption(code: &str) -> String {
    format!("grant_type=authorization_code&code={code}&redirect_uri={CALLBACK}&code_verifier={VERIFIER}")
}

#[test]
fn both_are_spent_by_the_grant_that_they_make() {
    for own in [CREDENTIALS, PASSWORD] {
        let desk = desk();
        let other = if own == CREDENTIALS { PASSWORD } else { CREDENTIALS };
        let proof = desk.proof_of(1, 0);
        let ask = form(with_assertion(own, &assertion("a"))).header("dpop", &proof);
        let reply = desk.sent(&ask, 0);
        assert_eq!((reply.assert_ok().text("token_type").as_str(), reply.access_token().len()), ("DPoP", 111), "{own}");
        let held = desk.store.bytes();
        assert_eq!(held.len(), 2, "a grant and the assertion's marker");
        // The proof beside another assertion, the assertion beside another proof, and for something else.
        let again = form(with_assertion(own, &assertion("b"))).header("dpop", &proof);
        desk.sent(&again, 1).assert_error(400, "use_dpop_nonce");
        desk.sent(&desk.both(other, "a", 1, 1), 1).assert_error(400, "invalid_grant");
        // Of another key it is another request, whose token would be another's.
        desk.sent(&desk.both(own, "a", 2, 1), 1).assert_error(400, "invalid_grant");
        assert_eq!(desk.store.bytes(), held, "{own}");
        // Nor where proofs have markers.
        let marking = desk_of(Arc::clone(&desk.store), Dpop::new().with_markers(true));
        marking.sent(&marking.both(other, "a", 1, 2), 2).assert_error(400, "invalid_grant");
        assert_eq!(desk.store.bytes(), held, "{own}");
    }
}

/// The client's HTTP layer sends the same bytes again: it is asked for a new proof, and then answered as before.
#[test]
fn an_answer_that_got_lost_is_given_again_for_a_new_proof() {
    for dpop in [Dpop::new(), Dpop::new().with_markers(true)] {
        for own in [CREDENTIALS, PASSWORD] {
            let desk = desk_of(Arc::new(Shelf::default()), dpop.clone());
            let ask = desk.both(own, "a", 1, 0);
            let first = desk.sent(&ask, 0);
            first.assert_ok();
            let grants = || desk.store.grants().into_iter().filter(|grant| !grant.is_marker()).count();
            assert_eq!(grants(), 1);
            let asked = desk.sent(&ask, 5);
            asked.assert_error(400, "use_dpop_nonce");
            let again = desk.sent(&desk.both(own, "a", 1, 6), 6);
            again.assert_ok();
            assert_eq!(again.text("token_type"), "DPoP");
            if own == PASSWORD {
                assert_eq!(again.refresh_token(), first.refresh_token());
            }
            assert_eq!(grants(), 1, "{own}");
        }
    }
}

/// Neither is spent where the other is wrong, or where what was asked for is.
#[test]
fn no_refusal_spends_either() {
    let desk = desk();
    let url = format!("{ISSUER}/token");
    let proof = desk.proof_of(1, 0);
    let right = || form(with_assertion(CREDENTIALS, &assertion("a")));
    let forged = Signer::new("evil").assertion("keyed", "a", 0);
    for (what, ask, status, code) in [
        ("no proof", right(), 400, "invalid_dpop_proof"),
        ("no nonce", right().header("dpop", ProofKey::of(1).proof("POST", &url).sign()), 400, "use_dpop_nonce"),
        ("no proof at all", right().header("dpop", "none"), 400, "invalid_dpop_proof"),
        ("two", right().header("dpop", &proof).header("dpop", &proof), 400, "invalid_dpop_proof"),
        (
            "a forged assertion",
            form(with_assertion(CREDENTIALS, &forged)).header("dpop", &proof),
            401,
            "invalid_client",
        ),
        (
            "a scope that it has not",
            form(with_assertion("grant_type=client_credentials&scope=write", &assertion("a"))).header("dpop", &proof),
            400,
            "invalid_scope",
        ),
        (
            "a wrong password",
            form(with_assertion("grant_type=password&username=alice&password=no", &assertion("a")))
                .header("dpop", &proof),
            400,
            "invalid_grant",
        ),
    ] {
        let reply = desk.sent(&ask, 1);
        assert_eq!(reply.outcome(), (status, Some(code.into())), "{what}");
        assert!(desk.store.bytes().is_empty(), "{what}");
    }
    desk.sent(&right().header("dpop", &proof), 2).assert_ok();
}

/// Law 18: dropped at any await, nothing is spent whose answer the client cannot have.
#[test]
fn a_request_that_was_dropped_is_answered_when_it_comes_again() {
    for markers in [false, true] {
        for kind in ["code", "refresh", CREDENTIALS, PASSWORD] {
            let mut lost = 0;
            for polls in 1..40 {
                let store = Arc::clone(&FaultyShelf::of(Shelf::default()));
                let desk = desk_of(store, Dpop::new().with_markers(markers));
                let body = match kind {
                    "code" => redemption(&desk.code_now()),
                    "refresh" => {
                        let redeem = desk.both(&redemption(&desk.code_now()), "a", 1, 0);
                        renewal(&desk.sent(&redeem, 0).assert_ok().refresh_token())
                    }
                    own => own.to_owned(),
                };
                let ask = desk.both(&body, "b", 1, 0);
                if run_and_drop(desk.engine.token(&ask.request(), at(0)), polls).is_some() {
                    break;
                }
                lost += 1;
                // As the client does: the same request, and where it is asked for a new proof, with one.
                let again = desk.sent(&ask, 0);
                let again = match again.status {
                    400 if again.text("error") == "use_dpop_nonce" => desk.sent(&desk.both(&body, "b", 1, 1), 1),
                    _ => again,
                };
                // A code is redeemed once, and its answer is not sent again (RFC 6749 section 4.1.2).
                let redeemed = kind == "code" && again.status == 400;
                let replayed = desk.events.take().iter().any(|event| event.starts_with("CodeReplayed"));
                assert!(again.status == 200 || redeemed && replayed, "{kind}, {markers}, after {polls}: {again:?}");
                if again.status == 200 {
                    assert_eq!(again.text("token_type"), "DPoP");
                }
            }
            assert!(lost >= 3, "{kind}: it waits for the marker and for the write at least");
        }
    }
}

/// What a marker is written before, and what fails after it.
#[test]
fn a_store_that_fails_costs_neither() {
    for own in [CREDENTIALS, PASSWORD] {
        for fault in [Fault::InsertNotApplied, Fault::InsertAppliedAndReplyLost, Fault::InsertLost] {
            for dpop in [Dpop::new(), Dpop::new().with_markers(true)] {
                let desk = desk_of(Arc::new(Shelf::default()), dpop);
                let ask = desk.both(own, "a", 1, 0);
                desk.store.fail_next(fault);
                let reply = desk.sent(&ask, 0);
                assert!(matches!(reply.status, 200 | 503), "{fault:?}: {reply:?}");
                desk.sent(&desk.both(own, "a", 1, 1), 1).assert_ok();
                let grants = desk.store.grants().into_iter().filter(|grant| !grant.is_marker()).count();
                assert_eq!(grants, 1, "{own} {fault:?}");
            }
        }
    }
}

/// Over nodes: what one has spent the other knows, and an answer that one lost the other gives.
#[test]
fn another_node_gives_the_answer_and_makes_no_other_grant() {
    let store = Arc::new(Shelf::default());
    let node = || desk_of(Arc::clone(&store), Dpop::new().with_markers(true));
    let (here, there) = (node(), node());
    let ask = here.both(PASSWORD, "a", 1, 0);
    let first = here.sent(&ask, 0).assert_ok().refresh_token();
    there.sent(&ask, 1).assert_error(400, "use_dpop_nonce");
    assert_eq!(there.sent(&there.both(PASSWORD, "a", 1, 2), 2).assert_ok().refresh_token(), first);
    there.sent(&there.both(CREDENTIALS, "a", 1, 3), 3).assert_error(400, "invalid_grant");
    assert_eq!(store.grants().into_iter().filter(|grant| !grant.is_marker()).count(), 1);
}

/// While the root secret is replaced (one node signs with the new one, one still with the old), what one has spent the other knows.
#[test]
fn a_root_secret_that_is_replaced_forgets_nothing() {
    let store = Arc::new(Shelf::default());
    let root = |id: u8| RootSecret::from_bytes(id, &[id; 32]);
    let node = |own: u8, other: u8| {
        Portal::new(Arc::clone(&store), [client()], |builder| {
            let builder = able(builder, Dpop::new().with_markers(true)).subject_secret(root(1).subject_secret());
            builder.root_secret(root(own)).accept_root(root(other), at(10_000))
        })
    };
    let nodes = [node(1, 2), node(2, 1)];
    for (number, [first, then]) in [[&nodes[0], &nodes[1]], [&nodes[1], &nodes[0]]].into_iter().enumerate() {
        let jti = format!("of {number}");
        let ask = first.both(CREDENTIALS, &jti, 1, 0);
        first.sent(&ask, 0).assert_ok();
        // The nonce of the one counts at the other, and what was spent there is known.
        then.sent(&ask, 1).assert_error(400, "use_dpop_nonce");
        let held = store.bytes();
        then.sent(&then.both(PASSWORD, &jti, 1, 1), 1).assert_error(400, "invalid_grant");
        assert_eq!(store.bytes(), held);
        then.sent(&then.both(CREDENTIALS, &format!("new of {number}"), 1, 1), 1).assert_ok();
    }
}

/// Where requests are pushed, `@atproto/oauth-client` answers `use_dpop_nonce` by the same body with a new proof.
#[test]
fn a_pushed_request_that_is_asked_for_a_nonce_has_spent_nothing() {
    let desk = Portal::new(Arc::new(Shelf::default()), [client()], |builder| {
        let places = Endpoints::new().with_token("/token").with_pushed_authorization("/par");
        able(builder, Dpop::new()).endpoints(places).pushed_authorization_requests()
    });
    let body = with_assertion(&query("keyed").replace("openid+read", "read"), &assertion("a"));
    let proof = || ProofKey::of(1).proof("POST", &format!("{ISSUER}/par"));
    let push = |body: &str, proof: String| {
        Reply::of(&run(desk.engine.push(&form(body).header("dpop", proof).request(), at(0))))
    };
    let asked = push(&body, proof().sign());
    asked.assert_error(400, "use_dpop_nonce");
    assert!(desk.store.bytes().is_empty());
    let nonce = asked.header("dpop-nonce")[0].to_owned();
    assert_eq!(push(&body, proof().nonce(&nonce).sign()).status, 201);
    assert_eq!(desk.store.bytes().len(), 1, "its marker");
    // Lost, and sent again; and not for another request.
    assert_eq!(push(&body, proof().nonce(&nonce).sign()).status, 201);
    let other = with_assertion(&query("keyed").replace("openid+read", "read&prompt=login"), &assertion("a"));
    push(&other, proof().nonce(&nonce).sign()).assert_error(400, "invalid_grant");
    assert_eq!(desk.store.bytes().len(), 1);
}

/// One order: what is cheap of the proof → the client → the token → the signature of the proof. So a stranger buys no signature check, and
/// two developers answer alike.
#[test]
fn of_two_faults_the_earlier_is_the_answer() {
    let desk = desk();
    let token = desk.sent(&desk.both(&redemption(&desk.code_now()), "login", 1, 0), 0).assert_ok().refresh_token();
    let url = format!("{ISSUER}/token");
    let stale = ProofKey::of(1).proof("POST", &url).nonce("none").sign();
    let elsewhere = ProofKey::of(1).proof("POST", "https://evil.example/token").nonce("none").sign();
    // By another key than the one that it names: all of it is right but the signature.
    let proof = desk.proof_of(1, 0);
    let unsigned = format!("{}.{}", proof.rsplit_once('.').unwrap().0, "A".repeat(86));
    let forged = Signer::new("evil").assertion("keyed", "a", 0);
    let (good, none) = (assertion("a"), renewal(&crate::kit::altered(&token, 30)));
    let own = renewal(&token);
    for (body, assertion, proof, status, code) in [
        (&own, &forged, "none", 400, "invalid_dpop_proof"),
        (&own, &forged, &elsewhere, 400, "invalid_dpop_proof"),
        (&own, &forged, &stale, 400, "use_dpop_nonce"),
        (&own, &forged, &unsigned, 401, "invalid_client"),
        (&none, &forged, &unsigned, 401, "invalid_client"),
        (&none, &good, &unsigned, 400, "invalid_grant"),
        (&own, &good, &unsigned, 400, "invalid_dpop_proof"),
    ] {
        let held = desk.store.bytes();
        let reply = desk.sent(&form(with_assertion(body, assertion)).header("dpop", proof), 1);
        assert_eq!(reply.outcome(), (status, Some(code.into())), "{body} {proof}");
        assert_eq!(desk.store.bytes(), held);
    }
    desk.sent(&form(with_assertion(&own, &good)).header("dpop", &proof), 1).assert_ok();
}

/// An assertion that is good for an hour, as some libraries make them.
fn long_assertion(jti: &str) -> String {
    let mut claims = claims("keyed", jti, 0);
    claims["exp"] = json!(at(3_600).as_secs());
    Signer::new("one").jwt(&Signer::new("one").header("EdDSA"), &claims)
}

/// Somebody has token and assertion out of a log, and a key of his own (RFC 9449 section 5, RFC 7523 section 3): with another key it is another
/// request, so it gets nothing, within the window and after it, and ends nothing.
#[test]
fn a_refresh_that_was_caught_is_of_no_use_to_another_key() {
    for rotation in [Rotation::Always, Rotation::Never] {
        for dpop in [Dpop::new(), Dpop::new().with_markers(true)] {
            let client = client().rotation(rotation);
            let desk = Portal::new(Arc::new(Shelf::default()), [client], |builder| able(builder, dpop));
            let login = desk.both(&redemption(&desk.code_now()), "login", 1, 0);
            let refresh = renewal(&desk.sent(&login, 0).assert_ok().refresh_token());
            let both = |key: u8, secs: u64| {
                form(with_assertion(&refresh, &long_assertion("a"))).header("dpop", desk.proof_of(key, secs))
            };
            let next = desk.sent(&both(1, 10), 10).assert_ok().refresh_token();
            let held = || desk.store.grants().into_iter().filter(|grant| !grant.is_marker()).collect::<Vec<_>>();
            let before = held();
            for secs in [20, 100, 1_000, 3_500] {
                let caught = desk.sent(&both(2, secs), secs);
                assert_eq!(caught.outcome(), (400, Some("invalid_grant".into())), "{rotation:?} at {secs}");
                assert_eq!(held(), before, "{rotation:?} at {secs}");
            }
            assert_eq!(desk.sent(&both(1, 100), 100).assert_ok().refresh_token(), next, "an answer that got lost");
        }
    }
}

/// What does not rotate tells no old request from a new one: a spent assertion is answered again while its answer may have got lost, and
/// then no more (FAPI 2.0, whose clients do not rotate; RFC 7523 section 3, item 7).
#[test]
fn a_spent_assertion_does_not_refresh_for_as_long_as_it_lives() {
    for window in [Duration::ZERO, Duration::from_secs(60)] {
        let client = client().rotation(Rotation::Never).require_dpop(false).retry_window(window);
        let desk = Portal::new(Arc::new(Shelf::default()), [client], |builder| able(builder, Dpop::new()));
        let login = form(with_assertion(&redemption(&desk.code_now()), &assertion("login")));
        let token = desk.sent(&login, 0).assert_ok().refresh_token();
        let caught = form(with_assertion(&renewal(&token), &long_assertion("a")));
        desk.sent(&caught, 10).assert_ok();
        for secs in [10, 11, 69] {
            assert_eq!(desk.sent(&caught, secs).status == 200, !window.is_zero(), "{window:?} at {secs}");
        }
        let held = desk.store.bytes();
        for secs in [70, 1_000, 3_599] {
            desk.sent(&caught, secs).assert_error(400, "invalid_grant");
        }
        assert_eq!(desk.store.bytes(), held, "and it extends nothing");
        // The login goes on.
        let anew = Signer::new("one").assertion("keyed", "b", 3_600);
        desk.sent(&form(with_assertion(&renewal(&token), &anew)), 3_600).assert_ok();
    }
}

/// The same where its client begins to rotate only then: what was kept before is no new step for who has caught it.
#[test]
fn nor_once_its_client_rotates() {
    let store = Arc::new(Shelf::default());
    let node = |rotation| {
        let client = client().rotation(rotation).require_dpop(false);
        Portal::new(Arc::clone(&store), [client], |builder| able(builder, Dpop::new()))
    };
    let (before, after) = (node(Rotation::Never), node(Rotation::Always));
    let login = form(with_assertion(&redemption(&before.code_now()), &assertion("login")));
    let token = before.sent(&login, 0).assert_ok().refresh_token();
    let caught = form(with_assertion(&renewal(&token), &long_assertion("a")));
    before.sent(&caught, 10).assert_ok();
    let held = store.bytes();
    for secs in [200, 3_599] {
        after.sent(&caught, secs).assert_error(400, "invalid_grant");
    }
    assert_eq!(store.bytes(), held);
    let anew = Signer::new("one").assertion("keyed", "b", 3_600);
    let next = after.sent(&form(with_assertion(&renewal(&token), &anew)), 3_600).assert_ok().refresh_token();
    assert_ne!(next, token);
}

/// A swap that came to nothing, after the marker: the same request is not an old one, however late it comes.
#[test]
fn an_assertion_whose_refresh_came_to_nothing_is_good_for_it_still() {
    let client = client().rotation(Rotation::Never).require_dpop(false).retry_window(Duration::ZERO);
    let desk = Portal::new(Arc::new(Shelf::default()), [client], |builder| able(builder, Dpop::new()));
    let login = form(with_assertion(&redemption(&desk.code_now()), &assertion("login")));
    let token = desk.sent(&login, 0).assert_ok().refresh_token();
    let ask = form(with_assertion(&renewal(&token), &long_assertion("a")));
    desk.store.fail_next(Fault::SwapNotApplied);
    desk.sent(&ask, 10).assert_error(503, "temporarily_unavailable");
    desk.sent(&ask, 400).assert_ok();
    desk.sent(&ask, 401).assert_error(400, "invalid_grant");
    // With its proof, which this node has seen.
    let ask = form(with_assertion(&renewal(&token), &long_assertion("b"))).header("dpop", desk.proof_of(1, 402));
    desk.store.fail_next(Fault::SwapNotApplied);
    desk.sent(&ask, 402).assert_error(503, "temporarily_unavailable");
    desk.sent(&ask, 403).assert_ok();
}

/// Law 13: where both have markers, the refusal of the one does not spend the other.
#[test]
fn what_is_refused_for_one_marker_writes_no_other() {
    let store = Arc::new(Shelf::default());
    let node = || desk_of(Arc::clone(&store), Dpop::new().with_markers(true));
    let (here, there) = (node(), node());
    let token = here.sent(&here.both(&redemption(&here.code_now()), "login", 1, 0), 0).assert_ok().refresh_token();
    let code = here.code_now();
    // A proof and an assertion that were used, for something else.
    let proof = here.proof_of(1, 1);
    here.sent(&form(with_assertion(CREDENTIALS, &assertion("used"))).header("dpop", &proof), 1).assert_ok();
    for body in [renewal(&token), redemption(&code)] {
        let held = store.bytes();
        let old_proof = form(with_assertion(&body, &assertion("new"))).header("dpop", &proof);
        assert_eq!(there.sent(&old_proof, 2).status, 400, "{body}");
        there.sent(&there.both(&body, "used", 1, 2), 2).assert_error(400, "invalid_grant");
        assert_eq!(store.bytes(), held, "{body}");
    }
    there.sent(&there.both(&renewal(&token), "new", 1, 3), 3).assert_ok();
    // Or for the same, and too long ago, where tokens do not rotate: the proof is as new as it was.
    let keeps = Portal::new(Arc::clone(&store), [client().rotation(Rotation::Never)], |builder| {
        able(builder, Dpop::new().with_markers(true))
    });
    let login = keeps.both(&redemption(&keeps.code_now()), "another login", 1, 0);
    let refresh = renewal(&keeps.sent(&login, 0).assert_ok().refresh_token());
    let with = |assertion: &str, proof: &str| form(with_assertion(&refresh, assertion)).header("dpop", proof);
    keeps.sent(&with(&long_assertion("long"), &keeps.proof_of(1, 10)), 10).assert_ok();
    let (held, proof) = (store.bytes(), keeps.proof_of(1, 200));
    keeps.sent(&with(&long_assertion("long"), &proof), 200).assert_error(400, "invalid_grant");
    assert_eq!(store.bytes(), held);
    let anew = Signer::new("one").assertion("keyed", "anew", 200);
    keeps.sent(&with(&anew, &keeps.proof_of(1, 201)), 201).assert_ok();
}

/// The same of another server's token, of which there is no record to say when it was refreshed last.
#[test]
fn a_take_over_that_came_to_nothing_is_not_too_late() {
    for window in [Duration::ZERO, Duration::from_secs(60)] {
        for rotation in [Rotation::Always, Rotation::Never] {
            let old = OldServer::default().ready().with(UUID, "keyed", "alice", at(0));
            let client = client().require_dpop(false).retry_window(window).rotation(rotation);
            let store = FaultyShelf::of(Shelf::default());
            let desk =
                Portal::new(Arc::clone(&store), [client], |builder| able(builder, Dpop::new()).foreign_tokens(old));
            let ask = form(with_assertion(&renewal(UUID), &long_assertion("a")));
            // The assertion's marker is written, and the grant is not.
            for fault in [faulty::Fault::None, faulty::Fault::NotApplied] {
                store.plan(faulty::Op::Insert, fault);
            }
            desk.sent(&ask, 10).assert_error(503, "temporarily_unavailable");
            desk.sent(&ask, 400).assert_ok();
        }
    }
}
