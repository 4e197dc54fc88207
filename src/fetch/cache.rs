//! Documents that were fetched, as many as there is room for.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;

use super::url::FetchUrl;
use crate::grant::Timestamp;

/// How long a good document is used past its freshness while a new one cannot be had.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// How far the clock may have gone back since a document was fetched: requests that overlap each have their own time.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// Documents by their URLs. Only good ones are put in: no failure is remembered, and no document that could not be read
/// (draft-ietf-oauth-client-id-metadata-document section 4.3).
///
/// Half of the room is for documents that somebody with a genuine token or code has asked for; those of strangers cannot
/// displace them, nor can these take all of the room.
pub(super) struct Cache<T> {
    entries: HashMap<FetchUrl, Entry<T>>,
    room: usize,
}

struct Entry<T> {
    document: Arc<T>,
    fetched: Timestamp,
    fresh: Duration,
    used: Timestamp,
    /// The last use with a licence.
    licensed: Option<Timestamp>,
}

/// A document on loan from the cache.
#[derive(Debug)]
pub(super) struct Cached<T> {
    pub(super) document: Arc<T>,
    pub(super) fetched: Timestamp,
    pub(super) is_fresh: bool,
}

impl<T> Cache<T> {
    /// With room for that many documents, at least two.
    pub(super) fn new(room: usize) -> Self {
        Self { entries: HashMap::new(), room: room.max(2) }
    }

    /// The document of this URL, unless it is too old to be used at all; such a one is dropped.
    pub(super) fn get(&mut self, url: &FetchUrl, is_licensed: bool, now: Timestamp) -> Option<Cached<T>> {
        let entry = self.entries.get_mut(url)?;
        let age = now.since(entry.fetched);
        if age >= entry.fresh + STALE {
            self.entries.remove(url);
            return None;
        }
        entry.used = entry.used.max(now);
        if is_licensed {
            entry.licensed = entry.licensed.max(Some(now));
        }
        // After a clock that was wrong is set right, a document must not be fresh until the time that was wrong.
        let is_fresh = age < entry.fresh && entry.fetched.since(now) <= SKEW;
        Some(Cached { document: Arc::clone(&entry.document), fetched: entry.fetched, is_fresh })
    }

    /// Keeps a good document, for which another may have to go.
    pub(super) fn insert(
        &mut self,
        url: &FetchUrl,
        document: Arc<T>,
        fresh: Duration,
        is_licensed: bool,
        now: Timestamp,
    ) {
        let licensed = if is_licensed { Some(now) } else { None };
        if let Some(entry) = self.entries.get_mut(url) {
            let licensed = entry.licensed.max(licensed);
            *entry = Entry { document, fetched: now, fresh, used: now, licensed };
            return;
        }
        if self.entries.len() >= self.room {
            self.make_room(now);
        }
        self.entries.insert(url.clone(), Entry { document, fetched: now, fresh, used: now, licensed });
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Looks at all of them, which is little beside the fetch that came before.
    fn make_room(&mut self, now: Timestamp) {
        let before = self.entries.len();
        self.entries.retain(|_, entry| now.since(entry.fetched) < entry.fresh + STALE);
        if self.entries.len() < before {
            return;
        }
        let licensed = self.entries.values().filter(|entry| entry.licensed.is_some()).count();
        // The half that has more than its share gives way.
        let from_licensed = licensed > self.room / 2;
        let oldest = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.licensed.is_some() == from_licensed)
            .min_by_key(|(_, entry)| (entry.licensed, entry.used))
            .map(|(url, _)| url.clone());
        if let Some(url) = oldest {
            self.entries.remove(&url);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_secs(1_700_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(T0.as_secs() + secs)
    }

    fn url(n: usize) -> FetchUrl {
        FetchUrl::parse(&format!("https://a.example/{n}")).unwrap()
    }

    fn put(cache: &mut Cache<usize>, n: usize, is_licensed: bool, now: Timestamp) {
        cache.insert(&url(n), Arc::new(n), HOUR, is_licensed, now);
    }

    fn has(cache: &mut Cache<usize>, n: usize, now: Timestamp) -> bool {
        cache.entries.get(&url(n)).is_some_and(|entry| now.since(entry.fetched) < entry.fresh + STALE)
    }

    #[test]
    fn fresh_then_stale_then_gone() {
        let mut cache = Cache::new(4);
        put(&mut cache, 1, false, T0);
        let mut is_fresh = |secs| cache.get(&url(1), false, at(secs)).map(|cached| cached.is_fresh);
        assert_eq!(is_fresh(0), Some(true));
        assert_eq!(is_fresh(3_599), Some(true));
        assert_eq!(is_fresh(3_600), Some(false));
        assert_eq!(is_fresh(3_600 + 86_399), Some(false));
        assert_eq!(is_fresh(3_600 + 86_400), None);
        assert_eq!(is_fresh(0), None, "dropped when it was too old");
    }

    #[test]
    fn a_clock_that_went_back_makes_no_document_last_longer() {
        let mut cache = Cache::new(4);
        put(&mut cache, 1, false, at(400));
        assert!(cache.get(&url(1), false, at(100)).unwrap().is_fresh, "requests overlap");
        assert!(!cache.get(&url(1), false, at(99)).unwrap().is_fresh);
    }

    /// Enough valid documents displace those in use.
    #[test]
    fn strangers_documents_displace_strangers_alone() {
        let mut cache = Cache::new(10);
        for n in 0..5 {
            put(&mut cache, n, false, T0);
            assert!(cache.get(&url(n), true, at(1)).is_some());
        }
        for n in 100..1_000 {
            put(&mut cache, n, false, at(2));
            assert!(cache.get(&url(n), false, at(3)).is_some());
        }
        assert_eq!(cache.len(), 10);
        assert!((0..5).all(|n| has(&mut cache, n, at(3))));
    }

    #[test]
    fn documents_in_use_leave_room_for_new_ones() {
        let mut cache = Cache::new(10);
        for n in 0..100 {
            put(&mut cache, n, true, at(n as u64));
        }
        for n in 100..103 {
            put(&mut cache, n, false, at(n as u64));
        }
        assert_eq!(cache.len(), 10);
        assert!((100..103).all(|n| has(&mut cache, n, at(103))));
        assert!((93..100).all(|n| has(&mut cache, n, at(103))), "and the newest in use stay");
    }

    #[test]
    fn the_one_unused_for_longest_goes_first() {
        let mut cache = Cache::new(3);
        for n in 0..3 {
            put(&mut cache, n, false, at(n as u64));
        }
        assert!(cache.get(&url(0), false, at(5)).is_some());
        put(&mut cache, 3, false, at(6));
        assert!(!has(&mut cache, 1, at(6)));
        assert!([0, 2, 3].into_iter().all(|n| has(&mut cache, n, at(6))));
        // And what is too old goes before all.
        put(&mut cache, 4, true, at(3_600 + 86_400 + 4));
        assert!([3, 4].into_iter().all(|n| has(&mut cache, n, at(3_600 + 86_400 + 4))));
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn a_new_document_replaces_the_old_and_stays_in_use() {
        let mut cache = Cache::new(2);
        put(&mut cache, 1, true, T0);
        cache.insert(&url(1), Arc::new(11), HOUR, false, at(10));
        let cached = cache.get(&url(1), false, at(10)).unwrap();
        assert_eq!((*cached.document, cached.fetched), (11, at(10)));
        for n in 2..20 {
            put(&mut cache, n, false, at(n as u64 + 20));
        }
        assert!(has(&mut cache, 1, at(100)));
        assert_eq!(cache.len(), 2);
    }
}
