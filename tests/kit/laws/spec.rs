//! The oracle: what a grant may be, judged by the tokens that were issued and the answers that were given.
//!
//! A request takes effect at one moment between its start and its answer, which nobody sees. So the oracle keeps every
//! state that the history allows, lets the requests in flight take effect in every order, and with each answer drops the
//! states that it contradicts. None left means that the engine did what no order of the requests explains. A request
//! that was dropped took effect or did not.
//!
//! The rules are written from the design, by place in the order of issue, and share nothing with the engine.

use std::collections::{BTreeMap, HashSet};

use crate::kit::schedule::TaskId;

/// Times are milliseconds here: the oracle has its own arithmetic.
type Millis = u64;

/// What a grant was promised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) window: Millis,
    pub(crate) idle: Millis,
    pub(crate) access_token: Millis,
}

/// A grant that is there.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Alive {
    /// Which of the issued refresh tokens is the current one; the first is 0.
    pub(crate) current: usize,
    pub(crate) rotated: Millis,
    pub(crate) idle_end: Millis,
    pub(crate) absolute_end: Millis,
    /// When nothing of it can work any more.
    pub(crate) end: Millis,
    pub(crate) renewable: bool,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    /// The refresh token of this place in the order of issue.
    Refresh { token: usize, now: Millis, scope_fits: bool },
    /// A token that is forged, of another kind or of another client.
    Foreign,
    /// An access token. Between the two times the whole seconds of the wire leave it open.
    Access { now: Millis, good_until: Millis, dead_from: Millis },
    /// The host removes the grant.
    Remove,
}

/// How it ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Outcome {
    /// The next refresh token.
    Stepped,
    /// The next refresh token, again.
    Retried,
    /// `invalid_grant`, and the host was told of a replay.
    Replay,
    /// `invalid_grant`.
    Refused,
    /// `invalid_scope`.
    Scope,
    LetIn,
    ShutOut,
    Removed,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Phase {
    Waiting,
    /// It has seen its token current, and has not taken effect yet.
    Seen,
    /// A replay was found and told; the grant is not removed yet.
    Removing,
    Done(Outcome),
}

/// One thing that may be the case.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Possible {
    grant: Option<Alive>,
    phases: BTreeMap<TaskId, Phase>,
}

/// All that may be the case of one grant.
#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    terms: Terms,
    possible: HashSet<Possible>,
    asks: BTreeMap<TaskId, Ask>,
}

impl Oracle {
    /// Of a grant that was just made.
    pub(crate) fn new(terms: Terms, now: Millis, absolute: Option<Millis>, renewable: bool) -> Self {
        let absolute_end = absolute.map_or(Millis::MAX, |absolute| now + absolute);
        let idle_end = (now + terms.idle).min(absolute_end);
        let access_end = (now + terms.access_token).min(absolute_end);
        let end = if renewable { idle_end.max(access_end) } else { access_end };
        let grant = Alive { current: 0, rotated: now, idle_end, absolute_end, end, renewable };
        let first = Possible { grant: Some(grant), phases: BTreeMap::new() };
        Self { terms, possible: HashSet::from([first]), asks: BTreeMap::new() }
    }

    pub(crate) fn begin(&mut self, id: TaskId, ask: Ask) {
        self.asks.insert(id, ask);
        self.map(|possible| {
            possible.phases.insert(id, Phase::Waiting);
        });
    }

    /// An answer was given. Whether anything explains it. `unsure`: it had to look again whether its write took place.
    pub(crate) fn end(&mut self, id: TaskId, outcome: Outcome, unsure: bool, clock: Millis) -> bool {
        self.let_happen(clock);
        self.possible.retain(|possible| {
            let phase = possible.phases.get(&id);
            // When it looked, its step and all of the grant were gone.
            let too_late = unsure && outcome == Outcome::Refused && possible.grant.is_none();
            phase == Some(&Phase::Done(outcome)) || too_late && phase == Some(&Phase::Done(Outcome::Stepped))
        });
        self.forget(id);
        !self.possible.is_empty()
    }

    /// No answer was given: it took effect or not, and if `ever`, may do so yet.
    pub(crate) fn abandon(&mut self, id: TaskId, ever: bool, clock: Millis) {
        self.let_happen(clock);
        if !ever {
            self.forget(id);
        }
    }

    /// Whether the stored grant is one that may be.
    pub(crate) fn allows(&mut self, stored: Option<(usize, Millis)>, clock: Millis) -> bool {
        self.let_happen(clock);
        self.possible
            .iter()
            .any(|possible| possible.grant.as_ref().map(|grant| (grant.current, grant.idle_end)) == stored)
    }

    /// The store is set back to when it was as `earlier` has it; `None` is before the grant was made.
    pub(crate) fn roll_back(&mut self, earlier: Option<&Self>) {
        let gone = Possible { grant: None, phases: BTreeMap::new() };
        self.possible = earlier.map_or_else(|| HashSet::from([gone]), |earlier| earlier.possible.clone());
        self.asks.clear();
        self.map(|possible| possible.phases.clear());
    }

    /// What may be, for the message of a failure.
    pub(crate) fn describe(&self) -> String {
        format!("{:?} of {:?}", self.possible, self.asks)
    }

    fn forget(&mut self, id: TaskId) {
        self.asks.remove(&id);
        self.map(|possible| {
            possible.phases.remove(&id);
        });
    }

    fn map(&mut self, change: impl Fn(&mut Possible)) {
        self.possible = std::mem::take(&mut self.possible)
            .into_iter()
            .map(|mut possible| {
                change(&mut possible);
                possible
            })
            .collect();
    }

    /// Adds all that requests in flight, and the sweep of expired grants, may have done up to now.
    fn let_happen(&mut self, clock: Millis) {
        let mut open: Vec<Possible> = self.possible.iter().cloned().collect();
        while let Some(possible) = open.pop() {
            let mut reached = Vec::new();
            if possible.grant.as_ref().is_some_and(|grant| grant.end <= clock) {
                reached.push(Possible { grant: None, ..possible.clone() });
            }
            for (id, phase) in &possible.phases {
                reached.extend(match phase {
                    Phase::Waiting | Phase::Seen => self.effects(&possible, *id, *phase == Phase::Seen),
                    Phase::Removing => vec![after(&possible, *id, None, Phase::Done(Outcome::Replay))],
                    Phase::Done(_) => Vec::new(),
                });
            }
            for next in reached {
                if self.possible.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
    }

    /// What may come next of a request; `seen`: it has seen its token current.
    fn effects(&self, possible: &Possible, id: TaskId, seen: bool) -> Vec<Possible> {
        let grant = possible.grant.as_ref();
        let same = |outcome| after(possible, id, grant.cloned(), Phase::Done(outcome));
        match self.asks[&id] {
            Ask::Remove => vec![after(possible, id, None, Phase::Done(Outcome::Removed))],
            Ask::Foreign => vec![same(Outcome::Refused)],
            Ask::Access { now, good_until, dead_from } => match grant {
                Some(grant) if now < good_until && now < grant.end => vec![same(Outcome::LetIn)],
                Some(grant) if now < dead_from && now < grant.end => {
                    vec![same(Outcome::LetIn), same(Outcome::ShutOut)]
                }
                _ => vec![same(Outcome::ShutOut)],
            },
            Ask::Refresh { token, now, scope_fits } => {
                let Some(grant) = grant else { return vec![same(Outcome::Refused)] };
                if now >= grant.idle_end || now >= grant.absolute_end || !grant.renewable {
                    return vec![same(Outcome::Refused)];
                }
                if token < grant.current {
                    // Who saw it current was overtaken while the engine made it wait: no clock makes that a replay.
                    let retry = token + 1 == grant.current && (seen || now < grant.rotated + self.terms.window);
                    return vec![match (retry, scope_fits) {
                        (true, true) => same(Outcome::Retried),
                        (true, false) => same(Outcome::Scope),
                        (false, _) => after(possible, id, Some(grant.clone()), Phase::Removing),
                    }];
                }
                if !scope_fits {
                    return vec![same(Outcome::Scope)];
                }
                // The current one, or one whose write the store lost.
                // By a clock behind the last rotation nothing is taken back.
                let least = if now < grant.rotated { grant.idle_end } else { 0 };
                let idle_end = (now + self.terms.idle).max(least).min(grant.absolute_end);
                let access_end = now + self.terms.access_token;
                let stepped = Alive {
                    current: token + 1,
                    rotated: grant.rotated.max(now),
                    idle_end,
                    end: idle_end.max(access_end).max(grant.end).min(grant.absolute_end),
                    ..grant.clone()
                };
                let mut next = vec![after(possible, id, Some(stepped), Phase::Done(Outcome::Stepped))];
                if !seen {
                    next.push(after(possible, id, Some(grant.clone()), Phase::Seen));
                }
                next
            }
        }
    }
}

fn after(possible: &Possible, id: TaskId, grant: Option<Alive>, phase: Phase) -> Possible {
    let mut next = Possible { grant, phases: possible.phases.clone() };
    next.phases.insert(id, phase);
    next
}
