//! Random histories: logins, refreshes, checks, crashes and faults, with the oracle looking at each answer.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use regrant::{GrantId, Timestamp, TokenStore};

use super::actions::{Action, Manner, Which};
use super::spec::{Ask, Oracle, Outcome, Terms};
use super::world::{APP, GRANTED, OTHER, PUBLIC, World, grant_of};
use crate::kit::events::Seen;
use crate::kit::schedule::{Scheduler, TaskId};
use crate::kit::store::faulty::Stored;
use crate::kit::wire::{Answer, Call};

/// As many requests of one grant are in flight at once, at most: the oracle tries every order.
const CROWD: usize = 5;

/// An access token, and what was said of it.
struct Issued {
    text: String,
    scope: String,
    at: u64,
    expires_in: u64,
}

/// A grant as its client and its oracle know it.
struct Known {
    id: GrantId,
    client: &'static str,
    /// In the order of issue.
    refresh: Vec<String>,
    access: Vec<Issued>,
    oracle: Oracle,
    /// Steps that the host was told of, by generation.
    told: BTreeMap<u32, usize>,
    revoked: usize,
}

/// A request in flight.
struct Flight {
    grant: usize,
    ask: Ask,
    /// The scope that its access token must have.
    scope: &'static str,
    started: u64,
    /// The generation that was stored then.
    generation: Option<usize>,
    events: Vec<Seen>,
    faulted: bool,
}

enum Done {
    Token(Answer),
    Access(Result<String, u16>),
    Removed(bool),
}

struct Earlier {
    stored: Stored,
    oracles: Vec<Oracle>,
}

/// A history that goes on.
pub(crate) struct Sim<'w, S: TokenStore> {
    world: &'w World<S>,
    tasks: Scheduler<'w, Done>,
    flights: BTreeMap<TaskId, Flight>,
    grants: Vec<Known>,
    earlier: Option<Earlier>,
    rolled_back: bool,
}

type Checked = Result<(), TestCaseError>;

impl<'w, S: TokenStore> Sim<'w, S> {
    /// Begins with one grant of a confidential client.
    pub(crate) fn new(world: &'w World<S>) -> Result<Self, TestCaseError> {
        let mut sim = Self {
            world,
            tasks: Scheduler::new(),
            flights: BTreeMap::new(),
            grants: Vec::new(),
            earlier: None,
            rolled_back: false,
        };
        sim.login(false, true)?;
        Ok(sim)
    }

    /// Runs all of it and looks at how it ends.
    pub(crate) fn run(&mut self, actions: &[Action]) -> Checked {
        for &action in actions {
            self.act(action)?;
        }
        self.settle()?;
        self.world.store.heal();
        // Wherever it was left, the client goes on with the newest token it has.
        for grant in 0..self.grants.len() {
            self.present(grant, Which::Newest, Manner::Plain)?;
            self.settle()?;
        }
        Ok(())
    }

    fn act(&mut self, action: Action) -> Checked {
        let at = |grant: u8| usize::from(grant) % self.grants.len();
        match action {
            Action::Login { public, renewable } => self.login(public, renewable),
            Action::Present { grant, which, manner } => self.present(at(grant), which, manner),
            Action::Walk { grant, steps } => {
                let grant = at(grant);
                (0..steps).try_for_each(|_| {
                    self.settle()?;
                    self.present(grant, Which::Newest, Manner::Plain)?;
                    self.settle()
                })
            }
            Action::Check { grant, which } => self.check(at(grant), which),
            Action::Remove { grant } => self.remove(at(grant)),
            Action::Poll(number) => self.tasks.pick(number.into()).map_or(Ok(()), |id| self.poll(id)),
            Action::Drop(number) => {
                if let Some(id) = self.tasks.pick(number.into()) {
                    self.tasks.drop(id);
                    self.abandon(id);
                }
                Ok(())
            }
            Action::Settle => self.settle(),
            Action::Advance(millis) => {
                // No request in flight gets older than clocks may differ: long waits are for when there is none.
                let by = Duration::from_millis(u64::from(millis));
                let oldest = self.flights.values().map(|flight| flight.started).min();
                if oldest.is_some_and(|started| {
                    self.world.now() + by > Timestamp::from_millis(started) + self.world.setup.skew
                }) {
                    self.settle()?;
                }
                self.world.advance(by);
                Ok(())
            }
            Action::Fail(op, fault) => {
                self.world.store.plan(op, fault);
                Ok(())
            }
            Action::CatchUp => {
                self.world.store.catch_up();
                Ok(())
            }
            Action::Snapshot => {
                self.settle()?;
                let oracles = self.grants.iter().map(|grant| grant.oracle.clone()).collect();
                self.earlier = Some(Earlier { stored: self.world.store.stored(), oracles });
                Ok(())
            }
            Action::RollBack => self.roll_back(),
        }
    }

    fn clock(&self) -> u64 {
        self.world.now().as_millis()
    }

    fn login(&mut self, public: bool, renewable: bool) -> Checked {
        if self.grants.len() == 3 {
            return Ok(());
        }
        let client = if public { PUBLIC } else { APP };
        let call = Call::login(client, "alice").with("host_says", if renewable { "yes" } else { "no" });
        let answer = self.world.send(call);
        self.world.events.take();
        prop_assert!(answer.is_ok(), "a login: {:?}", answer);
        let setup = &self.world.setup;
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let terms =
            Terms { window: millis(setup.window), idle: millis(setup.idle), access_token: millis(setup.access_token) };
        let oracle = Oracle::new(terms, self.clock(), setup.absolute.map(millis), renewable);
        let mut known = Known {
            id: grant_of(answer.refresh_token()),
            client,
            refresh: vec![answer.refresh_token().to_owned()],
            access: Vec::new(),
            oracle,
            told: BTreeMap::new(),
            revoked: 0,
        };
        known.access.push(issued(&answer, self.clock()));
        self.grants.push(known);
        Ok(())
    }

    fn begin(
        &mut self,
        grant: usize,
        ask: Ask,
        scope: &'static str,
        future: impl Future<Output = Done> + 'w,
    ) -> Checked {
        if self.flights.values().filter(|flight| flight.grant == grant).count() >= CROWD {
            self.settle()?;
        }
        let id = self.tasks.spawn(future);
        self.grants[grant].oracle.begin(id, ask);
        let generation = self.generation(grant);
        let flight =
            Flight { grant, ask, scope, started: self.clock(), generation, events: Vec::new(), faulted: false };
        self.flights.insert(id, flight);
        Ok(())
    }

    fn present(&mut self, grant: usize, which: Which, manner: Manner) -> Checked {
        let known = &self.grants[grant];
        let last = known.refresh.len() - 1;
        let token = match which {
            Which::Newest => last,
            Which::Predecessor => last.saturating_sub(1),
            Which::Any(number) => usize::from(number) % known.refresh.len(),
        };
        let text = known.refresh[token].as_str();
        let genuine = |scope_fits| Ask::Refresh { token, now: self.clock(), scope_fits };
        let (call, ask, scope) = match manner {
            Manner::Plain => (Call::refresh(known.client, text), genuine(true), GRANTED),
            Manner::Narrower => (Call::refresh(known.client, text).with("scope", "write"), genuine(true), "write"),
            Manner::Wider => (Call::refresh(known.client, text).with("scope", "read admin"), genuine(false), ""),
            Manner::OfAnotherClient => (Call::refresh(OTHER, text), Ask::Foreign, ""),
            Manner::Forged(number) => (Call::refresh(known.client, &forged(text, number)), Ask::Foreign, ""),
            Manner::AsAccessToken => {
                let access = &known.access[token % known.access.len()].text;
                (Call::refresh(known.client, access), Ask::Foreign, "")
            }
        };
        let answer = self.world.call(call);
        self.begin(grant, ask, scope, async { Done::Token(answer.await) })
    }

    fn check(&mut self, grant: usize, which: u8) -> Checked {
        let known = &self.grants[grant];
        let token = &known.access[usize::from(which) % known.access.len()];
        let dead_from = token.at + token.expires_in * 1_000;
        // Issued in the middle of a second, it may end with the second before.
        let ask = Ask::Access { now: self.clock(), good_until: dead_from.saturating_sub(999), dead_from };
        let access = self.world.check(&token.text);
        let scope = if token.scope == GRANTED { GRANTED } else { "write" };
        self.begin(grant, ask, scope, async {
            Done::Access(access.await.map(|access| access.scope().to_string()).map_err(|refused| refused.status()))
        })
    }

    fn remove(&mut self, grant: usize) -> Checked {
        let world = self.world;
        let id = self.grants[grant].id;
        self.begin(grant, Ask::Remove, "", async move { Done::Removed(world.engine.store().remove(id).await.is_ok()) })
    }

    fn poll(&mut self, id: TaskId) -> Checked {
        self.world.events.take();
        let injected = self.world.store.injected();
        let done = self.tasks.poll(id);
        if let Some(flight) = self.flights.get_mut(&id) {
            // One thread: what was told during the poll was told by it.
            flight.events.extend(self.world.events.take());
            flight.faulted |= self.world.store.injected() > injected;
        }
        done.map_or(Ok(()), |done| self.complete(id, &done))
    }

    fn settle(&mut self) -> Checked {
        let mut number = 0;
        while let Some(id) = self.tasks.pick(number) {
            self.poll(id)?;
            number += 1;
        }
        let clock = self.clock();
        for grant in &mut self.grants {
            let stored = self.world.store.peek(grant.id);
            let seen = stored.map(|it| (it.generation().as_u32() as usize - 1, it.refresh_expires_at().as_millis()));
            prop_assert!(grant.oracle.allows(seen, clock), "stored: {:?}, not among {}", seen, grant.oracle.describe());
        }
        Ok(())
    }

    fn abandon(&mut self, id: TaskId) {
        let Some(flight) = self.flights.remove(&id) else { return };
        let clock = self.clock();
        self.grants[flight.grant].oracle.abandon(id, self.world.store.is_late(), clock);
        self.tell(&flight);
    }

    fn roll_back(&mut self) -> Checked {
        self.settle()?;
        let Some(earlier) = &self.earlier else { return Ok(()) };
        self.world.store.roll_back(&earlier.stored);
        for (at, grant) in self.grants.iter_mut().enumerate() {
            grant.oracle.roll_back(earlier.oracles.get(at));
        }
        self.rolled_back = true;
        Ok(())
    }

    fn generation(&self, grant: usize) -> Option<usize> {
        self.world.store.peek(self.grants[grant].id).map(|grant| grant.generation().as_u32() as usize)
    }

    /// Whether others took two steps while it was in flight: its token was good at first, and at last an older one.
    /// That proves no theft, so the engine may say that it cannot tell.
    fn was_overtaken(&self, flight: &Flight) -> bool {
        let Ask::Refresh { token, .. } = flight.ask else { return false };
        flight.generation.is_some_and(|generation| generation <= token + 2)
            && self.generation(flight.grant).is_none_or(|generation| generation >= token + 3)
    }

    /// Counts what the host was told by a request that is over.
    fn tell(&mut self, flight: &Flight) {
        let known = &mut self.grants[flight.grant];
        for event in &flight.events {
            match event {
                Seen::Refreshed { generation, .. } => *known.told.entry(*generation).or_default() += 1,
                Seen::Revoked { .. } => known.revoked += 1,
                _ => {}
            }
        }
    }

    fn complete(&mut self, id: TaskId, done: &Done) -> Checked {
        let unavailable = match done {
            Done::Token(answer) => answer.is_unavailable(),
            Done::Access(access) => *access == Err(503),
            Done::Removed(went_well) => !went_well,
        };
        if unavailable {
            let flight = &self.flights[&id];
            prop_assert!(flight.faulted || self.was_overtaken(flight), "unavailable though nothing failed");
            self.abandon(id);
            return Ok(());
        }
        let flight = self.flights.remove(&id).expect("a request in flight");
        let clock = self.clock();
        let outcome = outcome(&flight, done)?;
        let known = &mut self.grants[flight.grant];
        let before = known.oracle.clone();
        prop_assert!(
            known.oracle.end(id, outcome, flight.faulted, clock),
            "{:?} was {:?}, which nothing explains: {}",
            flight.ask,
            outcome,
            before.describe()
        );
        if let (Done::Token(answer), Ask::Refresh { token, .. }) = (done, flight.ask)
            && answer.is_ok()
        {
            // Whoever presents a token gets one and the same successor, for ever.
            match known.refresh.get(token + 1) {
                Some(text) => prop_assert_eq!(text, answer.refresh_token()),
                None => known.refresh.push(answer.refresh_token().to_owned()),
            }
            prop_assert_eq!(answer.scope(), flight.scope);
            known.access.push(issued(answer, flight.started));
        }
        if let Done::Access(Ok(scope)) = done {
            prop_assert_eq!(scope, flight.scope);
        }
        let behind = flight.events.iter().any(|event| matches!(event, Seen::StoreBehind { .. }));
        prop_assert!(!behind || self.rolled_back, "no write was lost");
        self.tell(&flight);
        let known = &self.grants[flight.grant];
        if !self.rolled_back {
            prop_assert!(known.told.values().all(|&times| times == 1), "one step each: {:?}", known.told);
            prop_assert!(known.revoked <= 1, "ended once");
        }
        Ok(())
    }
}

/// What an answer says, together with what the host was told.
fn outcome(flight: &Flight, done: &Done) -> Result<Outcome, TestCaseError> {
    let told = |kind: fn(&Seen) -> bool| flight.events.iter().filter(|event| kind(event)).count();
    let refreshed = told(|event| matches!(event, Seen::Refreshed { .. }));
    let retried = told(|event| matches!(event, Seen::Retried { .. }));
    let replays = told(|event| matches!(event, Seen::ReplayFound { .. }));
    Ok(match done {
        Done::Removed(_) => Outcome::Removed,
        Done::Access(Ok(_)) => Outcome::LetIn,
        Done::Access(Err(status)) => {
            prop_assert_eq!(*status, 401);
            Outcome::ShutOut
        }
        Done::Token(answer) => {
            prop_assert_eq!(refreshed + retried, usize::from(answer.is_ok()), "one event for one success");
            prop_assert!(replays <= 1, "one request, one replay");
            match (answer.is_ok(), answer.error(), replays) {
                (true, ..) if refreshed == 1 => Outcome::Stepped,
                (true, ..) => Outcome::Retried,
                (_, Some("invalid_scope"), 0) => Outcome::Scope,
                (_, Some("invalid_grant"), 0) => Outcome::Refused,
                (_, Some("invalid_grant"), _) => Outcome::Replay,
                _ => return Err(TestCaseError::fail(format!("{answer:?}"))),
            }
        }
    })
}

fn issued(answer: &Answer, at: u64) -> Issued {
    Issued {
        text: answer.access_token().to_owned(),
        scope: answer.scope().to_owned(),
        at,
        expires_in: answer.expires_in(),
    }
}

/// Another text of the same length, by one character.
fn forged(text: &str, number: u8) -> String {
    let at = usize::from(number) % text.len();
    let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut forged = text.to_owned();
    forged.replace_range(at..=at, other);
    forged
}
