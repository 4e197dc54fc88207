//! What there is at a moment.

use crate::properties::Violation;

/// What is stored of a grant, as far as it is modelled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Record {
    /// Of the current refresh token; 0 is another server's.
    pub generation: u8,
    /// By the clock of the node that wrote it.
    pub rotated_at: u8,
    /// The write that it is. Renumbered in each state: which one is the same as which is all that matters.
    pub version: u8,
}

/// What is stored under the grant's id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Place {
    /// Nothing: it has not begun, or it was removed.
    Absent,
    /// A grant.
    Live(Record),
    /// One that has ended, kept so that another server's token cannot begin it anew.
    Ended,
}

/// A write that a node asks the store for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Write {
    /// The version that it replaces; `None` for an insert.
    pub expected: Option<u8>,
    /// What is to be there.
    pub next: Record,
    /// When the store was asked.
    pub asked_at: u8,
}

/// Where a request is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// It has arrived, and is to load the record.
    Arrived,
    /// It waits for a write.
    Writing(Write),
    /// It waits for the end of the grant.
    Ending,
}

/// What takes place although its node was told that nobody knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Late {
    /// A write.
    Write(Write),
    /// The end of the grant.
    End,
}

/// A request at a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Flight {
    /// The generation of the token.
    pub presented: u8,
    /// Whose clock it is judged by.
    pub node: u8,
    /// When it came, in true time.
    pub arrived: u8,
    /// Where it is.
    pub stage: Stage,
    /// Whether another request was first.
    pub lost: bool,
    /// Versions of writes that may have taken place.
    pub in_doubt: [Option<u8>; 2],
    /// Loads so far.
    pub attempts: u8,
    /// Whether it proves the key.
    pub proven: bool,
    /// Whether the token was current when it came, or in time.
    pub came_good: bool,
    /// Whether the record was seen by it while the token was current, or the direct predecessor and in time: then nothing but the end of the
    /// grant may refuse it.
    pub was_good: bool,
    /// Whether only a thief, or somebody out of time, can have had the token when it came.
    pub is_evidence: bool,
}

/// Somebody who has a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Actor {
    /// The newest token that it was given; `None` for a thief before the theft.
    pub held: Option<u8>,
    /// The request that it waits for.
    pub flight: Option<Flight>,
    /// Whether it was told to log in again.
    pub is_out: bool,
}

/// Which request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Slot {
    /// That of an actor.
    Of(usize),
    /// One whose client has given up on it.
    Orphan(usize),
}

/// A state of the world.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// True time, in seconds after the login.
    pub now: u8,
    /// What is stored.
    pub place: Place,
    /// The two honest processes, then the thief.
    pub actors: [Actor; 3],
    /// Requests that nobody waits for.
    pub orphans: Vec<Flight>,
    /// What may take place although its node was told that nobody knows.
    pub late: Option<Late>,
    /// What the store may be set back to.
    pub earlier: Option<Record>,
    /// What may happen yet.
    pub left: Left,
    /// What no node knows.
    pub truth: Truth,
}

/// What may happen yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Left {
    /// Requests.
    pub requests: u8,
    /// Faults of the store.
    pub faults: u8,
    /// Answers that nobody waits for.
    pub given_up: u8,
    /// Whether the host may end it.
    pub end: bool,
}

/// What no node knows, and the properties are about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Truth {
    /// When the current generation was committed.
    pub committed_at: u8,
    /// The generations that were committed, a bit each.
    pub steps: u32,
    /// An answer was given to a token that only a thief, or somebody out of time, can have: the grant has to be over.
    pub burnt: bool,
    /// The grant has ended.
    pub ended: bool,
    /// The store lost writes that it had acknowledged.
    pub was_set_back: bool,
    /// What went wrong.
    pub violation: Option<Violation>,
}

impl State {
    /// The request in that place.
    pub fn flight(&self, slot: Slot) -> Option<Flight> {
        match slot {
            Slot::Of(actor) => self.actors[actor].flight,
            Slot::Orphan(number) => self.orphans.get(number).copied(),
        }
    }

    /// The same request, further on.
    pub fn put(&mut self, slot: Slot, flight: Flight) {
        match slot {
            Slot::Of(actor) => self.actors[actor].flight = Some(flight),
            Slot::Orphan(number) => self.orphans[number] = flight,
        }
    }

    /// Every request.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        let actors: Vec<_> = (0..3).filter(|&actor| self.actors[actor].flight.is_some()).map(Slot::Of).collect();
        actors.into_iter().chain((0..self.orphans.len()).map(Slot::Orphan))
    }

    /// States that differ in names alone become one: the two honest processes, the order of orphans, and the numbers of versions.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        self.actors[..2].sort_unstable();
        self.orphans.sort_unstable();
        let mut used: Vec<u8> = Vec::with_capacity(8);
        self.each_version(|version| {
            if !used.contains(version) {
                used.push(*version);
            }
        });
        // In the order in which they are come upon, which is that of the fields.
        self.each_version(|version| {
            let place = used.iter().position(|used| used == version).unwrap_or_default();
            *version = u8::try_from(place).unwrap_or(u8::MAX);
        });
        self
    }

    fn each_version(&mut self, mut see: impl FnMut(&mut u8)) {
        let write = |write: &mut Write, see: &mut dyn FnMut(&mut u8)| {
            write.expected.as_mut().map(&mut *see);
            see(&mut write.next.version);
        };
        if let Place::Live(record) = &mut self.place {
            see(&mut record.version);
        }
        if let Some(Late::Write(late)) = &mut self.late {
            write(late, &mut see);
        }
        if let Some(record) = &mut self.earlier {
            see(&mut record.version);
        }
        let flights = self.actors.iter_mut().filter_map(|actor| actor.flight.as_mut());
        for flight in flights.chain(&mut self.orphans) {
            flight.in_doubt.iter_mut().flatten().for_each(&mut see);
            if let Stage::Writing(pending) = &mut flight.stage {
                write(pending, &mut see);
            }
        }
    }

    /// A version that nothing has.
    pub fn new_version(&self) -> u8 {
        let mut most = 0;
        self.clone().each_version(|version| most = most.max(*version));
        most + 1
    }
}
