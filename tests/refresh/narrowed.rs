//! A client that may have less than when its grants were made (RFC 6749 sections 1.5, 3.3 and 6).

use std::collections::BTreeSet;

use proptest::prelude::*;
use regrant::Authorization;
use regrant::client::ClientBuilder;

use crate::kit::portal::{Changing, PKCE, native, portal, redemption, renewal};
use crate::kit::{at, scope};

/// The portal with this scope and no other.
fn may_have(text: &str) -> ClientBuilder {
    portal().scope(scope(text)).default_scope(scope(text))
}

/// The refresh token of a login over this scope.
fn log_in(world: &Changing, granted: &str) -> String {
    let query = format!(
        "response_type=code&client_id=portal&redirect_uri=https://portal.example/cb&scope={}{PKCE}",
        granted.replace(' ', "+")
    );
    let code = world.approve(&query, Authorization::of("alice"), at(0)).get("code").unwrap().to_owned();
    world.token("portal", &redemption("portal", &code), at(0)).assert_ok().refresh_token()
}

fn scope_of(world: &Changing, token: &str) -> String {
    world.bearer(token, at(1)).unwrap().scope().as_str().to_owned()
}

#[test]
fn a_refresh_gives_what_the_client_may_have_now_and_says_so() {
    let world = Changing::changing(|builder| builder);
    let token = log_in(&world, "read write email");
    world.set(may_have("openid write email"));
    let narrowed = world.refresh("portal", &token, at(1));
    assert_eq!(narrowed.text("scope"), "write email");
    assert_eq!(scope_of(&world, &narrowed.access_token()), "write email");
    assert_eq!(world.store.grants()[0].scope().as_str(), "read write email", "the grant keeps it");
    // What it asks for was granted, so it is no error; what comes out is what is left of it.
    let asked = format!("{}&scope=read+write", renewal(&narrowed.refresh_token()));
    let asked = world.token("portal", &asked, at(2));
    assert_eq!(asked.text("scope"), "write");
    assert_eq!(scope_of(&world, &asked.access_token()), "write");
    // Given back, it is there again, and not for the tokens that were issued without it.
    world.set(portal());
    let whole = world.refresh("portal", &asked.refresh_token(), at(3));
    assert_eq!(whole.text("scope"), "read write email");
    assert_eq!(scope_of(&world, &narrowed.access_token()), "write email");
}

/// The grant stays: the client may be given its scope back, and until then logs in anew.
#[test]
fn where_nothing_is_left_a_refresh_is_refused_and_changes_nothing() {
    let world = Changing::changing(|builder| builder);
    let token = log_in(&world, "read write");
    let stored = world.store.bytes();
    world.set(may_have("email"));
    world.events.take();
    world.refresh("portal", &token, at(1)).assert_error(400, "invalid_grant");
    let events = world.events.take();
    assert!(events.len() == 1 && events[0].contains("why: Grant(ScopeTaken)"), "{events:?}");
    for asked in ["read", "read+write"] {
        let asked = format!("{}&scope={asked}", renewal(&token));
        world.token("portal", &asked, at(1)).assert_error(400, "invalid_scope");
    }
    // The one that is left was not asked for at the login.
    let email = format!("{}&scope=email", renewal(&token));
    world.token("portal", &email, at(1)).assert_error(400, "invalid_scope");
    // Part of it is left, and not the part that is asked for.
    world.set(may_have("email write"));
    let asked = format!("{}&scope=read", renewal(&token));
    world.token("portal", &asked, at(1)).assert_error(400, "invalid_scope");
    assert_eq!(world.store.bytes(), stored);
    assert_eq!(world.refresh("portal", &token, at(2)).text("scope"), "write");
}

#[test]
fn from_a_grant_without_scope_nothing_is_taken() {
    let world = Changing::changing(|builder| builder);
    world.set(may_have(""));
    let query = format!("response_type=code&client_id=portal&redirect_uri=https://portal.example/cb{PKCE}");
    let code = world.approve(&query, Authorization::of("alice"), at(0)).get("code").unwrap().to_owned();
    let tokens = world.token("portal", &redemption("portal", &code), at(0));
    world.set(may_have("email"));
    let refreshed = world.refresh("portal", &tokens.refresh_token(), at(1));
    refreshed.assert_ok();
    assert_eq!(scope_of(&world, &refreshed.access_token()), "");
}

/// RFC 9700 section 4.14.2: an older token gives a thief away, whatever is left of the scope.
#[test]
fn a_retry_is_bounded_and_a_replay_is_found_whatever_is_left() {
    let world = Changing::changing(|builder| builder);
    let first = log_in(&world, "read write");
    let second = world.refresh("portal", &first, at(1)).refresh_token();
    world.set(may_have("write"));
    let retry = world.refresh("portal", &first, at(2));
    assert_eq!((retry.text("scope"), retry.refresh_token()), ("write".into(), second.clone()));
    assert_eq!(scope_of(&world, &retry.access_token()), "write");
    world.set(may_have("email"));
    let stored = world.store.bytes();
    world.events.take();
    // In the window it is a retry, of which nothing comes out.
    world.refresh("portal", &first, at(3)).assert_error(400, "invalid_grant");
    assert_eq!((world.store.bytes(), world.events.names()), (stored, vec!["Refused".to_owned()]));
    world.refresh("portal", &first, at(1_000)).assert_error(400, "invalid_grant");
    assert_eq!(world.events.names(), ["ReplayFound", "Revoked"]);
    assert!(world.store.bytes().is_empty());
}

/// A grant type that is taken away: RFC 6749 section 5.2, `unauthorized_client`.
#[test]
fn a_client_that_may_not_refresh_any_more_does_not() {
    let world = Changing::changing(|builder| builder);
    let token = world.login("native", at(0)).refresh_token();
    let stored = world.store.bytes();
    let without = regrant::Client::public("native")
        .grant_type("authorization_code")
        .redirect_uri("com.example.app:/cb")
        .scope(scope("openid email read write"));
    world.set(without);
    world.refresh("native", &token, at(1)).assert_error(400, "unauthorized_client");
    assert_eq!(world.store.bytes(), stored);
    world.set(native());
    world.refresh("native", &token, at(2)).assert_ok();
}

const NAMES: [&str; 5] = ["openid", "email", "read", "write", "admin"];

/// The names at the places that are `true`, in that order or the other way round.
fn text_of(places: [bool; 5], backwards: bool) -> String {
    let mut names: Vec<&str> =
        NAMES.into_iter().zip(places).filter_map(|(name, is_in)| is_in.then_some(name)).collect();
    if backwards {
        names.reverse();
    }
    names.join(" ")
}

fn set_of(text: &str) -> BTreeSet<&str> {
    text.split(' ').filter(|name| !name.is_empty()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Sets, not masks: a token is of what was granted, asked for and may be had, and is refused where nothing is.
    #[test]
    fn what_comes_out_is_what_was_granted_and_asked_for_and_may_be_had(
        granted in any::<[bool; 5]>(),
        steps in prop::collection::vec((any::<[bool; 5]>(), prop::option::of(any::<[bool; 5]>()), any::<bool>()), 1..8),
    ) {
        let granted = text_of(granted, false);
        prop_assume!(!granted.is_empty());
        let world = Changing::changing(|builder| builder);
        world.set(may_have(&NAMES.join(" ")));
        let mut token = log_in(&world, &granted);
        for (may, asks, backwards) in steps {
            let may = text_of(may, backwards);
            world.set(may_have(&may));
            let asks = asks.map(|asks| text_of(asks, !backwards)).filter(|asks| !asks.is_empty());
            let mut body = renewal(&token);
            if let Some(asks) = &asks {
                body = format!("{body}&scope={}", asks.replace(' ', "+"));
            }
            let reply = world.token("portal", &body, at(1));
            let (granted, may) = (set_of(&granted), set_of(&may));
            let asked = asks.as_deref().map_or(granted.clone(), set_of);
            let left: BTreeSet<&str> = asked.intersection(&may).copied().collect();
            if !asked.is_subset(&granted) || left.is_empty() {
                let code = if asks.is_some() { "invalid_scope" } else { "invalid_grant" };
                prop_assert_eq!(reply.outcome(), (400, Some(code.to_owned())));
                continue;
            }
            prop_assert_eq!(reply.status, 200);
            let (said, known) = (reply.text("scope"), scope_of(&world, &reply.access_token()));
            prop_assert_eq!(set_of(&said), left);
            prop_assert_eq!(&said, &known);
            token = reply.refresh_token();
        }
    }
}
