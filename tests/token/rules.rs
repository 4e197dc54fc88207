//! The wire rules of the token endpoint, each a row that can be held against its specification: what is refused and
//! how, what is accepted, and that a refusal changes nothing, issues nothing and repeats nothing of what it was sent.

use std::sync::Arc;
use std::time::Duration;

use super::rows::{DEFINED, MARKER, accepted, refused};
use http_body_util::{BodyExt, Full};
use regrant::client::{ClientBuilder, ClientRef, ClientsError, Lookup};
use regrant::engine::RenewalPolicy;
use regrant::event::TracingEvents;
use regrant::http::EndpointService;
use regrant::wire::ResponseStyle;
use regrant::{Client, Clients, Engine, Lifetimes, MemoryStore, Resource};

use crate::kit::ask::FORM;
use crate::kit::log::Log;
use crate::kit::portal::run;
use crate::kit::{
    Ask, Fault, LOGIN, OTHER_SECRET, Password, Reply, SECRET, World, altered, app, at, basic, check, forged, form,
    scope, secret,
};

const STYLES: [ResponseStyle; 2] = [ResponseStyle::Rfc6749, ResponseStyle::Katana];

fn client(id: &str) -> ClientBuilder {
    Client::confidential(id).secret(secret(OTHER_SECRET)).grant_type("password").scope(scope("read write"))
}

fn world(style: ResponseStyle) -> World {
    let clients = [
        app(),
        client("other").grant_type("refresh_token"),
        client("basic-only").client_secret_post(false),
        client("post-only").client_secret_basic(false),
        client("login-only"),
        Client::confidential("no-login").secret(secret(OTHER_SECRET)).grant_type("refresh_token"),
        Client::public("mobile").grant_type("password").grant_type("refresh_token").scope(scope("read")),
    ];
    World::new(clients, |builder| {
        let opt_in = RenewalPolicy::OptIn("renew".into());
        builder.grant_handler(Password).response_style(style).renewal(opt_in)
    })
}

/// A login whose refresh token renews.
fn renewable() -> String {
    format!("{LOGIN}&renew=true")
}

/// Fills in the live token, and sends.
fn send(world: &World, token: &str, ask: &Ask) -> Reply {
    let body = match std::str::from_utf8(&ask.body) {
        Ok(text) => text.replace("{R}", token).into_bytes(),
        Err(_) => ask.body.clone(),
    };
    world.send(&Ask { body, ..ask.clone() }, at(60))
}

/// No event and no response may have any of it.
#[track_caller]
fn assert_silent(reply: &Reply, events: &[String], secrets: &[&str]) {
    let reply = format!("{:?} {:?}", reply.headers, String::from_utf8_lossy(&reply.body));
    for secret in secrets {
        assert!(!reply.contains(secret), "the response repeats {secret:?}: {reply}");
        assert!(!events.iter().any(|event| event.contains(secret)), "an event repeats {secret:?}: {events:?}");
    }
}

#[test]
fn each_rule_refuses_the_request_that_breaks_it() {
    for style in STYLES {
        for (source, rule, ask, status, code, why) in refused() {
            let world = world(style);
            let token = world.post(&renewable(), at(0)).refresh_token();
            let (before, _) = (world.store.bytes(), world.events.take());
            let reply = send(&world, &token, &ask);
            assert_eq!(reply.outcome(), (status, Some(code.to_owned())), "{source}: {rule}");
            let mut expected = vec!["error"];
            expected.extend((style == ResponseStyle::Rfc6749).then_some("error_description"));
            assert!(reply.json().keys().eq(expected), "{source}: {rule}: {:?}", reply.json());
            if status == 401 {
                assert_eq!(reply.header("www-authenticate"), [r#"Basic realm="token""#], "{source}: {rule}");
            }
            assert_eq!(world.store.bytes(), before, "{source}: {rule}");
            let events = world.events.take();
            assert_eq!(events.len(), 1, "{source}: {rule}: {events:?}");
            assert!(events[0].starts_with("Refused"), "{source}: {rule}: {events:?}");
            assert!(events[0].ends_with(&format!("({why}) }}")), "{source}: {rule}: {events:?}");
            assert_silent(&reply, &events, &[MARKER, SECRET, OTHER_SECRET, "alice", "wonderland", &token]);
        }
    }
}

#[test]
fn each_rule_accepts_the_request_that_keeps_it() {
    for style in STYLES {
        for (source, rule, ask) in accepted() {
            let world = world(style);
            let token = world.post(&renewable(), at(0)).refresh_token();
            world.events.take();
            let reply = send(&world, &token, &ask);
            assert_eq!(reply.status, 200, "{source}: {rule}: {:?}", reply.json());
            let events = world.events.take();
            let is_refresh = ask.body.starts_with(b"grant_type=refresh_token");
            let (event, grants) = if is_refresh { ("Refreshed", 1) } else { ("Issued", 2) };
            assert!(events.len() == 1 && events[0].starts_with(event), "{source}: {rule}: {events:?}");
            assert_eq!(world.store.grants().len(), grants, "{source}: {rule}");
            assert_silent(&reply, &events, &[MARKER, SECRET, OTHER_SECRET, "wonderland"]);
        }
    }
}

/// "Input is never echoed, never logged": it is in nothing that a host is told by `tracing`.
#[test]
fn nothing_of_a_request_is_logged() {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        for (source, rule, ask, ..) in refused() {
            let world = World::new([app()], |builder| builder.grant_handler(Password).events(TracingEvents));
            let token = world.post(LOGIN, at(0)).refresh_token();
            log.take();
            send(&world, &token, &ask);
            let told = log.take();
            assert!(!told.is_empty(), "{source}: {rule}");
            for secret in [MARKER, SECRET, OTHER_SECRET, "alice", "wonderland", &token] {
                assert!(!told.contains(secret), "{source}: {rule}: {told}");
            }
        }
        let world = World::new([app()], |builder| builder.grant_handler(Password).events(TracingEvents));
        let first = world.login(at(0)).refresh_token();
        world.store.fail_next(Fault::LoadFails);
        world.refresh(&first, at(1)).assert_error(503, "temporarily_unavailable");
        let second = world.refresh(&first, at(1)).refresh_token();
        world.refresh(&first, at(2)).assert_ok();
        world.refresh(&altered(&first, 0), at(2)).assert_error(400, "invalid_grant");
        world.refresh(&first, at(1_000)).assert_error(400, "invalid_grant");
        let told = log.take();
        for what in ["INFO regrant message=issued", "WARN regrant message=failed", "DEBUG regrant message=refreshed"] {
            assert!(told.contains(what), "{told}");
        }
        for what in ["message=retried", "message=unknown key", "WARN regrant message=replay found", "message=revoked"] {
            assert!(told.contains(what), "{told}");
        }
        assert!(![&*first, &second].iter().any(|secret| told.contains(secret)), "{told}");
    });
}

/// Whom a token is for, where there is something to say.
#[test]
fn an_audience_is_logged_where_there_is_one() {
    for has_resources in [false, true] {
        let log = Log::default();
        tracing::subscriber::with_default(log.clone(), || {
            let files = Resource::new("https://files.example").with_scopes(scope("read write admin"));
            let world = World::new([app()], |builder| {
                let builder = builder.grant_handler(Password).events(TracingEvents);
                if has_resources { builder.resource(files).default_resource("https://files.example") } else { builder }
            });
            world.login(at(0)).assert_ok();
        });
        let told = log.take();
        assert!(told.contains("message=issued"), "{told}");
        assert_eq!(told.contains(" audience="), has_resources, "{told}");
        assert_eq!(told.contains("https://files.example"), has_resources, "{told}");
    }
}

/// A registry that is down.
struct Down;

impl Clients for Down {
    async fn find(&self, _: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        Err(ClientsError::new(std::io::Error::other("10.0.0.7:5432 refused\nthe connection")))
    }
}

/// Whoever is called at night needs the cause of a failure, in one line and said once.
#[test]
fn the_cause_of_a_failure_is_logged() {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let engine = Engine::builder(MemoryStore::new(), Down).events(TracingEvents).build().unwrap();
        let ask = form(format!("{LOGIN}&client_id=app"));
        assert_eq!(run(engine.token(&ask.request(), at(0))).status(), 503);
    });
    let told = log.take();
    assert!(told.contains("WARN regrant message=failed"), "{told}");
    let (_, cause) = told.split_once(" cause=\"").expect("a cause");
    assert!(
        told.lines().count() == 1 && cause.trim_end().ends_with("10.0.0.7:5432 refused\\nthe connection\""),
        "{told}"
    );
    assert_eq!(cause.matches("10.0.0.7").count(), 1, "{told}");
}

#[test]
fn defined_parameters_are_single_and_have_no_control_characters() {
    let world = world(ResponseStyle::Rfc6749);
    let send = |body: &str, why: &str| {
        world.events.take();
        world.post(body, at(0)).assert_error(400, "invalid_request");
        let events = world.events.take();
        assert!(events[0].ends_with(&format!("({why}) }}")), "{body}: {events:?}");
        assert_silent(&world.post(body, at(0)), &events, &[MARKER]);
    };
    for (_, name) in DEFINED.iter().flat_map(|(source, names)| names.iter().map(move |name| (source, name))) {
        send(&format!("{name}=&{name}={MARKER}"), "RepeatedParameter");
        send(&format!("{LOGIN}&{name}={MARKER}&x=1&{name}="), "RepeatedParameter");
        for control in ["%00", "%1F", "%7F", "%C2%80", "%C2%9F", "\t"] {
            send(&format!("{name}={MARKER}{control}"), "ControlCharacter");
        }
    }
    for name in ["resource", "audience"] {
        send(&format!("{LOGIN}&{name}=1&{name}={MARKER}%0a"), "ControlCharacter");
    }
    assert!(world.store.bytes().is_empty());
}

/// "Client credentials never in the query." RFC 6749 section 2.3.1: they "MUST NOT be included in the request URI".
#[tokio::test]
async fn nothing_in_the_query_counts() {
    let world = world(ResponseStyle::Rfc6749);
    let service = EndpointService::token(Arc::clone(&world.engine));
    let query = format!("/token?{LOGIN}&client_id=app&client_secret={SECRET}&scope={MARKER}");
    for (body, credentials, status, code) in [
        (LOGIN, None, 401, Some("invalid_client")),
        ("", Some(basic("app", SECRET)), 400, Some("invalid_request")),
        // What it says does not get in the way either.
        (LOGIN, Some(basic("app", SECRET)), 200, None),
    ] {
        let mut request = http::Request::post(&query).header("content-type", FORM);
        if let Some(credentials) = credentials {
            request = request.header("authorization", credentials);
        }
        let response = service.respond(request.body(Full::<bytes::Bytes>::from(body)).unwrap()).await;
        let (parts, body) = response.into_parts();
        let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let reply = Reply { status: parts.status.as_u16(), headers: headers.collect(), body };
        check(&reply);
        assert_eq!(reply.outcome(), (status, code.map(String::from)));
        assert_silent(&reply, &world.events.take(), &[MARKER, SECRET]);
    }
}

/// "`invalid_grant` for a bad, expired, revoked, replayed, non-renewable or another client's refresh token and for a
/// wrong user or password: status, headers and body identical."
#[test]
fn invalid_grants_are_identical() {
    const DAY: u64 = 86_400;
    type Case = (&'static str, fn(&World, &str) -> Reply);
    let cases: &[Case] = &[
        ("Shape", |world, _| world.refresh(MARKER, at(1))),
        ("Shape", |world, token| world.refresh(&token[..42], at(1))),
        ("Shape", |world, token| world.refresh(&format!("{token}A"), at(1))),
        ("Shape", |world, token| world.refresh(&format!("{}=", &token[..42]), at(1))),
        ("Shape", |world, _| world.refresh(&world.login(at(0)).access_token(), at(1))),
        ("UnknownKey", |world, token| world.refresh(&altered(token, 0), at(1))),
        ("NoGrant", |world, token| world.refresh(&altered(token, 5), at(1))),
        ("NoGrant", |world, token| {
            world.store.clear();
            world.refresh(token, at(1))
        }),
        ("Mac", |world, token| world.refresh(&forged(token), at(1))),
        ("Mac", |world, token| world.refresh(&altered(token, 13), at(1))),
        ("Expired", |world, token| world.refresh(token, at(30 * DAY))),
        ("NotBefore", |world, token| {
            world.engine.void_grants_before(at(1));
            world.refresh(token, at(1))
        }),
        ("NotRenewable", |world, _| world.refresh(&world.login(at(0)).refresh_token(), at(1))),
        ("AnotherClient", |world, token| {
            let body = format!("grant_type=refresh_token&refresh_token={token}");
            world.send(&form(body).basic("other", OTHER_SECRET), at(1))
        }),
        ("ReplayFound", |world, token| {
            world.refresh(token, at(1)).assert_ok();
            world.refresh(token, at(1 + 120))
        }),
        ("NoGrant", |world, token| {
            let next = world.refresh(token, at(1)).refresh_token();
            world.refresh(token, at(1 + 120)).assert_error(400, "invalid_grant");
            world.refresh(&next, at(1 + 120))
        }),
        ("Handler(InvalidGrant)", |world, _| world.post("grant_type=password&username=bob&password=b", at(1))),
        ("Handler(InvalidGrant)", |world, _| world.post("grant_type=password&username=alice&password=b", at(1))),
    ];
    for style in STYLES {
        let expected = Reply {
            status: 400,
            headers: [("content-type", "application/json"), ("cache-control", "no-store"), ("pragma", "no-cache")]
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
            body: match style {
                ResponseStyle::Rfc6749 => {
                    &br#"{"error":"invalid_grant","error_description":"the grant is invalid, expired or revoked"}"#[..]
                }
                _ => br#"{"error":"invalid_grant"}"#,
            }
            .into(),
        };
        for (why, case) in cases {
            let world = world(style);
            let token = world.post(&renewable(), at(0)).refresh_token();
            let reply = case(&world, &token);
            let events = world.events.take();
            assert!(events.iter().any(|event| event.contains(why)), "not {why}: {events:?}");
            assert_eq!(reply, expected, "{why}");
            assert_silent(&reply, &events, &[MARKER, SECRET, &token]);
        }
    }
}

/// "A store that fails is 503 with a JSON error; the outcome may be unknown, and a retry with the same token converges."
#[test]
fn a_failing_store_is_503_and_a_retry_converges() {
    for (fault, first) in
        [(Fault::InsertNotApplied, Some(503)), (Fault::InsertLost, Some(503)), (Fault::InsertAppliedAndReplyLost, None)]
    {
        let world = World::simple();
        world.store.fail_next(fault);
        let reply = world.login(at(0));
        assert_eq!(reply.status, first.unwrap_or(200), "{fault:?}");
        if first.is_some() {
            reply.assert_error(503, "temporarily_unavailable");
            assert!(world.store.bytes().is_empty(), "{fault:?}");
            assert_eq!(world.events.names(), ["Failed"]);
        }
        let token = if first.is_some() { world.login(at(0)).refresh_token() } else { reply.refresh_token() };
        world.refresh(&token, at(1)).assert_ok();
    }
    for (fault, first) in [
        (Fault::LoadFails, 503),
        (Fault::SwapNotApplied, 503),
        (Fault::SwapLost, 200),
        (Fault::SwapAppliedAndReplyLost, 200),
    ] {
        let world = World::simple();
        let token = world.login(at(0)).refresh_token();
        let before = world.store.bytes();
        world.store.fail_next(fault);
        let reply = world.refresh(&token, at(1));
        assert_eq!(reply.status, first, "{fault:?}");
        if first == 503 {
            reply.assert_error(503, "temporarily_unavailable");
            assert_eq!(world.store.bytes(), before, "{fault:?}");
        }
        // The client never saw the response, and sends the same again.
        let next = world.refresh(&token, at(20)).refresh_token();
        if first == 200 {
            assert_eq!(next, reply.refresh_token(), "{fault:?}");
        }
        let events: Vec<String> = world.events.take();
        assert!(!events.iter().any(|event| event.contains("Replay")), "{fault:?}: {events:?}");
        world.refresh(&next, at(30)).assert_ok();
    }
    for (fault, left) in [(Fault::RemoveFails, 1), (Fault::RemoveAppliedAndReplyLost, 0)] {
        let world = World::simple();
        let token = world.login(at(0)).refresh_token();
        let next = world.refresh(&token, at(1)).refresh_token();
        world.store.fail_next(fault);
        world.refresh(&token, at(1_000)).assert_error(503, "temporarily_unavailable");
        assert_eq!(world.store.grants().len(), left, "{fault:?}");
        world.refresh(&token, at(1_000)).assert_error(400, "invalid_grant");
        world.refresh(&next, at(1_000)).assert_error(400, "invalid_grant");
        assert!(world.store.bytes().is_empty());
    }
}

/// What a success says: RFC 6749 section 5.1.
#[test]
fn the_members_of_a_success() {
    let world = World::simple();
    let first = world.login(at(0));
    let members: Vec<String> = first.json().keys().cloned().collect();
    assert_eq!(members, ["access_token", "expires_in", "refresh_token", "scope", "token_type"]);
    assert_eq!(first.text("token_type"), "Bearer");
    assert_eq!(first.text("scope"), "read write");
    assert_eq!(first.json()["expires_in"], 3_600);
    assert_eq!((first.access_token().len(), first.refresh_token().len()), (67, 43));
    let narrowed =
        world.post(&format!("grant_type=refresh_token&refresh_token={}&scope=write", first.refresh_token()), at(1));
    assert_eq!(narrowed.text("scope"), "write");
    // The successor still has the whole scope.
    assert_eq!(world.refresh(&narrowed.refresh_token(), at(2)).text("scope"), "read write");

    let lifetimes = Lifetimes::default().with_absolute(Some(Duration::from_secs(90)));
    let short = World::new([app()], |builder| builder.grant_handler(Password).lifetimes(lifetimes));
    assert_eq!(short.login(at(0)).json()["expires_in"], 90, "an access token does not outlive its grant");
}
