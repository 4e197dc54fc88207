//! Clients that register themselves (RFC 7591): how many from one address, and guesses at what lets one in.

use std::net::IpAddr;

use regrant::client::{ClientIdKeys, ClientMetadata, ClientPolicy, RegistrationDenial, StatelessClients};
use regrant::throttle::MemoryThrottle;
use regrant::{Engine, MemoryStore, RootSecret, StaticClients};

use super::{assert_throttled, home, stranger};
use crate::kit::{Ask, Reply, at};

const EDITOR: &str =
    r#"{"client_name":"Editor","redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}"#;

/// Anybody may register, or whoever has the token.
struct Door(bool);

impl ClientPolicy for Door {
    fn may_register(&self, initial_access_token: Option<&str>) -> bool {
        self.0 || initial_access_token == Some("let-me-in")
    }

    fn take_in(&self, metadata: ClientMetadata) -> Result<ClientMetadata, RegistrationDenial> {
        Ok(metadata)
    }
}

struct House(Engine<MemoryStore, StatelessClients<StaticClients>>);

impl House {
    fn new(is_open: bool) -> Self {
        let keys = ClientIdKeys::new(&RootSecret::from_bytes(7, &[7; 32]), None);
        let clients = StatelessClients::new(StaticClients::new(), keys).with_policy(Door(is_open));
        let builder = Engine::builder(MemoryStore::new(), clients).registration();
        Self(builder.throttle(MemoryThrottle::new()).build().unwrap())
    }

    fn register(&self, body: &str, token: Option<&str>, from: IpAddr) -> Reply {
        let ask = Ask { method: "POST", headers: Vec::new(), body: body.as_bytes().to_vec() };
        let ask = ask.header("content-type", "application/json");
        let ask = match token {
            Some(token) => ask.authorization(format!("Bearer {token}")),
            None => ask,
        };
        Reply::of(&self.0.blocking().register(&ask.request().with_peer(from), at(0)).unwrap())
    }
}

/// Where anybody may, each costs: the ones that are malformed, and those with a token that opens nothing.
#[test]
fn an_address_registers_so_many() {
    let house = House::new(true);
    for number in 0..20 {
        let (body, token) = match number % 4 {
            0 => ("{", None),
            1 => (EDITOR, Some("anything")),
            _ => (EDITOR, None),
        };
        assert_eq!(house.register(body, token, home()).status, if body == "{" { 400 } else { 201 });
    }
    for body in [EDITOR, "{"] {
        assert_throttled(&house.register(body, None, home()), 60);
        assert_throttled(&house.register(body, Some("anything"), home()), 60);
    }
    // Others are others.
    for number in 0..1_000 {
        assert_eq!(house.register(EDITOR, None, stranger(number)).status, 201);
    }
}

/// Whoever was given a token registers as many as they like, whatever was guessed there.
#[test]
fn guesses_at_an_initial_access_token_are_bounded_and_a_right_one_passes() {
    let house = House::new(false);
    for _ in 0..20 {
        house.register(EDITOR, Some("let-me-out"), home()).assert_error(401, "invalid_token");
    }
    for _ in 0..100 {
        assert_throttled(&house.register(EDITOR, Some("let-me-out"), home()), 10);
        assert_eq!(house.register(EDITOR, Some("let-me-in"), home()).status, 201);
        // No token is no guess.
        house.register(EDITOR, None, home()).assert_error(401, "invalid_token");
    }
}
