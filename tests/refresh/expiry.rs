//! What clients are told of the end of their refresh tokens: draft-ietf-oauth-refresh-token-expiration-03.

use std::time::Duration;

use regrant::client::ClientBuilder;
use regrant::engine::RenewalPolicy;
use regrant::grant::Rotation;
use regrant::wire::ResponseStyle;
use regrant::{
    Authorization, Client, EngineBuilder, GrantError, GrantHandler, GrantRequest, Lifetimes, ResponseFields,
};
use serde_json::{Value, json};

use crate::kit::schedule::run;
use crate::kit::{OTHER_SECRET, Password, Reply, SECRET, World, app, at, form, secret};

const DAY: u64 = 24 * 3_600;

fn days(days: u64) -> Duration {
    Duration::from_secs(days * DAY)
}

/// Section 6.3: used every 7 days, and for 10 at most.
fn week() -> ClientBuilder {
    app().lifetimes(Lifetimes::default().with_idle(days(7)).with_absolute(Some(days(10))))
}

fn told(reply: &Reply) -> [Option<u64>; 3] {
    let members = reply.assert_ok().json();
    ["refresh_token_timeout", "authorization_expires_in", "refresh_token_expires_in"]
        .map(|name| members.get(name).map(|value| value.as_u64().expect("whole seconds")))
}

fn introspected(world: &World, token: &str, secs: u64) -> Value {
    let ask = form(format!("token={token}")).basic("app", SECRET);
    let response = run(world.engine.introspect(&ask.request(), at(secs)));
    serde_json::from_slice(response.body()).unwrap()
}

#[test]
fn nothing_is_told_unless_it_is_turned_on() {
    let world = World::new([week()], |builder| builder.grant_handler(Password).issuer("https://id.example"));
    let login = world.login(at(0));
    assert_eq!(told(&login), [None; 3]);
    assert_eq!(introspected(&world, &login.refresh_token(), 1).get("authorization_expires_in"), None);
    let metadata = world.engine.metadata().unwrap();
    assert!(!String::from_utf8_lossy(metadata.body()).contains("expiration_types"));
}

/// The example of section 6.3, with retries between: each says what is left.
#[test]
fn the_example_of_the_draft() {
    for style in [ResponseStyle::Rfc6749, ResponseStyle::Katana] {
        let world = World::new([week()], |builder| {
            builder.grant_handler(Password).response_style(style).refresh_token_timeouts(true)
        });
        let first = world.login(at(0));
        assert_eq!(told(&first), [Some(604_800), Some(864_000), None]);
        let second = world.refresh(&first.refresh_token(), at(2 * DAY));
        assert_eq!(told(&second), [Some(604_800), Some(691_200), None]);
        let again = world.refresh(&first.refresh_token(), at(2 * DAY + 20));
        assert_eq!(again.refresh_token(), second.refresh_token());
        assert_eq!(told(&again), [Some(604_780), Some(691_180), None]);
        let third = world.refresh(&second.refresh_token(), at(7 * DAY));
        assert_eq!(told(&third), [Some(259_200), Some(259_200), None]);
        world.refresh(&third.refresh_token(), at(10 * DAY - 1)).assert_ok();
        let world = World::new([week()], |builder| builder.grant_handler(Password).refresh_token_timeouts(true));
        let held = world.login(at(0)).refresh_token();
        world.refresh(&held, at(8 * DAY)).assert_error(400, "invalid_grant");
    }
}

/// Section 6.1.2: what has no end is left out.
#[test]
fn what_does_not_end_is_not_told() {
    for (idle, absolute, expected) in [
        (days(7), None, [Some(604_800), None, Some(604_800)]),
        (Duration::MAX, Some(days(10)), [Some(864_000), Some(864_000), Some(864_000)]),
        (Duration::MAX, None, [None; 3]),
    ] {
        let app = app().lifetimes(Lifetimes::default().with_idle(idle).with_absolute(absolute));
        let world = World::new([app], |builder| {
            builder.grant_handler(Password).refresh_token_timeouts(true).refresh_token_expires_in(true)
        });
        assert_eq!(told(&world.login(at(0))), expected);
    }
}

#[test]
fn the_member_of_old_is_a_switch_of_its_own() {
    let world = World::new([week()], |builder| builder.grant_handler(Password).refresh_token_expires_in(true));
    let login = world.login(at(0));
    assert_eq!(told(&login), [None, None, Some(604_800)]);
    assert_eq!(told(&world.refresh(&login.refresh_token(), at(7 * DAY - 1))), [None, None, Some(3 * DAY + 1)]);
    assert_eq!(introspected(&world, &login.refresh_token(), 7 * DAY).get("refresh_token_expires_in"), None);
}

#[test]
fn a_client_that_does_not_rotate_is_told_with_each_answer() {
    let world = World::new([week().rotation(Rotation::Never)], |builder| {
        builder.grant_handler(Password).refresh_token_timeouts(true)
    });
    let token = world.login(at(0)).refresh_token();
    assert_eq!(told(&world.refresh(&token, at(DAY))), [Some(604_800), Some(9 * DAY), None]);
    assert_eq!(told(&world.refresh(&token, at(5 * DAY))), [Some(5 * DAY), Some(5 * DAY), None]);
}

/// The second system hands out refresh tokens that renew nothing: their clients read that they have no time.
#[test]
fn a_token_that_renews_nothing_has_no_time() {
    let minute = app().lifetimes(Lifetimes::default().with_access_token(Duration::from_secs(60)));
    let world = World::new([minute], |builder| {
        builder
            .grant_handler(Password)
            .renewal(RenewalPolicy::Never)
            .refresh_token_timeouts(true)
            .refresh_token_expires_in(true)
    });
    assert_eq!(told(&world.login(at(0))), [Some(0), Some(60), Some(0)]);
}

#[test]
fn who_gets_no_refresh_token_is_told_nothing() {
    let plain = Client::confidential("app").secret(secret(SECRET)).grant_type("password");
    let world = World::new([plain], |builder| {
        builder.grant_handler(Password).refresh_token_timeouts(true).refresh_token_expires_in(true)
    });
    let reply = world.login(at(0));
    assert_eq!(reply.json().get("refresh_token"), None);
    assert_eq!(told(&reply), [None; 3]);
}

struct Shop;

impl GrantHandler for Shop {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        let fields = ResponseFields::new().with("refresh_token_expires_in", "never").and_then(|fields| {
            fields.with("nested", &json!({"refresh_token_timeout": 1, "a": "\"refresh_token_timeout\":"}))
        });
        Ok(Authorization::of("alice").with_fields(fields.unwrap()))
    }
}

/// No member stands twice; what hosts have stored under such a name stays theirs.
#[test]
fn a_field_of_the_host_wins() {
    let told: fn(EngineBuilder<_, _>) -> EngineBuilder<_, _> =
        |builder| builder.grant_handler(Shop).refresh_token_timeouts(true).refresh_token_expires_in(true);
    let world = World::new([week()], told);
    let reply = world.login(at(0));
    let text = String::from_utf8(reply.body.clone()).unwrap();
    assert_eq!(text.matches("\"refresh_token_expires_in\":").count(), 1, "{text}");
    assert_eq!(reply.text("refresh_token_expires_in"), "never");
    assert_eq!(reply.json().get("refresh_token_timeout"), Some(&json!(604_800)));
}

/// Section 7. Of an old token the timeout is not said: who holds it would see when its owner was here.
#[test]
fn introspection_says_the_same_and_of_an_old_token_less() {
    let other = Client::confidential("other").secret(secret(OTHER_SECRET)).resource_server(true);
    let world = World::new([week(), other], |builder| builder.grant_handler(Password).refresh_token_timeouts(true));
    let login = world.login(at(0));
    let answer = introspected(&world, &login.refresh_token(), DAY);
    assert_eq!(
        (answer["refresh_token_timeout"].as_u64(), answer["authorization_expires_in"].as_u64()),
        (Some(6 * DAY), Some(9 * DAY))
    );
    let access = introspected(&world, &login.access_token(), 1);
    assert_eq!((access["active"].as_bool(), access.get("authorization_expires_in")), (Some(true), None));
    world.refresh(&login.refresh_token(), at(2 * DAY)).assert_ok();
    let old = introspected(&world, &login.refresh_token(), 2 * DAY + 1);
    assert_eq!((old["active"].as_bool(), old.get("refresh_token_timeout")), (Some(true), None));
    assert_eq!(old["authorization_expires_in"].as_u64(), Some(8 * DAY - 1));
}

/// Section 8.
#[test]
fn the_metadata_say_which_ends_are_told() {
    let world = World::new([week()], |builder| builder.issuer("https://id.example").refresh_token_timeouts(true));
    let metadata: Value = serde_json::from_slice(world.engine.metadata().unwrap().body()).unwrap();
    assert_eq!(metadata["refresh_token_expiration_types_supported"], json!(["authorization", "token_timeout"]));
}
