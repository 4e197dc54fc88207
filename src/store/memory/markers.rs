//! Markers, apart from logins: by minute of expiry, and dropped a minute at a time.
//!
//! They are many and live for minutes. Among the logins, which a write searches two slots at a time, the dead ones would come to
//! outnumber the living; and with a share of their own they leave the logins theirs.

use std::collections::{BTreeMap, HashMap};

use super::super::sync::{AtomicUsize, Mutex, Ordering};
use crate::grant::{Grant, GrantId, Timestamp, Version};
use crate::store::{Insert, Swap};

/// So many callers write at once.
const SHARDS: usize = 16;

pub(super) struct Markers {
    shards: [Mutex<Rings>; SHARDS],
    len: AtomicUsize,
    capacity: Option<usize>,
}

#[derive(Default)]
struct Rings {
    /// The records as bytes, which are half of what they take unpacked.
    records: HashMap<GrantId, Box<[u8]>>,
    /// Those that expire within a minute, by that minute.
    minutes: BTreeMap<u64, Vec<GrantId>>,
}

/// Full.
pub(super) struct NoRoom;

impl Markers {
    pub(super) fn new(capacity: Option<usize>) -> Self {
        Self { shards: Default::default(), len: AtomicUsize::new(0), capacity }
    }

    /// Whether it is here that a record of this id would be: no login's id is computed of what expires.
    pub(super) const fn may_have(id: GrantId) -> bool {
        id.as_u64() >> 62 == 0b11
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    fn home(&self, id: GrantId) -> &Mutex<Rings> {
        // The lower bits are a MAC's.
        &self.shards[usize::try_from(id.as_u64() % SHARDS as u64).unwrap_or_default()]
    }

    pub(super) fn insert(&self, marker: &Grant, now: Timestamp) -> Result<Insert, NoRoom> {
        let mut rings = self.home(marker.id).lock();
        self.drop_due(&mut rings, now, usize::MAX);
        if rings.records.contains_key(&marker.id) {
            return Ok(Insert::Duplicate);
        }
        let limit = self.capacity.unwrap_or(usize::MAX);
        let more = |len| if len < limit { Some(len + 1) } else { None };
        let has_room = || self.len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !has_room() {
            // The dead of other shards hold no place for the living. No lock is held while another is taken.
            drop(rings);
            self.purge(now, usize::MAX);
            rings = self.home(marker.id).lock();
            if rings.records.contains_key(&marker.id) {
                return Ok(Insert::Duplicate);
            }
            if !has_room() {
                return Err(NoRoom);
            }
        }
        rings.records.insert(marker.id, marker.encode().into());
        rings.minutes.entry(minute(marker.expires_at)).or_default().push(marker.id);
        Ok(Insert::Added)
    }

    pub(super) fn load(&self, id: GrantId) -> Option<Grant> {
        let rings = self.home(id).lock();
        rings.records.get(&id).and_then(|record| Grant::decode(record).ok())
    }

    /// `None`: it is not here.
    pub(super) fn compare_and_swap(&self, expected: Version, next: &Grant) -> Option<Swap> {
        let mut rings = self.home(next.id).lock();
        let stored = rings.records.get(&next.id).and_then(|record| Grant::decode(record).ok())?;
        if stored.version != expected {
            return Some(Swap::Lost);
        }
        rings.records.insert(next.id, next.encode().into());
        if minute(next.expires_at) != minute(stored.expires_at) {
            rings.minutes.entry(minute(next.expires_at)).or_default().push(next.id);
        }
        Some(Swap::Swapped)
    }

    pub(super) fn remove(&self, id: GrantId) -> Option<Grant> {
        let record = self.home(id).lock().records.remove(&id)?;
        self.len.fetch_sub(1, Ordering::Relaxed);
        Grant::decode(&record).ok()
    }

    /// Removes at most so many, of minutes that are over.
    pub(super) fn purge(&self, now: Timestamp, limit: usize) -> usize {
        let mut removed = 0;
        for shard in &self.shards {
            if removed >= limit {
                break;
            }
            removed += self.drop_due(&mut shard.lock(), now, limit - removed);
        }
        removed
    }

    fn drop_due(&self, rings: &mut Rings, now: Timestamp, limit: usize) -> usize {
        let mut removed = 0;
        while let Some(mut first) = rings.minutes.first_entry().filter(|first| *first.key() < minute(now)) {
            if removed == limit {
                break;
            }
            let Some(id) = first.get_mut().pop() else {
                first.remove();
                continue;
            };
            // One that was given a later end is in that minute, too.
            let is_over = |record: &[u8]| Grant::decode(record).is_ok_and(|grant| grant.expires_at <= now);
            if rings.records.get(&id).is_some_and(|record| is_over(record)) {
                rings.records.remove(&id);
                removed += 1;
            }
        }
        self.len.fetch_sub(removed, Ordering::Relaxed);
        removed
    }
}

const fn minute(time: Timestamp) -> u64 {
    time.as_secs() / 60
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::members::{Marker, Special};

    fn marker(number: u64, expires_at: u64) -> Grant {
        let special = Special::Marker(Marker { thing: [1; 20], spent_for: [2; 20], grant: None });
        let id = GrantId::from_u64(0b11 << 62 | number);
        Grant::special(id, Version::from_u64(1), None, special, Timestamp::EPOCH, Timestamp::from_secs(expires_at))
    }

    fn count(markers: &Markers) -> usize {
        markers.shards.iter().map(|shard| shard.lock().records.len()).sum()
    }

    #[test]
    fn the_dead_make_room_for_the_living_and_leave_nothing() {
        let markers = Markers::new(Some(1_000));
        for hour in 0..100_u64 {
            let now = Timestamp::from_secs(hour * 3_600);
            for number in 0..1_000 {
                let new = marker(hour * 1_000 + number, hour * 3_600 + 60);
                assert!(matches!(markers.insert(&new, now), Ok(Insert::Added)), "hour {hour}, {number}");
            }
            assert!(markers.insert(&marker(u64::MAX >> 2, hour * 3_600 + 60), now).is_err(), "full of the living");
        }
        assert_eq!((markers.len(), count(&markers)), (1_000, 1_000));
        assert_eq!(markers.purge(Timestamp::from_secs(1_000_000), usize::MAX), 1_000);
        assert_eq!((markers.len(), count(&markers)), (0, 0));
        assert!(markers.shards.iter().all(|shard| shard.lock().minutes.is_empty()));
    }

    #[test]
    fn a_purge_removes_no_more_than_it_may() {
        let markers = Markers::new(None);
        for number in 0..100 {
            assert!(matches!(markers.insert(&marker(number, 60), Timestamp::EPOCH), Ok(Insert::Added)));
        }
        let now = Timestamp::from_secs(3_600);
        for (limit, left) in [(0, 100), (1, 99), (7, 92), (50, 42)] {
            assert_eq!(markers.purge(now, limit), limit);
            assert_eq!((markers.len(), count(&markers)), (left, left));
        }
        assert_eq!((markers.purge(now, usize::MAX), markers.len()), (42, 0));
        assert!(markers.shards.iter().all(|shard| shard.lock().minutes.is_empty()));
    }

    #[test]
    fn one_that_is_kept_longer_stays() {
        let markers = Markers::new(None);
        let first = marker(7, 60);
        assert!(matches!(markers.insert(&first, Timestamp::EPOCH), Ok(Insert::Added)));
        assert!(matches!(markers.insert(&first, Timestamp::EPOCH), Ok(Insert::Duplicate)));
        let longer = Grant { version: Version::from_u64(2), ..marker(7, 6_000) };
        assert_eq!(markers.compare_and_swap(Version::from_u64(9), &longer), Some(Swap::Lost));
        assert_eq!(markers.compare_and_swap(first.version, &longer), Some(Swap::Swapped));
        assert_eq!(markers.purge(Timestamp::from_secs(3_000), usize::MAX), 0);
        assert_eq!(markers.load(first.id), Some(longer.clone()));
        assert_eq!(markers.remove(first.id), Some(longer));
        assert_eq!((markers.len(), markers.load(first.id)), (0, None));
    }
}
