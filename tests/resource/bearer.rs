//! Access tokens at a resource: the rules of RFC 6750, each a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use regrant::client::{ClientRef, ClientsError, Lookup};
use regrant::engine::BearerErrorKind;
use regrant::{Access, BearerError, Clients, Engine, EngineBuilder, Key, Lifetimes, Scope, StaticClients, Timestamp};

use crate::kit::ask::Ask;
use crate::kit::{Events, Fault, LOGIN, Password, Reply, SECRET, Shelf, World, altered, app, at, basic, form, scope};

const NO_SCOPE: Scope = Scope::empty();

/// Source, rule, request, and the status and code of a refusal.
type Presented = (&'static str, &'static str, Ask, Result<(), (u16, Option<&'static str>)>);

fn get() -> Ask {
    Ask { method: "GET", headers: Vec::new(), body: Vec::new() }
}

fn bearer(token: &str) -> Ask {
    get().authorization(format!("Bearer {token}"))
}

fn check_at(world: &World, ask: &Ask, required: &Scope, now: Timestamp) -> Result<Access, BearerError> {
    world.engine.blocking().bearer(&ask.request(), required, now).unwrap()
}

/// The refusal, with what it says on the wire.
#[track_caller]
fn refused(result: Result<Access, BearerError>) -> (u16, Option<String>, String) {
    let error = result.unwrap_err();
    let reply = Reply::of(&error.response());
    for (name, value) in [("content-type", "application/json"), ("cache-control", "no-store"), ("pragma", "no-cache")] {
        assert_eq!(reply.header(name), [value]);
    }
    let (status, code) = reply.outcome();
    assert_eq!(reply.header("www-authenticate"), [error.challenge()]);
    assert_eq!((status, code.as_deref()), (error.status(), error.kind().code()));
    (status, code, error.challenge().to_owned())
}

/// RFC 6750 section 2, and what section 3.1 says to the rest.
#[test]
#[rustfmt::skip]
fn how_a_token_is_presented() {
    const NO_TOKEN: (u16, Option<&str>) = (401, None);
    const MALFORMED: (u16, Option<&str>) = (400, Some("invalid_request"));
    const INVALID: (u16, Option<&str>) = (401, Some("invalid_token"));
    let post = |body: &str| form(body);
    // `{T}` is a live access token, `{R}` the refresh token beside it.
    let cases: Vec<Presented> = vec![
        ("RFC 6750 2.1", "in the header", get().authorization("Bearer {T}"), Ok(())),
        ("RFC 9110 11.1", "the scheme in any case", get().authorization("bEARER {T}"), Ok(())),
        ("RFC 9110 11.4", "more spaces than one", get().authorization("Bearer   {T}"), Ok(())),
        ("RFC 6750 2.2", "in the body", post("access_token={T}"), Ok(())),
        ("RFC 6750 2.2", "in the body, among others", post("a=1&access_token={T}&b="), Ok(())),
        ("RFC 6750 2.2", "in the body of a PUT", post("access_token={T}").method("PUT"), Ok(())),
        ("RFC 6750 2.2", "in a body of that type alone", post("access_token={T}").content_type("application/x-www-form-urlencoded;charset=utf-8"), Ok(())),
        ("RFC 6750 2.1", "a body of another type is not looked at", post("access_token={T}").content_type("text/plain").authorization("Bearer {T}"), Ok(())),
        ("design", "an empty parameter counts as absent", post("access_token=").authorization("Bearer {T}"), Ok(())),
        ("RFC 6750 2.2", "a GET has no such body", post("access_token={T}").method("GET").authorization("Bearer {T}"), Ok(())),

        ("RFC 6750 3.1", "no token, and so no error code", get(), Err(NO_TOKEN)),
        ("RFC 6750 3.1", "another scheme is no token", get().authorization("Basic {T}"), Err(NO_TOKEN)),
        ("RFC 6750 3.1", "a scheme that begins the same", get().authorization("Bearers {T}"), Err(NO_TOKEN)),
        ("RFC 6750 3.1", "an empty header", get().authorization(""), Err(NO_TOKEN)),
        ("RFC 6750 2.2", "in the body of a GET", post("access_token={T}").method("GET"), Err(NO_TOKEN)),
        ("RFC 6750 2.2", "in a body of another type", post("access_token={T}").content_type("text/plain"), Err(NO_TOKEN)),
        ("RFC 6750 2.2", "in a body without a type", post("access_token={T}").without_content_type(), Err(NO_TOKEN)),
        ("design", "an empty parameter and nothing else", post("access_token="), Err(NO_TOKEN)),
        ("RFC 6750 2.2", "under another name", post("token={T}"), Err(NO_TOKEN)),
        ("RFC 6750 2.1", "in another header", get().header("x-access-token", "Bearer {T}"), Err(NO_TOKEN)),

        ("RFC 6750 2.1", "the scheme alone", get().authorization("Bearer"), Err(MALFORMED)),
        ("RFC 6750 2.1", "the scheme and a space", get().authorization("Bearer "), Err(MALFORMED)),
        ("RFC 6750 2.1", "a token in quotes", get().authorization("Bearer \"{T}\""), Err(MALFORMED)),
        ("RFC 6750 2.1", "two tokens", get().authorization("Bearer {T} {T}"), Err(MALFORMED)),
        ("RFC 6750 2.1", "two tokens, comma", get().authorization("Bearer {T},{T}"), Err(MALFORMED)),
        ("RFC 6750 2.1", "nothing but padding", get().authorization("Bearer =="), Err(MALFORMED)),
        ("RFC 6750 2.1", "padding within", get().authorization("Bearer a=b"), Err(MALFORMED)),
        ("RFC 6750 2.1", "bytes that are no text", get().authorization(b"Bearer \xff"), Err(MALFORMED)),
        ("RFC 6750 2", "two headers", get().authorization("Bearer {T}").authorization("Bearer {T}"), Err(MALFORMED)),
        ("RFC 6750 2", "two headers, one of another scheme", get().authorization("Bearer {T}").authorization("Basic x"), Err(MALFORMED)),
        ("RFC 6750 2", "in the header and the body", post("access_token={T}").authorization("Bearer {T}"), Err(MALFORMED)),
        ("RFC 6750 3.1", "twice in the body", post("access_token={T}&access_token={T}"), Err(MALFORMED)),
        ("RFC 6750 3.1", "twice in the body, once empty", post("access_token=&access_token={T}"), Err(MALFORMED)),
        ("RFC 6750 2.2", "a body that is no form", post("access_token={T}&a=%"), Err(MALFORMED)),
        ("RFC 6750 2.2", "what could not be in a header", post("access_token=a+b"), Err(MALFORMED)),

        ("RFC 6750 3.1", "a refresh token", get().authorization("Bearer {R}"), Err(INVALID)),
        ("RFC 6750 3.1", "a refresh token in the body", post("access_token={R}"), Err(INVALID)),
        ("RFC 6750 3.1", "made up", get().authorization("Bearer mF_9.B5f-4.1JqM"), Err(INVALID)),
        ("RFC 6750 3.1", "padded", get().authorization("Bearer {T}="), Err(INVALID)),
        ("RFC 6750 3.1", "a character more", get().authorization("Bearer {T}A"), Err(INVALID)),
        ("RFC 6750 3.1", "a very long one", get().authorization(format!("Bearer {}", "A".repeat(100_000))), Err(INVALID)),
    ];
    let world = World::simple();
    let login = world.login(at(0));
    let before = world.store.bytes();
    for (source, rule, ask, expected) in cases {
        let fill = |bytes: Vec<u8>| match String::from_utf8(bytes) {
            Ok(text) => text.replace("{T}", &login.access_token()).replace("{R}", &login.refresh_token()).into_bytes(),
            Err(error) => error.into_bytes(),
        };
        let headers = ask.headers.into_iter().map(|(name, value)| (name, fill(value))).collect();
        let ask = Ask { headers, body: fill(ask.body), ..ask };
        world.events.take();
        let result = check_at(&world, &ask, &NO_SCOPE, at(1));
        match expected {
            Ok(()) => assert!(result.is_ok(), "{source}: {rule}"),
            Err((status, code)) => {
                let error = match code {
                    Some(code) => format!(", error=\"{code}\""),
                    None => String::new(),
                };
                let challenge = format!("Bearer realm=\"token\"{error}");
                assert_eq!(refused(result), (status, code.map(String::from), challenge), "{source}: {rule}");
            }
        }
        let events = world.events.take();
        assert!(!events.iter().any(|event| event.contains(&login.access_token()) || event.contains(&login.refresh_token())));
        assert_eq!(world.store.bytes(), before, "a check changes nothing");
    }
}

/// Where it counts for nothing: RFC 6750 section 2.3, which RFC 9700 section 4.3.2 forbids.
#[test]
fn a_token_in_the_query_does_not_count() {
    let world = World::simple();
    let token = world.login(at(0)).access_token();
    let request = http::Request::get(format!("/resource?access_token={token}")).body(()).unwrap();
    let request = regrant::http::request(request.method(), request.uri(), request.headers(), b"");
    let error = world.engine.blocking().bearer(&request, &NO_SCOPE, at(1)).unwrap().unwrap_err();
    assert_eq!(error.kind(), BearerErrorKind::NoToken);
}

#[test]
fn a_live_token_says_what_its_grant_says() {
    let world = World::simple();
    let token = world.login(at(5)).access_token();
    let access = check_at(&world, &bearer(&token), &scope("read"), at(6)).unwrap();
    assert_eq!((access.subject(), access.client_id()), (Some("alice"), "app"));
    assert_eq!(access.scope().as_str(), "read write");
    assert_eq!(access.expires_at(), at(5 + 3_600));
    assert_eq!(access.grant().unwrap().authenticated_at(), Some(at(5)));
    assert_eq!(Some(access.grant_id()), world.store.grants().first().map(regrant::Grant::id));
    assert!(access.grant().unwrap().fields().is_empty());
    assert!(!format!("{access:?}").contains(&token));
}

/// A live token, and what makes it `invalid_token`.
#[test]
fn a_token_ends_with_its_lifetime_or_its_grant() {
    type End = fn(&World, &Reply) -> Timestamp;
    let cases: &[(&str, &str, End)] = &[
        ("Expired", "its lifetime", |_, _| at(3_600)),
        ("NoGrant", "the end of its grant", |world, _| {
            world.store.clear();
            at(1)
        }),
        ("NoGrant", "a replay", |world, login| {
            let next = world.refresh(&login.refresh_token(), at(1)).refresh_token();
            world.refresh(&next, at(2)).assert_ok();
            world.refresh(&login.refresh_token(), at(3)).assert_error(400, "invalid_grant");
            at(3)
        }),
        ("NotBefore", "the end of all grants", |world, _| {
            world.engine.void_grants_before(at(1));
            at(1)
        }),
    ];
    for (why, what, end) in cases {
        let world = World::simple();
        let login = world.login(at(0));
        let ask = bearer(&login.access_token());
        assert!(check_at(&world, &ask, &NO_SCOPE, at(1)).is_ok());
        let now = end(&world, &login);
        world.events.take();
        let (status, code, _) = refused(check_at(&world, &ask, &NO_SCOPE, now));
        assert_eq!((status, code.as_deref()), (401, Some("invalid_token")), "{what}");
        let events = world.events.take();
        assert!(events.len() == 1 && events[0].contains(why), "{what}: {events:?}");
    }
}

#[test]
fn any_altered_character_is_a_forgery() {
    let world = World::simple();
    let token = world.login(at(0)).access_token();
    for place in 0..token.len() {
        let (status, code, _) = refused(check_at(&world, &bearer(&altered(&token, place)), &NO_SCOPE, at(1)));
        assert_eq!((status, code.as_deref()), (401, Some("invalid_token")), "{place}");
    }
}

#[test]
fn a_token_lives_to_the_last_millisecond_and_no_longer_than_its_grant() {
    let world = World::simple();
    let token = world.login(at(0)).access_token();
    let last = Timestamp::from_millis(at(3_600).as_millis() - 1);
    assert!(check_at(&world, &bearer(&token), &NO_SCOPE, last).is_ok());
    assert!(check_at(&world, &bearer(&token), &NO_SCOPE, at(3_600)).is_err());

    let lifetimes = Lifetimes::default().with_absolute(Some(Duration::from_millis(90_500)));
    let world = World::new([app()], |builder| builder.grant_handler(Password).lifetimes(lifetimes));
    let login = world.login(at(0));
    assert_eq!(login.json()["expires_in"], 90);
    assert!(check_at(&world, &bearer(&login.access_token()), &NO_SCOPE, at(89)).is_ok());
    assert!(check_at(&world, &bearer(&login.access_token()), &NO_SCOPE, at(90)).is_err());
}

/// RFC 6750 section 3.1: 403, and the `scope` that it takes.
#[test]
fn a_token_without_the_scope_is_403() {
    let world = World::simple();
    let login = world.login(at(0));
    assert!(check_at(&world, &bearer(&login.access_token()), &scope("write read"), at(1)).is_ok());
    let result = check_at(&world, &bearer(&login.access_token()), &scope("read admin"), at(1));
    assert_eq!(result.as_ref().unwrap_err().kind(), BearerErrorKind::InsufficientScope);
    let challenge = r#"Bearer realm="token", error="insufficient_scope", scope="read admin""#;
    assert_eq!(refused(result), (403, Some("insufficient_scope".into()), challenge.into()));

    // A refresh of less makes an access token of less; the grant keeps the rest.
    let body = format!("grant_type=refresh_token&refresh_token={}&scope=write", login.refresh_token());
    let narrowed = world.post(&body, at(2));
    let access = check_at(&world, &bearer(&narrowed.access_token()), &scope("write"), at(3)).unwrap();
    assert_eq!(access.scope().as_str(), "write");
    let result = check_at(&world, &bearer(&narrowed.access_token()), &scope("read"), at(3));
    assert_eq!(refused(result).0, 403);
    assert!(check_at(&world, &bearer(&login.access_token()), &scope("read"), at(3)).is_ok());
}

#[test]
fn not_before_is_of_grants_and_never_moves_back() {
    let world = World::new([app().not_before(at(10))], |builder| builder.grant_handler(Password).not_before(at(5)));
    for (login, dead) in [(4, true), (9, true), (10, false), (11, false)] {
        let token = world.login(at(login)).access_token();
        assert_eq!(check_at(&world, &bearer(&token), &NO_SCOPE, at(20)).is_err(), dead, "{login}");
    }
    let token = world.login(at(15)).access_token();
    world.engine.void_grants_before(at(16));
    world.engine.void_grants_before(at(12));
    assert!(check_at(&world, &bearer(&token), &NO_SCOPE, at(20)).is_err());
    let token = world.login(at(16)).access_token();
    assert!(check_at(&world, &bearer(&token), &NO_SCOPE, at(20)).is_ok());
}

/// One client, for as long as there is one.
#[derive(Default)]
struct Closing(AtomicU8);

impl Clients for Closing {
    async fn find(&self, _: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        match self.0.load(Ordering::Relaxed) {
            0 => Ok(Some(Arc::new(app().build().unwrap()).into())),
            1 => Ok(None),
            _ => Err(ClientsError::new("the registry is down")),
        }
    }
}

#[tokio::test]
async fn a_removed_client_is_401_and_a_failing_registry_or_store_503() {
    let (clients, store, events) = (Arc::new(Closing::default()), Arc::new(Shelf::default()), Events::default());
    let builder =
        Engine::builder(Arc::clone(&store), Arc::clone(&clients)).grant_handler(Password).events(events.clone());
    let engine = builder.build().unwrap();
    let ask = form(LOGIN).basic("app", SECRET);
    let token = Reply::of(&engine.token(&ask.request(), at(0)).await).access_token();
    let ask = bearer(&token);
    assert!(engine.bearer(&ask.request(), &NO_SCOPE, at(1)).await.is_ok());
    events.take();
    clients.0.store(1, Ordering::Relaxed);
    let (status, code, _) = refused(engine.bearer(&ask.request(), &NO_SCOPE, at(1)).await);
    assert_eq!((status, code.as_deref()), (401, Some("invalid_token")));
    assert!(events.take()[0].contains("UnknownClient"));
    clients.0.store(2, Ordering::Relaxed);
    let unavailable = (503, Some("temporarily_unavailable".into()), r#"Bearer realm="token""#.into());
    assert_eq!(refused(engine.bearer(&ask.request(), &NO_SCOPE, at(1)).await), unavailable);
    clients.0.store(0, Ordering::Relaxed);
    store.fail_next(Fault::LoadFails);
    assert_eq!(refused(engine.bearer(&ask.request(), &NO_SCOPE, at(1)).await), unavailable);
    assert_eq!(events.names(), ["Failed", "Failed"]);
}

/// A token of a key that was retired is invalid, and the host is told.
#[test]
fn a_token_of_an_unknown_key_is_invalid() {
    let key = |id: u8| Key::from_bytes(id, &[id; 32]);
    let store = Arc::new(Shelf::default());
    let engine = |signing: Key, accepted: Option<Key>, events: &Events| {
        let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
        let builder =
            Engine::builder(Arc::clone(&store), clients).grant_handler(Password).key(signing).events(events.clone());
        accepted.into_iter().fold(builder, EngineBuilder::accept_key).build().unwrap()
    };
    let events = Events::default();
    let ask = form(LOGIN).basic("app", SECRET);
    let login = engine(key(1), None, &events).blocking().token(&ask.request(), at(0)).unwrap();
    let ask = bearer(&Reply::of(&login).access_token());
    events.take();
    let both = engine(key(2), Some(key(1)), &events);
    assert!(both.blocking().bearer(&ask.request(), &NO_SCOPE, at(1)).unwrap().is_ok());
    let retired = engine(key(2), None, &events);
    let (status, _, _) = refused(retired.blocking().bearer(&ask.request(), &NO_SCOPE, at(1)).unwrap());
    assert_eq!((status, events.names()), (401, vec!["UnknownKey".into(), "Refused".into()]));
    // The same id with other bytes is a forgery.
    let other = engine(Key::from_bytes(1, &[9; 32]), None, &events);
    assert!(other.blocking().bearer(&ask.request(), &NO_SCOPE, at(1)).unwrap().is_err());
    assert!(events.take()[0].contains("why: Grant(Mac)"));
}

#[test]
fn the_realm_is_the_hosts() {
    let world = World::new([app()], |builder| builder.grant_handler(Password).challenge_realm("the bank's"));
    let result = check_at(&world, &get(), &NO_SCOPE, at(0));
    assert_eq!(refused(result).2, r#"Bearer realm="the bank's""#);
    let reply = world.send(&form(LOGIN).authorization(basic("app", "wrong")), at(0));
    assert_eq!(reply.header("www-authenticate"), [r#"Basic realm="the bank's""#]);
}
