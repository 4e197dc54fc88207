//! Scopes that are unknown, and resources: OpenID Connect Core section 3.1.2.1, RFC 6749 section 3.3, RFC 8707 section 2.

use regrant::client::{ClientBuilder, UnknownScopes};
use regrant::engine::Person;
use regrant::{Denial, EngineBuilder, Request};

use crate::kit::bank::{Ended, Query, bank, issuing, mobile_app, portal};
use crate::kit::{World, at, scope};

/// What a request comes to: the scope that its tokens have, or the error.
#[track_caller]
fn outcome(world: &World, asked: &str) -> Result<String, String> {
    let ended = world.authorize(&Query::portal().set("scope", asked), at(0));
    if ended.parameter("error").is_some() {
        return Err(ended.error().to_owned());
    }
    let tokens = world.redeem_portal(&ended.code(), at(1));
    tokens.assert_ok();
    Ok(tokens.text("scope"))
}

/// Both clients; `apps` is the portal's alone, and `phone` is advertised.
fn world(engine: Option<UnknownScopes>, client: Option<UnknownScopes>) -> World {
    let client = client.into_iter().fold(portal(), ClientBuilder::unknown_scopes);
    let reader = mobile_app().scope(scope("openid email files"));
    World::new([client, reader], |builder| {
        let endpoints = regrant::Endpoints::new().with_scopes(scope("openid phone"));
        engine.into_iter().fold(issuing(builder).endpoints(endpoints), EngineBuilder::unknown_scopes)
    })
}

/// The client may have `openid email apps`.
#[test]
fn what_nobody_knows_is_ignored_beside_openid_and_the_answer_says_what_was_granted() {
    let plain = world(None, None);
    for (asked, granted) in [
        ("openid offline_access", "openid"),
        ("offline_access openid address email", "openid email"),
        ("openid x y z", "openid"),
        ("openid email", "openid email"),
        ("openid openid https://api.example/read", "openid"),
    ] {
        assert_eq!(outcome(&plain, asked), Ok(granted.to_owned()), "{asked}");
    }
    for (asked, why) in [
        ("email offline_access", "no openid, so RFC 6749 alone"),
        ("offline_access", "and nothing beside it"),
        ("openid files", "another client may have it, so it is known"),
        ("openid offline_access files", "an unknown one does not hide it"),
        ("openid phone", "it is advertised, so it is known"),
        ("OPENID offline_access", "scopes are case-sensitive (RFC 6749 section 3.3)"),
        ("openid  offline_access", "malformed"),
        (" openid offline_access", "malformed"),
        ("openid \"offline_access\"", "malformed"),
    ] {
        assert_eq!(outcome(&plain, asked), Err("invalid_scope".to_owned()), "{asked}: {why}");
    }
}

#[test]
fn engine_and_client_say_what_becomes_of_it_and_the_client_has_the_last_word() {
    use UnknownScopes::{Ignore, IgnoreWithOpenId, Refuse};
    let refused = || Err("invalid_scope".to_owned());
    for (engine, client, with_openid, without) in [
        (None, None, true, false),
        (Some(IgnoreWithOpenId), None, true, false),
        (Some(Ignore), None, true, true),
        (Some(Refuse), None, false, false),
        (None, Some(Refuse), false, false),
        (Some(Ignore), Some(Refuse), false, false),
        (Some(Refuse), Some(Ignore), true, true),
        (Some(Refuse), Some(IgnoreWithOpenId), true, false),
    ] {
        let world = world(engine, client);
        let expected = |ignores: bool, left: &str| if ignores { Ok(left.to_owned()) } else { refused() };
        assert_eq!(outcome(&world, "openid gone"), expected(with_openid, "openid"), "{engine:?} {client:?}");
        assert_eq!(outcome(&world, "email gone"), expected(without, "email"), "{engine:?} {client:?}");
        assert_eq!(outcome(&world, "gone"), refused(), "nothing is left: {engine:?} {client:?}");
        assert_eq!(outcome(&world, "openid files"), refused(), "known: {engine:?} {client:?}");
        assert_eq!(outcome(&world, "openid apps"), Ok("openid apps".to_owned()), "{engine:?} {client:?}");
    }
}

/// Where `openid` itself is not the client's, the request is none of OpenID Connect.
#[test]
fn a_client_that_may_not_have_openid_is_told() {
    let world = World::new([portal().scope(scope("email"))], issuing);
    assert_eq!(outcome(&world, "openid email"), Err("invalid_scope".to_owned()));
    assert_eq!(outcome(&world, "email"), Ok("email".to_owned()));
}

/// What a page shows, and what comes back from it, is what will be granted.
#[test]
fn the_host_sees_what_is_left() {
    let world = bank();
    let encoded = Query::portal().set("scope", "openid offline_access email").encoded();
    let request = Request::new("GET", b"").with_query(encoded.as_bytes());
    let asked = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
    assert_eq!(asked.scope().as_str(), "openid email");
    assert_eq!(asked.parameter("scope"), Some("openid offline_access email"), "what the client wrote");
}

/// RFC 8707 section 2: `resource` may be repeated, and `invalid_target` refuses one.
#[test]
fn the_host_sees_every_resource_and_can_refuse_one() {
    let world = bank();
    let query = |resources: &[&str]| {
        resources.iter().fold(Query::portal(), |query, resource| query.and("resource", resource)).encoded()
    };
    for (sent, seen) in [
        (&[][..], &[][..]),
        (&["https://a.example"], &["https://a.example"]),
        (&["https://a.example", "https://b.example/?x=1&y"], &["https://a.example", "https://b.example/?x=1&y"]),
        (&["https://a.example", "", "https://a.example"], &["https://a.example", "https://a.example"]),
    ] {
        let encoded = query(sent);
        let request = Request::new("GET", b"").with_query(encoded.as_bytes());
        let asked = world.engine.blocking().authorize(&request, at(0)).unwrap().unwrap();
        assert_eq!(asked.resources().collect::<Vec<_>>(), seen);
        let carried = asked.carried().filter(|(name, _)| *name == "resource").count();
        assert_eq!(carried, sent.len(), "a page carries them all");
        let ended = Ended::of(
            &world.engine.blocking().deny(&asked, Denial::InvalidTarget, Person::Nobody, at(0)).unwrap().unwrap(),
        );
        assert_eq!(ended.error(), "invalid_target");
    }
}
