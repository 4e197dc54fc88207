//! Tokens that are out when their client is narrowed, deleted, or gives its id to another.

use std::sync::LazyLock;

use regrant::client::ClientBuilder;
use regrant::jwt::{JwtAccessTokens, SigningAlgorithm, SigningKey};
use regrant::{Client, Timestamp};

use crate::kit::portal::{API_SECRET, Changing, api, portal};
use crate::kit::{SECRET, at, scope, secret};

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(SigningAlgorithm::Es256).expect("a key").0);

fn may_have(text: &str) -> ClientBuilder {
    portal().scope(scope(text)).default_scope(scope(text))
}

/// Engines whose access tokens are opaque, JWTs, and JWTs that are believed by their signature.
fn worlds() -> [Changing; 3] {
    let signing = |tokens| Changing::changing(|builder| builder.signing_key(KEY.clone()).jwt_access_tokens(tokens));
    [
        Changing::changing(|builder| builder),
        signing(JwtAccessTokens::new()),
        signing(JwtAccessTokens::new().danger_signature_alone()),
    ]
}

/// RFC 6750 section 3.1, RFC 7662 section 2.2: wherever the client is at hand, its tokens are of what it may have now.
#[test]
fn an_access_token_that_is_out_is_bounded() {
    for world in worlds() {
        let tokens = world.login("portal", at(0));
        let access = tokens.access_token();
        let of = |token: &str| world.bearer(token, at(1)).unwrap().scope().as_str().to_owned();
        assert_eq!(of(&access), "openid read");
        world.set(may_have("write read"));
        assert_eq!(of(&access), "read");
        for (asker, token) in [("api", &access), ("portal", &access), ("portal", &tokens.refresh_token())] {
            assert_eq!(world.introspect(asker, token, at(1)).text("scope"), "read");
        }
        // Given back while it lives.
        world.set(portal());
        assert_eq!(of(&access), "openid read");
    }
}

#[test]
fn an_access_token_of_which_nothing_is_left_lets_nobody_in_and_can_be_revoked() {
    for (number, world) in worlds().into_iter().enumerate() {
        let tokens = world.login("portal", at(0));
        let (access, refresh) = (tokens.access_token(), tokens.refresh_token());
        world.set(may_have("email"));
        world.events.take();
        // Not even where no scope is asked for: a refresh would give it none either.
        assert_eq!(world.bearer(&access, at(1)).unwrap_err().status(), 401);
        let events = world.events.take();
        assert!(events.len() == 1 && events[0].contains("why: Grant(ScopeTaken)"), "{events:?}");
        for (asker, token) in [("api", &access), ("portal", &access), ("portal", &refresh)] {
            assert!(!world.is_active(asker, token, at(1)));
        }
        // RFC 7009 section 2.1: revoked while it is worth nothing, it stays so when the scope is back.
        assert_eq!(world.revoke("portal", &access, at(1)).status, 200);
        world.set(portal());
        let believes_signatures = number == 2;
        assert_eq!(world.bearer(&access, at(1)).is_ok(), believes_signatures);
        assert!(!world.is_active("api", &access, at(1)));
        assert!(world.is_active("portal", &refresh, at(1)));
    }
}

/// The question about a retired token is told to the host whatever is left of the scope.
#[test]
fn a_question_about_a_retired_token_of_a_narrowed_client_is_an_event() {
    let world = Changing::changing(|builder| builder);
    let first = world.login("portal", at(0)).refresh_token();
    world.refresh("portal", &first, at(1)).assert_ok();
    world.set(may_have("email"));
    world.events.take();
    assert!(!world.is_active("portal", &first, at(2)));
    let events = world.events.take();
    assert!(events.len() == 1 && events[0].contains("RetiredIntrospected"), "{events:?}");
    assert!(events[0].contains("active: false"), "{events:?}");
}

/// RFC 7662 section 2.1.
#[test]
fn a_resource_server_that_is_none_any_more_learns_nothing() {
    for world in worlds() {
        let access = world.login("portal", at(0)).access_token();
        assert!(world.is_active("api", &access, at(1)));
        world.set(api().resource_server(false));
        assert!(!world.is_active("api", &access, at(1)));
        assert!(world.is_active("portal", &access, at(1)), "its own client does");
        // A public one cannot ask at all.
        world.engine.clients().set(Client::public("api"));
        let asked = crate::kit::form(format!("token={access}")).basic("api", API_SECRET);
        let reply = crate::kit::Reply::of(&world.engine.blocking().introspect(&asked.request(), at(1)).unwrap());
        reply.assert_error(401, "invalid_client");
    }
}

/// Whose id it is now is another, with another secret and the tokens of nobody.
#[test]
fn who_gets_the_id_of_a_deleted_client_gets_none_of_its_grants() {
    const NEW_SECRET: &str = "the-secret-of-who-has-the-id-now-00000";
    let registered = |time: Timestamp| {
        let client = Client::confidential("portal").secret(secret(NEW_SECRET)).registered_at(time);
        client
            .grant_type("authorization_code")
            .grant_type("refresh_token")
            .grant_type("client_credentials")
            .redirect_uri("https://portal.example/cb")
            .scope(scope("openid email read write"))
    };
    for world in worlds() {
        let tokens = world.login("portal", at(0));
        let (access, refresh) = (tokens.access_token(), tokens.refresh_token());
        let own = world.token("portal", "grant_type=client_credentials", at(0)).access_token();
        let code = world.code("portal", at(99));
        // Deleted: nothing works at once, whoever asks.
        world.engine.clients().remove("portal");
        for token in [&access, &own] {
            assert_eq!(world.bearer(token, at(99)).unwrap_err().status(), 401);
            assert!(!world.is_active("api", token, at(99)));
        }
        let sessions = || world.engine.blocking().sessions("alice", None, 10, at(100)).unwrap().unwrap().sessions;
        assert!(sessions().is_empty());
        world.engine.clients().set(registered(at(100)));
        let send = |body: &str| {
            let ask = crate::kit::form(body).basic("portal", NEW_SECRET);
            crate::kit::Reply::of(&world.engine.blocking().token(&ask.request(), at(101)).unwrap())
        };
        for token in [&access, &own] {
            assert_eq!(world.bearer(token, at(101)).unwrap_err().status(), 401);
            assert!(!world.is_active("api", token, at(101)));
        }
        send(&crate::kit::renewal(&refresh)).assert_error(400, "invalid_grant");
        send(&crate::kit::portal::redemption("portal", &code)).assert_error(400, "invalid_grant");
        assert!(sessions().is_empty());
        // Its own grants are in force, those of that very moment too.
        let new = send("grant_type=client_credentials").access_token();
        assert!(world.bearer(&new, at(101)).is_ok());
    }
    assert_ne!(SECRET, NEW_SECRET);
}

/// The later of the two counts, in whatever order they are said, and a copy of a builder has a time of its own.
#[test]
fn the_time_of_registration_and_that_of_a_breach_do_not_undo_one_another() {
    let both: [fn(ClientBuilder) -> ClientBuilder; 4] = [
        |client| client.registered_at(at(10)).not_before(at(20)),
        |client| client.not_before(at(20)).registered_at(at(10)),
        |client| client.registered_at(at(20)).not_before(at(10)),
        |client| client.not_before(at(10)).registered_at(at(20)),
    ];
    for set in both {
        let world = Changing::changing(|builder| builder);
        let tokens = [at(19), at(20)].map(|time| world.login("portal", time).access_token());
        let kept = portal();
        world.set(set(kept.clone()));
        assert_eq!(tokens.each_ref().map(|token| world.bearer(token, at(21)).is_ok()), [false, true]);
        world.set(kept);
        assert_eq!(tokens.each_ref().map(|token| world.bearer(token, at(21)).is_ok()), [true, true]);
    }
}
