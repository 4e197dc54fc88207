//! What a node makes of a token: the crate's own code, and what a mutant makes of it.

use std::time::Duration;

use regrant::grant::{Rotation, Version};
use regrant::internal::{Advance, Decision, RefreshPolicy, Tried, Void, decide, sample_advanced, sample_rotated};
use regrant::{Grant, Lifetimes, Timestamp};

use crate::setting::Setting;
use crate::state::{Flight, Record};

/// A way to get it wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// The retry window is open a second longer.
    WindowTooLong,
    /// The retry window closes a second too soon.
    WindowTooShort,
    /// The time that the store may take to commit is not added to the window.
    CommitTimeForgotten,
    /// Any older token is a retry within the window, not the predecessor alone.
    SuccessorNotCompared,
    /// A replay is refused, and the grant goes on.
    ReplayNotEnding,
    /// An older token after the window is answered as one within.
    ReplayServed,
    /// A token ahead of the record is answered without moving the record forward.
    AheadAccepted,
    /// A token ahead of the record is taken for a replay.
    AheadIsReplay,
    /// A rotation that lies ahead of the node's clock is taken for one that is long over.
    NegativeIsReplay,
    /// The window is judged by when the request is judged, not by when it came.
    WaitCounts,
    /// A request that was second is judged as if it had not seen its token current.
    LostIsReplay,
    /// A request does not know that a write of its own may have taken place.
    OwnWriteForgotten,
    /// The token is handed out although nobody knows whether it was written.
    DoubtHandedOut,
    /// Two generations are taken in one step.
    StepOfTwo,
    /// The current token is answered with the next one without a write, as one that was lost.
    CurrentIsRetry,
    /// The store writes whatever the version is.
    VersionNotCompared,
    /// The store writes where there is nothing any more.
    AbsentSwapped,
    /// The store inserts over what is there.
    InsertOverwrites,
    /// The store answers from a replica that has not heard of the end.
    StaleLoad,
    /// A grant from another server is removed when it ends.
    EndedIsRemoved,
    /// Whoever has an older token gets the current one, with a proof or without.
    ResyncForBearers,
}

/// What a node does about a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Write this, then hand out its token.
    Write(Record),
    /// Hand out the token of this generation; nothing is written.
    Answer {
        /// Of the token.
        generation: u8,
        /// What kind of answer it is, for the count of what was reached.
        why: Answered,
    },
    /// End the grant.
    Replay,
    /// `invalid_grant`, and nothing changes.
    Refuse,
    /// 503: the same request again.
    Unavailable(Unsure),
}

/// Why a token is handed out that is not written now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answered {
    /// An answer that was lost is sent again.
    Retry,
    /// Its write took place unseen.
    OwnWrite,
    /// Whoever proves the key gets the current one.
    Resync,
}

/// Why nobody can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsure {
    /// The node's clock is too far behind.
    ClockBehind,
    /// It was overtaken while it waited.
    Overtaken,
    /// Its own write may be why.
    InDoubt,
    /// Anything else.
    Other,
}

const fn at(second: u8) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + second as u64)
}

/// The judgement of one node.
pub struct Judge {
    /// By the clock of the node.
    pub arrived: u8,
    /// By the clock of the node.
    pub now: u8,
    /// The version of the write, if there is one.
    pub version: u8,
    /// Whether older tokens are answered for who proves the key.
    pub resync: bool,
    /// What is wrong with it.
    pub mutant: Option<Mutant>,
}

impl Judge {
    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn policy(&self) -> RefreshPolicy {
        let commit = if self.is(Mutant::CommitTimeForgotten) { 0 } else { Setting::LONGEST_COMMIT };
        let window = match self.mutant {
            Some(Mutant::WindowTooLong) => Setting::WINDOW + 1,
            Some(Mutant::WindowTooShort) => Setting::WINDOW - 1,
            _ => Setting::WINDOW,
        };
        RefreshPolicy {
            rotation: Rotation::Always,
            retry_window: Duration::from_secs((window + commit).into()),
            clock_skew: Duration::from_secs(Setting::SKEW.into()),
            not_before: Timestamp::EPOCH,
        }
    }

    /// What the record makes of the token. As `judge` in `engine/token_endpoint/refresh.rs` has it: its own write first, then `decide`,
    /// then what the request has tried, then resync.
    pub fn judge(&self, record: Record, flight: &Flight) -> Verdict {
        let own = flight.in_doubt.contains(&Some(record.version)) && !self.is(Mutant::OwnWriteForgotten);
        if own {
            return Verdict::Answer { generation: record.generation, why: Answered::OwnWrite };
        }
        let grant = grant_of(record);
        let presented = sample_rotated(flight.presented.into(), grant.version(), at(0), at(0), at(0)).generation();
        let arrived = if self.is(Mutant::WaitCounts) { self.now } else { self.arrived };
        let mut decision = decide(&grant, presented, &self.policy(), at(arrived), at(self.now));
        let in_doubt = flight.in_doubt[0].is_some() && !self.is(Mutant::OwnWriteForgotten);
        let tried = Tried { lost: flight.lost, in_doubt };
        if tried != Tried::default() && !self.is(Mutant::LostIsReplay) {
            decision = decision.after(tried, &grant, presented, true);
        }
        self.act(self.mutate(decision, record, flight), &grant, flight)
    }

    fn mutate(&self, decision: Decision, record: Record, flight: &Flight) -> Decision {
        let Some(mutant) = self.mutant else { return decision };
        let in_window = self.arrived.saturating_sub(record.rotated_at) < Setting::WINDOW + Setting::LONGEST_COMMIT;
        match (mutant, decision) {
            (Mutant::SuccessorNotCompared, Decision::Replay) if in_window => Decision::Retry,
            (Mutant::ReplayServed, Decision::Replay) if flight.presented + 1 == record.generation => Decision::Retry,
            (Mutant::ReplayNotEnding, Decision::Replay) => Decision::Refuse(Void::Expired),
            (Mutant::AheadAccepted, Decision::Step { behind: true, .. })
            | (Mutant::CurrentIsRetry, Decision::Step { behind: false, .. }) => Decision::Retry,
            (Mutant::AheadIsReplay, Decision::Step { behind: true, .. }) => Decision::Replay,
            (Mutant::NegativeIsReplay, Decision::Retry) if self.now < record.rotated_at => Decision::Replay,
            (Mutant::StepOfTwo, Decision::Step { to, behind }) => {
                let beyond = sample_rotated(to.as_u32() + 1, Version::from_u64(0), at(0), at(0), at(0));
                Decision::Step { to: beyond.generation(), behind }
            }
            _ => decision,
        }
    }

    fn act(&self, decision: Decision, grant: &Grant, flight: &Flight) -> Verdict {
        let resyncs = self.resync && (flight.proven || self.is(Mutant::ResyncForBearers));
        match decision {
            Decision::Step { to, .. } => {
                let next = sample_advanced(
                    grant,
                    Advance {
                        version: Version::from_u64(self.version.into()),
                        generation: to,
                        key_id: 0,
                        lifetimes: Lifetimes::default(),
                        now: at(self.now),
                    },
                );
                Verdict::Write(record_of(&next))
            }
            Decision::Retry => {
                let generation = record_of(grant).generation;
                // A mutant that takes what is current for what was lost.
                let generation = if flight.presented >= generation { flight.presented + 1 } else { generation };
                Verdict::Answer { generation, why: Answered::Retry }
            }
            Decision::Replay if resyncs => {
                Verdict::Answer { generation: record_of(grant).generation, why: Answered::Resync }
            }
            Decision::Replay => Verdict::Replay,
            Decision::Refuse(Void::ClockBehind) => Verdict::Unavailable(Unsure::ClockBehind),
            Decision::Refuse(Void::Overtaken) => Verdict::Unavailable(Unsure::Overtaken),
            Decision::Refuse(Void::InDoubt) => Verdict::Unavailable(Unsure::InDoubt),
            // Nobody here is a client that does not rotate.
            Decision::Refuse(_) | Decision::Keep { .. } => Verdict::Refuse,
        }
    }
}

fn grant_of(record: Record) -> Grant {
    let Record { generation, rotated_at, version } = record;
    let end = at(u8::MAX);
    sample_rotated(generation.into(), Version::from_u64(version.into()), at(0), at(rotated_at), end)
}

fn record_of(grant: &Grant) -> Record {
    let small = |number: u64| u8::try_from(number).expect("a small number");
    Record {
        generation: small(grant.generation().as_u32().into()),
        rotated_at: small(grant.rotated_at().as_secs() - at(0).as_secs()),
        version: small(grant.version().as_u64()),
    }
}
