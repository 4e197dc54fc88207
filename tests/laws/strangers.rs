//! Law 20, `stranger_stores_nothing`: whatever requests arrive without a code, token, assertion or login that a person or the host has
//! let in, the store is as it was.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::engine::Person;
use regrant::{Authorization, Denial, Request, Scope, Timestamp, TokenStore};
use serde_json::{Value, json};

use super::cases;
use crate::kit::doors::{self, DEVICE_CODE, DEVICES, EXCHANGE, FILES, JWT_BEARER, MCP, TV};
use crate::kit::laws::codes::REDIRECT_URI;
use crate::kit::laws::world::APP;
use crate::kit::portal::{CHALLENGE, ISSUER};
use crate::kit::schedule::run;
use crate::kit::store::faulty::{Faulty, Shelf};
use crate::kit::wire::{Answer, Call, secret};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const LOCAL: &str = "http://127.0.0.1:9004/cb";

type Door<S> = doors::Door<std::sync::Arc<Faulty<S>>>;

/// How an authorization request goes on, without anybody who is logged in.
#[derive(Clone, Copy, Debug)]
enum Then {
    Nothing,
    /// The page is shown, its form is sent back, and shown again.
    Page,
    /// "Cancel".
    No {
        at_the_page: bool,
        by_handle: bool,
    },
    /// A host that knows nobody says yes.
    YesOfNobody {
        by_handle: bool,
    },
    /// A host that remembers a consent where it has to ask.
    YesWithoutThePage {
        by_handle: bool,
    },
}

#[derive(Clone, Debug)]
enum Action {
    Register {
        redirect_uri: &'static str,
        auth_method: &'static str,
        rest: &'static str,
    },
    Authorize {
        client: u8,
        rest: &'static str,
        way: Way,
        then: Then,
    },
    /// A guess, or a real token with one bit of it turned over.
    Present {
        client: u8,
        what: What,
        token: Result<u16, Vec<u8>>,
        proven: bool,
    },
    /// A way in that is not open to this client, or for the wrong secret.
    Grant {
        client: u8,
        body: &'static str,
        right_secret: bool,
        proven: bool,
    },
    /// An assertion that is not the trusted issuer's, or not for here (RFC 7523 section 3).
    Assert {
        client: u8,
        forged: bool,
        proven: bool,
    },
    /// Tokens that nobody made (RFC 8693).
    Exchange {
        client: u8,
        token: Result<u16, Vec<u8>>,
        with_actor: bool,
        resource: &'static str,
        proven: bool,
    },
    /// A device (RFC 8628 section 3.1), from one of two addresses.
    Begin {
        client: u8,
        from: bool,
        proven: bool,
    },
}

/// How an authorization request comes.
#[derive(Clone, Copy, Debug)]
enum Way {
    Get,
    Post,
    /// Its client pushed it before (RFC 9126).
    Pushed,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Code,
    Refresh,
    Revoke,
    Introspect,
    Bearer,
}

fn action() -> impl Strategy<Value = Action> {
    let rest = prop::sample::select(vec![
        "",
        "&prompt=none",
        "&prompt=login",
        "&scope=admin",
        "&scope=read",
        "&max_age=0",
        "&response_mode=form_post",
        "&state=x&state=y",
        "&request_uri=urn%3Ax",
        "&resource=https://mcp.example/mcp",
        "&resource=https://files.example/&resource=https://mcp.example/mcp&scope=read",
        "&resource=https://unknown.example",
    ]);
    let then = prop_oneof![
        Just(Then::Nothing),
        Just(Then::Page),
        any::<[bool; 2]>().prop_map(|[at_the_page, by_handle]| Then::No { at_the_page, by_handle }),
        any::<bool>().prop_map(|by_handle| Then::YesOfNobody { by_handle }),
        any::<bool>().prop_map(|by_handle| Then::YesWithoutThePage { by_handle }),
    ];
    let redirect_uri = prop::sample::select(vec!["https://evil.example/cb", "http://127.0.0.1/cb", "javascript:x"]);
    let auth_method = prop::sample::select(vec!["none", "client_secret_basic", "private_key_jwt"]);
    let metadata = prop::sample::select(vec!["", ",\"scope\":\"read\"", ",\"jwks\":{}", ",\"redirect_uris\":[]", "}"]);
    let what = prop_oneof![
        Just(What::Code),
        Just(What::Refresh),
        Just(What::Revoke),
        Just(What::Introspect),
        Just(What::Bearer)
    ];
    let token = || {
        prop_oneof![
            any::<u16>().prop_map(Ok),
            prop::collection::vec(any::<u8>(), 0..60).prop_map(Err),
            prop::collection::vec(any::<u8>(), 32).prop_map(Err),
        ]
    };
    let resource = prop::sample::select(vec!["", MCP, FILES, "https://unknown.example"]);
    let body = prop::sample::select(vec![
        "grant_type=password&username=alice",
        "grant_type=client_credentials",
        "grant_type=password",
        "grant_type=refresh_token",
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=x",
        "",
    ]);
    prop_oneof![
        3 => (redirect_uri, auth_method, metadata)
            .prop_map(|(redirect_uri, auth_method, rest)| Action::Register { redirect_uri, auth_method, rest }),
        5 => (any::<u8>(), rest, prop::sample::select(vec![Way::Get, Way::Post, Way::Pushed]), then)
            .prop_map(|(client, rest, way, then)| Action::Authorize { client, rest, way, then }),
        4 => (any::<u8>(), what, token(), any::<bool>())
            .prop_map(|(client, what, token, proven)| Action::Present { client, what, token, proven }),
        2 => (any::<u8>(), body, any::<[bool; 2]>())
            .prop_map(|(client, body, [right_secret, proven])| Action::Grant { client, body, right_secret, proven }),
        1 => (any::<u8>(), any::<[bool; 2]>())
            .prop_map(|(client, [forged, proven])| Action::Assert { client, forged, proven }),
        1 => (any::<u8>(), token(), any::<[bool; 2]>(), resource).prop_map(
            |(client, token, [with_actor, proven], resource)| {
                Action::Exchange { client, token, with_actor, resource, proven }
            }),
        2 => (any::<u8>(), any::<[bool; 2]>()).prop_map(|(client, [from, proven])| Action::Begin { client, from, proven }),
    ]
}

fn door<S: TokenStore>(store: &Shelf<S>) -> Door<S> {
    doors::open(std::sync::Arc::clone(store), NOW)
}

/// One that came by itself: its id, its secret, its redirect URI.
struct Stranger(String, Option<String>, &'static str);

/// The clients that are there before anybody comes: two made by hand, one that does not exist, two that are known by documents of which
/// the second cannot be had.
const BEFORE: [(&str, &str); 5] = [
    (APP, REDIRECT_URI),
    (TV, LOCAL),
    ("dcr.made-up", LOCAL),
    ("https://site-9.example/client.json", LOCAL),
    ("https://site-1.example/client.json", LOCAL),
];

struct Attack<'a, S: TokenStore> {
    door: &'a Door<S>,
    /// For proofs of possession.
    nonce: String,
    strangers: Vec<Stranger>,
    /// Of somebody who is logged in: access and refresh token.
    tokens: [String; 2],
}

impl<S: TokenStore> Attack<'_, S> {
    fn register(&mut self, redirect_uri: &'static str, auth_method: &str, rest: &str) {
        let body = json!({ "redirect_uris": [redirect_uri], "token_endpoint_auth_method": auth_method }).to_string();
        let body = format!("{}{rest}}}", body.trim_end_matches('}'));
        let request = Request::new("POST", body.as_bytes()).with_header("content-type", b"application/json");
        let response = run(self.door.register(&request, NOW));
        if response.status() == 201 {
            let says: Value = serde_json::from_slice(response.body()).expect("JSON");
            let text = |name: &str| says[name].as_str().map(str::to_owned);
            self.strangers.push(Stranger(text("client_id").expect("an id"), text("client_secret"), redirect_uri));
        }
    }

    /// The client of the number: one that was there, or one that came by itself.
    fn client(&self, number: u8) -> (&str, Option<String>, &str) {
        let number = usize::from(number) % (self.strangers.len() + BEFORE.len());
        if let Some(&(id, redirect_uri)) = BEFORE.get(number) {
            return (id, (id == APP).then(|| secret(APP)), redirect_uri);
        }
        let Stranger(id, secret, uri) = &self.strangers[number - BEFORE.len()];
        (id, secret.clone(), if uri.starts_with("http://") { LOCAL } else { uri })
    }

    /// A request that proves a key, if it is to: with the nonce of now, so that nothing is wrong with it.
    async fn ask(&self, call: &Call, place: &str, proven: bool) -> Answer {
        let proof = doors::proof(place, &self.nonce, NOW);
        let request = call.request();
        let request = if proven { request.with_header("dpop", proof.as_bytes()) } else { request };
        Answer::of(&self.door.token(&request, NOW).await)
    }

    async fn authorize(&self, number: u8, rest: &str, way: Way, then: Then) {
        let (client_id, secret, redirect_uri) = self.client(number);
        let mut sent = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .finish()
            + rest;
        if matches!(way, Way::Pushed) {
            let secret = secret.map(|secret| format!("&client_secret={secret}")).unwrap_or_default();
            sent.push_str(&secret);
            let request =
                Request::new("POST", sent.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
            let answer = self.door.push(&request, NOW).await;
            let answer: Value = serde_json::from_slice(answer.body()).expect("JSON");
            let Some(uri) = answer["request_uri"].as_str() else { return };
            sent = form_urlencoded::Serializer::new(String::new())
                .append_pair("client_id", client_id)
                .append_pair("request_uri", uri)
                .finish();
        }
        let request = match way {
            Way::Post => {
                Request::new("POST", sent.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded")
            }
            Way::Get | Way::Pushed => Request::new("GET", b"").with_query(sent.as_bytes()),
        };
        let Ok(asked) = self.door.authorize(&request, NOW).await else { return };
        let handle = self.door.interaction_handle(&asked, NOW).expect("a handle");
        let interaction = self.door.open_interaction(&handle, NOW).expect("its own");
        let resumed = self.door.resume(&interaction).await.expect("as before");
        let of = |by_handle: bool| if by_handle { &resumed } else { &asked };
        match then {
            Then::Page => drop(self.door.interaction_handle(&resumed, NOW)),
            Then::No { at_the_page, by_handle } => {
                let person = if at_the_page { Person::AtThePage } else { Person::Nobody };
                let _ = self.door.deny(of(by_handle), Denial::AccessDenied, person, NOW).await;
            }
            Then::YesOfNobody { by_handle } => {
                let nobody = Authorization::of_client().with_page_shown();
                let approved = self.door.approve(of(by_handle), nobody, NOW).await;
                assert!(approved.is_err() || approved.is_ok_and(|approval| approval.grant.is_none()));
            }
            Then::YesWithoutThePage { by_handle } if asked.is_asked_each_time() => {
                let approved = self.door.approve(of(by_handle), Authorization::of("alice"), NOW).await;
                // By redirect where something else was wrong as well.
                assert!(approved.is_err() || approved.is_ok_and(|approval| approval.grant.is_none()));
            }
            // Where a consent may be remembered, that is a login.
            Then::Nothing | Then::YesWithoutThePage { .. } => {}
        }
    }

    fn call(&self, number: u8, body: &str, right_secret: bool) -> Call {
        let (client_id, secret, _) = self.client(number);
        let secret = if right_secret { secret } else { Some("a-wrong-secret-of-32-characters-".to_owned()) };
        let call = Call::nobody().with_raw(body).with("client_id", client_id);
        match secret {
            Some(secret) => call.with("client_secret", &secret),
            None => call,
        }
    }

    /// Nobody's.
    fn token(&self, token: &Result<u16, Vec<u8>>) -> String {
        match token {
            // Both kinds, one bit off: a right one is a login that was let in.
            Ok(bit) => {
                let mut bytes = crate::kit::laws::world::decode(&self.tokens[usize::from(*bit) % 2]);
                let at = usize::from(*bit / 2) % (bytes.len() * 8);
                bytes[at / 8] ^= 1 << (at % 8);
                crate::kit::laws::world::encode(&bytes)
            }
            Err(bytes) => crate::kit::laws::world::encode(bytes),
        }
    }

    async fn present(&self, number: u8, what: What, token: &Result<u16, Vec<u8>>, proven: bool) {
        let token = self.token(token);
        let body = match what {
            What::Code => format!("grant_type=authorization_code&code={token}&redirect_uri={LOCAL}"),
            What::Refresh => format!("grant_type=refresh_token&refresh_token={token}"),
            What::Revoke | What::Introspect | What::Bearer => format!("token={token}"),
        };
        let call = self.call(number, &body, true);
        match what {
            What::Code | What::Refresh => {
                assert!(!self.ask(&call, "token", proven).await.is_ok());
            }
            What::Revoke => drop(self.door.revoke(&call.request(), NOW).await),
            What::Introspect => drop(self.door.introspect(&call.request(), NOW).await),
            What::Bearer => {
                let header = format!("Bearer {token}");
                let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
                assert!(self.door.bearer(&request, &Scope::empty(), NOW).await.is_err());
            }
        }
    }

    async fn grant(&self, number: u8, body: &str, right_secret: bool, proven: bool) {
        // With its own secret `app` may log people in: the host let it.
        if self.client(number).0 == APP && right_secret {
            return;
        }
        let call = self.call(number, body, right_secret);
        assert!(!self.ask(&call, "token", proven).await.is_ok());
    }

    async fn assert(&self, number: u8, forged: bool, proven: bool) {
        let (signer, audience) = if forged { ("another", ISSUER) } else { ("cluster", "https://other.example") };
        let assertion = doors::assertion(signer, audience, NOW);
        let call = self.call(number, "", true).with("grant_type", JWT_BEARER).with("assertion", &assertion);
        assert!(!self.ask(&call, "token", proven).await.is_ok());
    }

    async fn exchange(&self, number: u8, token: &Result<u16, Vec<u8>>, with_actor: bool, resource: &str, proven: bool) {
        let (token, of_type) = (self.token(token), "urn:ietf:params:oauth:token-type:access_token");
        let call = self.call(number, "", true).with("grant_type", EXCHANGE).with("resource", resource);
        let call = call.with("subject_token", &token).with("subject_token_type", of_type);
        let call = if with_actor { call.with("actor_token", &token).with("actor_token_type", of_type) } else { call };
        assert!(!self.ask(&call, "token", proven).await.is_ok());
    }

    /// Whether it has a place now; it polls once.
    async fn begin(&self, number: u8, from: bool, proven: bool) -> bool {
        let call = self.call(number, "", true);
        let proof = doors::proof("device", &self.nonce, NOW);
        let request = call.request().with_peer([192, 0, 2, u8::from(from)].into());
        let request = if proven { request.with_header("dpop", proof.as_bytes()) } else { request };
        let begun = self.door.begin_device(&request, NOW).await;
        let begun: Value = serde_json::from_slice(begun.body()).expect("JSON");
        let Some(device_code) = begun["device_code"].as_str() else { return false };
        let call = self.call(number, "", true).with("grant_type", DEVICE_CODE).with("device_code", device_code);
        assert!(!self.ask(&call, "token", proven).await.is_ok());
        true
    }
}

fn nonce<S: TokenStore>(door: &Door<S>) -> String {
    let (call, proof) = (Call::nobody().with("grant_type", "none"), doors::proof("token", "", NOW));
    let answer = Answer::of(&run(door.token(&call.request().with_header("dpop", proof.as_bytes()), NOW)));
    answer.headers.into_iter().find(|(name, _)| name == "dpop-nonce").expect("a nonce").1
}

fn leaves_nothing<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    let door = door(&store);
    let login = Answer::of(&run(door.token(&Call::login(APP, "alice").request(), NOW)));
    let tokens = [login.access_token().to_owned(), login.refresh_token().to_owned()];
    let mut stored = store.stored();
    prop_assert_eq!(stored.len(), 1);
    let mut attack = Attack { door: &door, nonce: nonce(&door), strangers: Vec::new(), tokens };
    let mut begun = 0;
    for action in actions {
        match action {
            Action::Register { redirect_uri, auth_method, rest } => attack.register(redirect_uri, auth_method, rest),
            Action::Authorize { client, rest, way, then } => run(attack.authorize(*client, rest, *way, *then)),
            Action::Present { client, what, token, proven } => run(attack.present(*client, *what, token, *proven)),
            Action::Grant { client, body, right_secret, proven } => {
                run(attack.grant(*client, body, *right_secret, *proven));
            }
            Action::Assert { client, forged, proven } => run(attack.assert(*client, *forged, *proven)),
            Action::Exchange { client, token, with_actor, resource, proven } => {
                run(attack.exchange(*client, token, *with_actor, resource, *proven));
            }
            Action::Begin { client, from, proven } => {
                if run(attack.begin(*client, *from, *proven)) {
                    begun += 1;
                    let with_devices = store.stored();
                    // The one exception: two records each, in places of which an address has so many.
                    prop_assert_eq!(with_devices.len(), 1 + 2 * begun);
                    prop_assert!(begun <= 2 * DEVICES);
                    prop_assert!(stored.iter().all(|(id, bytes)| with_devices.get(id) == Some(bytes)));
                    stored = with_devices;
                }
            }
        }
        prop_assert_eq!(&store.stored(), &stored, "{:?}", action);
    }
    Ok(())
}

/// The same doors, with somebody who is logged in: what the law says would be no law of an engine that stores nothing at all.
fn lets_people_in<S: TokenStore>(store: Shelf<S>) -> TestCaseResult {
    let door = door(&store);
    let tokens = [String::new(), String::new()];
    let mut attack = Attack { door: &door, nonce: nonce(&door), strangers: Vec::new(), tokens };
    attack.register("http://127.0.0.1/cb", "none", "");
    let (client_id, _, _) = attack.client(5);
    let query = format!(
        "response_type=code&client_id={client_id}&redirect_uri={LOCAL}&code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    let asked = run(door.authorize(&request, NOW)).expect("a request that holds");
    let handle = door.interaction_handle(&asked, NOW).expect("a handle");
    let interaction = door.open_interaction(&handle, NOW).expect("its own");
    let resumed = run(door.resume(&interaction)).expect("as before");
    prop_assert!(run(door.deny(&resumed, Denial::AccessDenied, Person::LoggedIn("alice"), NOW)).is_ok());
    prop_assert_eq!(store.stored().len(), 1);
    let alice = Authorization::of("alice").with_page_shown();
    prop_assert!(run(door.approve(&asked, alice, NOW)).is_ok_and(|approval| approval.grant.is_some()));
    prop_assert_eq!(store.stored().len(), 2);

    // And what is right of what is sent by none above.
    let stored = || store.stored().len();
    let login = run(attack.ask(&Call::login(APP, "alice"), "token", true));
    prop_assert!(login.is_ok(), "with a proof: {:?}", login);
    prop_assert_eq!(stored(), 4, "a grant, and what its proof leaves");
    let of_type = "urn:ietf:params:oauth:token-type:access_token";
    let exchange = attack.call(0, "", true).with("grant_type", EXCHANGE).with("resource", MCP);
    let exchange = exchange.with("subject_token", login.access_token()).with("subject_token_type", of_type);
    prop_assert!(run(attack.ask(&exchange, "token", true)).is_ok());
    prop_assert_eq!(stored(), 5, "what its proof leaves");
    let assertion = doors::assertion("cluster", ISSUER, NOW);
    let assertion = attack.call(0, "", true).with("grant_type", JWT_BEARER).with("assertion", &assertion);
    prop_assert!(run(attack.ask(&assertion, "token", true)).is_ok());
    prop_assert_eq!(stored(), 8, "a grant, and what the assertion and the proof leave");
    prop_assert!(run(attack.begin(1, true, true)));
    prop_assert_eq!(stored(), 10);
    let query = query.replace(client_id_of(&query), "https%3A%2F%2Fsite-9.example%2Fclient.json");
    let request = Request::new("GET", b"").with_query(query.as_bytes());
    prop_assert!(run(door.authorize(&request, NOW)).is_ok(), "a client that is known by a document");
    Ok(())
}

fn client_id_of(query: &str) -> &str {
    query.split('&').find_map(|pair| pair.strip_prefix("client_id=")).expect("one")
}

#[test]
fn somebody_who_is_let_in_is_kept() -> TestCaseResult {
    on_every_store!(lets_people_in);
    Ok(())
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn stranger_stores_nothing(actions in prop::collection::vec(action(), 1..40)) {
        on_every_store!(leaves_nothing, &actions);
    }
}
