//! Attacks on the authorization endpoint (RFC 9700 section 4.1, 4.10 and 4.11): where it redirects, what it repeats, what it lets through.

use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use regrant::engine::Person;
use regrant::engine::RenewalPolicy;
use regrant::{
    Authorization, AuthorizationError, Client, Denial, Engine, MemoryStore, Request, StaticClients, Timestamp,
};

use crate::kit::ask::FORM;
use crate::kit::portal::{
    CALLBACK, CHALLENGE, ISSUER, LOOPBACK, Landing, NONCE, OnShelf, PKCE, Portal, STATE, VERIFIER, native, query,
    redemption, run,
};
use crate::kit::{SECRET, Shelf, at, form, scope};

fn with(query: &str, name: &str, value: &str) -> String {
    let rest = query.split('&').filter(|pair| pair.split('=').next() != Some(name)).collect::<Vec<_>>().join("&");
    form_urlencoded::Serializer::for_suffix(rest.clone(), 0).append_pair(name, value).finish()
}

const ELSEWHERE: [&str; 44] = [
    "https://evil.example/cb",
    "https://portal.example",
    "https://portal.example/",
    "https://portal.example/cb/",
    "https://portal.example/cb/../evil",
    "https://portal.example/cb?x=1",
    "https://portal.example/cb?",
    "https://portal.example/cb#",
    "https://portal.example/cb#x",
    "https://portal.example/cb\r\nset-cookie: a=b",
    "https://portal.example/cb\n",
    "https://portal.example/cb\0",
    "https://portal.example/cb ",
    " https://portal.example/cb",
    "https://portal.example/%63b",
    "https://portal.example//cb",
    "https://portal.example:443/cb",
    "https://portal.example./cb",
    "https://PORTAL.example/cb",
    "HTTPS://portal.example/cb",
    "http://portal.example/cb",
    "//portal.example/cb",
    "/cb",
    "https://portal.example@evil.example/cb",
    "https://evil.example\\@portal.example/cb",
    "https://portal.example\\.evil.example/cb",
    "https://portal.exampl\u{435}/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "com.example.app:/cb/",
    "com.example.app://cb",
    "COM.example.app:/cb",
    "http://127.0.0.1:80@evil.example/cb",
    "http://127.0.0.1:80.evil.example/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.1:1:2/cb",
    "http://127.0.0.1:65536/cb",
    "http://127.0.0.1:-1/cb",
    "http://127.0.0.1:\u{663}/cb",
    "http://127.1/cb",
    "http://2130706433/cb",
    "http://localhost:9004/cb",
    "http://[::1]:9004/cb",
    "http://[::ffff:127.0.0.1]:9004/cb",
];

#[test]
fn nothing_that_is_not_registered_is_redirected_to() {
    let world = OnShelf::simple();
    for client_id in ["portal", "native", "rival"] {
        for uri in ELSEWHERE {
            assert_eq!(world.refused(&with(&query(client_id), "redirect_uri", uri)), None, "{client_id} {uri:?}");
            // Nor where the request is wrong in something else, which is told to a trusted address alone.
            let worse = with(&with(&query(client_id), "redirect_uri", uri), "response_type", "token");
            assert_eq!(world.refused(&worse), None, "{client_id} {uri:?}");
        }
    }
    for query in [
        query("portal").replace("client_id=portal", "client_id=native"),
        query("native").replace("client_id=native", "client_id=portal"),
        query("portal").replace("client_id=portal", "client_id=api"),
        query("portal").replace("client_id=portal", "client_id=nobody"),
        query("portal").replace("client_id=portal", "client_id="),
        with(&query("native"), "redirect_uri", ""),
        format!("{}&client_id=rival", query("portal")),
        format!("{}&client%5Fid=", query("portal")),
        format!("{}&redirect_uri=https://evil.example", query("portal")),
        format!("redirect_uri=&{}", query("portal")),
        format!("{}&x=%", query("portal")),
        format!("{}&x=%ff", query("portal")),
        format!("{}&x={}", query("portal"), "a".repeat(8_193)),
        format!("{}{}", query("portal"), "&x".repeat(64)),
        format!("{}&{}", query("portal"), "a=b&".repeat(20_000)),
    ] {
        assert_eq!(world.refused(&query), None, "{query}");
    }
    assert!(world.store.bytes().is_empty());
    let landing = world.approve(&query("native"), Authorization::of("alice"), at(0));
    assert_eq!(landing.uri, "http://127.0.0.1:9004/cb", "and the port alone is free");
}

const HOSTILE: [&str; 12] = [
    "a&code=evil&iss=https://evil.example",
    "a#fragment",
    "a;code=evil",
    "a?code=evil",
    "%0d%0aset-cookie: a=b",
    "a b+c%20d",
    "\"><script>",
    "\u{2028}\u{e9}\u{1f511}",
    "=&=",
    "../..",
    "\\",
    "a'b",
];

/// Whatever comes as `state` comes back as it was, and as that alone, in every outcome.
#[test]
fn a_state_is_one_parameter_and_no_header() {
    let world = OnShelf::simple();
    for state in HOSTILE.into_iter().chain([&*"\u{e9}".repeat(4_000)]) {
        let asks = with(&query("portal"), "state", state);
        let request = Request::new("GET", b"").with_query(asks.as_bytes());
        let asked = run(world.engine.authorize(&request, at(0))).unwrap();
        let denied = Landing::of(&run(world.engine.deny(&asked, Denial::AccessDenied, Person::Nobody, at(0))).unwrap());
        let refused = world.refused(&with(&asks, "response_type", state)).unwrap();
        let approved = world.approve(&asks, Authorization::of("alice"), at(0));
        let faulty = world.approve(&asks, Authorization::of_client(), at(0));
        assert_eq!(approved.names(), ["code", "state", "iss"]);
        for landing in [&denied, &refused, &approved, &faulty] {
            assert_eq!(
                (&*landing.uri, landing.get("state"), landing.get("iss")),
                (CALLBACK, Some(state), Some(ISSUER))
            );
        }
        for landing in [denied, refused, faulty] {
            assert_eq!(landing.names(), ["error", "error_description", "state", "iss"]);
        }
    }
    for control in ["a\r\nb", "\0", "\u{7f}", "\u{85}", "a\tb"] {
        let landing = world.refused(&with(&query("portal"), "state", control)).unwrap();
        assert_eq!((landing.get("state"), landing.get("error")), (None, Some("invalid_request")));
    }
    // A URI that has a query keeps it, and the answer comes after it.
    let tenant = Client::public("tenant").grant_type("authorization_code").redirect_uri("https://t.example/cb?t=1&u");
    let world = Portal::new(Arc::new(Shelf::default()), [tenant], |builder| builder);
    let asks = format!("response_type=code&client_id=tenant&state=a%26b{PKCE}");
    assert_eq!(world.approve(&asks, Authorization::of("a"), at(0)).names(), ["t", "u", "code", "state", "iss"]);
}

/// Each parameter twice, in another spelling, with the good one first, last, or empty.
#[test]
fn no_parameter_of_a_specification_counts_when_it_is_repeated() {
    let world = OnShelf::simple();
    let good = query("portal");
    for name in [
        "response_type",
        "state",
        "scope",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "max_age",
        "response_mode",
        "request",
        "request_uri",
        "claims",
        "id_token_hint",
        "login_hint",
        "acr_values",
        "display",
        "dpop_jkt",
        "authorization_details",
        "password",
        "username",
    ] {
        // Its first letter in another spelling.
        let escaped = format!("%{:02x}{}", name.as_bytes()[0], &name[1..]);
        let value = form_urlencoded::parse(good.as_bytes()).find(|(own, _)| own == name);
        let value = value.map_or_else(String::new, |(_, value)| value.replace(' ', "+"));
        let once = if value.is_empty() { format!("{good}&{name}=x") } else { good.clone() };
        for twice in [
            format!("{once}&{escaped}={value}"),
            format!("{name}=&{once}"),
            format!("{once}&{name}"),
            format!("{name}=%C3%A9&{once}"),
        ] {
            let landing = world.refused(&twice).unwrap();
            assert_eq!((landing.get("error"), landing.get("code")), (Some("invalid_request"), None), "{twice}");
            assert_eq!(landing.get("state"), Some(STATE).filter(|_| name != "state"));
        }
    }
}

/// A GET is its query and a POST is its body: half of a request in either does not make one.
#[test]
fn query_and_body_are_not_mixed() {
    let world = OnShelf::simple();
    let (good, evil) = (query("portal"), with(&query("portal"), "scope", "admin"));
    let outcome = |method: &'static str, query: &str, body: &str| {
        let ask = form(body).method(method);
        match run(world.engine.authorize(&ask.request().with_query(query.as_bytes()), at(0))) {
            Ok(asked) => Ok(asked.scope().as_str().to_owned()),
            Err(AuthorizationError::Redirect(response)) => Err(Landing::of(&response).get("error").map(String::from)),
            Err(AuthorizationError::Show(_)) => Err(None),
        }
    };
    assert_eq!(outcome("GET", &good, &evil), Ok("openid read".into()));
    assert_eq!(outcome("POST", &evil, &good), Ok("openid read".into()));
    assert_eq!(outcome("POST", &good, ""), Err(None));
    assert_eq!(outcome("GET", "", &good), Err(None));
    let (head, tail) = good.split_once('&').unwrap();
    assert_eq!(
        (outcome("POST", head, tail), outcome("POST", tail, head)),
        (Err(Some("invalid_request".into())), Err(None))
    );
    for method in ["PUT", "get", "Post", "", "GET "] {
        assert_eq!(outcome(method, &good, &good), Err(None), "{method:?}");
    }
    let ask = form(&good).content_type("application/json");
    assert!(matches!(run(world.engine.authorize(&ask.request(), at(0))), Err(AuthorizationError::Show(_))));
}

#[test]
fn public_clients_cannot_go_without_a_challenge_and_nobody_with_a_plain_one() {
    let stripped = |client_id| query(client_id).replace(PKCE, "");
    let own = native().require_pkce(false).redirect_uri(CALLBACK);
    let world = OnShelf::simple();
    let lax = Engine::builder(MemoryStore::new(), StaticClients::new().with(own.build().unwrap()).unwrap());
    let lax = lax.issuer(ISSUER).authorization_code().build().unwrap();
    let request = stripped("native");
    assert!(
        run(lax.authorize(&Request::new("GET", b"").with_query(request.as_bytes()), at(0))).is_err(),
        "the switch is for others"
    );
    let long = "A".repeat(128);
    for (challenge, method) in [
        (None, None),
        (None, Some("S256")),
        (Some(CHALLENGE), None),
        (Some(CHALLENGE), Some("plain")),
        (Some(VERIFIER), Some("plain")),
        (Some(CHALLENGE), Some("s256")),
        (Some(CHALLENGE), Some("S256 ")),
        (Some(CHALLENGE), Some("")),
        (Some(""), Some("S256")),
        (Some(""), Some("")),
        (Some(""), None),
        (Some(&CHALLENGE[..42]), Some("S256")),
        (Some(&long), Some("S256")),
        (Some(&CHALLENGE.replace('M', "=")), Some("S256")),
        // One more bit than the digest has.
        (Some(&CHALLENGE.replace("-cM", "-cN")), Some("S256")),
    ] {
        for client_id in ["native", "portal"] {
            let mut asks = stripped(client_id);
            for (name, value) in [("code_challenge", challenge), ("code_challenge_method", method)] {
                asks = value.map_or(asks.clone(), |value| with(&asks, name, value));
            }
            let none = challenge.unwrap_or_default().is_empty() && method.unwrap_or_default().is_empty();
            if client_id == "portal" && none {
                assert!(world.approve(&asks, Authorization::of("alice"), at(0)).get("code").is_some());
            } else {
                assert_eq!(world.refused(&asks).unwrap().get("error"), Some("invalid_request"), "{asks}");
            }
        }
    }
}

/// Consent is within what was asked for, and what was asked for within what the client may have.
#[test]
fn consent_narrows_and_never_widens() {
    let world = OnShelf::simple();
    for (asks, consents, granted) in [
        ("openid read", None, Some("openid read")),
        ("openid read", Some("read"), Some("read")),
        ("openid read", Some(""), Some("")),
        ("openid read", Some("read write"), None),
        ("read", Some("openid read"), None),
        ("", Some("openid"), None),
        ("", None, Some("read write")),
        // Nobody knows it, so it is ignored beside `openid`: OpenID Connect Core section 3.1.2.1.
        ("openid admin", None, Some("openid")),
        ("openid admin", Some("openid admin"), None),
    ] {
        let alice =
            consents.map_or(Authorization::of("alice"), |text| Authorization::of("alice").with_scope(scope(text)));
        let landing = world.approve(&with(&query("portal"), "scope", asks), alice, at(0));
        assert_eq!(landing.get("error"), granted.map_or(Some("server_error"), |_| None));
        let Some(granted) = granted else { continue };
        // What the token request asks for has no say.
        let body = format!("{}&scope=openid+read+write", redemption("portal", landing.get("code").unwrap()));
        let reply = world.token("portal", &body, at(1));
        assert_eq!(reply.json().get("scope").and_then(|scope| scope.as_str()).unwrap_or_default(), granted);
        assert_eq!(world.bearer(&reply.access_token(), at(2)).unwrap().scope().as_str(), granted);
    }
    for wide in ["admin", "read admin", "openid  admin", "a  b", "\"", " ", &"a".repeat(5_000)] {
        assert_eq!(world.refused(&with(&query("portal"), "scope", wide)).unwrap().get("error"), Some("invalid_scope"));
    }
}

#[test]
fn no_max_age_is_too_large_and_no_old_login_young_enough() {
    let world = OnShelf::simple();
    let logged_in = |secs| Authorization::of("alice").with_authenticated_at(at(secs));
    for (max_age, is_fresh) in [
        ("0", false),
        ("99", false),
        ("100", true),
        ("00000000000000000000000000000100", true),
        ("18446744073709551615", true),
        ("18446744073709551616", true),
        (&"9".repeat(8_000), true),
    ] {
        let landing = world.approve(&with(&query("portal"), "max_age", max_age), logged_in(0), at(100));
        assert_eq!(landing.get("code").is_some(), is_fresh, "{max_age}");
        assert!(is_fresh || landing.get("error") == Some("login_required"));
    }
    for bad in ["-1", "+1", "1.0", "1e3", "0x1", "\u{661}", "1 ", "NaN"] {
        let landing = world.refused(&with(&query("portal"), "max_age", bad)).unwrap();
        assert_eq!(landing.get("error"), Some("invalid_request"), "{bad}");
    }
    for (login, now) in [(Timestamp::EPOCH, Timestamp::MAX), (Timestamp::MAX, Timestamp::EPOCH)] {
        let alice = Authorization::of("alice").with_authenticated_at(login);
        let landing = world.approve(&with(&query("portal"), "max_age", "281474976710"), alice, now);
        assert!(landing.get("code").is_some());
    }
}

/// Everything that can be shown, while a login goes well and goes wrong: no secret in any of it.
#[test]
fn nothing_that_is_shown_gives_a_secret_away() {
    let world = OnShelf::simple();
    let asks = query("portal");
    let request = Request::new("GET", b"").with_query(asks.as_bytes());
    let asked = run(world.engine.authorize(&request, at(0))).unwrap();
    let approved = run(world.engine.approve(&asked, Authorization::of("alice"), at(0))).unwrap().response;
    let code = Landing::of(&approved).get("code").unwrap().to_owned();
    let denied = run(world.engine.deny(&asked, Denial::AccessDenied, Person::Nobody, at(0))).unwrap();
    let mut shown = format!("{request:?} {asked:?} {approved:?} {denied:?} {:?}", world.engine);
    write!(shown, "{:?}", Person::LoggedIn("alice")).unwrap();
    for wrong in ["response_type", "redirect_uri", "client_id", "state", "nonce", "code_challenge"] {
        let asks = format!("{asks}&{wrong}={STATE}");
        let error =
            run(world.engine.authorize(&Request::new("GET", b"").with_query(asks.as_bytes()), at(0))).unwrap_err();
        write!(shown, "{error} {error:?}").unwrap();
    }
    world.redeem("rival", &code, at(1));
    world.token("portal", &redemption("portal", &code).replace(VERIFIER, &"v".repeat(43)), at(1));
    let tokens = world.redeem("portal", &code, at(1));
    let grant = &world.store.grants()[0];
    let sessions = run(world.engine.sessions("alice", None, 9, at(1))).unwrap();
    let access = world.bearer(&tokens.access_token(), at(1)).unwrap();
    write!(shown, "{grant:?} {sessions:?} {access:?} {:?}", world.engine.clients()).unwrap();
    world.redeem("portal", &code, at(2));
    shown += &world.events.take().concat();
    let (refresh, access) = (tokens.refresh_token(), tokens.access_token());
    for hidden in [&code, "alice", VERIFIER, NONCE, STATE, SECRET, CHALLENGE, &refresh, &access] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}

/// The registered loopback URI, on a port.
fn is_loopback(uri: &str) -> bool {
    let port = uri.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.strip_suffix("/cb"));
    port.is_some_and(|port| port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes in query, body and headers: an answer, and never another address.
    #[test]
    fn any_bytes_are_a_page_or_a_redirect_to_what_is_registered(
        noise in prop::collection::vec(any::<u8>(), 0..64),
        place in any::<prop::sample::Index>(),
        post in any::<bool>(),
        client_id in prop::sample::select(vec!["portal", "native"]),
    ) {
        let world = OnShelf::simple();
        let mut bytes = query(client_id).into_bytes();
        let place = place.index(bytes.len());
        bytes.splice(place..(place + noise.len() / 2).min(bytes.len()), noise.iter().copied());
        let request = if post { Request::new("POST", &bytes) } else { Request::new("GET", &noise).with_query(&bytes) };
        let request = request.with_header("content-type", FORM.as_bytes()).with_header("authorization", &noise);
        let landing = match run(world.engine.authorize(&request, at(0))) {
            Ok(asked) => Some(Landing::of(&run(world.engine.approve(&asked, Authorization::of("alice"), at(0))).unwrap().response)),
            Err(AuthorizationError::Redirect(response)) => Some(Landing::of(&response)),
            Err(AuthorizationError::Show(_)) => None,
        };
        if let Some(landing) = landing {
            prop_assert!([CALLBACK, LOOPBACK, "com.example.app:/cb"].contains(&&*landing.uri) || is_loopback(&landing.uri));
            prop_assert_eq!(landing.get("code").is_some(), landing.get("error").is_none());
        }
    }
}

/// Claim: "The parameters that make up the request, for hidden fields of a page's form". The opt-in parameter of the
/// engine's own renewal policy is not among them, so with a page in between nobody can opt in.
#[test]
fn the_opt_in_parameter_is_carried_over_a_page() {
    let world = OnShelf::on_shelf(|builder| builder.renewal(RenewalPolicy::OptIn("keep_me".into())));
    let first = format!("{}&keep_me=true", query("portal"));
    let request = Request::new("GET", b"").with_query(first.as_bytes());
    let asked = run(world.engine.authorize(&request, at(0))).unwrap();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(asked.carried());
    let landing = world.approve(&form.finish(), Authorization::of("alice"), at(0));
    let reply = world.redeem("portal", landing.get("code").unwrap(), at(1));
    world.refresh("portal", &reply.refresh_token(), at(2)).assert_ok();
}

/// Claim: the port of a loopback address is free, and nothing else. Zeros in front of it are as many as a value holds, all
/// of which go into the `Location`.
#[test]
fn a_port_has_five_digits_at_most() {
    let world = OnShelf::simple();
    let uri = format!("http://127.0.0.1:{}80/cb", "0".repeat(4_000));
    let query = query("native").replace("http%3A%2F%2F127.0.0.1%3A9004%2Fcb", &uri);
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    assert!(run(world.engine.authorize(&request, at(0))).is_err());
}
