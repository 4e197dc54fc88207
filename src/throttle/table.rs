//! Counts of any number of things in a fixed number of places.

use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

use super::limits::GuessRate;
use crate::grant::Timestamp;

/// How many places a thing may be in.
const WAYS: usize = 8;

/// The counts of one kind of thing.
///
/// A thing has one of eight places, by a keyed hash that nobody outside can compute, and its tag says that it is its own: so no thing
/// is ever counted for another. Where all eight are taken, the one that would be forgotten first anyway makes room: a
/// flood of things that were counted once displaces others of that kind, and not the one that much was counted of.
pub(super) struct Table {
    hasher: RandomState,
    places: Box<[Place]>,
}

#[derive(Clone, Copy, Default)]
struct Place {
    /// 0 where nothing is.
    tag: u64,
    /// When all of its guesses will have grown back, in milliseconds.
    whole_at: u64,
}

/// Where a thing is, if it is anywhere.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    tag: u64,
    first: usize,
}

impl Table {
    /// With at least so many places, of 16 bytes each.
    pub(super) fn new(places: usize) -> Self {
        let places = places.max(1).div_ceil(WAYS).saturating_mul(WAYS);
        Self { hasher: RandomState::new(), places: vec![Place::default(); places].into_boxed_slice() }
    }

    pub(super) fn slot(&self, thing: impl Hash) -> Slot {
        let tag = self.hasher.hash_one(thing).max(1);
        let buckets = (self.places.len() / WAYS) as u64;
        // The upper half chooses, and all of it tells things apart.
        let bucket = usize::try_from((tag >> 32) % buckets).unwrap_or(0);
        Slot { tag, first: bucket * WAYS }
    }

    /// How long until there is a guess left.
    pub(super) fn wait(&mut self, slot: Slot, rate: GuessRate, now: Timestamp) -> Duration {
        // Nothing is ever counted further ahead than that: a time beyond it is of a clock that was set back, or of another rate.
        let most = now.as_millis().saturating_add(rate.interval().saturating_mul(u64::from(rate.at_once())));
        let bucket = self.bucket(slot);
        for place in bucket.iter_mut() {
            place.whole_at = place.whole_at.min(most);
        }
        let whole_at = bucket.iter().find(|place| place.tag == slot.tag).map_or(0, |place| place.whole_at);
        let reach = rate.interval().saturating_mul(u64::from(rate.at_once() - 1));
        Duration::from_millis(whole_at.saturating_sub(now.as_millis()).saturating_sub(reach))
    }

    /// Counts one.
    pub(super) fn take(&mut self, slot: Slot, rate: GuessRate, now: Timestamp) {
        let bucket = self.bucket(slot);
        let own = bucket.iter().position(|place| place.tag == slot.tag);
        let soonest = || bucket.iter().enumerate().min_by_key(|(_, place)| place.whole_at).map(|(at, _)| at);
        let Some(place) = own.or_else(soonest).and_then(|at| bucket.get_mut(at)) else { return };
        if place.tag != slot.tag {
            *place = Place { tag: slot.tag, whole_at: 0 };
        }
        place.whole_at = place.whole_at.max(now.as_millis()).saturating_add(rate.interval());
    }

    /// Takes one back that was counted at this time.
    pub(super) fn give_back(&mut self, slot: Slot, rate: GuessRate, counted_at: Timestamp) {
        if let Some(place) = self.bucket(slot).iter_mut().find(|place| place.tag == slot.tag) {
            let whole_at = place.whole_at.saturating_sub(rate.interval());
            // Where nothing is left, no time may be left either: a clock that was set back would read it as guesses.
            let is_left = whole_at > counted_at.as_millis();
            *place = if is_left { Place { whole_at, ..*place } } else { Place::default() };
        }
    }

    fn bucket(&mut self, slot: Slot) -> &mut [Place] {
        self.places.get_mut(slot.first..slot.first + WAYS).unwrap_or_default()
    }
}

/// Who has logged in from where, as far as it is remembered.
///
/// People share eight places with a few others by chance, and nobody has more than four of them: with an account of one's own one
/// displaces one's own first.
pub(super) struct Known {
    hasher: RandomState,
    places: Box<[Acquaintance]>,
}

#[derive(Clone, Copy, Default)]
struct Acquaintance {
    /// Of the person and the network; 0 where nothing is.
    tag: u64,
    /// Of the person.
    owner: u32,
    /// In seconds, until the year 2106.
    last: u32,
}

impl Known {
    const OWN: usize = 4;

    pub(super) fn new(places: usize) -> Self {
        let places = places.max(1).div_ceil(WAYS).saturating_mul(WAYS);
        Self { hasher: RandomState::new(), places: vec![Acquaintance::default(); places].into_boxed_slice() }
    }

    pub(super) fn has(&mut self, person: &str, network: impl Hash) -> bool {
        let (tag, _) = self.tags(person, &network);
        self.bucket(person).iter().any(|place| place.tag == tag)
    }

    pub(super) fn remember(&mut self, person: &str, network: impl Hash, now: Timestamp) {
        let (tag, owner) = self.tags(person, &network);
        let bucket = self.bucket(person);
        let oldest = |of: &dyn Fn(&Acquaintance) -> bool| {
            let places = bucket.iter().enumerate().filter(|(_, place)| of(place));
            places.min_by_key(|(_, place)| place.last).map(|(at, _)| at)
        };
        let is_own = |place: &Acquaintance| place.tag != 0 && place.owner == owner;
        let at = if let Some(at) = oldest(&|place| place.tag == tag) {
            Some(at)
        } else if bucket.iter().filter(|place| is_own(place)).count() >= Self::OWN {
            oldest(&is_own)
        } else {
            // An empty place is the oldest.
            oldest(&|_| true)
        };
        if let Some(place) = at.and_then(|at| bucket.get_mut(at)) {
            *place = Acquaintance { tag, owner, last: u32::try_from(now.as_secs()).unwrap_or(u32::MAX) };
        }
    }

    fn tags(&self, person: &str, network: &impl Hash) -> (u64, u32) {
        let owner = self.hasher.hash_one((1_u8, person));
        (self.hasher.hash_one((2_u8, person, network)).max(1), u32::try_from(owner >> 32).unwrap_or(0))
    }

    fn bucket(&mut self, person: &str) -> &mut [Acquaintance] {
        let buckets = (self.places.len() / WAYS) as u64;
        let bucket = usize::try_from(self.hasher.hash_one((3_u8, person)) % buckets).unwrap_or(0);
        self.places.get_mut(bucket * WAYS..(bucket + 1) * WAYS).unwrap_or_default()
    }
}
