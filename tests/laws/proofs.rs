//! `bound_tokens_need_their_key`, `who_binds_a_login_is_found`, `proofs_are_single_use` and `resync_never_serves_bearers`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use regrant::engine::{ClientCredentials, Dpop};
use regrant::{
    Client, ClientSecret, Endpoints, Engine, Grant, GrantId, Key, Request, RootSecret, Scope, StaticClients, Timestamp,
    TokenStore,
};

use serde_json::json;

use super::cases;
use crate::kit::events::{Recorder, Seen};
use crate::kit::laws::world::Anyone;
use crate::kit::proof::ProofKey;
use crate::kit::schedule::run;
use crate::kit::signer::{Signer, with_assertion};
use crate::kit::store::faulty::{Fault, Faulty, Op, Shelf};
use crate::kit::wire::{Answer, secret};

const TOKEN: &str = "https://id.example/token";
const FILES: &str = "https://id.example/files";
const WINDOW: u64 = 60;

const PHONE: &str = "phone";
const FLEET: &str = "fleet";
const MACHINE: &str = "machine";
/// By assertions that a key of its own signs.
const KEYED: &str = "keyed";

fn client(id: &str) -> Client {
    let client = match id {
        MACHINE => {
            let secret = ClientSecret::new(&secret(id)).expect("a secret");
            Client::confidential(id).secret(secret).grant_type("client_credentials")
        }
        KEYED => Client::confidential(id).keys(Signer::new("one").keys()).private_key_jwt(true),
        _ => Client::public(id),
    };
    client
        .grant_type("password")
        .grant_type("refresh_token")
        .resync(id == FLEET || id == KEYED)
        .retry_window(Duration::from_secs(WINDOW))
        .scope(Scope::parse("read").expect("a scope"))
        .build()
        .expect("a client")
}

/// Two nodes on one store.
struct Desk<S: TokenStore> {
    nodes: [Engine<Arc<Faulty<S>>, StaticClients>; 2],
    store: Shelf<S>,
    events: Recorder,
    now: Cell<Timestamp>,
}

impl<S: TokenStore> Desk<S> {
    fn new(store: Shelf<S>, markers: bool) -> Self {
        let events = Recorder::default();
        let node = || {
            let clients = [PHONE, FLEET, MACHINE, KEYED]
                .into_iter()
                .fold(StaticClients::new(), |all, id| all.with(client(id)).expect("ids that differ"));
            Engine::builder(Arc::clone(&store), clients)
                .key(Key::from_bytes(1, &[0x11; 32]))
                .issuer("https://id.example")
                .endpoints(Endpoints::new().with_token("/token"))
                .root_secret(RootSecret::from_bytes(1, &[0x77; 32]))
                .dpop(Dpop::new().with_markers(markers))
                .grant_handler(Anyone)
                .grant_handler(ClientCredentials)
                .events(events.clone())
                .build()
                .expect("an engine")
        };
        let nodes = [node(), node()];
        Self { nodes, store, events, now: Cell::new(Timestamp::from_millis(1_700_000_000_321)) }
    }

    fn advance(&self, secs: u64) {
        self.now.set(self.now.get() + Duration::from_secs(secs));
    }

    fn send(&self, node: usize, client: &str, body: &str, proof: Option<&str>) -> Answer {
        let body = match client {
            MACHINE => format!("{body}&client_id={client}&client_secret={}", secret(client)),
            KEYED => with_assertion(body, &self.assertion()),
            _ => format!("{body}&client_id={client}"),
        };
        let request =
            Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
        let request = match proof {
            Some(proof) => request.with_header("dpop", proof.as_bytes()),
            None => request,
        };
        Answer::of(&run(self.nodes[node].token(&request, self.now.get())))
    }

    /// Another each time.
    fn assertion(&self) -> String {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (jti, now) = (NEXT.fetch_add(1, Ordering::Relaxed).to_string(), self.now.get().as_secs());
        let claims = json!({"iss": KEYED, "sub": KEYED, "aud": "https://id.example", "jti": jti, "exp": now + 60});
        let signer = Signer::new("one");
        signer.jwt(&signer.header("EdDSA"), &claims)
    }

    /// The grants that are stored, without what was used once.
    fn grants(&self) -> BTreeMap<GrantId, Vec<u8>> {
        let is_grant = |bytes: &Vec<u8>| !Grant::decode(bytes).expect("a record").is_marker();
        self.store.stored().into_iter().filter(|(_, bytes)| is_grant(bytes)).collect()
    }

    fn nonce(&self) -> String {
        let answer = self.send(0, PHONE, LOGIN, Some(&ProofKey::of(9).proof("POST", TOKEN).sign()));
        answer.headers.into_iter().find(|(name, _)| name == "dpop-nonce").expect("a nonce").1
    }

    fn proof(&self, key: &ProofKey) -> String {
        key.proof("POST", TOKEN).nonce(&self.nonce()).sign()
    }

    fn lets_in(&self, node: usize, scheme: &str, token: &str, proof: Option<&str>) -> bool {
        let header = format!("{scheme} {token}");
        let request = Request::new("GET", b"").with_header("authorization", header.as_bytes()).with_url("/files");
        let request = match proof {
            Some(proof) => request.with_header("dpop", proof.as_bytes()),
            None => request,
        };
        run(self.nodes[node].bearer(&request, &Scope::empty(), self.now.get())).is_ok()
    }
}

const LOGIN: &str = "grant_type=password&username=alice&password=any";

fn renewal(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}")
}

/// How somebody without the key goes about it.
#[derive(Clone, Copy, Debug)]
enum Without {
    Proof,
    TheKey,
    ANonce,
    TheSignature,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// By the owner; the number says which key, where the client may have another.
    Refresh(u8),
    /// Of the generation that is so many steps back.
    Probe(usize, Without),
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let without =
        prop_oneof![Just(Without::Proof), Just(Without::TheKey), Just(Without::ANonce), Just(Without::TheSignature)];
    prop_oneof![
        3 => (1..4_u8).prop_map(Step::Refresh),
        6 => (0..5_usize, without).prop_map(|(back, without)| Step::Probe(back, without)),
        2 => (0..200_u64).prop_map(Step::Advance),
    ]
}

fn is_its_own<S: TokenStore>(store: Shelf<S>, late: u8) -> TestCaseResult {
    let desk = Desk::new(store, true);
    let proof = desk.proof(&ProofKey::of(1));
    desk.store.plan(Op::Insert, Fault::Late(late));
    let answer = desk.send(0, MACHINE, "grant_type=client_credentials", Some(&proof));
    prop_assert!(answer.is_ok(), "{} operations later: {:?}", late, answer);
    desk.store.catch_up();
    let again = desk.send(1, MACHINE, "grant_type=client_credentials", Some(&proof));
    prop_assert!(!again.is_ok(), "it was used: {:?}", again);
    Ok(())
}

/// Of a marker whose write is in doubt, and takes place while it is tried again, the request knows that it is its own.
#[test]
fn a_marker_that_is_late_is_no_other_s() -> TestCaseResult {
    for late in 1..6 {
        on_every_store!(is_its_own, late);
    }
    Ok(())
}

fn needs_its_key<S: TokenStore>(store: Shelf<S>, client: &str, steps: &[Step]) -> TestCaseResult {
    let desk = Desk::new(store, false);
    let (own, other) = (ProofKey::of(1), ProofKey::of(2));
    let login = desk.send(0, client, LOGIN, Some(&desk.proof(&own)));
    prop_assert!(login.is_ok(), "{:?}", login);
    let mut tokens = vec![login.refresh_token().to_owned()];
    let mut access = login.access_token().to_owned();
    for &step in steps {
        match step {
            Step::Refresh(byte) => {
                let key = if client == MACHINE { ProofKey::of(byte) } else { own.clone() };
                let answer = desk.send(0, client, &renewal(tokens.last().unwrap()), Some(&desk.proof(&key)));
                prop_assert!(answer.is_ok(), "{:?}", answer);
                tokens.push(answer.refresh_token().to_owned());
                answer.access_token().clone_into(&mut access);
            }
            Step::Probe(back, without) => {
                let token = &tokens[tokens.len() - 1 - back.min(tokens.len() - 1)];
                let (proof, code) = match without {
                    // Any key does for a client that is known besides.
                    Without::TheKey if client != MACHINE => (Some(desk.proof(&other)), "invalid_grant"),
                    Without::Proof | Without::TheKey => (None, "invalid_dpop_proof"),
                    Without::ANonce => (Some(own.proof("POST", TOKEN).sign()), "use_dpop_nonce"),
                    Without::TheSignature => {
                        let [good, another] = [desk.proof(&own), desk.proof(&own)];
                        let (head, _) = good.rsplit_once('.').unwrap();
                        let (_, signature) = another.rsplit_once('.').unwrap();
                        (Some(format!("{head}.{signature}")), "invalid_dpop_proof")
                    }
                };
                let stored = desk.store.stored();
                desk.events.take();
                let answer = desk.send(0, client, &renewal(token), proof.as_deref());
                prop_assert_eq!((answer.status, answer.error()), (400, Some(code)));
                prop_assert_eq!(desk.store.stored(), stored, "nothing changes");
                let events = desk.events.take();
                prop_assert!(events.iter().all(|event| matches!(event, Seen::Refused { .. })), "{:?}", events);
                prop_assert!(!desk.lets_in(0, "Bearer", &access, None), "nor is it a bearer token");
                prop_assert!(!desk.lets_in(0, "DPoP", &access, proof.as_deref()));
            }
            Step::Advance(secs) => desk.advance(secs),
        }
    }
    // None of it has harmed the owner.
    let answer = desk.send(0, client, &renewal(tokens.last().unwrap()), Some(&desk.proof(&own)));
    prop_assert!(answer.is_ok(), "{:?}", answer);
    Ok(())
}

/// Laws 3 and 21 of a login that is bound on its way: what was made unbound is judged by its age alone, what was made bound does nothing
/// without the key; and in the window nobody is answered who does not prove it.
fn is_judged_as_it_was_made<S: TokenStore>(
    store: Shelf<S>,
    [unbound, bound, back]: [usize; 3],
    pause: u64,
    without: Without,
) -> TestCaseResult {
    let desk = Desk::new(store, true);
    let (own, other) = (ProofKey::of(1), ProofKey::of(2));
    let login = desk.send(0, PHONE, LOGIN, None);
    prop_assert!(login.is_ok(), "{:?}", login);
    let mut tokens = vec![login.refresh_token().to_owned()];
    for step in 0..unbound + bound {
        let proof = (step >= unbound).then(|| desk.proof(&own));
        let answer = desk.send(step % 2, PHONE, &renewal(tokens.last().unwrap()), proof.as_deref());
        prop_assert!(answer.is_ok(), "{:?}", answer);
        tokens.push(answer.refresh_token().to_owned());
    }
    desk.advance(pause);
    let presented = tokens.len() - 1 - back.min(tokens.len() - 1);
    let proof = match without {
        Without::TheKey => Some(desk.proof(&other)),
        _ => None,
    };
    let stored = desk.grants();
    desk.events.take();
    let answer = desk.send(0, PHONE, &renewal(&tokens[presented]), proof.as_deref());
    prop_assert!(!answer.is_ok(), "{:?}", answer);
    let was_unbound = presented <= unbound;
    let is_current = presented == tokens.len() - 1;
    let may_be_lost = presented == tokens.len() - 2 && pause < WINDOW;
    let ends = was_unbound && !is_current && !may_be_lost;
    let found = desk.events.take().iter().any(|event| matches!(event, Seen::ReplayFound { .. }));
    prop_assert_eq!((desk.grants().is_empty(), found), (ends, ends), "of generation {}", presented);
    if !ends {
        prop_assert_eq!(desk.grants(), stored, "nothing changes");
        let answer = desk.send(1, PHONE, &renewal(tokens.last().unwrap()), Some(&desk.proof(&own)));
        prop_assert!(answer.is_ok(), "{:?}", answer);
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Use {
    /// A proof that was made before, or a new one, with the token that is so many steps back, at a node.
    Refresh {
        proof: Option<usize>,
        back: usize,
        node: usize,
    },
    /// By the client for itself.
    Own {
        proof: Option<usize>,
        node: usize,
    },
    Reach {
        proof: Option<usize>,
        node: usize,
    },
    Advance(u64),
}

fn any_use() -> impl Strategy<Value = Use> {
    let proof =
        || prop_oneof![1 => Just(None), 2 => any::<prop::sample::Index>().prop_map(|index| Some(index.index(100)))];
    prop_oneof![
        4 => (proof(), 0..2_usize, 0..2_usize).prop_map(|(proof, back, node)| Use::Refresh { proof, back, node }),
        2 => (proof(), 0..2_usize).prop_map(|(proof, node)| Use::Own { proof, node }),
        2 => (proof(), 0..2_usize).prop_map(|(proof, node)| Use::Reach { proof, node }),
        1 => (0..25_u64).prop_map(Use::Advance),
    ]
}

/// One that was made before, or a new one.
fn choose(proofs: &mut Vec<String>, chosen: Option<usize>, new: impl FnOnce() -> String) -> usize {
    match chosen {
        Some(number) if !proofs.is_empty() => number % proofs.len(),
        _ => {
            proofs.push(new());
            proofs.len() - 1
        }
    }
}

fn is_used_once<S: TokenStore>(store: Shelf<S>, uses: &[Use]) -> TestCaseResult {
    let desk = Desk::new(store, true);
    let key = ProofKey::of(1);
    let login = desk.send(0, MACHINE, LOGIN, Some(&desk.proof(&key)));
    prop_assert!(login.is_ok(), "{:?}", login);
    let access = login.access_token().to_owned();
    let mut tokens = vec![login.refresh_token().to_owned()];
    let (mut at_token, mut at_files) = (Vec::new(), Vec::new());
    // What each has made: for which token, and what came of it.
    let mut spent: BTreeMap<usize, (String, String)> = BTreeMap::new();
    let mut reached = Vec::new();
    for &one in uses {
        match one {
            Use::Refresh { proof, back, node } => {
                let proof = choose(&mut at_token, proof, || desk.proof(&key));
                let token = tokens[tokens.len() - 1 - back.min(tokens.len() - 1)].clone();
                let answer = desk.send(node, MACHINE, &renewal(&token), Some(&at_token[proof]));
                if !answer.is_ok() {
                    // Honest, and late: a replay, and the end of this history.
                    if answer.is_invalid_grant() {
                        return Ok(());
                    }
                    continue;
                }
                let successor = answer.refresh_token().to_owned();
                if let Some(before) = spent.insert(proof, (token.clone(), successor.clone())) {
                    prop_assert_eq!(before, (token.clone(), successor.clone()), "a retry is the same use");
                }
                if tokens.last() == Some(&token) {
                    tokens.push(successor);
                }
            }
            Use::Own { proof, node } => {
                let proof = choose(&mut at_token, proof, || desk.proof(&key));
                let answer = desk.send(node, MACHINE, "grant_type=client_credentials", Some(&at_token[proof]));
                if answer.is_ok() {
                    let made = (String::from("own"), answer.access_token().to_owned());
                    prop_assert_eq!(spent.insert(proof, made), None, "once, over all nodes");
                }
            }
            Use::Reach { proof, node } => {
                let new = || key.proof("GET", FILES).nonce(&desk.nonce()).ath(&access).sign();
                let proof = choose(&mut at_files, proof, new);
                if desk.lets_in(node, "DPoP", &access, Some(&at_files[proof])) {
                    prop_assert!(!reached.contains(&(proof, node)), "once at each node");
                    reached.push((proof, node));
                }
            }
            Use::Advance(secs) => desk.advance(secs),
        }
    }
    Ok(())
}

/// Who sends an older token, and what that proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holder {
    /// The key of the grant, at a client that may resync.
    Proven,
    /// Nothing, at the same client.
    Bearer,
    /// The key of the grant, at a client that may not.
    AnotherClient,
    /// Any key, at a client that is known by its secret.
    Confidential,
    /// A key of its own, at a client that is known by that.
    ByKey,
}

fn serves_no_bearer<S: TokenStore>(
    store: Shelf<S>,
    holder: Holder,
    steps: usize,
    back: usize,
    later: u64,
) -> TestCaseResult {
    let desk = Desk::new(store, false);
    let key = ProofKey::of(1);
    let client = match holder {
        Holder::Proven | Holder::Bearer => FLEET,
        Holder::AnotherClient => PHONE,
        Holder::Confidential => MACHINE,
        Holder::ByKey => KEYED,
    };
    let send = |body: &str| {
        let proof = !matches!(holder, Holder::Bearer | Holder::ByKey);
        let proof = proof.then(|| desk.proof(&key));
        desk.send(0, client, body, proof.as_deref())
    };
    let mut tokens = vec![send(LOGIN).refresh_token().to_owned()];
    for _ in 0..steps {
        let answer = send(&renewal(tokens.last().unwrap()));
        tokens.push(answer.refresh_token().to_owned());
    }
    desk.advance(later);
    let back = back.clamp(1, steps);
    let stored = desk.grants();
    desk.events.take();
    let answer = send(&renewal(&tokens[tokens.len() - 1 - back]));
    let is_retry = back == 1 && later < WINDOW;
    if matches!(holder, Holder::Proven | Holder::ByKey) || is_retry {
        prop_assert!(answer.is_ok(), "{:?}", answer);
        prop_assert_eq!(answer.refresh_token(), tokens.last().unwrap());
        prop_assert_eq!(desk.grants(), stored, "nothing is written");
    } else {
        prop_assert!(answer.is_invalid_grant(), "{:?}", answer);
        prop_assert!(desk.grants().is_empty(), "a replay ends the grant");
        let found = desk.events.take().into_iter().filter(|event| matches!(event, Seen::ReplayFound { .. })).count();
        prop_assert_eq!(found, 1);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn bound_tokens_need_their_key(
        client in prop_oneof![Just(PHONE), Just(FLEET), Just(MACHINE)],
        steps in prop::collection::vec(step(), 1..20),
    ) {
        on_every_store!(needs_its_key, client, &steps);
    }

    #[test]
    fn who_binds_a_login_is_found(
        unbound in 0..4_usize,
        bound in 1..4_usize,
        back in 0..7_usize,
        pause in 0..200_u64,
        without in prop_oneof![Just(Without::Proof), Just(Without::TheKey)],
    ) {
        on_every_store!(is_judged_as_it_was_made, [unbound, bound, back], pause, without);
    }

    #[test]
    fn proofs_are_single_use(uses in prop::collection::vec(any_use(), 1..40)) {
        on_every_store!(is_used_once, &uses);
    }

    #[test]
    fn resync_never_serves_bearers(
        holder in prop_oneof![
            Just(Holder::Proven), Just(Holder::Bearer), Just(Holder::AnotherClient), Just(Holder::Confidential),
            Just(Holder::ByKey),
        ],
        steps in 1..6_usize,
        back in 1..6_usize,
        later in 0..200_u64,
    ) {
        on_every_store!(serves_no_bearer, holder, steps, back, later);
    }
}
