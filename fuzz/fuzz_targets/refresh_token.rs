//! Only the exact text of a current refresh token, or of its predecessor within the window, renews, and one that this engine
//! has handed out since and is ahead of; whatever else is presented is refused with one and the same response, and changes
//! nothing.
//!
//! The first byte of an input says what becomes of the rest: it is presented as it is, or it is a list of changes to a
//! genuine token (of either generation, an access token, another client's, one that renews nothing).
#![no_main]

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use regrant::engine::RenewalPolicy;
use regrant::{
    Authorization, Client, ClientSecret, Engine, GrantError, GrantHandler, GrantId, GrantRequest, Key, MemoryStore,
    Request, Response, Scope, StaticClients, Timestamp, TokenStore,
};

const SECRET: &str = "the-secret-of-the-app-for-fuzzing-only";
const NOW: Timestamp = Timestamp::from_secs(1_597_240_260);

struct Password;

impl GrantHandler for Password {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of("alice"))
    }
}

/// An engine and what it handed out. Every grant stays as it is: what renews is written back.
struct World {
    engine: Engine<MemoryStore, StaticClients>,
    /// In the order of [`genuine`].
    tokens: [String; 5],
    /// The successors that refreshes were answered with. Their records were set back since, so they are ahead of them and
    /// genuine, and the fuzzer, which sees what is compared, can come upon one.
    ahead: Mutex<BTreeSet<String>>,
    refused: Response,
}

/// Places of [`World::tokens`].
const CURRENT: usize = 0;
const PREDECESSOR: usize = 1;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let client = |id: &str| {
            let client = Client::confidential(id).secret(ClientSecret::new(SECRET).expect("a secret"));
            let client = client.grant_type("password").grant_type("refresh_token");
            client.scope(Scope::parse("read").expect("a scope")).build().expect("a client")
        };
        let clients = StaticClients::new().with(client("app")).expect("new").with(client("other")).expect("new");
        let engine = Engine::builder(MemoryStore::builder().shards(1).build(), clients)
            .grant_handler(Password)
            .key(Key::from_bytes(1, &[7; 32]))
            .accept_key(Key::from_bytes(2, &[8; 32]))
            .renewal(RenewalPolicy::OptIn("renew".into()))
            .build()
            .expect("an engine");
        let [first, access] = ["refresh_token", "access_token"]
            .map(|member| text_of(&post(&engine, "app", "grant_type=password&renew=true"), member));
        let current = text_of(&refresh(&engine, &first), "refresh_token");
        let other = text_of(&post(&engine, "other", "grant_type=password&renew=true"), "refresh_token");
        let fixed = text_of(&post(&engine, "app", "grant_type=password"), "refresh_token");
        let refused = refresh(&engine, "");
        assert_eq!(refused.status(), 400);
        let refused = refresh(&engine, "x");
        World { engine, tokens: [current, first, access, other, fixed], ahead: Mutex::default(), refused }
    })
}

type FuzzEngine = Engine<MemoryStore, StaticClients>;

fn post(engine: &FuzzEngine, client: &str, body: &str) -> Response {
    let body = format!("{body}&client_id={client}&client_secret={SECRET}");
    let request =
        Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
    engine.blocking().token(&request, NOW).expect("nothing here waits")
}

/// Presents a text, whatever is in it.
fn refresh(engine: &FuzzEngine, token: &str) -> Response {
    let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    post(engine, "app", &format!("grant_type=refresh_token&refresh_token={token}"))
}

/// A member of a success, whose strings have no escapes here.
fn text_of(response: &Response, member: &str) -> String {
    let body = String::from_utf8(response.body().to_vec()).expect("text");
    let (_, after) = body.split_once(&format!("\"{member}\":\"")).unwrap_or_else(|| panic!("no {member} in {body}"));
    after.split('"').next().expect("an end").to_owned()
}

fuzz_target!(|input: &[u8]| {
    let world = world();
    let Some((&first, rest)) = input.split_first() else { return };
    let presented = match usize::from(first % 8) {
        place @ 0..=4 => changed(&world.tokens[place], rest),
        // Any bytes in the form of a token: what a guess looks like.
        5 => URL_SAFE_NO_PAD.encode(rest),
        6 => URL_SAFE_NO_PAD.encode(fitted(rest, &world.tokens[CURRENT])),
        _ => String::from_utf8_lossy(rest).into_owned(),
    };
    check(world, &presented);
});

/// A genuine token after some changes, of two bytes each: where, and what.
fn changed(token: &str, changes: &[u8]) -> String {
    let mut text: Vec<char> = token.chars().collect();
    for change in changes.chunks_exact(2) {
        let place = usize::from(change[0] & 0x7f) % (text.len() + 1);
        match (change[0] >> 7, text.get(place).copied()) {
            (0, Some(_)) => text[place] = char::from(change[1]),
            // Out, in, or twice.
            (_, Some(_)) if change[1] < 64 => drop(text.remove(place)),
            (_, Some(there)) if change[1] < 128 => text.insert(place, there),
            _ => text.insert(place, char::from(change[1] & 0x7f)),
        }
    }
    text.into_iter().collect()
}

/// The bytes of a genuine token, changed as the input says: each is flipped by the one at its place.
fn fitted(flips: &[u8], token: &str) -> Vec<u8> {
    let mut bytes = URL_SAFE_NO_PAD.decode(token).expect("a token");
    bytes.iter_mut().zip(flips).for_each(|(byte, flip)| *byte ^= flip);
    bytes
}

fn check(world: &World, presented: &str) {
    let engine = &world.engine;
    // The grant of the two tokens that renew, as it is before.
    let id = grant_id(&world.tokens[CURRENT]);
    let before = stored(engine, id);
    let all = engine.store().len();
    let response = refresh(engine, presented);
    assert_eq!(engine.store().len(), all, "nothing is added or removed");
    let renews = presented == world.tokens[CURRENT];
    let retries = presented == world.tokens[PREDECESSOR];
    let is_ahead = world.ahead.lock().expect("no panic before").contains(presented);
    if renews || retries || is_ahead {
        assert_eq!(response.status(), 200);
        let successor = text_of(&response, "refresh_token");
        assert_eq!(successor == world.tokens[CURRENT], retries, "a retry repeats the successor, a refresh goes on");
        if !retries {
            restore(engine, id, &before);
            world.ahead.lock().expect("no panic before").insert(successor);
        }
    } else {
        // An empty one counts as absent, and one too long is no parameter: both are said of the request.
        let status = response.status();
        if presented.is_empty() || presented.len() > 8 * 1_024 || presented.contains(char::is_control) {
            assert!(matches!(status, 400 | 413));
        } else {
            assert_eq!((status, response.body()), (400, world.refused.body()), "{presented:?}");
            assert!(response.headers().eq(world.refused.headers()));
        }
    }
    assert_eq!(stored(engine, id), before);
}

/// Which grant a token is of: the eight bytes after the key id.
fn grant_id(token: &str) -> GrantId {
    let bytes = URL_SAFE_NO_PAD.decode(token).expect("a token");
    GrantId::from_u64(u64::from_be_bytes(bytes[1..9].try_into().expect("eight bytes")))
}

fn stored(engine: &FuzzEngine, id: GrantId) -> Vec<u8> {
    ready(engine.store().load(id)).expect("the memory store").expect("the grant").encode()
}

/// Puts the record back, so that inputs do not depend on one another.
fn restore(engine: &FuzzEngine, id: GrantId, before: &[u8]) {
    let grant = regrant::Grant::decode(before).expect("a record");
    ready(engine.store().remove(id)).expect("the memory store");
    ready(engine.store().insert(&grant, NOW)).expect("the memory store");
}

/// The memory store never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("a future of the memory store was pending"),
    }
}
