//! How often something may cause a fetch.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use super::url::FetchUrl;
use crate::grant::Timestamp;
use crate::throttle::network;

/// How long until a URL has another fetch, of each kind.
pub(super) const PER_URL: Duration = Duration::from_secs(60);

/// A rate: so many at once, and one more after each interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rate {
    pub(super) at_once: u32,
    pub(super) every: Duration,
}

/// Who causes a fetch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Asker {
    /// Somebody who has shown a genuine token or code of the client whose document it is.
    Licensed,
    /// Anybody, from this address.
    Peer(IpAddr),
    /// Anybody, where the host does not say from where.
    Unknown,
}

/// What is counted, each in a table of its own.
///
/// The table for those with a licence is spent by them alone: whatever strangers ask for, with however many addresses, a
/// document that somebody is logged in by can still be fetched.
pub(super) struct Budgets {
    url: Table,
    host: Table,
    peer: Table,
    licensed: Table,
    again: Table,
}

impl Budgets {
    const URL: Rate = Rate { at_once: 5, every: PER_URL };
    /// Somebody's site may hold the documents of many clients.
    const HOST: Rate = Rate { at_once: 30, every: Duration::from_secs(2) };
    /// An office has one address.
    const PEER: Rate = Rate { at_once: 20, every: Duration::from_secs(6) };
    const LICENSED: Rate = Rate { at_once: 5, every: PER_URL };
    const AGAIN: Rate = Rate { at_once: 1, every: PER_URL };

    /// With that many places in each table. They take 16 bytes each, now and for ever.
    pub(super) fn new(places: usize) -> Self {
        Self {
            url: Table::new(Self::URL, places),
            host: Table::new(Self::HOST, places),
            peer: Table::new(Self::PEER, places),
            licensed: Table::new(Self::LICENSED, places),
            again: Table::new(Self::AGAIN, places),
        }
    }

    /// Spends one fetch, of all that it counts for or of nothing.
    ///
    /// # Errors
    ///
    /// After how long it is worth asking again.
    pub(super) fn spend(&mut self, url: &FetchUrl, asker: Asker, now: Timestamp) -> Result<(), Duration> {
        let (of_url, of_host) = (self.url.slots(url), self.host.slots(url.host()));
        match asker {
            Asker::Licensed => {
                let slots = self.licensed.slots(url);
                return self.licensed.spend(slots, now);
            }
            Asker::Unknown => {
                let wait = self.url.wait(of_url, now).max(self.host.wait(of_host, now));
                refuse(wait)?;
            }
            Asker::Peer(peer) => {
                let of_peer = self.peer.slots(network(peer));
                let wait = self.url.wait(of_url, now).max(self.host.wait(of_host, now));
                refuse(wait.max(self.peer.wait(of_peer, now)))?;
                self.peer.take(of_peer, now);
            }
        }
        self.url.take(of_url, now);
        self.host.take(of_host, now);
        Ok(())
    }

    /// Spends the one fetch that a document is worth within a minute where it lacks something, whoever asks.
    ///
    /// # Errors
    ///
    /// After how long it is worth asking again.
    pub(super) fn spend_again(&mut self, url: &FetchUrl, now: Timestamp) -> Result<(), Duration> {
        let slots = self.again.slots(url);
        self.again.spend(slots, now)
    }
}

fn refuse(wait: Duration) -> Result<(), Duration> {
    if wait.is_zero() { Ok(()) } else { Err(wait) }
}

/// Rates of any number of things in a fixed number of places.
///
/// Each thing has two places, by a keyed hash, and what counts is the one that has more left: two things must share both
/// to get in each other's way. Nothing is displaced, so a flood of others makes nobody's count begin anew; one that fills
/// the table has everybody wait.
struct Table {
    rate: Rate,
    hashers: [RandomState; 2],
    /// When the budget of each place will be whole again, in milliseconds.
    places: [Box<[u64]>; 2],
}

type Slots = [usize; 2];

impl Table {
    fn new(rate: Rate, places: usize) -> Self {
        let row = || vec![0; places.max(1)].into_boxed_slice();
        Self { rate, hashers: [RandomState::new(), RandomState::new()], places: [row(), row()] }
    }

    fn slots(&self, thing: impl Hash) -> Slots {
        let slot = |row: usize| {
            let places = self.places[row].len() as u64;
            usize::try_from(self.hashers[row].hash_one(&thing) % places).unwrap_or(0)
        };
        [slot(0), slot(1)]
    }

    /// How long until there is one to spend.
    fn wait(&mut self, slots: Slots, now: Timestamp) -> Duration {
        let most = self.most(now);
        for (row, slot) in self.places.iter_mut().zip(slots) {
            if let Some(place) = row.get_mut(slot) {
                *place = (*place).min(most);
            }
        }
        let reach = self.every().saturating_mul(u64::from(self.rate.at_once.saturating_sub(1)));
        Duration::from_millis(self.whole_at(slots).saturating_sub(now.as_millis()).saturating_sub(reach))
    }

    fn take(&mut self, slots: Slots, now: Timestamp) {
        let whole = self.whole_at(slots).max(now.as_millis()).saturating_add(self.every());
        for (row, slot) in self.places.iter_mut().zip(slots) {
            if let Some(place) = row.get_mut(slot) {
                *place = (*place).max(whole);
            }
        }
    }

    fn spend(&mut self, slots: Slots, now: Timestamp) -> Result<(), Duration> {
        refuse(self.wait(slots, now))?;
        self.take(slots, now);
        Ok(())
    }

    fn whole_at(&self, slots: Slots) -> u64 {
        let of = |row: usize| self.places[row].get(slots[row]).copied().unwrap_or(0);
        of(0).min(of(1))
    }

    /// Nothing is spent further ahead than that: a time beyond it was written by a clock that has been set back.
    fn most(&self, now: Timestamp) -> u64 {
        now.as_millis().saturating_add(self.every().saturating_mul(u64::from(self.rate.at_once)))
    }

    fn every(&self) -> u64 {
        u64::try_from(self.rate.every.as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(T0.as_secs() + secs)
    }

    fn url(host: &str, n: usize) -> FetchUrl {
        FetchUrl::parse(&format!("https://{host}.example/{n}")).unwrap()
    }

    fn peer(n: usize) -> Asker {
        Asker::Peer(std::net::Ipv4Addr::from(u32::try_from(n).unwrap()).into())
    }

    /// How many of a kind are let through, one after the other at one time.
    fn let_through(most: usize, mut spend: impl FnMut(usize) -> Result<(), Duration>) -> usize {
        (0..most).take_while(|&n| spend(n).is_ok()).count()
    }

    #[test]
    fn a_url_a_host_and_an_address_have_each_their_own() {
        let fresh = || Budgets::new(4_096);
        let mut budgets = fresh();
        assert_eq!(let_through(100, |n| budgets.spend(&url("a", 1), peer(n), T0)), 5, "one URL, many addresses");
        let mut budgets = fresh();
        assert_eq!(let_through(100, |n| budgets.spend(&url("a", n), peer(n), T0)), 30, "one host, many addresses");
        let mut budgets = fresh();
        assert_eq!(let_through(100, |n| budgets.spend(&url(&format!("a{n}"), n), peer(1), T0)), 20, "one address");
        let mut budgets = fresh();
        assert_eq!(let_through(100, |n| budgets.spend(&url("a", n), Asker::Unknown, T0)), 30, "no address");
        let mut budgets = fresh();
        assert_eq!(let_through(100, |n| budgets.spend(&url(&format!("a{n}"), n), Asker::Unknown, T0)), 100);
    }

    #[test]
    fn what_was_refused_was_not_spent() {
        let mut budgets = Budgets::new(4_096);
        assert_eq!(let_through(100, |n| budgets.spend(&url("a", 1), peer(n), T0)), 5);
        for _ in 0..100 {
            assert!(budgets.spend(&url("a", 1), peer(200), T0).is_err());
        }
        assert_eq!(let_through(100, |n| budgets.spend(&url(&format!("b{n}"), n), peer(200), T0)), 20);
    }

    #[test]
    fn it_grows_back_and_says_when() {
        let mut budgets = Budgets::new(4_096);
        let mut spend = |secs| budgets.spend(&url("a", 1), Asker::Unknown, at(secs));
        for _ in 0..5 {
            assert_eq!(spend(0), Ok(()));
        }
        assert_eq!(spend(0), Err(Duration::from_secs(60)));
        assert_eq!(spend(45), Err(Duration::from_secs(15)));
        assert_eq!(spend(60), Ok(()));
        assert_eq!(spend(60), Err(Duration::from_secs(60)));
        assert_eq!((0..9).filter(|_| spend(1_000).is_ok()).count(), 5, "and no more than at once");
    }

    /// A wait is long enough, whatever the rate and the times.
    #[test]
    fn whoever_waits_as_long_as_was_said_is_let_through() {
        use proptest::prelude::*;
        proptest!(|(at_once in 1_u32..6, every in 1_u64..100_000, gaps in proptest::collection::vec(0_u64..200_000, 1..60))| {
            let mut table = Table::new(Rate { at_once, every: Duration::from_millis(every) }, 1);
            let mut now = T0;
            let mut passed = 0_u64;
            for gap in gaps {
                now = Timestamp::from_millis(now.as_millis() + gap);
                match table.spend([0, 0], now) {
                    Ok(()) => passed += 1,
                    Err(wait) => {
                        let then = Timestamp::from_millis(now.as_millis() + u64::try_from(wait.as_millis()).unwrap());
                        let before = Timestamp::from_millis(then.as_millis() - 1);
                        prop_assert!(table.wait([0, 0], before) > Duration::ZERO);
                        prop_assert_eq!(table.wait([0, 0], then), Duration::ZERO);
                    }
                }
                let most = u64::from(at_once) + (now.as_millis() - T0.as_millis()) / every;
                prop_assert!(passed <= most);
            }
        });
    }

    /// Strangers use up the fetches of honest clients.
    #[test]
    fn a_licence_has_a_budget_that_no_stranger_spends() {
        let mut budgets = Budgets::new(64);
        for n in 0..100_000 {
            let _ = budgets.spend(&url("a", n), peer(n), T0);
            let _ = budgets.spend(&url("a", 1), Asker::Unknown, T0);
            let _ = budgets.spend_again(&url("a", n), T0);
        }
        assert!(budgets.spend(&url("a", 1), Asker::Unknown, T0).is_err());
        assert_eq!(let_through(100, |_| budgets.spend(&url("a", 1), Asker::Licensed, T0)), 5);
    }

    #[test]
    fn a_flood_makes_no_count_begin_anew() {
        let mut budgets = Budgets::new(64);
        assert_eq!(let_through(100, |n| budgets.spend(&url("a", 1), peer(n), T0)), 5);
        for n in 0..10_000 {
            let _ = budgets.spend(&url(&format!("b{n}"), n), Asker::Unknown, T0);
        }
        assert!(budgets.spend(&url("a", 1), Asker::Unknown, T0).is_err());
        // All of it is past in time.
        assert!(budgets.spend(&url("a", 1), Asker::Unknown, at(3_600)).is_ok());
    }

    #[test]
    fn a_clock_that_went_back_locks_nobody_out() {
        let mut budgets = Budgets::new(4_096);
        let mut spend = |secs| budgets.spend(&url("a", 1), Asker::Unknown, at(secs));
        assert_eq!((0..9).filter(|_| spend(1_000_000).is_ok()).count(), 5);
        let wait = spend(0).unwrap_err();
        assert_eq!(wait, Duration::from_secs(60));
        assert_eq!(spend(60), Ok(()));
    }

    /// An unknown `kid` is no stranger's fetch button.
    #[test]
    fn once_more_is_once_a_minute_whoever_asks() {
        let mut budgets = Budgets::new(4_096);
        assert_eq!(budgets.spend_again(&url("a", 1), T0), Ok(()));
        assert_eq!(budgets.spend_again(&url("a", 1), at(59)), Err(Duration::from_secs(1)));
        assert_eq!(budgets.spend_again(&url("a", 2), at(59)), Ok(()));
        assert_eq!(budgets.spend_again(&url("a", 1), at(60)), Ok(()));
    }

    #[test]
    fn an_ipv6_network_is_one_asker() {
        let parsed = |text: &str| text.parse::<IpAddr>().unwrap();
        for (peer, of) in [
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(network(parsed(peer)), parsed(of), "{peer}");
        }
        let mut budgets = Budgets::new(4_096);
        let v6 = |n: usize| Asker::Peer(IpAddr::from([0x2001, 0xdb8, 1, 2, 0, 0, 0, u16::try_from(n).unwrap()]));
        assert_eq!(let_through(100, |n| budgets.spend(&url(&format!("a{n}"), n), v6(n), T0)), 20);
    }
}
