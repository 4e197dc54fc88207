//! Grant handlers and what they may decide (RFC 6749 section 4.5), what the host is told, and renewal by opt-in.

use std::future::Future;

use regrant::client::ClientBuilder;
use regrant::engine::{ClientCredentials, NotReady, RenewalPolicy};
use regrant::grant::FieldError;
use regrant::wire::ResponseStyle;
use regrant::{Authorization, Client, GrantError, GrantHandler, GrantRequest, ResponseFields, Scope};

use crate::kit::{Fault, LOGIN, Password, Reply, SECRET, World, altered, app, at, form, scope, secret};

const EXTENSION: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// An extension grant that does what its test says.
struct Extension(Handler);

type Handler = fn(&GrantRequest<'_>) -> Result<Authorization, GrantError>;

impl GrantHandler for Extension {
    fn grant_type(&self) -> &'static str {
        EXTENSION
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        (self.0)(request)
    }
}

fn extended() -> ClientBuilder {
    app().grant_type(EXTENSION)
}

fn world(handler: Handler) -> World {
    World::new([extended()], |builder| builder.grant_handler(Password).grant_handler(Extension(handler)))
}

/// A request of the extension grant, its type escaped as clients do it.
fn ask(more: &str) -> String {
    format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&{more}")
}

fn fields(name: &str, value: &str) -> ResponseFields {
    ResponseFields::new().with(name, value).unwrap()
}

/// RFC 6749 section 4.5.
#[test]
fn an_extension_grant_is_known_by_its_uri() {
    let handler: Handler = |request| {
        assert_eq!((request.client().id(), request.now()), ("app", at(7)));
        assert!(request.all("resource").eq(["https://a", "https://b"]));
        assert_eq!(request.parameter("unknown").unwrap(), None);
        assert!(!format!("{request:?}").contains("the-assertion"));
        let asked = request.scope().as_str();
        Ok(Authorization::of(request.required("assertion")?).with_fields(fields("asked", asked)))
    };
    let world = world(handler);
    let more = "assertion=the-assertion&resource=https://a&resource=&resource=https%3A//b&unknown=";
    assert_eq!(world.post(&ask(more), at(7)).text("asked"), "read write", "the default scope");
    let reply = world.post(&ask(&format!("{more}&scope=admin")), at(7));
    assert_eq!((reply.text("asked"), reply.text("scope")), ("admin".into(), "admin".into()));
    assert_eq!(world.store.grants()[0].subject(), Some("the-assertion"));
    world.refresh(&reply.refresh_token(), at(8)).assert_ok();
    // A client that was not given the grant type may not use it, and other spellings are other types.
    let narrow = World::new([app()], |builder| builder.grant_handler(Extension(handler)));
    narrow.post(&ask(more), at(7)).assert_error(400, "unauthorized_client");
    for other in [EXTENSION.to_uppercase(), format!("{EXTENSION}/"), "jwt-bearer".into()] {
        world.post(&format!("grant_type={other}&{more}"), at(7)).assert_error(400, "unsupported_grant_type");
    }
}

/// A host that logs what its handler could not do finds the cause.
#[test]
fn a_failure_of_a_handler_has_its_cause() {
    use std::error::Error as _;
    let failed = GrantError::failed("the directory is down");
    assert_eq!(failed.source().unwrap().to_string(), "the directory is down");
    assert!(format!("{failed:?}").contains("the directory is down"));
    let refused = GrantError::invalid_grant();
    assert!(refused.source().is_none());
    assert!(!refused.to_string().is_empty() && refused.to_string() != failed.to_string());
}

/// RFC 6749 sections 5.2 and 8.5: codes of the specification and of an extension.
#[test]
fn a_handlers_refusal_is_answered_with_its_own_code() {
    type Case = (Handler, u16, &'static str, &'static str);
    let cases: [Case; 9] = [
        (|_| Err(GrantError::invalid_grant()), 400, "invalid_grant", "Refused"),
        (|_| Err(GrantError::invalid_request()), 400, "invalid_request", "Refused"),
        (|_| Err(GrantError::invalid_scope()), 400, "invalid_scope", "Refused"),
        (|_| Err(GrantError::unauthorized_client()), 400, "unauthorized_client", "Refused"),
        (|_| Err(GrantError::extension("authorization_pending").unwrap()), 400, "authorization_pending", "Refused"),
        (|_| Err(GrantError::failed("the user directory is down")), 503, "temporarily_unavailable", "Failed"),
        (|request| request.required("absent").map(Authorization::of), 400, "invalid_request", "Refused"),
        (|request| request.required("empty").map(Authorization::of), 400, "invalid_request", "Refused"),
        (|request| request.required("twice").map(Authorization::of), 400, "invalid_request", "Refused"),
    ];
    for (handler, status, code, event) in cases {
        let world = world(handler);
        let reply = world.post(&ask("empty=&twice=&twice=1"), at(0));
        reply.assert_error(status, code);
        assert!(!String::from_utf8_lossy(&reply.body).contains("directory"), "a cause is for the host alone");
        assert!(world.store.bytes().is_empty());
        let events = world.events.take();
        assert!(events.len() == 1 && events[0].starts_with(event), "{events:?}");
    }
}

/// What a handler may not grant: the fault is the server's, and nothing is issued.
#[test]
fn a_grant_that_cannot_be_given_is_a_server_error() {
    let wrong: [Handler; 4] = [
        |_| Ok(Authorization::of("alice").with_scope(scope("read root"))),
        |_| Ok(Authorization::of_client().with_scope(scope("root"))),
        |_| Ok(Authorization::of("")),
        |_| Ok(Authorization::of(&"a".repeat(1_025))),
    ];
    for handler in wrong {
        let world = world(handler);
        world.post(&ask(""), at(0)).assert_error(500, "server_error");
        assert!(world.store.bytes().is_empty());
        assert!(world.events.take()[0].contains("why: Fault(Handler)"));
    }
    let long = world(|_| Ok(Authorization::of(&"a".repeat(1_024))));
    let reply = long.post(&ask(""), at(0));
    long.refresh(&reply.assert_ok().refresh_token(), at(1)).assert_ok();
}

#[test]
fn a_handler_decides_scope_login_time_and_refresh_token() {
    let post = |handler: Handler| {
        let world = world(handler);
        (world.post(&ask("scope=read"), at(100)), world)
    };
    // Less than asked, or other scope that the client may have.
    assert!(!post(|_| Ok(Authorization::of("a").with_scope(Scope::empty()))).0.json().contains_key("scope"));
    assert_eq!(post(|_| Ok(Authorization::of("a").with_scope(scope("admin")))).0.text("scope"), "admin");
    // A client for itself: nobody is logged in, and there is no refresh token (RFC 6749 section 4.4.3).
    let without: [Handler; 2] =
        [|_| Ok(Authorization::of_client()), |_| Ok(Authorization::of("a").without_refresh_token())];
    for handler in without {
        let (reply, world) = post(handler);
        assert!(!reply.json().contains_key("refresh_token"));
        assert!(!world.store.grants()[0].is_renewable());
    }
    assert_eq!(post(|_| Ok(Authorization::of_client())).1.store.grants()[0].subject(), None);
    // A refresh token that renews nothing.
    let (reply, world) = post(|_| Ok(Authorization::of("a").with_renewable(false)));
    world.refresh(&reply.refresh_token(), at(101)).assert_error(400, "invalid_grant");
    // When the login was.
    let (_, world) = post(|_| Ok(Authorization::of("a").with_authenticated_at(at(40))));
    assert_eq!(world.store.grants()[0].authenticated_at(), Some(at(40)));
    // A client that may not refresh is handed no refresh token.
    let login_only = Client::confidential("app").secret(secret(SECRET)).grant_type("password").scope(scope("read"));
    let world = World::new([login_only], |builder| builder.grant_handler(Password));
    assert!(!world.login(at(0)).json().contains_key("refresh_token"));
}

#[test]
fn a_refresh_token_renews_as_the_policy_says() {
    for (policy, more, renews) in [
        (RenewalPolicy::Always, "", true),
        (RenewalPolicy::Never, "&renew=true", false),
        (RenewalPolicy::OptIn("renew".into()), "", false),
        (RenewalPolicy::OptIn("renew".into()), "&renew=true", true),
        (RenewalPolicy::OptIn("renew".into()), "&renew=true&renew=true", false),
    ] {
        let world = World::new([app()], |builder| builder.grant_handler(Password).renewal(policy.clone()));
        let token = world.post(&format!("{LOGIN}{more}"), at(0)).refresh_token();
        let before = world.store.bytes();
        for secs in [1, 2, 3_000] {
            let reply = world.post(&format!("grant_type=refresh_token&refresh_token={token}&renew=true"), at(secs));
            assert_eq!(reply.status == 200, renews, "{policy:?} {more}");
            if renews {
                break;
            }
            assert_eq!(world.store.bytes(), before);
        }
    }
}

/// What the host is told of each outcome, and that none of it has a token, a secret or what a stranger sent.
#[test]
fn every_outcome_is_an_event() {
    let world = World::simple();
    let mut seen: Vec<String> = Vec::new();
    let mut expect = |names: &[&str]| {
        let events = world.events.take();
        let told: Vec<&str> = events.iter().map(|event| event.split(' ').next().unwrap()).collect();
        assert_eq!(told, names, "{events:?}");
        seen.extend(events);
    };
    let first = world.login(at(0));
    expect(&["Issued"]);
    let second = world.refresh(&first.refresh_token(), at(1));
    expect(&["Refreshed"]);
    let backup = world.store.grants();
    world.refresh(&first.refresh_token(), at(2));
    expect(&["Retried"]);
    let third = world.refresh(&second.refresh_token(), at(3));
    expect(&["Refreshed"]);
    // The store comes back from a backup, and the client is ahead of it.
    world.store.clear();
    for grant in backup {
        let inserted = regrant::TokenStore::insert(&*world.store, &grant, at(3));
        assert!(
            std::pin::pin!(inserted).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
        );
    }
    let fourth = world.refresh(&third.refresh_token(), at(4));
    expect(&["StoreBehind", "Refreshed"]);
    world.refresh(&first.refresh_token(), at(5)).assert_error(400, "invalid_grant");
    expect(&["ReplayFound", "Revoked"]);
    world.refresh(&fourth.refresh_token(), at(6));
    expect(&["Refused"]);
    world.refresh(&altered(&fourth.refresh_token(), 0), at(6));
    expect(&["UnknownKey", "Refused"]);
    world.send(&form("grant_type=zq&scope=zq").basic("zq", "zq"), at(6));
    expect(&["Refused"]);
    world.store.fail_next(Fault::InsertNotApplied);
    world.login(at(7));
    expect(&["Failed"]);
    for reply in [&first, &second, &third, &fourth] {
        for token in [reply.access_token(), reply.refresh_token()] {
            assert!(!seen.iter().any(|event| event.contains(&token) || event.contains(&token[30..])));
        }
    }
    for secret in [SECRET, "alice", "wonderland", "zq"] {
        assert!(!seen.iter().any(|event| event.contains(secret)), "{secret}");
    }
}

#[test]
fn fields_are_members_of_their_own_in_every_response() {
    for name in [
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "scope",
        "id_token",
        "error",
        "scopes",
        ".issued",
        ".expires",
    ] {
        assert!(matches!(ResponseFields::new().with(name, "x"), Err(FieldError::Reserved)), "{name}");
    }
    assert!(matches!(fields("a", "1").with("a", "1"), Err(FieldError::Repeated)));
    // An escape is no way to say a name twice.
    assert!(matches!(fields("\"", "1").with("\"", "1"), Err(FieldError::Repeated)));
    let most = ResponseFields::MAX_BYTES - r#""a":"""#.len();
    assert_eq!(ResponseFields::new().with("a", &"x".repeat(most)).unwrap().as_json().len(), ResponseFields::MAX_BYTES);
    assert!(matches!(ResponseFields::new().with("a", &"x".repeat(most + 1)), Err(FieldError::TooLong)));
    assert!(matches!(ResponseFields::new().with("a", &Unwritable), Err(FieldError::Json(_))));

    let handler: Handler = |_| {
        let fields =
            fields("quote\"\\", "\u{1}\"}é").with("roles", &["a", "b"]).unwrap().with("none", &None::<u8>).unwrap();
        Ok(Authorization::of("alice").with_fields(fields))
    };
    for style in [ResponseStyle::Rfc6749, ResponseStyle::Katana] {
        let builder_of = |handler| {
            World::new([extended()], |builder| builder.grant_handler(Extension(handler)).response_style(style))
        };
        let world = builder_of(handler);
        let mut reply = world.post(&ask(""), at(0));
        for secs in 1..3 {
            assert_eq!(reply.text("quote\"\\"), "\u{1}\"}é");
            assert_eq!(reply.json()["roles"], serde_json::json!(["a", "b"]));
            assert_eq!(reply.json()["none"], serde_json::Value::Null);
            let body = String::from_utf8(reply.body.clone()).unwrap();
            assert!(
                body.find("quote") < body.find("roles") && body.find("roles") < body.find("none"),
                "in their order"
            );
            reply = world.refresh(&reply.refresh_token(), at(secs));
        }
        assert!(!format!("{:?}", world.store.grants()).contains("roles"));
        // No scope is no member, or an empty one.
        let world = builder_of(|_| Ok(Authorization::of("alice").with_scope(Scope::empty())));
        let members = world.post(&ask(""), at(0)).json();
        match style {
            ResponseStyle::Rfc6749 => assert!(!members.contains_key("scope")),
            _ => assert_eq!(members["scopes"], ""),
        }
    }
}

/// A value that serde cannot write: maps of JSON have strings for keys.
struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not this one"))
    }
}

/// Waits once, as a handler that asks a directory over the network does.
struct Waits;

impl GrantHandler for Waits {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        tokio::task::yield_now().await;
        Ok(Authorization::of("alice"))
    }
}

#[tokio::test]
async fn a_handler_that_waits_is_not_for_hosts_that_do_not() {
    let world = World::new([app()], |builder| builder.grant_handler(Waits));
    let ask = form(LOGIN).basic("app", SECRET);
    assert_eq!(world.engine.blocking().token(&ask.request(), at(0)).unwrap_err(), NotReady);
    assert!(world.store.bytes().is_empty() && world.events.take().is_empty());
    // The same engine serves hosts that wait, and what does not ask the handler is ready.
    let reply = Reply::of(&world.engine.token(&ask.request(), at(0)).await);
    world.refresh(&reply.refresh_token(), at(1)).assert_ok();
}

/// How the person proved who they are: OpenID Connect Core section 2, RFC 9470.
#[test]
fn what_a_handler_says_of_the_login_is_kept() {
    let world = world(|_| Ok(Authorization::of("alice").with_acr("urn:mfa").with_amr(["pwd", "otp"])));
    let login = world.post(&ask(""), at(0));
    world.refresh(&login.refresh_token(), at(1)).assert_ok();
    let grant = &world.store.grants()[0];
    assert_eq!(grant.acr(), Some("urn:mfa"));
    assert!(grant.amr().eq(["pwd", "otp"]));
}

/// Fields that a host gives to clients that act for themselves: by the client or by the request, and refused as by any handler.
#[test]
fn client_credentials_have_the_fields_that_the_host_says() {
    let shop =
        || Client::confidential("app").secret(secret(SECRET)).grant_type("client_credentials").scope(scope("read"));
    let world = World::new([shop()], |builder| {
        builder.grant_handler(ClientCredentials.with_fields(|request| match request.parameter("tenant")? {
            None => ResponseFields::new().with("client", request.client().id()).map_err(GrantError::failed),
            Some("closed") => Err(GrantError::invalid_grant()),
            Some(tenant) => ResponseFields::new().with("tenant", tenant).map_err(GrantError::failed),
        }))
    });
    let ask = |more: &str| world.post(&format!("grant_type=client_credentials{more}"), at(0));
    assert_eq!(ask("").text("client"), "app");
    let named = ask("&tenant=%22acme%22");
    assert_eq!((named.text("tenant").as_str(), named.json().contains_key("client")), ("\"acme\"", false));
    // It stays what it is: nobody's, and without a refresh token (RFC 6749 section 4.4.3).
    assert!(!named.json().contains_key("refresh_token"));
    assert!(world.store.grants().iter().all(|grant| grant.subject().is_none()));
    let stored = world.store.bytes();
    ask("&tenant=closed").assert_error(400, "invalid_grant");
    ask("&tenant=a&tenant=b").assert_error(400, "invalid_request");
    assert_eq!(world.store.bytes(), stored);
}
