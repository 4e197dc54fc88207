//! What a store does, and what its documentation says that can go wrong.

use crate::rules::Mutant;
use crate::state::{Place, Write};

/// How an operation goes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// Well.
    Done,
    /// `NotApplied`: it did not take place, and will not.
    NotApplied,
    /// `Indeterminate`, and it did not take place.
    LostBefore,
    /// `Indeterminate`, and it took place.
    LostAfter,
    /// `Indeterminate`, and it may take place yet.
    Late,
}

impl Outcome {
    /// All that are faults.
    pub const FAULTS: [Self; 4] = [Self::NotApplied, Self::LostBefore, Self::LostAfter, Self::Late];
}

/// What is there after a write; `None` where it is `Lost`, or a `Duplicate`.
pub fn write(place: Place, write: Write, mutant: Option<Mutant>) -> Option<Place> {
    let fits = match (place, write.expected) {
        (Place::Live(stored), Some(expected)) => {
            stored.version == expected || mutant == Some(Mutant::VersionNotCompared)
        }
        (Place::Absent | Place::Ended, Some(_)) => mutant == Some(Mutant::AbsentSwapped),
        (Place::Absent, None) => true,
        (Place::Live(_) | Place::Ended, None) => mutant == Some(Mutant::InsertOverwrites),
    };
    fits.then_some(Place::Live(write.next))
}
