//! Clients: how they are registered, how their secrets are verified, and what a slow verification may not do.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use regrant::client::{ClientBuilder, ClientRef, ClientsError, Lookup, SecretError};
use regrant::engine::SlowVerifier;
use regrant::{BuildError, Client, ClientSecret, Clients, Engine, StaticClients};

use crate::kit::{
    Ask, Events, LOGIN, OTHER_SECRET, Password, Reply, SECRET, Shelf, World, app, at, check, form, scope, secret,
};

/// A secret that a person chose, hashed so cheaply that a test can afford it, under a salt of its own.
fn phc(text: &str) -> ClientSecret {
    static SALT: AtomicUsize = AtomicUsize::new(0);
    let salt = format!("salt {:08}", SALT.fetch_add(1, Ordering::Relaxed));
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    let hash = argon2.hash_password_with_salt(text.as_bytes(), salt.as_bytes()).unwrap();
    ClientSecret::from_phc(&hash.to_string()).unwrap()
}

fn slow(id: &str, text: &str) -> ClientBuilder {
    Client::confidential(id).secret(phc(text)).grant_type("password").scope(scope("read"))
}

type Job = Box<dyn FnOnce() + Send>;

/// A pool that runs nothing by itself, or all at once; either way it counts.
#[derive(Clone, Default)]
struct Pool {
    runs: Arc<AtomicUsize>,
    waiting: Arc<Mutex<Vec<Job>>>,
    inline: bool,
}

impl Pool {
    fn inline() -> Self {
        Self { inline: true, ..Self::default() }
    }

    fn verifier(&self) -> SlowVerifier {
        let pool = self.clone();
        SlowVerifier::new(move |job: Job| {
            pool.runs.fetch_add(1, Ordering::Relaxed);
            if pool.inline { job() } else { pool.waiting.lock().unwrap().push(job) }
        })
    }

    /// How many verifications there were since the last call.
    fn runs(&self) -> usize {
        self.runs.swap(0, Ordering::Relaxed)
    }

    fn run_all(&self) {
        let jobs = std::mem::take(&mut *self.waiting.lock().unwrap());
        for job in jobs {
            job();
        }
    }

    fn drop_all(&self) {
        self.waiting.lock().unwrap().clear();
    }
}

fn world(clients: impl IntoIterator<Item = ClientBuilder>, verifier: SlowVerifier) -> World {
    World::new(clients, |builder| builder.grant_handler(Password).slow_verifier(verifier))
}

fn login(id: &str, secret: &str) -> Ask {
    form(LOGIN).basic(id, secret)
}

#[test]
fn either_of_two_secrets_authenticates() {
    let world = World::new([app().secret(secret(OTHER_SECRET))], |builder| builder.grant_handler(Password));
    for right in [SECRET, OTHER_SECRET] {
        world.send(&login("app", right), at(0)).assert_ok();
        world.send(&form(format!("{LOGIN}&client_id=app&client_secret={right}")), at(0)).assert_ok();
    }
    world.send(&login("app", &format!("{SECRET}{OTHER_SECRET}")), at(0)).assert_error(401, "invalid_client");
    // Of a registry that has the same one twice.
    let twice = World::new([app().secret(secret(SECRET))], |builder| builder.grant_handler(Password));
    twice.send(&login("app", SECRET), at(0)).assert_ok();
    twice.send(&login("app", OTHER_SECRET), at(0)).assert_error(401, "invalid_client");
    // A generated one, which only its owner has seen.
    let (kept, shown_once) = ClientSecret::generate();
    let world = World::new([app().secret(kept)], |builder| builder.grant_handler(Password));
    world.send(&login("app", shown_once.reveal()), at(0)).assert_ok();
    world.send(&login("app", &shown_once.reveal()[1..]), at(0)).assert_error(401, "invalid_client");
}

#[test]
fn a_secret_is_long_and_is_read_in_one_way() {
    for (text, error) in [
        (&SECRET[..31], SecretError::TooShort),
        ("", SecretError::TooShort),
        ("a-secret-with-an-escape-%41-in-its-midst", SecretError::Ambiguous),
        ("a-secret-with-a-plus-sign-+-in-its-midst", SecretError::Ambiguous),
        ("a-secret-with-a-line-break-\n-in-its-midst", SecretError::Ambiguous),
    ] {
        assert_eq!(ClientSecret::new(text).unwrap_err(), error, "{text:?}");
    }
    assert!(ClientSecret::new(&"é".repeat(32)).is_ok());
    for text in [
        "",
        "hunter2",
        "$argon2id$",
        "$argon2id$v=19$m=8,t=1,p=1",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$scrypt$ln=1$YWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFh",
    ] {
        assert_eq!(ClientSecret::from_phc(text).unwrap_err(), SecretError::Phc, "{text:?}");
    }
    assert_eq!(format!("{:?} {:?}", phc("hunter2"), secret(SECRET)), "ClientSecret(phc) ClientSecret(digest)");
    assert_eq!(phc("hunter2").digest(), None);
}

#[test]
fn a_slow_secret_is_verified_on_the_pool_once() {
    let pool = Pool::inline();
    let world = world([slow("shop", "hunter2")], pool.verifier());
    for expected in [1, 0, 0] {
        world.send(&login("shop", "hunter2"), at(0)).assert_ok();
        assert_eq!(pool.runs(), expected, "only the first one pays");
    }
    world.send(&form(format!("{LOGIN}&client_id=shop&client_secret=hunter2")), at(0)).assert_ok();
    assert_eq!(pool.runs(), 0);
    for wrong in ["hunter3", "hunter3", "Hunter2", "hunter2 ", ""] {
        world.send(&login("shop", wrong), at(0)).assert_error(401, "invalid_client");
        assert_eq!(pool.runs(), 1, "a wrong secret pays each time");
    }
}

#[test]
fn as_many_verified_secrets_are_remembered_as_asked() {
    let pool = Pool::inline();
    let none = world([slow("shop", "hunter2")], pool.verifier().with_remembered(0));
    for _ in 0..2 {
        none.send(&login("shop", "hunter2"), at(0)).assert_ok();
        assert_eq!(pool.runs(), 1);
    }
    let one = world([slow("shop", "hunter2"), slow("stall", "hunter2")], pool.verifier().with_remembered(1));
    for (id, expected) in [("shop", 1), ("shop", 0), ("stall", 1), ("stall", 0), ("shop", 1), ("stall", 1)] {
        one.send(&login(id, "hunter2"), at(0)).assert_ok();
        assert_eq!(pool.runs(), expected, "the oldest is forgotten");
    }
}

#[test]
fn two_slow_secrets_and_one_of_each_kind() {
    let pool = Pool::inline();
    let both = slow("both", "old-one").secret(secret(SECRET));
    let world = world([slow("shop", "old-one").secret(phc("new-one")), both], pool.verifier());
    for (id, secret, runs) in [
        ("shop", "new-one", 2),
        ("shop", "new-one", 0),
        ("shop", "old-one", 1),
        ("shop", "old-one", 0),
        ("both", SECRET, 0),
        ("both", "old-one", 1),
        ("both", "old-one", 0),
    ] {
        world.send(&login(id, secret), at(0)).assert_ok();
        assert_eq!(pool.runs(), runs, "{id} {secret}");
    }
    world.send(&login("shop", "wrong"), at(0)).assert_error(401, "invalid_client");
    assert_eq!(pool.runs(), 2);
    world.send(&login("both", "new-one"), at(0)).assert_error(401, "invalid_client");
}

/// A request that can be polled by hand.
type Pending<'a> = Pin<Box<dyn Future<Output = regrant::Response> + 'a>>;

fn poll(request: &mut Pending<'_>) -> Option<Reply> {
    match request.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(response) => Some(Reply::of(&response)).inspect(check),
        Poll::Pending => None,
    }
}

#[test]
fn beyond_the_cap_it_is_503_and_honest_clients_do_not_notice() {
    let pool = Pool::default();
    let clients = [slow("shop", "hunter2"), slow("stall", "hunter3"), app()];
    let world = world(clients, pool.verifier().with_concurrent(2));
    let start = |ask: &'static Ask| -> Pending<'_> {
        let engine = &world.engine;
        Box::pin(async move { engine.token(&ask.request(), at(0)).await })
    };
    let asks: &'static [Ask] = Box::leak(Box::new([
        login("shop", "hunter2"),
        login("shop", "guess"),
        login("stall", "hunter3"),
        login("app", SECRET),
    ]));
    let [shop, guess, stall, fast] = asks else { unreachable!() };
    // The shop is remembered.
    let mut first = start(shop);
    assert_eq!(poll(&mut first), None);
    pool.run_all();
    poll(&mut first).unwrap().assert_ok();
    // Two guesses fill the cap.
    let (mut one, mut two) = (start(guess), start(guess));
    assert_eq!((poll(&mut one), poll(&mut two)), (None, None));
    world.events.take();
    poll(&mut start(guess)).unwrap().assert_error(503, "temporarily_unavailable");
    poll(&mut start(stall)).unwrap().assert_error(503, "temporarily_unavailable");
    let events = world.events.take();
    assert!(events.len() == 2 && events.iter().all(|event| event.contains("SlowVerifier")), "{events:?}");
    // Who is remembered gets in, and so does who needs no slow verification.
    poll(&mut start(shop)).unwrap().assert_ok();
    poll(&mut start(fast)).unwrap().assert_ok();
    pool.run_all();
    for guess in [&mut one, &mut two] {
        poll(guess).unwrap().assert_error(401, "invalid_client");
    }
    let mut honest = start(stall);
    assert_eq!(poll(&mut honest), None);
    pool.run_all();
    poll(&mut honest).unwrap().assert_ok();
}

#[test]
fn a_dropped_job_is_503_and_a_dropped_request_counts_until_its_job_ends() {
    let pool = Pool::default();
    let world = world([slow("shop", "hunter2")], pool.verifier().with_concurrent(1));
    let ask = login("shop", "hunter2");
    let start = || -> Pending<'_> { Box::pin(async { world.engine.token(&ask.request(), at(0)).await }) };
    // The pool gives up on the job.
    let mut request = start();
    assert_eq!(poll(&mut request), None);
    pool.drop_all();
    poll(&mut request).unwrap().assert_error(503, "temporarily_unavailable");
    // Which counts no longer; then the client gives up on the request.
    let mut request = start();
    assert_eq!(poll(&mut request), None);
    drop(request);
    poll(&mut start()).unwrap().assert_error(503, "temporarily_unavailable");
    pool.run_all();
    // The job has ended and was remembered, though nobody was there to hear of it: the next try is quick.
    poll(&mut start()).unwrap().assert_ok();
}

/// "Within one registry and one kind of verifier an unknown client costs what a wrong secret costs."
#[test]
fn an_unknown_client_costs_what_a_wrong_secret_costs() {
    let pool = Pool::inline();
    let mixed = world([app(), slow("shop", "hunter2")], pool.verifier());
    // No client can be called that, so the registry is not asked.
    let too_long = "c".repeat(Client::MAX_ID_BYTES + 1);
    for (id, secret, runs) in [
        ("shop", "wrong", 1),
        ("unknown", "wrong", 1),
        ("unknown", "hunter2", 1),
        (&too_long, "wrong", 1),
        ("app", "wrong", 0),
    ] {
        // A second time, too: nothing is remembered that would tell whose secret was guessed.
        let reply = mixed.send(&login(id, secret), at(0));
        reply.assert_error(401, "invalid_client");
        assert_eq!(pool.runs(), runs, "{id} {secret}");
        let reply = mixed.send(&login(id, secret), at(0));
        reply.assert_error(401, "invalid_client");
        assert_eq!(pool.runs(), runs, "{id} {secret}");
    }
    // Who presents no secret has none verified.
    mixed.send(&form(format!("{LOGIN}&client_id=unknown")), at(0)).assert_error(401, "invalid_client");
    assert_eq!(pool.runs(), 0);
    let digests = world([app()], pool.verifier());
    digests.send(&login("unknown", "wrong"), at(0)).assert_error(401, "invalid_client");
    assert_eq!(pool.runs(), 0);
    // Nothing in a response tells them apart.
    assert_eq!(mixed.send(&login("unknown", "wrong"), at(0)), mixed.send(&login("shop", "wrong"), at(0)));
    assert_eq!(mixed.send(&login("unknown", "wrong"), at(0)), mixed.send(&login("app", "wrong"), at(0)));
}

#[test]
fn slow_secrets_take_a_verifier() {
    let clients = StaticClients::new().with(slow("shop", "hunter2").build().unwrap()).unwrap();
    let built = Engine::builder(Arc::new(Shelf::default()), clients).build();
    assert_eq!(built.unwrap_err(), BuildError::SlowVerifier);
}

/// A registry that looks clients up elsewhere.
struct Directory {
    clients: Mutex<Vec<Arc<Client>>>,
    down: bool,
}

impl Clients for Directory {
    async fn find(&self, client_id: &str, _: Lookup) -> Result<Option<ClientRef<'_>>, ClientsError> {
        tokio::task::yield_now().await;
        if self.down {
            return Err(ClientsError::new("connection refused"));
        }
        let clients = self.clients.lock().unwrap();
        Ok(clients.iter().find(|client| client.id() == client_id).cloned().map(ClientRef::from))
    }
}

#[tokio::test]
async fn a_registry_that_waits_and_shares() {
    let directory = |clients: Vec<ClientBuilder>, down: bool| {
        let clients = clients.into_iter().map(|client| Arc::new(client.build().unwrap())).collect();
        Arc::new(Directory { clients: Mutex::new(clients), down })
    };
    let events = Events::default();
    let engine = |registry: &Arc<Directory>| {
        let builder = Engine::builder(Arc::new(Shelf::default()), Arc::clone(registry));
        builder.grant_handler(Password).events(events.clone()).build().unwrap()
    };
    let registry = directory(vec![app()], false);
    let up = engine(&registry);
    let ask = login("app", SECRET);
    let send = async |ask: &Ask| Reply::of(&up.token(&ask.request(), at(0)).await);
    let reply = send(&ask).await;
    let token = reply.assert_ok().refresh_token();
    send(&login("other", SECRET)).await.assert_error(401, "invalid_client");
    // A secret is replaced while the engine serves; grants do not mind.
    let changed = Client::confidential("app").secret(secret(OTHER_SECRET)).grant_type("refresh_token");
    registry.clients.lock().unwrap()[0] = Arc::new(changed.scope(scope("read write")).build().unwrap());
    send(&ask).await.assert_error(401, "invalid_client");
    let renewal = form(format!("grant_type=refresh_token&refresh_token={token}")).basic("app", OTHER_SECRET);
    send(&renewal).await.assert_ok();
    // A slow secret that turns up where there is no verifier cannot be verified.
    registry.clients.lock().unwrap()[0] = Arc::new(slow("app", "hunter2").build().unwrap());
    send(&login("app", "hunter2")).await.assert_error(503, "temporarily_unavailable");
    // A registry that is down says nothing of any client.
    events.take();
    let down = engine(&directory(vec![app()], true));
    let reply = Reply::of(&down.token(&ask.request(), at(0)).await);
    check(reply.assert_error(503, "temporarily_unavailable"));
    let told = events.take();
    assert!(told.len() == 1 && told[0].starts_with("Failed") && !told[0].contains("connection"), "{told:?}");
    assert!(!String::from_utf8_lossy(&reply.body).contains("connection"));
}

/// RFC 6749 section 3.2.1.
#[test]
fn a_public_client_names_itself_and_has_a_shorter_window() {
    let mobile = || Client::public("mobile").grant_type("password").grant_type("refresh_token").scope(scope("read"));
    let world = World::new([mobile(), app()], |builder| builder.grant_handler(Password));
    let send = |body: &str, secs: u64| world.send(&form(format!("{body}&client_id=mobile")), at(secs));
    let refresh = |token: &str, secs: u64| send(&format!("grant_type=refresh_token&refresh_token={token}"), secs);
    let first = send(LOGIN, 0).refresh_token();
    // An empty secret is none.
    let second = refresh(&format!("{first}&client_secret="), 1).refresh_token();
    // Its window is 30 seconds, not the 120 of a client that has a secret.
    assert_eq!(refresh(&first, 1 + 29).refresh_token(), second);
    refresh(&first, 1 + 30).assert_error(400, "invalid_grant");
    assert!(world.store.bytes().is_empty());
    let first = world.login(at(0)).refresh_token();
    let second = world.refresh(&first, at(1)).refresh_token();
    assert_eq!(world.refresh(&first, at(1 + 119)).refresh_token(), second);
    world.refresh(&first, at(1 + 120)).assert_error(400, "invalid_grant");
}

/// RFC 6749 sections 2.3 and 3.2.1. Some clients send their access token with whatever they ask for.
#[test]
fn an_access_token_beside_a_refresh_is_told_apart_from_a_wrong_secret() {
    let mobile = Client::public("mobile").grant_type("password").grant_type("refresh_token").scope(scope("read"));
    let world = World::new([mobile], |builder| builder.grant_handler(Password));
    let first = world.send(&form(format!("{LOGIN}&client_id=mobile")), at(0));
    let refresh = form(format!("grant_type=refresh_token&refresh_token={}&client_id=mobile", first.refresh_token()));
    let stored = world.store.bytes();
    world.events.take();
    for scheme in ["Bearer", "bearer", "DPoP", "Token"] {
        let access_token = first.access_token();
        let reply = world.send(&refresh.clone().authorization(format!("{scheme} {access_token}")), at(1));
        check(reply.assert_error(401, "invalid_client"));
        let words = reply.text("error_description");
        assert!(
            words.contains("Authorization") && words.contains("Basic") && words.contains("public client"),
            "{words}"
        );
        assert!(!words.contains(scheme) && !words.contains(&access_token), "{words}");
        let told = world.events.take();
        assert!(told.len() == 1 && told[0].contains("why: Client(Scheme)"), "{told:?}");
    }
    assert_eq!(world.store.bytes(), stored);
    world.send(&refresh, at(2)).assert_ok();
}

/// The event tells the host which of the two it was; the client learns nothing.
#[test]
fn a_way_to_authenticate_that_is_not_allowed() {
    let world = World::new([app().client_secret_post(false)], |builder| builder.grant_handler(Password));
    let post = |secret: &str| form(format!("{LOGIN}&client_id=app&client_secret={secret}"));
    world.send(&login("app", SECRET), at(0)).assert_ok();
    world.events.take();
    let right = world.send(&post(SECRET), at(0));
    assert!(world.events.take()[0].contains("why: Client(AuthMethod)"));
    let wrong = world.send(&post("wrong"), at(0));
    assert!(world.events.take()[0].contains("why: Client(WrongSecret)"));
    assert_eq!(right, wrong);
}

/// Guesses are many and must not push out what honest clients are remembered by.
#[test]
fn guesses_push_no_remembered_secret_out() {
    let pool = Pool::inline();
    let shop = slow("shop", "hunter2");
    let world =
        World::new([shop], |builder| builder.grant_handler(Password).slow_verifier(pool.verifier().with_remembered(1)));
    world.send(&form(LOGIN).basic("shop", "hunter2"), at(0)).assert_ok();
    for guess in 0..50 {
        world.send(&form(LOGIN).basic("shop", &format!("hunter{guess}x")), at(0)).assert_error(401, "invalid_client");
        world.send(&form(LOGIN).basic(&format!("no{guess}"), "guess"), at(0)).assert_error(401, "invalid_client");
    }
    assert_eq!(pool.runs(), 101);
    world.send(&form(LOGIN).basic("shop", "hunter2"), at(0)).assert_ok();
    assert_eq!(pool.runs(), 0);
}
