//! The model beside the engine: the same things happen to both, by chance, and after each of them both are in the same place and have given the
//! same answers. So what the model says is said of the engine, and not of a copy of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use regrant::grant::{Owner, Version};
use regrant::store::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap};
use regrant::{
    Authorization, Client, Engine, GrantError, GrantHandler, GrantId, GrantRequest, Key, Request, Response,
    StaticClients, Timestamp, TokenStore,
};
use regrant_model::protocol::Action;
use regrant_model::state::{Late, Place, Slot, Stage, State};
use regrant_model::{Mutant, Protocol, Setting, store::Outcome};
use stateright::Model;

const BASE: u64 = 1_700_000_000;

/// What a request waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Waits {
    Load,
    Swap { generation: u32 },
    Remove,
}

/// A write that comes late.
enum LateWrite {
    Swap(Version, Box<regrant::Grant>),
    Remove,
}

/// A store with room for one grant, in which each operation waits until it is told how to go.
#[derive(Default)]
struct Desk {
    grant: Option<regrant::Grant>,
    late: Option<LateWrite>,
    /// What the request that is polled waits for, and how that goes.
    waits: Option<Waits>,
    goes: Option<Outcome>,
    /// Before the first request of the model nothing waits.
    is_open: bool,
}

impl Desk {
    fn swap(&mut self, expected: Version, next: &regrant::Grant) -> Swap {
        match &self.grant {
            Some(stored) if stored.version() == expected => {
                self.grant = Some(next.clone());
                Swap::Swapped
            }
            _ => Swap::Lost,
        }
    }
}

#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Desk>>);

impl Shelf {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().expect("no panic")
    }

    async fn turn(&self, waits: Waits) -> Outcome {
        std::future::poll_fn(|_| {
            let mut desk = self.desk();
            if !desk.is_open {
                return Poll::Ready(Outcome::Done);
            }
            if let Some(goes) = desk.goes.take() {
                return Poll::Ready(goes);
            }
            desk.waits = Some(waits);
            Poll::Pending
        })
        .await
    }
}

fn failed(outcome: Outcome) -> StoreError {
    if outcome == Outcome::NotApplied { StoreError::not_applied("no") } else { StoreError::indeterminate("who knows") }
}

impl TokenStore for Shelf {
    async fn insert(&self, grant: &regrant::Grant, _: Timestamp) -> Result<Insert, StoreError> {
        self.desk().grant = Some(grant.clone());
        Ok(Insert::Added)
    }

    async fn load(&self, id: GrantId) -> Result<Option<regrant::Grant>, StoreError> {
        match self.turn(Waits::Load).await {
            Outcome::Done => Ok(self.desk().grant.clone().filter(|grant| grant.id() == id)),
            outcome => Err(failed(outcome)),
        }
    }

    async fn compare_and_swap(
        &self,
        expected: Version,
        next: &regrant::Grant,
        _: Timestamp,
    ) -> Result<Swap, StoreError> {
        let outcome = self.turn(Waits::Swap { generation: next.generation().as_u32() }).await;
        let mut desk = self.desk();
        match outcome {
            Outcome::Done => return Ok(desk.swap(expected, next)),
            Outcome::LostAfter => drop(desk.swap(expected, next)),
            Outcome::Late => desk.late = Some(LateWrite::Swap(expected, Box::new(next.clone()))),
            Outcome::NotApplied | Outcome::LostBefore => {}
        }
        Err(failed(outcome))
    }

    async fn remove(&self, _: GrantId) -> Result<Removed, StoreError> {
        let outcome = self.turn(Waits::Remove).await;
        let mut desk = self.desk();
        match outcome {
            Outcome::Done => return Ok(desk.grant.take().into()),
            Outcome::LostAfter => drop(desk.grant.take()),
            Outcome::Late => desk.late = Some(LateWrite::Remove),
            Outcome::NotApplied | Outcome::LostBefore => {}
        }
        Err(failed(outcome))
    }

    async fn list(&self, _: &Owner, _: Option<Cursor>, _: usize) -> Result<Listed, StoreError> {
        Ok(Listed::default())
    }

    async fn purge_expired(&self, _: Timestamp, _: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    fn durability(&self) -> Durability {
        Durability::Volatile
    }

    fn longest_commit(&self) -> Duration {
        Duration::from_secs(Setting::LONGEST_COMMIT.into())
    }
}

struct Anyone;

impl GrantHandler for Anyone {
    fn grant_type(&self) -> &'static str {
        "password"
    }

    async fn authorize(&self, _: &GrantRequest<'_>) -> Result<Authorization, GrantError> {
        Ok(Authorization::of("alice"))
    }
}

type Task = Pin<Box<dyn Future<Output = Response>>>;

/// A request at the engine, and what it waited for when it was polled last.
struct Running {
    task: Task,
    waits: Waits,
}

/// The engine, and all that the model has besides.
struct World {
    shelf: Shelf,
    engine: Arc<Engine<Shelf, StaticClients>>,
    now: Arc<AtomicU8>,
    /// The refresh token of each generation, as it was given.
    tokens: Vec<String>,
    actors: [Option<Running>; 3],
    orphans: Vec<Running>,
    earlier: Option<regrant::Grant>,
}

impl World {
    fn new() -> Self {
        let client = Client::public("app")
            .grant_type("password")
            .grant_type("refresh_token")
            .retry_window(Duration::from_secs(Setting::WINDOW.into()))
            .build()
            .expect("a client");
        let shelf = Shelf::default();
        let engine = Engine::builder(shelf.clone(), StaticClients::new().with(client).expect("one"))
            .key(Key::from_bytes(1, &[7; 32]))
            .clock_skew(Duration::from_secs(Setting::SKEW.into()))
            .grant_handler(Anyone)
            .build()
            .expect("an engine");
        let now = Arc::new(AtomicU8::new(0));
        let mut world = Self {
            shelf,
            engine: Arc::new(engine),
            now,
            tokens: vec![String::new()],
            actors: [const { None }; 3],
            orphans: Vec::new(),
            earlier: None,
        };
        // As the model has it: at the node whose clock is ahead.
        let mut login = world.send("grant_type=password&client_id=app".to_owned(), 1);
        let Poll::Ready(response) = world.poll(&mut login, None) else { panic!("nothing waits yet") };
        world.take_token(1, &response);
        world.earlier.clone_from(&world.shelf.desk().grant);
        world.shelf.desk().is_open = true;
        world
    }

    fn send(&self, body: String, node: u8) -> Task {
        let (engine, now) = (Arc::clone(&self.engine), Arc::clone(&self.now));
        Box::pin(async move {
            let request =
                Request::new("POST", body.as_bytes()).with_header("content-type", b"application/x-www-form-urlencoded");
            let clock = move || {
                let seconds = now.load(Ordering::Relaxed) + node * Setting::SKEW;
                Timestamp::from_secs(BASE + u64::from(seconds))
            };
            engine.token(&request, clock).await
        })
    }

    fn poll(&self, task: &mut Task, goes: Option<Outcome>) -> Poll<Response> {
        self.shelf.desk().goes = goes;
        task.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    /// A token of this generation; each has one text.
    fn take_token(&mut self, generation: usize, response: &Response) {
        assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
        let body = String::from_utf8(response.body().to_vec()).expect("text");
        let (_, rest) = body.split_once("\"refresh_token\":\"").expect("a refresh token");
        let (token, _) = rest.split_once('"').expect("its end");
        match self.tokens.get(generation) {
            Some(known) => assert_eq!(known, token, "one successor"),
            None => self.tokens.push(token.to_owned()),
        }
    }

    fn goes_on(&mut self, slot: Slot, goes: Outcome) -> Option<Response> {
        let mut running = match slot {
            Slot::Of(actor) => self.actors[actor].take().expect("a request"),
            Slot::Orphan(number) => self.orphans.remove(number),
        };
        match self.poll(&mut running.task, Some(goes)) {
            Poll::Ready(response) => Some(response),
            Poll::Pending => {
                running.waits = self.shelf.desk().waits.take().expect("an operation");
                match slot {
                    Slot::Of(actor) => self.actors[actor] = Some(running),
                    Slot::Orphan(number) => self.orphans.insert(number, running),
                }
                None
            }
        }
    }

    /// The same thing happens here; the response, if there is one.
    fn act(&mut self, before: &State, after: &State, action: Action) -> Option<(Slot, Response)> {
        match action {
            Action::Tick => {
                self.now.fetch_add(1, Ordering::Relaxed);
                if after.late.is_none() {
                    self.shelf.desk().late = None;
                }
                None
            }
            Action::Steal(_) | Action::Share(_) => None,
            Action::Begin { actor, node } => {
                let held = before.actors[actor].held.expect("a token");
                let token = &self.tokens[usize::from(held)];
                let mut task = self.send(format!("grant_type=refresh_token&client_id=app&refresh_token={token}"), node);
                assert!(self.poll(&mut task, None).is_pending());
                let waits = self.shelf.desk().waits.take().expect("an operation");
                self.actors[actor] = Some(Running { task, waits });
                None
            }
            Action::GiveUp(actor) => {
                self.orphans.push(self.actors[actor].take().expect("a request"));
                None
            }
            Action::Load(slot) => self.goes_on(slot, Outcome::Done).map(|response| (slot, response)),
            Action::LoadFails(slot) => self.goes_on(slot, Outcome::LostBefore).map(|response| (slot, response)),
            Action::Write(slot, outcome) | Action::End(slot, outcome) => {
                self.goes_on(slot, outcome).map(|response| (slot, response))
            }
            Action::CatchUp => {
                let mut desk = self.shelf.desk();
                match (desk.late.take().expect("a write"), before.late.expect("a write")) {
                    (LateWrite::Swap(expected, next), Late::Write(_)) => drop(desk.swap(expected, &next)),
                    (LateWrite::Remove, Late::End) => desk.grant = None,
                    _ => panic!("another write is late"),
                }
                None
            }
            Action::SetBack => {
                self.shelf.desk().grant.clone_from(&self.earlier);
                None
            }
            Action::HostEnds => {
                self.shelf.desk().grant = None;
                None
            }
        }
    }

    /// Both are in the same place, and the client was told the same.
    fn compare(&mut self, before: &State, after: &State, told: Option<(Slot, Response)>) {
        for (number, running) in self.actors.iter().enumerate() {
            same_stage(after.actors[number].flight.map(|flight| flight.stage), running.as_ref());
        }
        assert_eq!(self.orphans.len(), after.orphans.len());
        for (flight, running) in after.orphans.iter().zip(&self.orphans) {
            same_stage(Some(flight.stage), Some(running));
        }
        let stored = self.shelf.desk().grant.clone();
        let stored = stored.map(|grant| (grant.generation().as_u32(), grant.rotated_at().as_secs() - BASE));
        let expected = match after.place {
            Place::Live(record) => Some((record.generation.into(), record.rotated_at.into())),
            Place::Absent | Place::Ended => None,
        };
        assert_eq!(stored, expected);
        // What an orphan is told nobody hears, in the model either.
        if let Some((Slot::Of(actor), response)) = told {
            let (was, is) = (before.actors[actor], after.actors[actor]);
            assert!(is.flight.is_none(), "the engine has answered, the model has not");
            match is.held.filter(|_| is.held != was.held) {
                Some(generation) => self.take_token(generation.into(), &response),
                None if is.is_out => assert_eq!(response.status(), 400),
                None => assert_eq!(response.status(), 503),
            }
        }
    }
}

fn same_stage(stage: Option<Stage>, running: Option<&Running>) {
    let expected = stage.map(|stage| match stage {
        Stage::Arrived => Waits::Load,
        Stage::Writing(write) => Waits::Swap { generation: write.next.generation.into() },
        Stage::Ending => Waits::Remove,
    });
    assert_eq!(running.map(|running| running.waits), expected);
}

/// So many histories, each to its end.
fn walk(setting: Setting, histories: u64) {
    walk_of(&Protocol::new(setting), histories);
}

fn walk_of(protocol: &Protocol, histories: u64) {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut steps = 0_u64;
    for _ in 0..histories {
        let mut state = protocol.init_states().remove(0);
        let mut world = World::new();
        let mut actions = Vec::new();
        loop {
            protocol.actions(&state, &mut actions);
            // Xorshift, of one seed: what is found is found again.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let count = u64::try_from(actions.len()).expect("few");
            let Some(place) = random.checked_rem(count) else { break };
            let action = actions.swap_remove(usize::try_from(place).expect("few"));
            actions.clear();
            let after = protocol.next_state(&state, action).expect("a state");
            let told = world.act(&state, &after, action);
            world.compare(&state, &after, told);
            state = after;
            steps += 1;
        }
    }
    assert!(steps > histories * 10, "{steps} steps of {histories} histories");
}

#[test]
fn alone() {
    walk(Setting { requests: 12, seconds: 12, given_up: 1, ..Setting::ALONE }, 10_000);
}

#[test]
fn on_a_store_that_fails() {
    walk(Setting { requests: 12, seconds: 12, faults: 6, given_up: 1, thief: true, ..Setting::FAULTY }, 10_000);
}

#[test]
fn a_thief_has_copied_it() {
    walk(Setting { requests: 12, seconds: 12, faults: 2, given_up: 1, ..Setting::STOLEN }, 10_000);
}

#[test]
fn a_store_that_lost_writes() {
    walk(Setting { requests: 12, seconds: 12, faults: 2, given_up: 1, ..Setting::SET_BACK }, 10_000);
}

/// A model that is wrong is told from the engine.
#[test]
fn a_model_that_is_another_one() {
    let setting = Setting { requests: 12, seconds: 12, faults: 3, given_up: 1, ..Setting::SET_BACK };
    for mutant in [
        Mutant::WindowTooLong,
        Mutant::WindowTooShort,
        Mutant::SuccessorNotCompared,
        Mutant::ReplayNotEnding,
        Mutant::AheadIsReplay,
        Mutant::WaitCounts,
        Mutant::LostIsReplay,
        Mutant::OwnWriteForgotten,
        Mutant::DoubtHandedOut,
        Mutant::StepOfTwo,
    ] {
        let protocol = Protocol::new(setting).with(mutant);
        let walked = std::panic::catch_unwind(|| walk_of(&protocol, 10_000));
        assert!(walked.is_err(), "{mutant:?} is what the engine does");
    }
}
