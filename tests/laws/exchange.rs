//! `exchange_never_widens`: however tokens are exchanged, by whomever and in whatever row, none has more scope, a longer life or, with the
//! grant's own client, another audience than its first token; none renews anything, and all die with the grant.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::client::ClientBuilder;
use regrant::engine::{ExchangeDecision, ExchangePolicy, ExchangeRequest, ExchangeTerms, HookError};
use regrant::jwt::{SigningAlgorithm, SigningKey};
use regrant::{
    Client, ClientSecret, Engine, Key, Lifetimes, Request, Resource, Scope, StaticClients, Timestamp, TokenStore,
};

use super::cases;
use crate::kit::jwt::claims;
use crate::kit::laws::world::Anyone;
use crate::kit::schedule::run;
use crate::kit::store::faulty::{Fault, Faulty, Op, Shelf};
use crate::kit::wire::{Answer, Call, secret};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const START: Timestamp = Timestamp::from_millis(1_700_000_000_321);

/// A set of these is a mask; the last one nobody has. The first is the default.
const RESOURCES: [&str; 4] = ["https://a.example/", "https://b.example/", "https://c.example/", "https://d.example/"];
/// A set of these is a mask, too: each is of the resource of its letter, the last is the engine's.
const SCOPES: [&str; 6] = ["a:r", "a:w", "b:r", "b:w", "c:r", "own"];
const OF_RESOURCE: [u8; 4] = [0b00_0011, 0b00_1100, 0b01_0000, 0];
const OWN_SCOPE: u8 = 0b10_0000;
const ALL: u8 = 0b11_1111;

/// Id, what it may have, whom it may reach, how long its tokens live.
struct Party {
    id: &'static str,
    scope: u8,
    reaches: u8,
    lifetime: u64,
}

/// The first logs people in and exchanges nothing, the second does both, the third is called.
const PARTIES: [Party; 3] = [
    Party { id: "app", scope: ALL, reaches: 0, lifetime: 300 },
    Party { id: "front", scope: 0b11_1101, reaches: 0b011, lifetime: 100 },
    Party { id: "back", scope: 0b11_1100, reaches: 0b111, lifetime: 1_000 },
];

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(SigningAlgorithm::Es256).expect("a key").0);

type House<S> = Engine<Arc<Faulty<S>>, StaticClients>;

/// Lets each client reach what it may.
struct Reaches;

impl ExchangePolicy for Reaches {
    async fn decide(&self, request: &ExchangeRequest<'_>) -> Result<ExchangeDecision, HookError> {
        let party = PARTIES.iter().find(|party| party.id == request.client().id()).expect("a client of these");
        let terms = named(&RESOURCES, party.reaches).fold(ExchangeTerms::new(), ExchangeTerms::with_audience);
        Ok(ExchangeDecision::Allow(terms))
    }
}

fn named<'a>(names: &'a [&'static str], mask: u8) -> impl Iterator<Item = &'static str> + 'a {
    names.iter().enumerate().filter(move |(at, _)| mask & (1 << at) != 0).map(|(_, name)| *name)
}

fn text(mask: u8) -> String {
    named(&SCOPES, mask).collect::<Vec<_>>().join(" ")
}

fn house<S: TokenStore>(store: &Shelf<S>) -> House<S> {
    let client = |party: &Party| -> ClientBuilder {
        Client::confidential(party.id)
            .secret(ClientSecret::new(&secret(party.id)).expect("a secret"))
            .grant_type("password")
            .grant_type("refresh_token")
            .grant_type(EXCHANGE)
            .scope(Scope::parse(&text(party.scope)).expect("a scope"))
            .lifetimes(Lifetimes::default().with_access_token(Duration::from_secs(party.lifetime)))
    };
    let clients = PARTIES.iter().map(|party| client(party).build().expect("a client"));
    let clients = clients.fold(StaticClients::new(), |all, client| all.with(client).expect("another client"));
    let builder = Engine::builder(Arc::clone(store), clients)
        .key(Key::from_bytes(1, &[0x11; 32]))
        .issuer("https://id.example")
        .signing_key(KEY.clone())
        .grant_handler(Anyone)
        .default_resource(RESOURCES[0])
        .token_exchange(Reaches);
    let resources = (0..3)
        .map(|at| Resource::new(RESOURCES[at]).with_scopes(Scope::parse(&text(OF_RESOURCE[at])).expect("a scope")));
    resources.fold(builder, regrant::EngineBuilder::resource).build().expect("an engine")
}

#[derive(Clone, Copy, Debug)]
enum Action {
    /// By the first client, or the second.
    Login {
        front: bool,
        scope: u8,
        resources: u8,
    },
    Refresh {
        grant: usize,
    },
    /// The access tokens of a grant, or all of it.
    RevokeAccess {
        grant: usize,
    },
    End {
        grant: usize,
    },
    Exchange {
        token: usize,
        by: usize,
        scope: Option<u8>,
        audience: u8,
        actor: Option<usize>,
        store_fails: bool,
    },
    /// A token that came of an exchange is revoked by itself.
    Revoke {
        token: usize,
    },
    Wait {
        secs: u64,
    },
}

struct Made {
    client: usize,
    /// Nothing where none was named.
    consented: u8,
    refresh: String,
    access: String,
    epoch: u32,
    is_live: bool,
}

/// What is known of a token from its history.
#[derive(Clone)]
struct Known {
    token: String,
    grant: usize,
    client: usize,
    epoch: u32,
    scope: u8,
    audience: u8,
    expires_at_secs: u64,
    exchanges: u8,
    has_actor: bool,
}

struct Town<S: TokenStore> {
    house: House<S>,
    store: Shelf<S>,
    now: Timestamp,
    made: Vec<Made>,
    known: Vec<Known>,
}

fn of_resources(audience: u8) -> u8 {
    (0..3).filter(|at| audience & (1 << at) != 0).fold(OWN_SCOPE, |scope, at| scope | OF_RESOURCE[at])
}

impl<S: TokenStore> Town<S> {
    fn send(&self, call: &Call) -> Answer {
        Answer::of(&run(self.house.token(&call.request(), self.now)))
    }

    fn is_alive(&self, known: &Known) -> bool {
        let grant = &self.made[known.grant];
        grant.is_live && known.epoch == grant.epoch && self.now.as_secs() < known.expires_at_secs
    }

    fn left_secs(&self, known: &Known) -> u64 {
        Timestamp::from_secs(known.expires_at_secs).since(self.now).as_secs()
    }

    /// The answer that an exchange has to get: scope, audience, life; or the error.
    fn expected(
        &self,
        known: &Known,
        by: usize,
        scope: Option<u8>,
        audience: u8,
        actor: Option<&Known>,
    ) -> Result<(u8, u8, u64), &'static str> {
        let client = &PARTIES[by];
        let is_fit = self.is_alive(known) && actor.is_none_or(|actor| self.is_alive(actor) && !actor.has_actor);
        if !is_fit || known.exchanges >= 8 {
            return Err("invalid_request");
        }
        let most = known.scope & client.scope;
        let asked = scope.unwrap_or(most);
        if asked & !most != 0 {
            return Err("invalid_scope");
        }
        let aim = match audience {
            0 if client.reaches.is_power_of_two() => client.reaches,
            0 => client.reaches & 1,
            named => named,
        };
        let grant = &self.made[known.grant];
        let consented = if grant.consented == 0 { 1 } else { grant.consented };
        let is_own = grant.client == by;
        if aim == 0 || aim & !client.reaches != 0 || is_own && aim & !consented != 0 {
            return Err("invalid_target");
        }
        let theirs = asked & of_resources(aim);
        if scope.is_some() && theirs != asked {
            return Err("invalid_scope");
        }
        let left = actor.map_or(u64::MAX, |actor| self.left_secs(actor)).min(self.left_secs(known));
        match left.min(client.lifetime) {
            0 => Err("invalid_request"),
            secs => Ok((theirs, aim, secs)),
        }
    }

    fn exchange(
        &mut self,
        (token, by): (usize, usize),
        (scope, audience): (Option<u8>, u8),
        actor: Option<usize>,
        store_fails: bool,
    ) -> TestCaseResult {
        let (Some(known), actor) = (self.known.get(token).cloned(), actor.and_then(|at| self.known.get(at)).cloned())
        else {
            return Ok(());
        };
        let mut call = Call::from(PARTIES[by].id)
            .with("grant_type", EXCHANGE)
            .with("subject_token", &known.token)
            .with("subject_token_type", ACCESS);
        if let Some(scope) = scope.filter(|scope| *scope != 0) {
            call = call.with("scope", &text(scope));
        }
        for (at, name) in named(&RESOURCES, audience).enumerate() {
            call = call.with(if at % 2 == 0 { "resource" } else { "audience" }, name);
        }
        if let Some(actor) = &actor {
            call = call.with("actor_token", &actor.token).with("actor_token_type", ACCESS);
        }
        let scope = scope.filter(|scope| *scope != 0);
        let before = self.store.stored();
        if store_fails {
            self.store.plan(Op::Load, Fault::NotApplied);
            let answer = self.send(&call);
            self.store.heal();
            prop_assert!(answer.is_unavailable(), "{:?}", answer);
        }
        let answer = self.send(&call);
        prop_assert_eq!(self.store.stored(), before, "an exchange stores nothing");
        match self.expected(&known, by, scope, audience, actor.as_ref()) {
            Err(error) => prop_assert_eq!((answer.status, answer.error()), (400, Some(error))),
            Ok((scope, audience, secs)) => {
                prop_assert!(answer.is_ok(), "{:?}", answer);
                prop_assert!(answer.json.get("refresh_token").is_none());
                prop_assert_eq!(answer.expires_in(), secs);
                let token = answer.access_token().to_owned();
                let said = claims(&token);
                let expires_at_secs = said["exp"].as_u64().expect("a time");
                prop_assert_eq!(expires_at_secs, self.now.as_secs() + secs);
                // What it comes of is a bound whatever the oracle says.
                prop_assert!(expires_at_secs <= known.expires_at_secs && scope & !known.scope == 0);
                let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
                let of: BTreeSet<String> = words(said["scope"].as_str().unwrap_or_default());
                prop_assert_eq!(of, words(&text(scope)));
                prop_assert_eq!(said["client_id"].as_str(), Some(PARTIES[by].id));
                let has_actor = known.has_actor || actor.is_some();
                prop_assert_eq!(said.get("act").is_some(), has_actor);
                self.known.push(Known {
                    token,
                    client: by,
                    scope,
                    audience,
                    expires_at_secs,
                    exchanges: known.exchanges + 1,
                    has_actor,
                    ..known
                });
            }
        }
        Ok(())
    }

    /// A grant's own token.
    fn learn(&mut self, grant: usize, answer: &Answer, audience: u8) {
        let made = &self.made[grant];
        let scope = (0..6)
            .filter(|at| answer.scope().split(' ').any(|word| word == SCOPES[*at]))
            .fold(0, |mask, at| mask | 1 << at);
        self.known.push(Known {
            token: answer.access_token().to_owned(),
            grant,
            client: made.client,
            epoch: made.epoch,
            scope,
            audience,
            expires_at_secs: self.now.as_secs() + PARTIES[made.client].lifetime,
            exchanges: 0,
            has_actor: false,
        });
    }

    fn act(&mut self, action: Action) -> TestCaseResult {
        match action {
            Action::Login { front, scope, resources } => {
                let client = usize::from(front);
                let scope = scope & PARTIES[client].scope & of_resources(if resources == 0 { 1 } else { resources });
                if scope == 0 || self.made.len() >= 4 {
                    return Ok(());
                }
                let call = Call::login(PARTIES[client].id, "alice").with("scope", &text(scope));
                let call = named(&RESOURCES, resources).fold(call, |call, name| call.with("resource", name));
                let answer = self.send(&call);
                prop_assert!(answer.is_ok(), "{:?}", answer);
                self.made.push(Made {
                    client,
                    consented: resources,
                    refresh: answer.refresh_token().to_owned(),
                    access: answer.access_token().to_owned(),
                    epoch: 0,
                    is_live: true,
                });
                self.learn(self.made.len() - 1, &answer, if resources == 0 { 1 } else { resources });
            }
            Action::Refresh { grant } => {
                let Some(made) = self.made.get(grant).filter(|made| made.is_live) else { return Ok(()) };
                let answer = self.send(&Call::refresh(PARTIES[made.client].id, &made.refresh));
                prop_assert!(answer.is_ok(), "{:?}", answer);
                let audience = if made.consented == 0 { 1 } else { made.consented };
                let made = &mut self.made[grant];
                answer.refresh_token().clone_into(&mut made.refresh);
                answer.access_token().clone_into(&mut made.access);
                self.learn(grant, &answer, audience);
            }
            Action::RevokeAccess { grant } => {
                let Some(made) = self.made.get(grant) else { return Ok(()) };
                let own = self.known.iter().rfind(|known| known.token == made.access).expect("it was handed out");
                let was_alive = self.is_alive(own);
                self.revoke(made.client, &made.access);
                if was_alive {
                    self.made[grant].epoch += 1;
                }
            }
            Action::End { grant } => {
                let Some(made) = self.made.get(grant) else { return Ok(()) };
                self.revoke(made.client, &made.refresh);
                self.made[grant].is_live = false;
            }
            Action::Exchange { token, by, scope, audience, actor, store_fails } => {
                self.exchange((token, by), (scope, audience), actor, store_fails)?;
            }
            Action::Revoke { token } => {
                let Some(known) = self.known.get(token).filter(|known| known.exchanges > 0) else { return Ok(()) };
                let before = self.store.stored();
                self.revoke(known.client, &known.token);
                prop_assert_eq!(self.store.stored(), before, "it ends with its grant and not the other way round");
            }
            Action::Wait { secs } => self.now = self.now + Duration::from_secs(secs),
        }
        Ok(())
    }

    fn revoke(&self, client: usize, token: &str) {
        let call = Call::from(PARTIES[client].id).with("token", token);
        assert_eq!(run(self.house.revoke(&call.request(), self.now)).status(), 200);
    }

    /// Every token that was ever handed out, at every resource.
    fn check(&self) -> TestCaseResult {
        for known in &self.known {
            let header = format!("Bearer {}", known.token);
            let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
            for (at, resource) in RESOURCES.iter().enumerate().take(3) {
                let is_for = self.is_alive(known) && known.audience & (1 << at) != 0;
                let scope = known.scope & (OWN_SCOPE | OF_RESOURCE[at]);
                // A token with a scope of which nothing is a resource's lets nobody in there.
                let expected = is_for && (scope != 0 || known.scope == 0);
                let found = run(self.house.bearer_for(resource).check(&request, self.now));
                prop_assert_eq!(found.is_ok(), expected, "{} at {}", &known.token, resource);
                if let Ok(access) = found {
                    prop_assert_eq!(access.scope().as_str(), text(scope));
                    prop_assert_eq!(access.subject(), Some("alice"));
                }
            }
        }
        Ok(())
    }
}

fn never_widens<S: TokenStore>(store: Shelf<S>, actions: &[Action]) -> TestCaseResult {
    let house = house(&store);
    let mut town = Town { house, store, now: START, made: Vec::new(), known: Vec::new() };
    town.act(Action::Login { front: false, scope: ALL, resources: 0b111 })?;
    for &action in actions {
        town.act(action)?;
    }
    town.check()
}

fn action() -> impl Strategy<Value = Action> {
    let audience = prop_oneof![2 => Just(0), 6 => 1_u8..8, 1 => 8_u8..16];
    let scope =
        prop_oneof![3 => Just(None), 2 => (0..=ALL).prop_map(Some), 2 => (0..6_u8).prop_map(|at| Some(1 << at))];
    let token = || 0..12_usize;
    let exchange =
        (token(), 1..3_usize, scope, audience, prop::option::weighted(0.2, token()), prop::bool::weighted(0.1))
            .prop_map(|(token, by, scope, audience, actor, store_fails)| Action::Exchange {
                token,
                by,
                scope,
                audience,
                actor,
                store_fails,
            });
    prop_oneof![
        2 => (any::<bool>(), 1..=ALL, 0..8_u8)
            .prop_map(|(front, scope, resources)| Action::Login { front, scope, resources }),
        1 => (0..4_usize).prop_map(|grant| Action::Refresh { grant }),
        1 => (0..4_usize).prop_map(|grant| Action::RevokeAccess { grant }),
        1 => (0..4_usize).prop_map(|grant| Action::End { grant }),
        14 => exchange,
        1 => token().prop_map(|token| Action::Revoke { token }),
        2 => prop::sample::select(vec![1, 30, 99, 150]).prop_map(|secs| Action::Wait { secs }),
    ]
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn exchange_never_widens(actions in prop::collection::vec(action(), 1..40)) {
        on_every_store!(never_widens, &actions);
    }
}
