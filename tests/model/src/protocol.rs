//! What can happen, and what then is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stateright::{Model, Property};

use crate::properties::{self, Violation};
use crate::rules::{Answered, Judge, Mutant, Unsure, Verdict};
use crate::setting::Setting;
use crate::state::{Actor, Flight, Late, Left, Place, Record, Slot, Stage, State, Truth, Write};
use crate::store::{self, Outcome};

/// The third actor.
const THIEF: usize = 2;

/// One thing that happens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// A second passes.
    Tick,
    /// The thief copies the token of an honest process.
    Steal(usize),
    /// An honest process reads what the other one has kept.
    Share(usize),
    /// A request arrives at a node.
    Begin {
        /// Whose.
        actor: usize,
        /// Where.
        node: u8,
    },
    /// The client waits no longer, or the answer will be lost.
    GiveUp(usize),
    /// The record is loaded, and the token judged.
    Load(Slot),
    /// The record cannot be loaded.
    LoadFails(Slot),
    /// The write that it waits for.
    Write(Slot, Outcome),
    /// The end of the grant that it waits for.
    End(Slot, Outcome),
    /// What is late takes place.
    CatchUp,
    /// The store is as it was after the login.
    SetBack,
    /// The host ends the grant.
    HostEnds,
}

/// What has to be come upon, or the model says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Reached {
    /// A step.
    Step,
    /// A lost answer, sent again.
    Retry,
    /// A write of one's own that was in doubt.
    OwnWrite,
    /// The current token for an older one, by who proves the key.
    Resync,
    /// A replay.
    Replay,
    /// A token that is ahead of the record.
    Ahead,
    /// The node's clock is too far behind.
    ClockBehind,
    /// Overtaken while it waited.
    Overtaken,
    /// Its own write may be why.
    InDoubt,
    /// Another server's token begins the grant.
    TakenOver,
    /// Another server's token after the end.
    EndedAgain,
    /// Another request was first.
    Lost,
    /// A write that was late.
    CaughtUp,
}

const KINDS: usize = Reached::CaughtUp as usize + 1;

/// The model.
#[derive(Clone)]
pub struct Protocol {
    setting: Setting,
    mutant: Option<Mutant>,
    reached: Arc<[AtomicUsize; KINDS]>,
}

/// What a client is told.
#[derive(Clone, Copy)]
enum Told {
    Token(u8),
    InvalidGrant,
    Unavailable,
}

impl Protocol {
    /// The protocol as it is.
    pub fn new(setting: Setting) -> Self {
        Self { setting, mutant: None, reached: Arc::default() }
    }

    /// With something wrong.
    #[must_use]
    pub fn with(self, mutant: Mutant) -> Self {
        Self { mutant: Some(mutant), ..self }
    }

    /// How often something was come upon, in states that were looked at.
    pub fn count(&self, what: Reached) -> usize {
        self.reached[what as usize].load(Ordering::Relaxed)
    }

    fn note(&self, what: Reached) {
        self.reached[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn initial(&self, node: u8) -> State {
        let record = Record { generation: 1, rotated_at: clock(node, 0), version: 0 };
        let held = u8::from(!self.setting.foreign);
        let honest = Actor { held: Some(held), ..Actor::default() };
        State {
            now: 0,
            place: if self.setting.foreign { Place::Absent } else { Place::Live(record) },
            actors: [
                honest,
                if self.setting.shared { honest } else { Actor { is_out: true, ..Actor::default() } },
                Actor::default(),
            ],
            orphans: Vec::new(),
            late: None,
            earlier: self.setting.set_back.then_some(record),
            left: Left {
                requests: self.setting.requests,
                faults: self.setting.faults,
                given_up: self.setting.given_up,
                end: self.setting.ends,
            },
            truth: Truth {
                committed_at: 0,
                steps: 1 << held,
                burnt: false,
                ended: false,
                was_set_back: false,
                violation: None,
            },
        }
        .canonical()
    }

    /// A request as it comes.
    fn flight(&self, state: &State, actor: usize, node: u8) -> Option<Flight> {
        let presented = state.actors[actor].held?;
        let proven = self.setting.resync && actor != THIEF;
        let age = state.now - state.truth.committed_at;
        let out_of_time = age >= Setting::WINDOW + Setting::LONGEST_COMMIT + Setting::SKEW;
        let is_late = matches!(state.place, Place::Live(record)
            if presented < record.generation && (presented + 1 < record.generation || out_of_time));
        Some(Flight {
            presented,
            node,
            arrived: state.now,
            stage: Stage::Arrived,
            lost: false,
            in_doubt: [None; 2],
            attempts: 0,
            proven,
            came_good: self.is_good(state, presented, state.now, proven),
            was_good: false,
            is_evidence: is_late && !self.setting.resync,
        })
    }

    /// Whether a token that came then is good by the law: current or ahead, or the predecessor and in time, by whatever clock; with resync any,
    /// for who proves the key, and none for others.
    fn is_good(&self, state: &State, presented: u8, arrived: u8, proven: bool) -> bool {
        if self.setting.resync {
            return proven && matches!(state.place, Place::Live(_));
        }
        let in_time = arrived < state.truth.committed_at + Setting::WINDOW - Setting::SKEW;
        match state.place {
            Place::Live(record) => presented >= record.generation || presented + 1 == record.generation && in_time,
            Place::Absent => self.setting.foreign && presented == 0 && !state.truth.ended,
            Place::Ended => false,
        }
    }

    /// The record is there, or is made up of another server's token.
    fn load(&self, state: &mut State, slot: Slot, mut flight: Flight) {
        flight.attempts += 1;
        flight.was_good |= self.is_good(state, flight.presented, flight.arrived, flight.proven);
        let version = state.new_version();
        let now = clock(flight.node, state.now);
        let (record, expected) = match state.place {
            Place::Live(record) => (record, Some(record.version)),
            Place::Absent if self.setting.foreign && flight.presented == 0 => {
                // As it would be before its first step; nobody has written it.
                (Record { generation: 0, rotated_at: now, version: u8::MAX }, None)
            }
            Place::Absent | Place::Ended if self.is(Mutant::StaleLoad) && state.truth.ended => {
                (stale(&state.truth), None)
            }
            Place::Absent | Place::Ended => {
                if state.place == Place::Ended && flight.presented == 0 {
                    self.note(Reached::EndedAgain);
                }
                return self.tell(state, slot, flight, Told::InvalidGrant);
            }
        };
        // Before anything is said of its generation.
        if self.setting.resync && !flight.proven && !self.is(Mutant::ResyncForBearers) {
            return self.tell(state, slot, flight, Told::InvalidGrant);
        }
        let judge = Judge {
            arrived: clock(flight.node, flight.arrived),
            now,
            version,
            resync: self.setting.resync,
            mutant: self.mutant,
        };
        if flight.presented > record.generation {
            self.note(Reached::Ahead);
            if !state.truth.was_set_back {
                state.break_by(Violation::AheadOfRecord);
            }
        }
        match judge.judge(record, &flight) {
            Verdict::Write(next) => {
                flight.stage = Stage::Writing(Write { expected, next, asked_at: state.now });
                state.put(slot, flight);
            }
            Verdict::Answer { generation, why } => {
                self.note(match why {
                    Answered::Retry => Reached::Retry,
                    Answered::OwnWrite => Reached::OwnWrite,
                    Answered::Resync => Reached::Resync,
                });
                let age = flight.arrived.saturating_sub(state.truth.committed_at);
                let is_late = age >= Setting::WINDOW + Setting::LONGEST_COMMIT + Setting::SKEW;
                if why == Answered::Retry && is_late {
                    state.break_by(Violation::ServedOutside);
                }
                self.tell(state, slot, flight, Told::Token(generation));
            }
            Verdict::Replay => {
                self.note(Reached::Replay);
                // Who was overtaken by two steps has seen nothing, and clocks alone tell; within the skew, and what a commit may take,
                // they do not.
                let came_before = flight.arrived + Setting::SKEW + Setting::LONGEST_COMMIT < state.truth.committed_at;
                if flight.was_good || flight.came_good && came_before {
                    state.break_by(Violation::HonestLogout);
                }
                flight.stage = Stage::Ending;
                state.put(slot, flight);
            }
            Verdict::Refuse => self.tell(state, slot, flight, Told::InvalidGrant),
            Verdict::Unavailable(why) => {
                self.note(match why {
                    Unsure::ClockBehind => Reached::ClockBehind,
                    Unsure::Overtaken => Reached::Overtaken,
                    Unsure::InDoubt | Unsure::Other => Reached::InDoubt,
                });
                self.tell(state, slot, flight, Told::Unavailable);
            }
        }
    }

    fn write(&self, state: &mut State, slot: Slot, mut flight: Flight, write: Write, outcome: Outcome) {
        let applied = matches!(outcome, Outcome::Done | Outcome::LostAfter);
        let fits = applied && self.apply(state, write);
        match outcome {
            Outcome::Done if fits => {
                self.note(Reached::Step);
                return self.tell(state, slot, flight, Told::Token(write.next.generation));
            }
            Outcome::Done => {
                self.note(Reached::Lost);
                flight.lost = true;
            }
            Outcome::NotApplied => return self.tell(state, slot, flight, Told::Unavailable),
            Outcome::LostBefore | Outcome::LostAfter | Outcome::Late => {
                if outcome == Outcome::Late {
                    state.late = Some(Late::Write(write));
                }
                if self.is(Mutant::DoubtHandedOut) {
                    return self.tell(state, slot, flight, Told::Token(write.next.generation));
                }
                let free = usize::from(flight.in_doubt[0].is_some());
                flight.in_doubt[free] = Some(write.next.version);
            }
        }
        if flight.attempts == Setting::ATTEMPTS {
            return self.tell(state, slot, flight, Told::Unavailable);
        }
        flight.stage = Stage::Arrived;
        state.put(slot, flight);
    }

    /// Whether it took place.
    fn apply(&self, state: &mut State, write: Write) -> bool {
        let Some(place) = store::write(state.place, write, self.mutant) else { return false };
        if write.expected.is_none() {
            self.note(Reached::TakenOver);
        }
        if state.truth.ended {
            state.break_by(Violation::Revived);
        }
        let bit = 1_u32 << write.next.generation;
        if state.truth.steps & bit != 0 {
            state.break_by(Violation::TwoSuccessors);
        }
        state.place = place;
        state.truth.steps |= bit;
        state.truth.committed_at = state.now;
        true
    }

    fn end(&self, state: &mut State) {
        if let Place::Live(_) = state.place {
            let stays = self.setting.foreign && !self.is(Mutant::EndedIsRemoved);
            state.place = if stays { Place::Ended } else { Place::Absent };
            state.truth.ended = true;
        }
    }

    /// The client hears of it, if it still waits.
    fn tell(&self, state: &mut State, slot: Slot, flight: Flight, told: Told) {
        match told {
            Told::Token(generation) => check_token(state, &flight, generation, self.setting.resync),
            Told::InvalidGrant => {
                // Where the grant has ended nobody is refused for what he did.
                if flight.was_good && matches!(state.place, Place::Live(_)) {
                    state.break_by(Violation::HonestLogout);
                }
                state.truth.burnt |= flight.is_evidence;
            }
            Told::Unavailable => {}
        }
        match slot {
            Slot::Orphan(number) => drop(state.orphans.remove(number)),
            Slot::Of(actor) => {
                let actor = &mut state.actors[actor];
                actor.flight = None;
                match told {
                    Told::Token(generation) => actor.held = Some(generation),
                    Told::InvalidGrant => actor.is_out = true,
                    Told::Unavailable => {}
                }
            }
        }
    }
}

/// What may be said of a token that is handed out.
fn check_token(state: &mut State, flight: &Flight, generation: u8, resync: bool) {
    if state.truth.ended {
        state.break_by(Violation::Revived);
    }
    if state.truth.burnt {
        state.break_by(Violation::ThiefBesideOwner);
    }
    if resync && !flight.proven {
        state.break_by(Violation::ServedUnproven);
    }
    if generation != flight.presented + 1 && !flight.proven {
        state.break_by(Violation::TwoSuccessors);
    }
    if !matches!(state.place, Place::Live(record) if record.generation >= generation) {
        state.break_by(Violation::AheadOfRecord);
    }
}

impl State {
    /// The first one counts.
    fn break_by(&mut self, violation: Violation) {
        self.truth.violation.get_or_insert(violation);
    }
}

/// The record as it was before the end.
fn stale(truth: &Truth) -> Record {
    let generation = u8::try_from(truth.steps.ilog2()).unwrap_or(u8::MAX);
    Record { generation, rotated_at: truth.committed_at, version: u8::MAX }
}

/// What the node's clock says: the second one is ahead.
const fn clock(node: u8, now: u8) -> u8 {
    now + node * Setting::SKEW
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        // At the node whose clock is ahead, so that a rotation at the other one looks earlier than it.
        vec![self.initial(1)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.truth.violation.is_some() {
            return;
        }
        let goes_on = state.left.requests > 0;
        if !goes_on && state.slots().next().is_none() {
            return;
        }
        if state.now < self.setting.seconds {
            actions.push(Action::Tick);
        }
        if goes_on && self.setting.thief && state.actors[THIEF].held.is_none() {
            actions.extend((0..THIEF).filter(|&honest| state.actors[honest].held.is_some()).map(Action::Steal));
        }
        let newest = state.actors[..THIEF].iter().filter_map(|actor| actor.held).max();
        for (number, actor) in state.actors.iter().enumerate() {
            if actor.flight.is_some() {
                if state.left.given_up > 0 {
                    actions.push(Action::GiveUp(number));
                }
            } else if goes_on && actor.held.is_some() && !actor.is_out {
                actions.extend([0, 1].map(|node| Action::Begin { actor: number, node }));
                if number != THIEF && actor.held < newest {
                    actions.push(Action::Share(number));
                }
            }
        }
        let faults = if state.left.faults > 0 { &Outcome::FAULTS[..] } else { &[] };
        for slot in state.slots() {
            match state.flight(slot).map(|flight| flight.stage) {
                Some(Stage::Arrived) => {
                    actions.push(Action::Load(slot));
                    if state.left.faults > 0 {
                        actions.push(Action::LoadFails(slot));
                    }
                }
                Some(Stage::Writing(write)) => {
                    // A store that says how long it takes at the most gives up then.
                    let in_time = state.now <= write.asked_at + Setting::LONGEST_COMMIT;
                    actions.push(Action::Write(slot, if in_time { Outcome::Done } else { Outcome::LostBefore }));
                    let fits = |outcome: &&Outcome| in_time && (**outcome != Outcome::Late || state.late.is_none());
                    actions.extend(faults.iter().filter(fits).map(|&outcome| Action::Write(slot, outcome)));
                }
                Some(Stage::Ending) => {
                    actions.push(Action::End(slot, Outcome::Done));
                    let fits = |outcome: &&Outcome| **outcome != Outcome::Late || state.late.is_none();
                    actions.extend(faults.iter().filter(fits).map(|&outcome| Action::End(slot, outcome)));
                }
                None => {}
            }
        }
        if state.late.is_some() {
            actions.push(Action::CatchUp);
        }
        if state.earlier.is_some() && state.truth.steps.count_ones() > 1 {
            actions.push(Action::SetBack);
        }
        if state.left.end && matches!(state.place, Place::Live(_)) {
            actions.push(Action::HostEnds);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Tick => {
                state.now += 1;
                if matches!(state.late, Some(Late::Write(late)) if state.now > late.asked_at + Setting::LONGEST_COMMIT)
                {
                    state.late = None;
                }
            }
            Action::Steal(from) => state.actors[THIEF].held = state.actors[from].held,
            Action::Share(with) => state.actors[with].held = state.actors[..THIEF].iter().filter_map(|a| a.held).max(),
            Action::Begin { actor, node } => {
                state.actors[actor].flight = Some(self.flight(&state, actor, node)?);
                state.left.requests -= 1;
            }
            Action::GiveUp(actor) => {
                let flight = state.actors[actor].flight.take()?;
                state.orphans.push(flight);
                state.left.given_up -= 1;
            }
            Action::Load(slot) => {
                let flight = state.flight(slot)?;
                self.load(&mut state, slot, flight);
            }
            Action::LoadFails(slot) => {
                state.left.faults -= 1;
                let flight = state.flight(slot)?;
                self.tell(&mut state, slot, flight, Told::Unavailable);
            }
            Action::Write(slot, outcome) => {
                let flight = state.flight(slot)?;
                let Stage::Writing(write) = flight.stage else { return None };
                let timed_out = state.now > write.asked_at + Setting::LONGEST_COMMIT;
                if outcome != Outcome::Done && !timed_out {
                    state.left.faults -= 1;
                }
                self.write(&mut state, slot, flight, write, outcome);
            }
            Action::End(slot, outcome) => {
                let flight = state.flight(slot)?;
                if matches!(outcome, Outcome::Done | Outcome::LostAfter) {
                    self.end(&mut state);
                }
                if outcome == Outcome::Late {
                    state.late = Some(Late::End);
                }
                if outcome != Outcome::Done {
                    state.left.faults -= 1;
                }
                let told = if outcome == Outcome::Done { Told::InvalidGrant } else { Told::Unavailable };
                self.tell(&mut state, slot, flight, told);
            }
            Action::CatchUp => match state.late.take()? {
                Late::Write(write) => {
                    if self.apply(&mut state, write) {
                        self.note(Reached::CaughtUp);
                    }
                }
                Late::End => self.end(&mut state),
            },
            Action::SetBack => {
                let record = state.earlier.take()?;
                state.place = Place::Live(record);
                // What the store forgot nobody can know: from here on it is as if it had not been.
                state.truth = Truth {
                    committed_at: 0,
                    steps: 1 << record.generation,
                    was_set_back: true,
                    burnt: false,
                    ended: false,
                    ..state.truth
                };
                for slot in state.slots() {
                    if let Some(flight) = state.flight(slot) {
                        state.put(slot, Flight { is_evidence: false, ..flight });
                    }
                }
            }
            Action::HostEnds => {
                self.end(&mut state);
                state.left.end = false;
            }
        }
        Some(state.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
