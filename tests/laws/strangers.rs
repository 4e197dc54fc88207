//! Law 20, `stranger_stores_nothing`: whatever requests arrive without a code, token, assertion or login that a person or the host has
//! let in, the store is as it was.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::client::{ClientIdKeys, StatelessClients};
use regrant::engine::{ClientCredentials, Person};
use regrant::{
    Authorization, Client, ClientSecret, Denial, Endpoints, Engine, Key, Request, RootSecret, Scope, StaticClients,
    Timestamp, TokenStore,
};
use serde_json::{Value, json};

use super::cases;
use crate::kit::laws::codes::REDIRECT_URI;
use crate::kit::laws::world::{APP, Anyone};
use crate::kit::portal::CHALLENGE;
use crate::kit::schedule::run;
use crate::kit::store::faulty::{Faulty, Shelf};
use crate::kit::wire::{Answer, Call, secret};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const LOCAL: &str = "http://127.0.0.1:9004/cb";

type Door<S> = Engine<std::sync::Arc<Faulty<S>>, StatelessClients<StaticClients>>;

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
        post: bool,
        then: Then,
    },
    /// A guess, or a real token with one bit of it turned over.
    Present {
        client: u8,
        what: What,
        token: Result<u16, Vec<u8>>,
    },
    /// A way in that is not open to this client, or for the wrong secret.
    Grant {
        client: u8,
        body: &'static str,
        right_secret: bool,
    },
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
    let token = prop_oneof![
        any::<u16>().prop_map(Ok),
        prop::collection::vec(any::<u8>(), 0..60).prop_map(Err),
        prop::collection::vec(any::<u8>(), 32).prop_map(Err),
    ];
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
        5 => (any::<u8>(), rest, any::<bool>(), then)
            .prop_map(|(client, rest, post, then)| Action::Authorize { client, rest, post, then }),
        4 => (any::<u8>(), what, token).prop_map(|(client, what, token)| Action::Present { client, what, token }),
        2 => (any::<u8>(), body, any::<bool>())
            .prop_map(|(client, body, right_secret)| Action::Grant { client, body, right_secret }),
    ]
}

fn door<S: TokenStore>(store: &Shelf<S>) -> Door<S> {
    let root = || RootSecret::from_bytes(1, &[0x77; 32]);
    let app = Client::confidential(APP)
        .secret(ClientSecret::new(&secret(APP)).expect("a secret"))
        .grant_type("password")
        .grant_type("refresh_token")
        .grant_type("authorization_code")
        .redirect_uri(REDIRECT_URI)
        .scope(Scope::parse("read write").expect("a scope"));
    let by_hand = StaticClients::new().with(app.build().expect("a client")).expect("one client");
    let clients = StatelessClients::new(by_hand, ClientIdKeys::new(&root(), None))
        .with_scope(Scope::parse("read").expect("a scope"));
    Engine::builder(std::sync::Arc::clone(store), clients)
        .key(Key::from_bytes(1, &[0x11; 32]))
        .issuer("https://id.example")
        .endpoints(
            Endpoints::new().with_token("/token").with_authorization("/authorize").with_registration("/register"),
        )
        .authorization_code()
        .registration()
        .root_secret(root())
        .grant_handler(Anyone)
        .grant_handler(ClientCredentials)
        .build()
        .expect("an engine")
}

/// One that came by itself: its id, its secret, its redirect URI.
struct Stranger(String, Option<String>, &'static str);

struct Attack<'a, S: TokenStore> {
    door: &'a Door<S>,
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

    /// The client of the number: one made by hand, one that does not exist, or one that came by itself.
    fn client(&self, number: u8) -> (&str, Option<String>, &str) {
        match usize::from(number) % (self.strangers.len() + 2) {
            0 => (APP, Some(secret(APP)), REDIRECT_URI),
            1 => ("dcr.made-up", None, LOCAL),
            at => {
                let Stranger(id, secret, uri) = &self.strangers[at - 2];
                (id, secret.clone(), if uri.starts_with("http://") { LOCAL } else { uri })
            }
        }
    }

    async fn authorize(&self, number: u8, rest: &str, post: bool, then: Then) {
        let (client_id, _, redirect_uri) = self.client(number);
        let sent = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .finish()
            + rest;
        let request = if post {
            Request::new("POST", sent.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded")
        } else {
            Request::new("GET", b"").with_query(sent.as_bytes())
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

    async fn present(&self, number: u8, what: What, token: &Result<u16, Vec<u8>>) {
        let token = match token {
            // Both kinds, one bit off: a right one is a login that was let in.
            Ok(bit) => {
                let mut bytes = crate::kit::laws::world::decode(&self.tokens[usize::from(*bit) % 2]);
                let at = usize::from(*bit / 2) % (bytes.len() * 8);
                bytes[at / 8] ^= 1 << (at % 8);
                crate::kit::laws::world::encode(&bytes)
            }
            Err(bytes) => crate::kit::laws::world::encode(bytes),
        };
        let body = match what {
            What::Code => format!("grant_type=authorization_code&code={token}&redirect_uri={LOCAL}"),
            What::Refresh => format!("grant_type=refresh_token&refresh_token={token}"),
            What::Revoke | What::Introspect | What::Bearer => format!("token={token}"),
        };
        let call = self.call(number, &body, true);
        match what {
            What::Code | What::Refresh => {
                assert!(!Answer::of(&self.door.token(&call.request(), NOW).await).is_ok());
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

    async fn grant(&self, number: u8, body: &str, right_secret: bool) {
        // With its own secret `app` may log people in: the host let it.
        if self.client(number).0 == APP && right_secret {
            return;
        }
        let call = self.call(number, body, right_secret);
        assert!(!Answer::of(&self.door.token(&call.request(), NOW).await).is_ok());
    }
}

fn leaves_nothing<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    let door = door(&store);
    let login = Answer::of(&run(door.token(&Call::login(APP, "alice").request(), NOW)));
    let tokens = [login.access_token().to_owned(), login.refresh_token().to_owned()];
    let stored = store.stored();
    prop_assert_eq!(stored.len(), 1);
    let mut attack = Attack { door: &door, strangers: Vec::new(), tokens };
    for action in actions {
        match action {
            Action::Register { redirect_uri, auth_method, rest } => attack.register(redirect_uri, auth_method, rest),
            Action::Authorize { client, rest, post, then } => run(attack.authorize(*client, rest, *post, *then)),
            Action::Present { client, what, token } => run(attack.present(*client, *what, token)),
            Action::Grant { client, body, right_secret } => run(attack.grant(*client, body, *right_secret)),
        }
        prop_assert_eq!(store.stored(), stored.clone(), "{:?}", action);
    }
    Ok(())
}

/// The same doors, with somebody who is logged in: what the law says would be no law of an engine that stores nothing at all.
fn lets_people_in<S: TokenStore>(store: Shelf<S>) -> TestCaseResult {
    let door = door(&store);
    let mut attack = Attack { door: &door, strangers: Vec::new(), tokens: [String::new(), String::new()] };
    attack.register("http://127.0.0.1/cb", "none", "");
    let (client_id, _, _) = attack.client(2);
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
    Ok(())
}

#[test]
fn somebody_who_is_let_in_is_kept() -> TestCaseResult {
    on_every_store!(lets_people_in);
    Ok(())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn stranger_stores_nothing(actions in prop::collection::vec(action(), 1..40)) {
        on_every_store!(leaves_nothing, &actions);
    }
}
