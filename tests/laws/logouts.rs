//! A logout ends its session and no other, and every client of it hears of it (OpenID Connect Back-Channel Logout sections 2.5 and 2.7).

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::engine::{HookError, LogoutNotice};
use regrant::grant::Owner;
use regrant::jwt::{ClaimsProvider, IdClaims, IdTokenRequest};
use regrant::{
    Authorization, Client, Engine, Grant, Key, MemoryStore, Request, RootSecret, Scope, StaticClients, Timestamp,
    TokenStore,
};

use super::cases;
use crate::kit::bank::KEY;
use crate::kit::portal::{CHALLENGE, VERIFIER};
use crate::kit::schedule::{Scheduler, interleave, run, run_and_drop};
use crate::kit::store::faulty::{Fault, Faulty, Op, Shelf};

const CLIENTS: [&str; 3] = ["public-shop", "public-news", "public-quiet"];
const PEOPLE: [&str; 2] = ["alice", "bob"];
const SESSIONS: [&str; 2] = ["a", "b"];
const URI: &str = "http://127.0.0.1/cb";

struct Nothing;

impl ClaimsProvider for Nothing {
    async fn claims(&self, _: &IdTokenRequest<'_>) -> Result<IdClaims, HookError> {
        Ok(IdClaims::new())
    }
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Login { client: usize, person: usize, session: Option<usize>, offline: bool, redeemed: bool },
    LogOut { person: usize, session: usize },
    Fail(Op, Fault),
    Advance(u64),
}

fn action() -> impl Strategy<Value = Action> {
    let fault = prop_oneof![
        Just(Fault::NotApplied),
        Just(Fault::LostBefore),
        Just(Fault::LostAfter),
        (1..6_u8).prop_map(Fault::Slow),
    ];
    let op = prop_oneof![Just(Op::Insert), Just(Op::Load), Just(Op::Swap), Just(Op::Remove)];
    prop_oneof![
        6 => (0..3_usize, 0..2_usize, prop::option::weighted(0.8, 0..2_usize), any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(client, person, session, offline, redeemed)| {
                Action::Login { client, person, session, offline, redeemed }
            }),
        3 => (0..2_usize, 0..2_usize).prop_map(|(person, session)| Action::LogOut { person, session }),
        2 => (op, fault).prop_map(|(op, fault)| Action::Fail(op, fault)),
        1 => (0..30_u64).prop_map(Action::Advance),
    ]
}

/// A login that the test knows of.
struct Login {
    client: usize,
    person: usize,
    session: Option<usize>,
    offline: bool,
    /// The refresh token, or the code.
    token: String,
    redeemed: bool,
}

struct World<S> {
    engine: Engine<Arc<Faulty<S>>, StaticClients>,
    now: Cell<Timestamp>,
}

impl<S: TokenStore> World<S> {
    fn new(store: &Shelf<S>) -> Self {
        let client = |id: &str| {
            let client = Client::public(id)
                .grant_type("authorization_code")
                .grant_type("refresh_token")
                .redirect_uri(URI)
                .scope(Scope::parse("openid offline_access").expect("a scope"));
            if id == "public-quiet" { client } else { client.backchannel_logout_uri("https://app.example/out", true) }
        };
        let clients = CLIENTS.into_iter().fold(StaticClients::new(), |all, id| {
            all.with(client(id).build().expect("a client")).expect("ids that differ")
        });
        let engine = Engine::builder(Arc::clone(store), clients)
            .key(Key::from_bytes(1, &[1; 32]))
            .root_secret(RootSecret::from_bytes(1, &[0x77; 32]))
            .issuer("https://id.example")
            .authorization_code()
            .signing_key(KEY.clone())
            .id_tokens(Nothing);
        Self { engine: engine.build().expect("an engine"), now: Cell::new(Timestamp::from_millis(1_700_000_000_321)) }
    }

    fn post(&self, body: &str) -> Option<String> {
        run(self.answer(body))
    }

    async fn answer(&self, body: &str) -> Option<String> {
        let request =
            Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
        let response = self.engine.token(&request, self.now.get()).await;
        let json: serde_json::Value = serde_json::from_slice(response.body()).expect("JSON");
        (response.status() == 200).then(|| json["refresh_token"].as_str().expect("a refresh token").to_owned())
    }

    fn redeem(&self, client: usize, code: &str) -> Option<String> {
        self.post(&redemption(client, code))
    }

    /// The code of an approval; nothing where a fault was in the way.
    fn code(&self, client: usize, person: usize, session: Option<&str>, offline: bool) -> Option<String> {
        let scope = if offline { "openid+offline_access" } else { "openid" };
        let client = CLIENTS[client];
        let query = format!(
            "response_type=code&client_id={client}&redirect_uri={URI}&scope={scope}&code_challenge={CHALLENGE}\
             &code_challenge_method=S256"
        );
        let request = Request::new("GET", b"").with_query(query.as_bytes());
        let asked = run(self.engine.authorize(&request, self.now.get())).expect("a request that holds");
        let who = Authorization::of(PEOPLE[person]).with_page_shown();
        let who = match session {
            Some(session) => who.with_session(session, self.now.get() + Duration::from_secs(86_400)),
            None => who,
        };
        let approval = run(self.engine.approve(&asked, who, self.now.get())).expect("no page");
        let (_, location) = approval.response.headers().find(|(name, _)| *name == "location").expect("a redirect");
        let (_, query) = location.split_once('?').expect("parameters");
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
    }
}

fn redemption(client: usize, code: &str) -> String {
    let client = CLIENTS[client];
    format!("grant_type=authorization_code&client_id={client}&code={code}&redirect_uri={URI}&code_verifier={VERIFIER}")
}

/// Who has tokens is remembered, wherever the request that got them was dropped.
fn a_dropped_redemption_is_remembered<S: TokenStore>(store: Shelf<S>, polls: usize) -> TestCaseResult {
    let world = World::new(&store);
    let code = world.code(0, 0, Some(SESSIONS[0]), false).expect("no fault");
    run_and_drop(world.answer(&redemption(0, &code)), polls);
    let listed = run(store.inner().list(&Owner::subject(PEOPLE[0]), None, 10)).expect("no fault");
    let has_tokens = listed.grants.iter().any(Grant::is_redeemed);
    let out = run(world.engine.log_out(PEOPLE[0], SESSIONS[0], world.now.get())).expect("no fault");
    prop_assert!(!has_tokens || out.notices.len() == 1, "{} polls", polls);
    Ok(())
}

/// Who has got tokens while their session ended hears of it, and their tokens do nothing unless they were granted for longer.
fn a_redemption_beside_a_logout_is_told<S: TokenStore>(
    store: Shelf<S>,
    offline: bool,
    (age, ahead): (u64, u64),
    order: &[u8],
) -> TestCaseResult {
    let world = World::new(&store);
    let body = redemption(0, &world.code(0, 0, Some(SESSIONS[0]), offline).expect("no fault"));
    world.now.set(world.now.get() + Duration::from_secs(age));
    let elsewhere = world.now.get() + Duration::from_secs(ahead);
    let (token, told) = (RefCell::new(None), Cell::new(0));
    let redeems = async { drop(token.replace(world.answer(&body).await)) };
    let ends = async {
        let out = world.engine.log_out(PEOPLE[0], SESSIONS[0], elsewhere).await.expect("no fault");
        told.set(out.notices.len());
    };
    interleave(vec![Box::pin(redeems), Box::pin(ends)], order);
    if let Some(token) = token.take() {
        let again = world.post(&format!("grant_type=refresh_token&client_id={}&refresh_token={token}", CLIENTS[0]));
        prop_assert!(told.get() == 1, "it has tokens, and was not told");
        prop_assert!(again.is_none() || offline, "its tokens work");
    }
    Ok(())
}

fn logouts_are_complete<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    let world = World::new(&store);
    let mut logins: Vec<Login> = Vec::new();
    // Who may have been remembered, and who has been for certain, by person and session.
    let (mut possible, mut certain) = (BTreeSet::new(), BTreeSet::new());
    for &action in actions {
        match action {
            Action::Fail(op, fault) => store.plan(op, fault),
            Action::Advance(secs) => world.now.set(world.now.get() + Duration::from_secs(secs)),
            Action::Login { client, person, session, offline, redeemed } => {
                let Some(code) = world.code(client, person, session.map(|session| SESSIONS[session]), offline) else {
                    continue;
                };
                // Who redeems a code is remembered, and nobody else is; where it fails, perhaps.
                let token = if redeemed { world.redeem(client, &code) } else { Some(code) };
                if let (true, Some(session)) = (redeemed, session) {
                    let key = (person, session, CLIENTS[client]);
                    possible.insert(key);
                    if token.is_some() {
                        certain.insert(key);
                    }
                }
                store.heal();
                let Some(token) = token else { continue };
                logins.push(Login { client, person, session, offline, token, redeemed });
            }
            Action::LogOut { person, session } => {
                let log_out = || run(world.engine.log_out(PEOPLE[person], SESSIONS[session], world.now.get()));
                // Where it fails some may be there still, so it is called again.
                let out = log_out().or_else(|_| {
                    store.heal();
                    log_out()
                });
                let out = out.expect("no fault");
                store.heal();
                let told: BTreeSet<&str> = out.notices.iter().map(LogoutNotice::client_id).collect();
                prop_assert_eq!(told.len(), out.notices.len(), "each once");
                for client in CLIENTS {
                    let key = (person, session, client);
                    let hears = client != "public-quiet";
                    prop_assert!(!certain.contains(&key) || !hears || told.contains(client), "{} hears of it", client);
                    prop_assert!(!told.contains(client) || possible.contains(&key), "{} has nothing to hear", client);
                }
                let mut kept = Vec::new();
                for login in logins {
                    let outlives = login.offline && login.redeemed;
                    let ends = login.person == person && login.session == Some(session) && !outlives;
                    if !login.redeemed {
                        // A code that has waited may have expired.
                        prop_assert!(!ends || world.redeem(login.client, &login.token).is_none(), "a code");
                        if !ends {
                            kept.push(login);
                        }
                        continue;
                    }
                    let client = CLIENTS[login.client];
                    let next = world
                        .post(&format!("grant_type=refresh_token&client_id={client}&refresh_token={}", login.token));
                    prop_assert_eq!(next.is_none(), ends, "{} of {}", client, PEOPLE[login.person]);
                    if let Some(token) = next {
                        kept.push(Login { token, ..login });
                    }
                }
                logins = kept;
            }
        }
    }
    Ok(())
}

/// A long list is read page by page: who redeems a code between two of them may be remembered behind what was read, and hears of it all the
/// same.
#[test]
fn who_gets_tokens_between_two_pages_hears_of_it() {
    for offline in [false, true] {
        let world = World::new(&Shelf::of(MemoryStore::new()));
        for _ in 0..400 {
            world.code(2, 0, None, false).expect("no fault");
        }
        // Where a record is in the list is chance.
        for session in (0..16).map(|session| format!("session {session}")) {
            let body = redemption(0, &world.code(0, 0, Some(&session), offline).expect("no fault"));
            let mut scheduler = Scheduler::new();
            let ends = scheduler.spawn(world.engine.log_out(PEOPLE[0], &session, world.now.get()));
            let early = (0..2).find_map(|_| scheduler.poll(ends));
            assert!(early.is_none(), "there is another page");
            let token = world.post(&body);
            let out = (0..1_000).find_map(|_| scheduler.poll(ends)).expect("an end").expect("no fault");
            assert_eq!(out.notices.len(), usize::from(token.is_some()), "{session}");
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_logout_ends_its_session_alone_and_every_client_of_it_hears(
        actions in prop::collection::vec(action(), 1..24)
    ) {
        on_every_store!(logouts_are_complete, &actions);
    }

    #[test]
    fn who_has_tokens_is_remembered_wherever_the_request_was_dropped(polls in 0..40_usize) {
        on_every_store!(a_dropped_redemption_is_remembered, polls);
    }

    #[test]
    fn who_gets_tokens_while_the_session_ends_hears_of_it(
        offline in any::<bool>(),
        // How old the code is, in seconds, and how far the clock of the node that ends the session is ahead.
        clocks in prop::sample::select(vec![(0, 0), (59, 0), (58, 5)]),
        order in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        on_every_store!(a_redemption_beside_a_logout_is_told, offline, clocks, &order);
    }
}
