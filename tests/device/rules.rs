//! Every MUST and SHOULD of RFC 8628 that is on the server.

use std::sync::Arc;
use std::time::Duration;

use regrant::engine::{DeviceAuthorization, DeviceError, RenewalPolicy};
use regrant::{
    Authorization, BuildError, Client, Engine, MemoryStore, RootSecret, Scope, StaticClients, TokenStore as _,
};
use serde_json::Value;

use crate::kit::schedule::run;
use crate::kit::wire::Answer;
use crate::place::{ANYBODY, BOX, DEVICE_CODE, LAMP, Place, TV, settings};

/// Section, request, answer: status and error.
#[test]
fn a_device_begins_as_section_3_1_has_it() {
    let place = Place::new();
    for (section, body, status, error) in [
        ("3.1", TV.to_owned(), 200, None),
        ("3.1, client authentication", BOX.to_owned(), 200, None),
        ("3.1, client_id", String::new(), 401, Some("invalid_client")),
        ("3.1, a wrong secret", "client_id=box&client_secret=wrong".into(), 401, Some("invalid_client")),
        ("3.1, no secret", "client_id=box".into(), 401, Some("invalid_client")),
        ("3.1, another grant type", "client_id=public-other".into(), 400, Some("unauthorized_client")),
        ("3.1, scope", format!("{TV}&scope=read"), 200, None),
        ("3.1, too wide a scope", format!("{TV}&scope=admin"), 400, Some("invalid_scope")),
        ("3.1, parameters without a value are as if they were not there", format!("{TV}&scope="), 200, None),
        ("3.1, unknown parameters are ignored", format!("{TV}&device=x&device=y"), 200, None),
        ("3.1, parameters are not repeated", format!("{TV}&scope=read&scope=read"), 400, Some("invalid_request")),
        ("RFC 6749 5.2, form", "%".into(), 400, Some("invalid_request")),
    ] {
        let response = place.post(&body, None);
        assert_eq!(response.status(), status, "{section}: {}", String::from_utf8_lossy(response.body()));
        let json: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(json["error"].as_str(), error, "{section}");
        assert!(response.headers().any(|header| header == ("cache-control", "no-store")), "{section}, 3.2");
    }
    let get = regrant::Request::new("GET", b"");
    assert_eq!(run(place.engine.begin_device(&get, place.now())).status(), 405);
}

/// Section 3.2: what the answer has.
#[test]
fn the_answer_says_what_to_show_and_how_often_to_ask() {
    let place = Place::of(
        settings().with_lifetime(Duration::from_secs(300)).with_interval(Duration::from_secs(7)),
        |builder| builder,
    );
    let json: Value = serde_json::from_slice(place.post(TV, None).body()).unwrap();
    assert_eq!(json["verification_uri"], "https://id.example/device");
    let user_code = json["user_code"].as_str().unwrap();
    assert_eq!(json["verification_uri_complete"], format!("https://id.example/device?user_code={user_code}"));
    assert_eq!((json["expires_in"].as_u64(), json["interval"].as_u64()), (Some(300), Some(7)));
    assert_eq!(json["device_code"].as_str().unwrap().len(), 43);
    // Section 6.1.
    let is_letter = |letter: char| "BCDFGHJKLMNPQRSTVWXZ".contains(letter);
    let (first, second) = user_code.split_once('-').unwrap();
    assert!(
        first.len() == 4 && second.len() == 4 && user_code.chars().all(|c| c == '-' || is_letter(c)),
        "{user_code}"
    );
    // Section 4.
    let metadata: Value = serde_json::from_slice(place.engine.metadata().unwrap().body()).unwrap();
    assert_eq!(metadata["device_authorization_endpoint"], "https://id.example/device_authorization");
    assert!(metadata["grant_types_supported"].as_array().unwrap().contains(&DEVICE_CODE.into()));
}

/// Sections 3.4 and 3.5.
#[test]
fn a_device_polls_until_somebody_has_answered() {
    let place = Place::new();
    for client in [TV, BOX] {
        let begun = place.begin(client);
        let stored = place.engine.store().len();
        for _ in 0..5 {
            let pending = place.poll(client, &begun.device_code);
            assert_eq!((pending.status, pending.error()), (400, Some("authorization_pending")));
            place.advance(5);
        }
        assert_eq!(place.engine.store().len(), stored, "polling writes nothing");
        let login = place.find(&begun.user_code.to_lowercase().replace('-', " "), "alice").unwrap();
        assert_eq!((login.user_code(), login.scope().as_str()), (begun.user_code.clone(), "read write"));
        assert_eq!(login.client().name().is_some(), client == TV);
        let id = place.approve(&login).unwrap();
        let page = run(place.engine.sessions("alice", None, 10, place.now())).unwrap();
        assert!(page.sessions.iter().all(|session| session.id() != id), "no session before the device has its tokens");
        let tokens = place.poll(client, &begun.device_code);
        assert!(tokens.is_ok(), "{tokens:?}");
        assert_eq!(tokens.scope(), "read write");
        let page = run(place.engine.sessions("alice", None, 10, place.now())).unwrap();
        assert!(page.sessions.iter().any(|session| session.id() == id));
        // And from there as any other login.
        let next = place.refresh(client, tokens.refresh_token());
        assert!(next.is_ok(), "{next:?}");
        assert!(place.poll(client, &begun.device_code).is_invalid_grant(), "its tokens are in use");
    }
    // No event for each poll: the two are of the polls after the tokens were in use.
    let names = place.events.names();
    assert_eq!(names.iter().filter(|name| *name == "Refused").count(), 2);
    assert_eq!(names.iter().filter(|name| *name == "DeviceApproved").count(), 2);
}

/// Section 3.5: `slow_down` adds five seconds for good, and who keeps the interval never hears it.
#[test]
fn a_device_that_asks_too_often_is_slowed_down() {
    let place = Place::new();
    let begun = place.begin(TV);
    let errors: Vec<_> = (0..4)
        .map(|_| {
            let answer = place.poll(TV, &begun.device_code);
            answer.error().unwrap().to_owned()
        })
        .collect();
    assert_eq!(errors, ["authorization_pending", "authorization_pending", "slow_down", "slow_down"]);
    let other = place.begin(TV);
    assert_eq!(place.poll(TV, &other.device_code).error(), Some("authorization_pending"), "another device");
    // Answered at once all the same, once there is something to say.
    place.approve(&place.find(&begun.user_code, "alice").unwrap()).unwrap();
    assert!(place.poll(TV, &begun.device_code).is_ok());
}

/// Section 3.5: `access_denied`, `expired_token`.
#[test]
fn a_device_hears_that_it_is_not_let_in() {
    let place = Place::new();
    let denied = place.begin(TV);
    let login = place.find(&denied.user_code, "alice").unwrap();
    place.events.take();
    place.engine.blocking().deny_device(&login, place.now()).unwrap().unwrap();
    assert_eq!(place.events.names(), ["DeviceDenied"]);
    assert_eq!(place.poll(TV, &denied.device_code).error(), Some("access_denied"));
    place.deny(&login).unwrap();
    assert_eq!(place.poll(TV, &denied.device_code).error(), Some("access_denied"));
    assert_eq!(place.approve(&login), Err(DeviceError::Answered), "it counts once");
    assert_eq!(place.find(&denied.user_code, "alice").err(), Some(DeviceError::UnknownCode));

    let late = place.begin(TV);
    let approved = place.let_in(TV, "alice");
    let login = place.find(&late.user_code, "alice").unwrap();
    place.advance(600);
    assert_eq!(place.poll(TV, &late.device_code).error(), Some("expired_token"));
    assert_eq!(place.poll(TV, &approved.device_code).error(), Some("expired_token"), "it was let in, and did not come");
    assert_eq!(place.approve(&login), Err(DeviceError::Answered));
    assert_eq!(place.find(&late.user_code, "alice").err(), Some(DeviceError::UnknownCode));
    let page = run(place.engine.sessions("alice", None, 10, place.now())).unwrap();
    assert!(page.sessions.is_empty());
}

/// Section 3.4, RFC 6749 section 5.2.
#[test]
fn what_is_no_device_code_of_this_client_is_refused() {
    let place = Place::new();
    let begun = place.let_in(TV, "alice");
    let mut forged = begun.device_code.clone().into_bytes();
    forged[30] = if forged[30] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let poll = |more: &str| place.token(&format!("grant_type={DEVICE_CODE}&{more}"));
    for (what, answer, error) in [
        ("none", poll(TV), "invalid_request"),
        ("no shape", place.poll(TV, "x"), "invalid_grant"),
        ("a forgery", place.poll(TV, &forged), "invalid_grant"),
        ("another client's", place.poll(BOX, &begun.device_code), "invalid_grant"),
        (
            "a client without the grant type",
            place.poll("client_id=public-other", &begun.device_code),
            "unauthorized_client",
        ),
        (
            "as an authorization code",
            place.token(&format!("grant_type=authorization_code&code={}&{TV}", begun.device_code)),
            "unsupported_grant_type",
        ),
        ("as a refresh token", place.refresh(TV, &begun.device_code), "invalid_grant"),
    ] {
        assert_eq!(answer.error(), Some(error), "{what}");
    }
    let tokens = place.poll(TV, &begun.device_code);
    assert!(tokens.is_ok(), "none of it cost anything: {tokens:?}");
    assert_eq!(place.poll(TV, tokens.refresh_token()).error(), Some("invalid_grant"));
}

/// The person may give less than was asked for, and never more; a refresh token need not be part of it.
#[test]
fn the_person_gives_what_they_like_of_it() {
    let place = Place::new();
    let give = |scope: &str, more: fn(Authorization) -> Authorization| {
        let begun = place.begin(&format!("{TV}&scope=read"));
        let login = place.find(&begun.user_code, "alice").unwrap();
        let authorization = more(Authorization::of("alice").with_scope(Scope::parse(scope).unwrap()));
        (run(place.engine.approve_device(&login, authorization, place.now())), begun)
    };
    let (approved, begun) = give("read", Authorization::without_refresh_token);
    assert!(approved.is_ok());
    let tokens = place.poll(TV, &begun.device_code);
    assert!(tokens.is_ok() && tokens.json.get("refresh_token").is_none(), "{tokens:?}");
    for (scope, more) in [
        ("read write", (|it| it) as fn(Authorization) -> Authorization),
        // Somebody else than typed the code.
        ("read", |_| Authorization::of("mallory")),
        ("read", |_| Authorization::of_client()),
    ] {
        let (refused, begun) = give(scope, more);
        assert!(matches!(refused, Err(DeviceError::Refused(why)) if why.status() == 500), "{refused:?}");
        assert_eq!(place.poll(TV, &begun.device_code).error(), Some("authorization_pending"), "nothing was said");
    }
}

/// What the host says of the login is in its record, and whose client it is at. Neither the person nor the code is in logs.
#[test]
fn a_login_says_how_it_came_about() {
    let place = Place::new();
    for (client, is_of_stranger) in [(TV, false), (ANYBODY, true)] {
        let begun = place.begin(client);
        let login = place.find(&begun.user_code, "alice").unwrap();
        let shown = format!("{login:?}");
        assert!(shown.contains(login.client().id()), "{shown}");
        assert!(!shown.contains("alice") && !shown.contains(&begun.user_code), "{shown}");
        let authorization = Authorization::of("alice").with_acr("mfa").with_amr(["otp", "pwd"]);
        let id = run(place.engine.approve_device(&login, authorization, place.now())).unwrap();
        assert!(place.poll(client, &begun.device_code).is_ok());
        let grant = run(place.engine.store().load(id)).unwrap().unwrap();
        assert_eq!((grant.acr(), grant.is_of_stranger()), (Some("mfa"), is_of_stranger));
        assert!(grant.amr().eq(["otp", "pwd"]));
    }
}

/// The device asks for it where it has to, and the person may still say no.
#[test]
fn a_login_is_renewed_where_device_and_person_want_it() {
    let place = Place::of(settings(), |builder| builder.renewal(RenewalPolicy::OptIn("remember".into())));
    for (asked, more, renews) in [
        ("&remember=true", (|it| it) as fn(Authorization) -> Authorization, true),
        ("", |it| it, false),
        ("&remember=true", |it| it.with_renewable(false), false),
        ("&remember=true", Authorization::without_refresh_token, false),
    ] {
        let begun = place.begin(&format!("{TV}{asked}"));
        let login = place.find(&begun.user_code, "alice").unwrap();
        let id = run(place.engine.approve_device(&login, more(Authorization::of("alice")), place.now())).unwrap();
        assert_eq!(run(place.engine.store().load(id)).unwrap().unwrap().is_renewable(), renews, "{asked}");
        let tokens = place.poll(TV, &begun.device_code);
        if tokens.json.get("refresh_token").is_some() {
            assert_eq!(place.refresh(TV, tokens.refresh_token()).is_ok(), renews, "{asked}");
        }
    }
}

/// RFC 6749 section 6: whoever gets no refresh token has nothing to renew, and the record is not kept for it.
#[test]
fn a_client_without_refresh_tokens_has_a_login_that_ends() {
    let place = Place::new();
    let begun = place.begin(LAMP);
    let login = place.find(&begun.user_code, "alice").unwrap();
    let id = run(place.engine.approve_device(&login, Authorization::of("alice"), place.now())).unwrap();
    let tokens = place.poll(LAMP, &begun.device_code);
    assert!(tokens.is_ok() && tokens.json.get("refresh_token").is_none());
    assert!(!run(place.engine.store().load(id)).unwrap().unwrap().is_renewable());

    // The same where the client loses the right to them while its device waits.
    let store = Arc::new(MemoryStore::new());
    let place = Place::on(Arc::clone(&store), settings(), |builder| builder);
    let begun = place.begin(TV);
    let login = place.find(&begun.user_code, "alice").unwrap();
    let id = run(place.engine.approve_device(&login, Authorization::of("alice"), place.now())).unwrap();
    assert!(run(store.load(id)).unwrap().unwrap().is_renewable());
    let tv = Client::public("public-tv").grant_type(DEVICE_CODE).scope(Scope::parse("read write").unwrap());
    let clients = StaticClients::new().with(tv.build().unwrap()).unwrap();
    let place = Place::with_clients(Arc::clone(&store), clients, settings(), |builder| builder);
    let tokens = place.poll(TV, &begun.device_code);
    assert!(tokens.is_ok() && tokens.json.get("refresh_token").is_none());
    assert!(!run(store.load(id)).unwrap().unwrap().is_renewable());
}

/// A store that purges keeps a device and its code while they wait, and for some minutes more, so that the device hears why it got
/// nothing. A login that nobody fetches goes with its code.
#[test]
fn what_has_waited_in_vain_is_forgotten_in_time() {
    let place = Place::new();
    let purge = || run(place.engine.store().purge_expired(place.now(), 100)).unwrap();
    let begun = place.begin(TV);
    place.advance(599);
    purge();
    assert!(place.find(&begun.user_code, "alice").is_ok());
    assert_eq!(place.poll(TV, &begun.device_code).error(), Some("authorization_pending"));
    place.advance(300);
    purge();
    assert_eq!(place.poll(TV, &begun.device_code).error(), Some("expired_token"));
    place.advance(1);
    purge();
    assert!(place.poll(TV, &begun.device_code).is_invalid_grant());
    assert_eq!(place.engine.store().len(), 0);
    let begun = place.let_in(TV, "alice");
    assert_eq!(place.engine.store().len(), 3);
    place.advance(600);
    purge();
    assert_eq!(place.engine.store().len(), 2, "the device and its code, and no login");
    assert_eq!(place.poll(TV, &begun.device_code).error(), Some("expired_token"));
}

/// A device that lost its tokens on the way hears them again, for as long as it takes to ask again and no longer.
#[test]
fn a_lost_answer_is_answered_again_within_the_window() {
    let place = Place::new();
    let begun = place.let_in(TV, "alice");
    let first = place.poll(TV, &begun.device_code);
    place.advance(29);
    let again = place.poll(TV, &begun.device_code);
    assert!(again.is_ok(), "{again:?}");
    assert_eq!(again.refresh_token(), first.refresh_token());
    place.advance(1);
    assert!(place.poll(TV, &begun.device_code).is_invalid_grant());
    // Nobody is logged out by it.
    assert!(place.refresh(TV, first.refresh_token()).is_ok());
    let names = place.events.names();
    assert_eq!(names.iter().filter(|name| *name == "Issued").count(), 1);
    assert_eq!(names.iter().filter(|name| *name == "Retried").count(), 1);
}

/// "Log me out everywhere" reaches what the device has still to fetch (law 17).
#[test]
fn a_login_that_nobody_has_fetched_is_ended_with_the_rest() {
    for realm in [None, Some("shop")] {
        let place = Place::of(settings(), |builder| match realm {
            Some(realm) => builder.realm(realm).adopt_grants_of(["box"]),
            None => builder,
        });
        let begun = place.let_in(TV, "alice");
        assert!(run(place.engine.has_grants_at("alice", "public-tv", place.now())).unwrap());
        assert_eq!(run(place.engine.end_sessions_of("alice", place.now())).unwrap(), 1);
        let answer = place.poll(TV, &begun.device_code);
        assert_eq!(answer.error(), Some("access_denied"), "{answer:?}");
    }
}

/// Off until asked for, and described rightly.
#[test]
fn an_engine_that_is_described_wrongly_is_not_built() {
    let build = |devices: DeviceAuthorization, has_root: bool| {
        let builder = Engine::builder(MemoryStore::new(), StaticClients::new()).device_authorization(devices);
        let builder = if has_root { builder.root_secret(RootSecret::from_bytes(1, &[7; 32])) } else { builder };
        builder.issuer("https://id.example").build().err()
    };
    assert_eq!(build(settings(), true), None);
    assert_eq!(build(settings(), false), Some(BuildError::RootSecretRequired));
    let secs = Duration::from_secs;
    for wrong in [
        settings().with_lifetime(secs(59)),
        settings().with_lifetime(secs(1_801)),
        settings().with_lifetime(Duration::from_millis(60_500)),
        settings().with_interval(secs(0)),
        settings().with_interval(secs(61)),
        settings().with_most_per_address(0),
        DeviceAuthorization::new("device"),
        DeviceAuthorization::new("//evil.example/device"),
        DeviceAuthorization::new("/device?code"),
        DeviceAuthorization::new("javascript:x"),
    ] {
        assert_eq!(build(wrong.clone(), true), Some(BuildError::DeviceAuthorization), "{wrong:?}");
    }
    let off = Engine::builder(MemoryStore::new(), StaticClients::new()).issuer("https://id.example").build().unwrap();
    let request = regrant::Request::new("POST", b"");
    let response = run(off.begin_device(&request, regrant::Timestamp::EPOCH));
    assert_eq!(Answer::of(&response).status, 404);
    let metadata = String::from_utf8(off.metadata().unwrap().into_body()).unwrap();
    assert!(!metadata.contains("device"), "{metadata}");
}
