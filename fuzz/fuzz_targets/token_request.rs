//! Any request gets a response that a specification knows, and a token only where an independent reading of the request
//! says that its credentials are right.
//!
//! The first byte of an input picks the method, the content type and the `Authorization` header; the rest is the body,
//! in which `{A}`, `{B}`, `{C}` and `{D}` stand for refresh tokens that no fuzzer would find: a live one, its
//! predecessor, a public client's, and one that renews nothing.
#![no_main]

use std::collections::HashMap;
use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use regrant::engine::RenewalPolicy;
use regrant::grant::Owner;
use regrant::wire::Limits;
use regrant::{
    Authorization, Client, ClientSecret, Engine, Grant, GrantError, GrantHandler, GrantRequest, MemoryStore, Request,
    Response, ResponseFields, Scope, StaticClients, Timestamp, TokenStore,
};

const SECRET: &str = "the-secret-of-the-app-for-fuzzing-only";
const FORM: &str = "application/x-www-form-urlencoded";
const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);

/// How an input authenticates, besides what its body says.
enum Auth {
    None,
    Right,
    Wrong,
    /// The body up to the first line break is the header.
    FromInput,
    /// The same, as what a Basic header encodes.
    BasicFromInput,
    Twice,
}

/// What the first byte picks: method, content type, `Authorization`. Most of them get as far as the body.
fn pick(byte: u8) -> (&'static str, Option<&'static str>, Auth) {
    match byte % 32 {
        0..=11 => ("POST", Some(FORM), Auth::Right),
        12..=19 => ("POST", Some(FORM), Auth::None),
        20 => ("POST", Some(FORM), Auth::Wrong),
        21 | 22 => ("POST", Some(FORM), Auth::FromInput),
        23 | 24 => ("POST", Some(FORM), Auth::BasicFromInput),
        25 => ("POST", Some(FORM), Auth::Twice),
        26 => ("POST", Some("application/x-www-form-urlencoded; charset=utf-8"), Auth::Right),
        27 => ("POST", Some("application/json"), Auth::Right),
        28 => ("POST", None, Auth::Right),
        29 => ("GET", Some(FORM), Auth::Right),
        30 => ("post", Some(FORM), Auth::Right),
        _ => ("", None, Auth::None),
    }
}

struct Password;

impl GrantHandler for Password {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, request: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        match (request.required("username")?, request.required("password")?) {
            ("alice", "wonderland") => {
                let fields = ResponseFields::new().with("name", "Usuário \"Teste\"").map_err(GrantError::failed)?;
                Ok(Authorization::of("alice").with_fields(fields))
            }
            _ => Err(GrantError::invalid_grant()),
        }
    }
}

/// An engine, its live tokens, and its three grants, to be put back after each input: what one did must not count for
/// the next.
struct World {
    engine: Engine<MemoryStore, StaticClients>,
    tokens: [String; 4],
    grants: Vec<Grant>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}

impl World {
    fn new() -> Self {
        let scope = |text: &str| Scope::parse(text).expect("a scope");
        let app = Client::confidential("app")
            .secret(ClientSecret::new(SECRET).expect("a secret"))
            .grant_type("password")
            .grant_type("refresh_token")
            .scope(scope("read write admin"))
            .default_scope(scope("read write"));
        let mobile = Client::public("mobile").grant_type("password").grant_type("refresh_token").scope(scope("read"));
        let clients = [app, mobile].into_iter().fold(StaticClients::new(), |clients, client| {
            clients.with(client.build().expect("a client")).expect("another id")
        });
        let engine = Engine::builder(MemoryStore::builder().shards(1).build(), clients)
            .grant_handler(Password)
            .renewal(RenewalPolicy::OptIn("renew".into()))
            .limits(Limits::default().with_body_bytes(2_048).with_parameters(24))
            .build()
            .expect("an engine");
        let mut world = Self { engine, tokens: Default::default(), grants: Vec::new() };
        let login = "grant_type=password&username=alice&password=wonderland";
        let app = format!("client_id=app&client_secret={SECRET}");
        let [live, fixed] = ["&renew=true", ""].map(|more| world.refresh_token(&format!("{login}&{app}{more}")));
        let mobile = world.refresh_token(&format!("{login}&client_id=mobile&renew=true"));
        let next = world.refresh_token(&format!("grant_type=refresh_token&refresh_token={live}&{app}"));
        world.tokens = [next, live, mobile, fixed];
        world.grants = world.stored();
        assert_eq!(world.grants.len(), 3);
        world
    }

    /// All grants: every login is alice's.
    fn stored(&self) -> Vec<Grant> {
        ready(self.engine.store().list(&Owner::subject("alice"), None, 100)).expect("the memory store").grants
    }

    fn put_back(&self) {
        for grant in self.stored() {
            ready(self.engine.store().remove(grant.id())).expect("the memory store");
        }
        for grant in &self.grants {
            ready(self.engine.store().insert(grant, NOW)).expect("the memory store");
        }
    }

    fn refresh_token(&self, body: &str) -> String {
        let request = Request::new("POST", body.as_bytes()).with_header("content-type", FORM.as_bytes());
        let response = self.token(&request);
        match read_json(response.body()).and_then(|members| members.get("refresh_token").cloned()) {
            Some(Value::Text(token)) => token,
            _ => panic!("{:?}", String::from_utf8_lossy(response.body())),
        }
    }

    fn token(&self, request: &Request<'_>) -> Response {
        self.engine.blocking().token(request, NOW).expect("nothing here waits")
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&first, rest)) = input.split_first() else { return };
    let (method, content_type, auth) = pick(first);
    let world = world();
    let (headers, body) = headers(auth, rest);
    let body = fill(body, &world.tokens);
    let mut request = Request::new(method, &body);
    if let Some(content_type) = content_type {
        request = request.with_header("Content-Type", content_type.as_bytes());
    }
    for header in &headers {
        request = request.with_header("authorization", header);
    }
    let response = world.token(&request);
    let members = check(&response);
    let expected = Asked::read(headers.first().map(Vec::as_slice), &body).allowed(&world.tokens);
    if response.status() == 200 {
        assert!(method == "POST" && content_type.is_some_and(|value| value.starts_with(FORM)) && headers.len() < 2);
        assert!(expected.is_some(), "issued for {:?}", String::from_utf8_lossy(&body));
        let is_login = expected == Some(true);
        assert_eq!(world.engine.store().len(), if is_login { 4 } else { 3 });
        assert!(members.contains_key("name") && members.contains_key("scope"));
    } else {
        assert_eq!(world.stored(), world.grants, "a refusal changes nothing, and within the window there is no replay");
        // The request was well-formed, then, and what it asked for is wrong.
        if members.get("error") != Some(&Value::Text("invalid_request".into())) {
            assert!(expected.is_none(), "refused for {members:?}: {:?}", String::from_utf8_lossy(&body));
        }
    }
    // The same again: an error is the same, and a refresh is answered with the same successor.
    let again = world.token(&request);
    assert_eq!(again.status(), response.status());
    if response.status() != 200 {
        assert_eq!(again.body(), response.body());
    } else {
        world.put_back();
    }
});

/// The `Authorization` headers, and what is left for the body.
fn headers(auth: Auth, rest: &[u8]) -> (Vec<Vec<u8>>, &[u8]) {
    let basic = |pair: &[u8]| format!("Basic {}", STANDARD.encode(pair)).into_bytes();
    let right = basic(format!("app:{SECRET}").as_bytes());
    let (line, after) = match rest.iter().position(|&byte| byte == b'\n') {
        Some(end) => (&rest[..end], &rest[end + 1..]),
        None => (rest, &rest[..0]),
    };
    match auth {
        Auth::None => (Vec::new(), rest),
        Auth::Right => (vec![right], rest),
        Auth::Wrong => (vec![basic(b"app:wrong")], rest),
        Auth::FromInput => (vec![replace(line, b"{S}", SECRET)], after),
        Auth::BasicFromInput => (vec![basic(&replace(line, b"{S}", SECRET))], after),
        Auth::Twice => (vec![right.clone(), right], rest),
    }
}

/// Puts the tokens and the secret in the places that are marked for them.
fn fill(body: &[u8], tokens: &[String; 4]) -> Vec<u8> {
    let marks: [&[u8]; 4] = [b"{A}", b"{B}", b"{C}", b"{D}"];
    let body = marks.iter().zip(tokens).fold(body.to_vec(), |body, (mark, token)| replace(&body, mark, token));
    replace(&body, b"{S}", SECRET)
}

fn replace(text: &[u8], mark: &[u8], with: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        if let Some(after) = rest.strip_prefix(mark) {
            out.extend_from_slice(with.as_bytes());
            rest = after;
        } else {
            out.push(*byte);
            rest = tail;
        }
    }
    out
}

/// What holds for every response; the members of its body.
fn check(response: &Response) -> HashMap<String, Value> {
    let headers: Vec<(&str, &str)> = response.headers().collect();
    for expected in [("content-type", "application/json"), ("cache-control", "no-store"), ("pragma", "no-cache")] {
        assert_eq!(headers.iter().filter(|header| header.0 == expected.0).collect::<Vec<_>>(), [&expected]);
    }
    let challenge = headers.contains(&("www-authenticate", "Basic realm=\"token\""));
    assert_eq!((challenge, headers.contains(&("allow", "POST"))), (response.status() == 401, response.status() == 405));
    let members = read_json(response.body()).expect("a JSON object");
    let text = |name: &str| match members.get(name) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    match (response.status(), text("error")) {
        (200, None) => {
            assert!(text("access_token").is_some_and(|token| token.len() == 67));
            assert!(text("refresh_token").is_some_and(|token| token.len() == 43));
            assert_eq!((text("token_type"), members.get("expires_in")), (Some("Bearer"), Some(&Value::Number(3_600))));
        }
        (
            400,
            Some(
                "invalid_request"
                | "invalid_grant"
                | "unauthorized_client"
                | "unsupported_grant_type"
                | "invalid_scope",
            ),
        )
        | (401, Some("invalid_client"))
        | (405 | 413, Some("invalid_request")) => {
            assert!(members.len() == 2 && text("error_description").is_some_and(str::is_ascii));
        }
        // Nothing here fails or waits, so there is no 503 either.
        other => panic!("{other:?}"),
    }
    members
}

/// A request as `form_urlencoded` and a naive decoder read it.
struct Asked {
    parameters: Vec<(String, String)>,
    basic: Option<Option<(String, String)>>,
}

impl Asked {
    fn read(authorization: Option<&[u8]>, body: &[u8]) -> Self {
        let decoded = |half: &str| {
            // As a form has it: escape what separates parameters, and read the half as a name.
            let half = half.replace('&', "%26").replace('=', "%3D");
            form_urlencoded::parse(half.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
        };
        let basic = authorization.map(|header| {
            let text = std::str::from_utf8(header).ok().filter(|text| text.len() <= 4_096)?;
            let (scheme, encoded) = text.split_once(' ')?;
            let pair = STANDARD.decode(encoded.trim_start_matches(' ')).ok()?;
            let pair = String::from_utf8(pair).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
            let (id, secret) = pair.split_once(':')?;
            Some((decoded(id), decoded(secret)))
        });
        Self { parameters: form_urlencoded::parse(body).into_owned().collect(), basic }
    }

    /// The value of a parameter that is there once and not empty.
    fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str());
        values.next().filter(|value| !value.is_empty()).filter(|_| values.next().is_none())
    }

    /// Whether a token may be issued: `Some(true)` for a login, `Some(false)` for a refresh.
    fn allowed(&self, tokens: &[String; 4]) -> Option<bool> {
        if self.one("client_assertion").or(self.one("client_assertion_type")).is_some() {
            return None;
        }
        let client = match (&self.basic, self.one("client_id"), self.one("client_secret")) {
            (Some(Some((id, secret))), other, None) if other.is_none_or(|other| other == id) => {
                (id == "app" && secret == SECRET).then_some("app")
            }
            (None, Some("app"), Some(SECRET)) => Some("app"),
            (None, Some("mobile"), None) => Some("mobile"),
            _ => None,
        }?;
        let granted: &[&str] = if client == "app" { &["read", "write"] } else { &["read"] };
        match self.one("grant_type")? {
            "password" => {
                let may = if client == "app" { &["read", "write", "admin"][..] } else { granted };
                let right = self.one("username") == Some("alice") && self.one("password") == Some("wonderland");
                (right && self.scope_within(may)).then_some(true)
            }
            "refresh_token" => {
                let token = self.one("refresh_token")?;
                let own = if client == "app" { &tokens[..2] } else { &tokens[2..3] };
                (own.iter().any(|own| own == token) && self.scope_within(granted)).then_some(false)
            }
            _ => None,
        }
    }

    fn scope_within(&self, wider: &[&str]) -> bool {
        self.one("scope").is_none_or(|scope| scope.split(' ').all(|token| wider.contains(&token)))
    }
}

#[derive(Clone, PartialEq, Debug)]
enum Value {
    Text(String),
    Number(u64),
}

/// A flat JSON object of strings and whole numbers, by the grammar of RFC 8259 and nothing beyond; no name twice.
fn read_json(bytes: &[u8]) -> Option<HashMap<String, Value>> {
    let mut rest = std::str::from_utf8(bytes).ok()?.strip_prefix('{')?;
    let mut members = HashMap::new();
    loop {
        let (name, after) = read_string(rest)?;
        let after = after.strip_prefix(':')?;
        let (value, after) = if after.starts_with('"') {
            let (text, after) = read_string(after)?;
            (Value::Text(text), after)
        } else {
            let end = after.find(|digit: char| !digit.is_ascii_digit())?;
            let number = after.get(..end).filter(|digits| *digits == "0" || !digits.starts_with('0'))?;
            (Value::Number(number.parse().ok()?), &after[end..])
        };
        if members.insert(name, value).is_some() {
            return None;
        }
        rest = match after {
            "}" => return Some(members),
            _ => after.strip_prefix(',')?,
        };
    }
}

/// A string of JSON, and what follows it.
fn read_string(text: &str) -> Option<(String, &str)> {
    let mut characters = text.strip_prefix('"')?.chars();
    let mut out = String::new();
    loop {
        match characters.next()? {
            '"' => return Some((out, characters.as_str())),
            '\\' => out.push(characters.next().filter(|escaped| matches!(escaped, '"' | '\\' | '/'))?),
            '\0'..='\x1f' => return None,
            other => out.push(other),
        }
    }
}

/// The memory store never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("a future of the memory store was pending"),
    }
}
