//! What strangers leave behind: nothing, to the byte, of any number of them. A byte that one of them left would be there as often as they
//! came, so a few thousand say what a million do; `STRANGERS=1000000 cargo test --release --test allocations strangers` is a million.

use std::net::Ipv4Addr;

use allocation_counter::measure;
use regrant::client::{ClientIdKeys, Lookup, Purpose, StatelessClients};
use regrant::engine::Person;
use regrant::fetch::DocumentClients;
use regrant::{Authorization, Clients as _, Denial, Engine, MemoryStore, RootSecret, StaticClients, Timestamp};

use super::at_once;
use crate::kit::doors::{self, DEVICE_CODE, DEVICES, EXCHANGE, FILES, JWT_BEARER, Sites, TV};
use crate::kit::laws::codes::REDIRECT_URI;
use crate::kit::laws::world::APP;
use crate::kit::portal::{ISSUER, PKCE};
use crate::kit::wire::Call;
use crate::kit::{Ask, Reply, app, at, form};

/// As many as are asked for, or these.
fn strangers(usual: u32) -> u32 {
    std::env::var("STRANGERS").ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

/// An engine with its door open to strangers, and what they can send it.
struct Registrations {
    engine: Engine<MemoryStore, StatelessClients<StaticClients>>,
    registration: Ask,
}

impl Registrations {
    fn open() -> Self {
        let root = || RootSecret::from_bytes(7, &[7; 32]);
        let by_hand = StaticClients::new().with(app().build().unwrap()).unwrap();
        let engine =
            Engine::builder(MemoryStore::new(), StatelessClients::new(by_hand, ClientIdKeys::new(&root(), None)))
                .issuer("https://id.example")
                .authorization_code()
                .registration()
                .root_secret(root())
                .build()
                .unwrap();
        let metadata = r#"{"client_name":"Editor","redirect_uris":["http://127.0.0.1/cb"],"logo_uri":"https://app.example/l","token_endpoint_auth_method":"none"}"#;
        Self { engine, registration: form(metadata).content_type("application/json") }
    }

    /// A registration, and questions about ids that are made up.
    fn register(&self) -> String {
        let reply = Reply::of(&self.engine.blocking().register(&self.registration.request(), at(0)).unwrap());
        assert_eq!(reply.status, 201);
        let id = reply.text("client_id");
        for text in [id.as_str(), &id[1..], "dcr.made-up"] {
            let _ = at_once(self.engine.clients().find(text, Lookup::new(Purpose::Authorization))).unwrap();
        }
        id
    }

    /// Authorization requests of that client and of none, the page with its form, "Cancel", and a code that is a guess.
    fn attack(&self, id: &str, number: u64) {
        let engine = self.engine.blocking();
        for (client_id, rest) in [(id, ""), (id, "&scope=admin"), (id, "&prompt=none"), (&id[1..], ""), ("app", "")] {
            let query = format!(
                "response_type=code&client_id={client_id}&redirect_uri=http://127.0.0.1:9/cb&state={number}\
                 &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256{rest}"
            );
            let request = regrant::Request::new("GET", b"").with_query(query.as_bytes());
            let Ok(asked) = engine.authorize(&request, at(0)).unwrap() else { continue };
            let handle = self.engine.interaction_handle(&asked, at(0)).unwrap();
            let interaction = self.engine.open_interaction(&handle, at(1)).unwrap();
            let resumed = at_once(self.engine.resume(&interaction)).unwrap();
            for person in [Person::AtThePage, Person::Nobody] {
                drop(engine.deny(&resumed, Denial::AccessDenied, person, at(1)).unwrap());
            }
            // A host that forgets the page writes nothing either.
            assert!(engine.approve(&resumed, Authorization::of("alice"), at(1)).unwrap().is_err());
        }
        let code = format!("{number:043}");
        let body = format!("grant_type=authorization_code&code={code}&client_id={id}&code_verifier={code}");
        assert_eq!(engine.token(&form(body).request(), at(0)).unwrap().status(), 400);
    }

    /// What so many strangers leave behind, each of them new.
    fn left_by(&self, strangers: u64) -> (i64, i64) {
        // The random generator is seeded.
        self.attack(&self.register(), 0);
        let info = measure(|| (0..strangers).for_each(|number| self.attack(&self.register(), number)));
        assert!(self.engine.store().is_empty());
        (info.count_current, info.bytes_current)
    }
}

/// What so many ids leave behind after the first ten thousand, when all that is kept has its size: each a URL that is asked for at
/// the authorization endpoint, and in a token request.
fn left_by_ids(ids: u32) -> (i64, i64) {
    let clients = DocumentClients::new(StaticClients::new(), Sites).with_clock(|| at(0));
    let builder = Engine::builder(MemoryStore::new(), clients).issuer("https://id.example").authorization_code();
    let engine = builder.build().unwrap();
    // All of one length, since each document is kept as it is. Every second is asked for from an address of its own.
    let ask = |n: u32| {
        let query = format!("response_type=code&client_id=https://site-{n}.example/client.json");
        let request = regrant::Request::new("GET", b"").with_query(query.as_bytes());
        let from = Ipv4Addr::from(0x0a00_0000 + n).into();
        let request = if n % 2 == 0 { request.with_peer(from) } else { request };
        assert!(at_once(engine.authorize(&request, at(0))).is_err());
        let body = format!("grant_type=refresh_token&refresh_token=x&client_id=https://site-{n}.example/client.json");
        assert_eq!(at_once(engine.token(&form(body).request(), at(0))).status(), 400);
    };
    (1_000_000..1_010_000).for_each(ask);
    let info = measure(|| (1_010_000..1_010_000 + ids).for_each(ask));
    assert!(engine.store().is_empty());
    (info.count_current, info.bytes_current)
}

#[test]
fn strangers_who_register_leave_nothing_behind() {
    assert_eq!(Registrations::open().left_by(strangers(2_000).into()), (0, 0));
}

#[test]
fn ids_that_are_urls_leave_nothing_behind() {
    assert_eq!(left_by_ids(strangers(10_000)), (0, 0));
}

/// What else anybody can send to an engine that has all its doors open, with proofs of keys that anybody may have. One address has filled its
/// places for devices before.
#[test]
fn strangers_at_every_door_leave_nothing_behind() {
    const NOW: Timestamp = at(0);
    let door = doors::open(MemoryStore::builder().shards(1).build(), NOW);
    let post = |endpoint: &str, call: &Call, nonce: &str| {
        let proof = doors::proof(endpoint, nonce, NOW);
        let request = call.request().with_header("dpop", proof.as_bytes()).with_peer(Ipv4Addr::LOCALHOST.into());
        Reply::of(&match endpoint {
            "par" => at_once(door.push(&request, NOW)),
            "device" => at_once(door.begin_device(&request, NOW)),
            _ => at_once(door.token(&request, NOW)),
        })
    };
    let nonce = post("token", &Call::nobody().with("grant_type", "none"), "").header("dpop-nonce")[0].to_owned();
    let device = Call::from(TV).with("resource", doors::MCP);
    for _ in 0..DEVICES {
        post("device", &device, &nonce).assert_ok();
    }
    let stored = door.store().len();
    let attack = |number: u32| {
        let guess = format!("{number:043}");
        let pushed = format!("response_type=code&redirect_uri={REDIRECT_URI}&resource={FILES}&state={number}{PKCE}");
        assert_eq!(post("par", &Call::from(APP).with_raw(&pushed), &nonce).status, 201);
        assert_eq!(post("device", &device, &nonce).status, 429, "its places are taken");
        let code = Call::from(TV).with("grant_type", DEVICE_CODE).with("device_code", &guess);
        let of_type = "urn:ietf:params:oauth:token-type:access_token";
        let exchange = Call::from(APP).with("grant_type", EXCHANGE).with("resource", FILES);
        let exchange = exchange.with("subject_token", &guess).with("subject_token_type", of_type);
        let forged = doors::assertion("another", ISSUER, NOW);
        let forged = Call::from(APP).with("grant_type", JWT_BEARER).with("assertion", &forged);
        for call in [code, exchange, forged, Call::refresh(APP, &guess)] {
            assert_eq!(post("token", &call, &nonce).status, 400, "{call:?}");
        }
    };
    attack(0);
    let number = strangers(200);
    let info = measure(|| (1..=number).for_each(attack));
    assert_eq!((info.count_current, info.bytes_current), (0, 0));
    assert_eq!(door.store().len(), stored);
}
