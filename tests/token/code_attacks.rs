//! Attacks on authorization codes at the token endpoint (RFC 6749 section 4.1.2, RFC 7636, RFC 9700 section 2.1.1): guesses,
//! leaks, races, faults, clocks, and a store that forgets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use regrant::engine::RenewalPolicy;
use regrant::event::GrantRefusal;
use regrant::event::{Event, Refusal};
use regrant::jwt::{SigningAlgorithm, SigningKey};
use regrant::wire::ResponseStyle;
use regrant::{Authorization, Client, Lifetimes, MemoryStore, Timestamp, TokenStore};

use crate::kit::laws::world::decode;
use crate::kit::portal::{
    CALLBACK, CHALLENGE, NONCE, OnShelf, PKCE, Portal, STATE, ScopeAsClaim, VERIFIER, from, query, redemption, renewal,
    run,
};
use crate::kit::schedule::{interleave, run_and_drop};
use crate::kit::store::faulty::{Fault as Kind, Faulty, Op, Shelf as FaultyShelf};
use crate::kit::{Fault, Reply, Shelf, altered, at, forged};

/// Token requests for a code that are wrong in one thing each: the client, and the body.
fn wrong(client_id: &str, code: &str) -> Vec<(&'static str, String)> {
    let own = if client_id == "native" { "native" } else { "portal" };
    let right = redemption(client_id, code);
    let without = |name: &str| -> String {
        right.split('&').filter(|pair| !pair.starts_with(name)).collect::<Vec<_>>().join("&")
    };
    let verifier = |text: &str| format!("{}&code_verifier={text}", without("code_verifier"));
    let uri = |text: &str| format!("{}&redirect_uri={text}", without("redirect_uri"));
    let code_is = |text: &str| format!("{}&code={text}", without("code="));
    let mut wrong = vec![
        ("rival", right.clone()),
        (if own == "native" { "portal" } else { "native" }, right.clone()),
        (own, without("code_verifier")),
        (own, format!("{}&code_verifier=", without("code_verifier"))),
        (own, verifier(CHALLENGE)),
        (own, verifier(&altered(VERIFIER, 0))),
        (own, verifier(&altered(VERIFIER, 42))),
        (own, verifier(&VERIFIER[..42])),
        (own, verifier(&format!("{VERIFIER}A"))),
        (own, verifier(&format!("{VERIFIER}%3D"))),
        (own, verifier(&format!("+{VERIFIER}"))),
        (own, verifier(&"A".repeat(129))),
        (own, verifier(&"A".repeat(8_000))),
        (
            own,
            verifier(
                "%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9",
            ),
        ),
        (own, without("redirect_uri")),
        (own, format!("{}&redirect_uri=", without("redirect_uri"))),
        (own, uri("https://portal.example/cb/")),
        (own, uri("https://portal.example/CB")),
        (own, uri("http://127.0.0.1:9005/cb")),
        (own, uri("http://127.0.0.1/cb")),
        (own, uri("com.example.app:/cb")),
        (own, code_is(&code[..42])),
        (own, code_is(&format!("{code}A"))),
        (own, code_is(&format!("{code}="))),
    ];
    wrong.extend((0..43).map(|place| (own, code_is(&altered(code, place)))));
    wrong
}

/// Whoever guesses learns nothing from the answers, changes nothing, and does not burn the code for its owner; nor does a
/// code that leaked log anybody out once it was redeemed.
#[test]
fn a_wrong_guess_is_one_refusal_and_changes_nothing() {
    for style in [ResponseStyle::Rfc6749, ResponseStyle::Katana] {
        for client_id in ["portal", "native"] {
            let world = OnShelf::on_shelf(|builder| builder.response_style(style));
            let code = world.code(client_id, at(0));
            let mut first: Option<Reply> = None;
            let mut guess_all = |secs| {
                let stored = world.store.bytes();
                for (client, body) in wrong(client_id, &code) {
                    let reply = world.token(client, &body, at(secs));
                    reply.assert_error(400, "invalid_grant");
                    assert_eq!(&reply, first.get_or_insert_with(|| reply.clone()), "{body}");
                }
                assert_eq!(world.store.bytes(), stored);
            };
            guess_all(1);
            let tokens = world.redeem(client_id, &code, at(2));
            tokens.assert_ok();
            guess_all(3);
            world.refresh(client_id, &tokens.refresh_token(), at(4)).assert_ok();
            guess_all(5);
            // Expired, and everything right: the same again.
            let stored = world.store.bytes();
            assert_eq!(Some(world.redeem(client_id, &code, at(60))), first);
            assert_eq!(world.store.bytes(), stored);
            assert!(world.events.take().iter().all(|event| !event.contains("Replay")));
        }
    }
}

/// A replay by someone who knows everything ends the grant, also after refreshes, until the very last millisecond.
#[test]
fn whoever_knows_everything_is_found_within_sixty_seconds_and_not_after() {
    let last = at(60) - Duration::from_millis(1);
    for (replayed_at, is_found) in [(at(2), true), (last, true), (at(60), false), (at(3_000), false)] {
        let world = OnShelf::simple();
        let code = world.code("portal", at(0));
        let first = world.redeem("portal", &code, at(1));
        let second = world.refresh("portal", &first.refresh_token(), at(1));
        world.events.take();
        world.redeem("portal", &code, replayed_at).assert_error(400, "invalid_grant");
        let dead = world.store.bytes().is_empty();
        assert_eq!((dead, world.bearer(&second.access_token(), replayed_at).is_err()), (is_found, is_found));
        let names = world.events.names();
        assert_eq!(names.first().map(String::as_str), Some(if is_found { "CodeReplayed" } else { "Refused" }));
    }
}

/// A code is judged by the engine's time alone, at either end of it.
#[test]
fn a_code_works_for_sixty_seconds_and_its_record_is_gone_after_them() {
    let world = Portal::new(Arc::new(MemoryStore::new()), [], |builder| builder);
    let late = world.code("portal", at(0));
    let code = world.code("portal", at(0));
    world.redeem("portal", &code, at(60) - Duration::from_millis(1)).assert_ok();
    world.redeem("portal", &late, at(60)).assert_error(400, "invalid_grant");
    assert_eq!(run(world.store.purge_expired(at(60), 10)).unwrap(), 1, "the one that nobody redeemed");
    assert_eq!(world.store.len(), 1);
}

/// The challenge is what the request said: it is neither taken away nor added later.
#[test]
fn a_challenge_is_neither_stripped_nor_made_up() {
    let world = OnShelf::simple();
    let plain = query("portal").replace(PKCE, "");
    let code = world.approve(&plain, Authorization::of("alice"), at(0)).get("code").unwrap().to_owned();
    let stored = world.store.bytes();
    // The client sends its verifier: its request was changed on the way (RFC 9700 section 4.8.2).
    world.redeem("portal", &code, at(1)).assert_error(400, "invalid_grant");
    assert_eq!(world.store.bytes(), stored);
    let without = redemption("portal", &code).replace(&format!("&code_verifier={VERIFIER}"), "");
    world.token("portal", &without, at(2)).assert_ok();
    world.redeem("portal", &code, at(3)).assert_error(400, "invalid_grant");
    assert_eq!(world.store.bytes().len(), 1, "the wrong one ends nothing");
}

/// Nothing that opens a door is at rest, and what only the first answer needs is gone after it.
#[test]
fn the_record_of_a_code_has_no_code_in_it() {
    let world = OnShelf::simple();
    let code = world.code("portal", at(0));
    let has = |text: &str| {
        let record = world.store.bytes().into_values().next().unwrap();
        record.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let mac = decode(&code)[12..].to_vec();
    let record = world.store.bytes().into_values().next().unwrap();
    assert!(!record.windows(mac.len()).any(|window| window == mac));
    assert!(!has(&code) && !has(VERIFIER) && !has(STATE) && !has(CALLBACK) && has(NONCE));
    world.redeem("portal", &code, at(1)).assert_ok();
    assert!(!has(NONCE));
}

type Flaky = Arc<Faulty<MemoryStore>>;

fn flaky() -> Portal<Flaky> {
    let shelf = FaultyShelf::of(MemoryStore::builder().shards(1).build());
    Portal::new(Arc::clone(&shelf), [], |builder| builder)
}

/// Two redemptions at once, in every order of their steps: one gets tokens at most, and then the grant is over, since one
/// of the two was not its owner.
#[test]
fn of_two_redemptions_in_flight_one_wins_at_most() {
    for order in 0..512_u32 {
        let order: Vec<u8> = (0..9).map(|bit| u8::from(order & (1 << bit) != 0)).collect();
        let world = flaky();
        let asks =
            [(); 2].map(|()| world.code("portal", at(0))).map(|code| from("portal", &redemption("portal", &code)));
        let ask = &asks[0];
        let both = [(); 2].map(|()| {
            let redeem = async { Reply::of(&world.engine.token(&ask.request(), at(1)).await) };
            Box::pin(redeem) as std::pin::Pin<Box<dyn Future<Output = Reply>>>
        });
        let replies = interleave(both.into(), &order);
        let won: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(won.len(), 1, "{order:?}");
        world.refresh("portal", &won[0].refresh_token(), at(2)).assert_error(400, "invalid_grant");
        assert!(world.bearer(&won[0].access_token(), at(2)).is_err());
        assert_eq!(world.store.stored().len(), 1, "the other code is nobody's business");
    }
}

/// A redemption in flight while everything of Alice is ended: nothing comes back to life.
#[test]
fn a_redemption_in_flight_revives_nothing() {
    for polls in 0..8 {
        let world = flaky();
        let code = world.code("native", at(0));
        let ask = from("native", &redemption("native", &code));
        let mut redeem = Box::pin(async { Reply::of(&world.engine.token(&ask.request(), at(1)).await) });
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let done = (0..polls).find_map(|_| match redeem.as_mut().poll(&mut context) {
            std::task::Poll::Ready(reply) => Some(reply),
            std::task::Poll::Pending => None,
        });
        assert_eq!(run(world.engine.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap(), 1);
        let reply = done.unwrap_or_else(|| run(redeem));
        assert!(world.store.stored().is_empty(), "after {polls} polls");
        if reply.status == 200 {
            assert!(world.bearer(&reply.access_token(), at(2)).is_err());
            world.refresh("native", &reply.refresh_token(), at(2)).assert_error(400, "invalid_grant");
        } else {
            reply.assert_error(400, "invalid_grant");
        }
    }
}

/// A redemption that is dropped at any await: the code still works, or was redeemed and hands out nothing more.
#[test]
fn a_redemption_dropped_anywhere_hands_out_one_set_of_tokens_at_most() {
    for polls in 0..12 {
        let world = flaky();
        let code = world.code("portal", at(0));
        let ask = from("portal", &redemption("portal", &code));
        let first = run_and_drop(async { Reply::of(&world.engine.token(&ask.request(), at(1)).await) }, polls);
        let was_redeemed =
            world.store.stored().into_values().any(|record| regrant::Grant::decode(&record).unwrap().is_redeemed());
        assert!(first.is_none() || was_redeemed);
        let second = world.redeem("portal", &code, at(2));
        assert_eq!(second.status == 200, !was_redeemed, "after {polls} polls");
        assert_eq!(world.store.stored().is_empty(), was_redeemed);
    }
}

/// A store that fails once, in every way and at every step of a redemption. Within one request every fault is made good,
/// or it is 503 and the code still works.
#[test]
fn no_single_fault_loses_a_code_or_doubles_it() {
    for fault in [Kind::NotApplied, Kind::LostBefore, Kind::LostAfter, Kind::Late(1), Kind::Late(2), Kind::Late(3)] {
        for op in [Op::Load, Op::Swap] {
            let world = flaky();
            let code = world.code("portal", at(0));
            world.store.plan(op, fault);
            let mut reply = world.redeem("portal", &code, at(1));
            if reply.status == 503 {
                reply = world.redeem("portal", &code, at(2));
            }
            reply.assert_ok();
            world.store.catch_up();
            assert!(world.bearer(&reply.access_token(), at(3)).is_ok(), "{op:?} {fault:?}");
            world.refresh("portal", &reply.refresh_token(), at(3)).assert_ok();
            assert!(world.events.names().iter().all(|name| name != "CodeReplayed"), "{op:?} {fault:?}");
        }
        // The code's own insert: a code that is handed out is one that works.
        let world = flaky();
        world.store.plan(Op::Insert, fault);
        let landing = world.approve(&query("portal"), Authorization::of("alice"), at(0));
        match landing.get("code") {
            Some(code) => drop(world.redeem("portal", code, at(1)).assert_ok().refresh_token()),
            None => assert_eq!(landing.get("error"), Some("temporarily_unavailable")),
        }
    }
}

/// The reply to the swap is lost and then the store is gone: what happened is not known, so nothing more is handed out.
#[test]
fn a_redemption_whose_outcome_was_lost_hands_out_nothing_twice() {
    let world = OnShelf::simple();
    let code = world.code("portal", at(0));
    world.store.fail_next(Fault::SwapAppliedAndReplyLost);
    world.redeem("portal", &code, at(1)).assert_ok();
    // A replay that cannot be ended is told to come again, and is ended then.
    for fault in [Fault::RemoveFails, Fault::LoadFails] {
        world.store.fail_next(fault);
        world.redeem("portal", &code, at(2)).assert_error(503, "temporarily_unavailable");
        assert_eq!(world.store.bytes().len(), 1);
    }
    world.redeem("portal", &code, at(2)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty());
    // What a code without a retry window costs: 503 though it was redeemed, and whoever sends it again is a replay.
    let world = flaky();
    let code = world.code("portal", at(0));
    world.store.plan(Op::Load, Kind::None);
    world.store.plan(Op::Load, Kind::NotApplied);
    world.store.plan(Op::Swap, Kind::LostAfter);
    world.redeem("portal", &code, at(1)).assert_error(503, "temporarily_unavailable");
    world.redeem("portal", &code, at(2)).assert_error(400, "invalid_grant");
    assert!(world.store.stored().is_empty());
}

/// A failover brings the record of an outstanding code back, while its tokens are out there.
#[test]
fn a_store_that_forgot_the_redemption_goes_on_from_the_tokens_there_are() {
    let world = OnShelf::simple();
    let code = world.code("portal", at(0));
    let [before] = &world.store.grants()[..] else { panic!("one grant") };
    let first = world.redeem("portal", &code, at(1)).refresh_token();
    let second = world.refresh("portal", &first, at(2)).refresh_token();
    world.store.misplace(before.id(), before.clone());
    // What is redeemed a second time is what it was: no other tokens than there were.
    assert_eq!(world.redeem("portal", &code, at(3)).refresh_token(), first);
    world.store.misplace(before.id(), before.clone());
    world.events.take();
    let third = world.refresh("portal", &second, at(3));
    third.assert_ok();
    assert_eq!(world.events.names(), ["StoreBehind", "Refreshed"]);
    // And the code is redeemed for good, the older tokens are replays.
    assert!(world.store.grants()[0].is_redeemed());
    world.refresh("portal", &first, at(4)).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty());
    // Past the code's life such a record is over: nobody gets in by it.
    world.store.misplace(before.id(), before.clone());
    world.refresh("portal", &second, at(60)).assert_error(400, "invalid_grant");
    world.redeem("portal", &code, at(60)).assert_error(400, "invalid_grant");
    assert!(world.bearer(&third.access_token(), at(60)).is_err());
}

/// `not_before` voids outstanding codes as it voids everything else, and a client that is gone has none.
#[test]
fn a_code_of_before_is_void() {
    let world = OnShelf::simple();
    let code = world.code("portal", at(0));
    world.engine.void_grants_before(at(0) + Duration::from_millis(1));
    let stored = world.store.bytes();
    world.redeem("portal", &code, at(1)).assert_error(400, "invalid_grant");
    assert_eq!(world.store.bytes(), stored);
    world.login("portal", at(1));
}

/// Only `true`, once, in the authorization request: nothing that the client adds at the token endpoint counts.
#[test]
fn renewal_is_opted_in_to_by_the_authorization_request_alone() {
    let rows = [
        ("&keep=true", "", true),
        ("", "", false),
        ("", "&keep=true", false),
        ("&keep=true&keep=true", "", false),
        ("&keep=&keep=true", "", false),
        ("&keep=true&ke%65p=", "", false),
        ("&keep=True", "&keep=true", false),
        ("&keep=1", "", false),
        ("&keep=+true", "", false),
        ("&keep=true%00", "", false),
        ("&Keep=true", "", false),
        ("&keep=true", "&keep=false&keep=false", true),
    ];
    for (asked, redeemed, renews) in rows {
        let world = OnShelf::on_shelf(|builder| builder.renewal(RenewalPolicy::OptIn("keep".into())));
        let landing = world.approve(&format!("{}{asked}", query("portal")), Authorization::of("alice"), at(0));
        let body = format!("{}{redeemed}", redemption("portal", landing.get("code").unwrap()));
        let token = world.token("portal", &body, at(1)).refresh_token();
        let reply = world.token("portal", &format!("{}&keep=true", renewal(&token)), at(2));
        assert_eq!(reply.status == 200, renews, "{asked} {redeemed}");
    }
}

/// No refresh token where there is to be none, and none that works later.
#[test]
fn what_is_approved_without_a_refresh_token_gets_none() {
    let mute = Client::public("mute").grant_type("authorization_code").redirect_uri("http://127.0.0.1/cb");
    let world = Portal::new(Arc::new(Shelf::default()), [mute], |builder| builder);
    let landing = world.approve(&query("portal"), Authorization::of("alice").without_refresh_token(), at(0));
    let reply = world.redeem("portal", landing.get("code").unwrap(), at(1));
    assert!(!reply.json().contains_key("refresh_token"));
    assert!(!world.store.grants()[0].is_renewable());
    let mute = query("native").replace("client_id=native", "client_id=mute").replace("&scope=openid+read", "");
    let landing = world.approve(&mute, Authorization::of("alice"), at(0));
    let reply = world.token("mute", &redemption("native", landing.get("code").unwrap()), at(1));
    assert!(!reply.assert_ok().json().contains_key("refresh_token"));
    assert!(world.store.grants().iter().all(|grant| !grant.is_renewable()));
}

/// Clocks at every end, lifetimes of nothing: an answer each time, and no token that outlives its grant.
#[test]
fn no_clock_and_no_lifetime_makes_a_redemption_panic() {
    let ends = [0, 1, 59_999, 60_000, u64::from(u32::MAX) * 1_000, 253_402_300_799_000, (1 << 48) - 1];
    let milli = Duration::from_millis(1);
    for (idle, absolute) in
        [(milli, Some(milli)), (milli, None), (Duration::MAX, None), (Duration::MAX, Some(Duration::MAX))]
    {
        for (issued, redeemed) in ends.iter().flat_map(|&issued| ends.map(|redeemed| (issued, redeemed))) {
            let lifetimes = Lifetimes::default().with_idle(idle).with_absolute(absolute);
            let world = OnShelf::on_shelf(|builder| builder.lifetimes(lifetimes));
            let (issued, redeemed) = (Timestamp::from_millis(issued), Timestamp::from_millis(redeemed));
            let code = world.code("native", issued);
            let reply = world.redeem("native", &code, redeemed);
            assert!(matches!(reply.status, 200 | 400), "{reply:?}");
            if reply.status == 200 {
                let ends = world.store.grants()[0].expires_at();
                if let Ok(access) = world.bearer(&reply.access_token(), redeemed) {
                    assert!(access.expires_at() <= ends && redeemed < ends);
                }
                assert!(world.bearer(&reply.access_token(), ends).is_err());
            }
        }
    }
}

/// Claim: nothing works past a grant's absolute expiry (`lifetimes_hold`). A code is judged by its 60 s alone, so where
/// the absolute lifetime is shorter, a code of a grant that is over is still redeemed: 200, tokens with `expires_in` 0, and
/// an ID token whose `exp` is its `iat`, which a client that allows for skew takes for a login.
#[test]
fn a_code_does_not_outlive_its_grant() {
    let lifetimes = Lifetimes::default().with_absolute(Some(Duration::from_secs(10)));
    let (key, _) = SigningKey::generate(SigningAlgorithm::EdDsa).unwrap();
    let world = OnShelf::on_shelf(|builder| builder.lifetimes(lifetimes).signing_key(key).id_tokens(ScopeAsClaim));
    let code = world.code("portal", at(0));
    assert_eq!(world.store.grants()[0].expires_at(), at(10));
    let stored = world.store.bytes();
    world.redeem("portal", &code, at(20)).assert_error(400, "invalid_grant");
    assert_eq!(world.store.bytes(), stored);
}

/// Claim: a clock far behind ends no session (it holds for a refresh). A node whose clock says 1970 redeems a code that
/// another node issued: to all others the session is over before it has begun.
#[test]
fn a_clock_far_behind_ends_no_session_at_a_redemption() {
    let world = OnShelf::simple();
    let code = world.code("portal", at(0));
    let reply = world.redeem("portal", &code, Timestamp::from_secs(10));
    reply.assert_ok();
    world.refresh("portal", &reply.refresh_token(), at(2)).assert_ok();
}

/// What a host is told of each refusal of a code names the reason; what the wire says does not.
#[test]
fn the_host_hears_the_reason_that_the_wire_keeps_to_itself() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let world = OnShelf::on_shelf(|builder| {
        builder.events(move |event: &Event<'_>| {
            if let Event::Refused { why, .. } = event {
                sink.lock().unwrap().push(*why);
            }
        })
    });
    let code = world.code("portal", at(0));
    let right = redemption("portal", &code);
    world.redeem("rival", &code, at(1));
    world.token("portal", &right.replace("/cb", "/other"), at(1));
    world.token("portal", &right.replace("code_verifier=d", "code_verifier=e"), at(1));
    world.redeem("portal", &forged(&code), at(1));
    world.redeem("portal", &code, at(60));
    let reasons = [
        Refusal::Grant(GrantRefusal::AnotherClient),
        Refusal::Grant(GrantRefusal::RedirectUri),
        Refusal::Grant(GrantRefusal::Verifier),
        Refusal::Grant(GrantRefusal::Mac),
        Refusal::Grant(GrantRefusal::Expired),
    ];
    assert_eq!(*seen.lock().unwrap(), reasons);
}
