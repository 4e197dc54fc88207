//! How many devices wait that have begun from one address, at this node.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::grant::Timestamp;
use crate::throttle::network;

/// When the devices of each address have waited long enough.
#[derive(Default)]
pub(super) struct Starts(HashMap<IpAddr, Vec<Timestamp>>);

impl Starts {
    /// How many addresses are counted at a time. One client has 1,000 places, so it is seldom more; beyond it those are forgotten
    /// whose devices wait no longer, and then whoever's do for the shortest time.
    const ADDRESSES: usize = 4_096;

    /// Counts one that would wait until `end`, if there are fewer than `most`. Else, when the first of them has waited long enough.
    pub(super) fn count(&mut self, peer: IpAddr, most: usize, now: Timestamp, end: Timestamp) -> Result<(), Timestamp> {
        let network = network(peer);
        if self.0.len() >= Self::ADDRESSES && !self.0.contains_key(&network) {
            self.0.retain(|_, ends| ends.iter().any(|end| now < *end));
            if self.0.len() >= Self::ADDRESSES {
                let soonest = self.0.iter().min_by_key(|(_, ends)| ends.iter().max()).map(|(network, _)| *network);
                soonest.map(|network| self.0.remove(&network));
            }
        }
        let ends = self.0.entry(network).or_default();
        // One that is further ahead is of a clock that was set back; a little ahead is a request that read it later and was quicker.
        ends.retain(|other| now < *other && *other <= end + Duration::from_secs(60));
        match ends.iter().min() {
            Some(first) if ends.len() >= most => Err(*first),
            _ => {
                ends.push(end);
                Ok(())
            }
        }
    }

    /// It has not begun after all.
    pub(super) fn give_back(&mut self, peer: IpAddr, end: Timestamp) {
        if let Some(ends) = self.0.get_mut(&network(peer)) {
            if let Some(at) = ends.iter().position(|other| *other == end) {
                ends.swap_remove(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn so_many_of_one_network_wait_at_a_time() {
        let mut starts = Starts::default();
        let start = Timestamp::from_secs(1_700_000_000);
        let mut begin = |peer: &str, secs: u64| {
            let now = start + Duration::from_secs(secs);
            starts.count(peer.parse().unwrap(), 2, now, now + Duration::from_secs(600))
        };
        assert_eq!((begin("192.0.2.1", 0), begin("192.0.2.1", 10)), (Ok(()), Ok(())));
        assert_eq!(begin("192.0.2.1", 20), Err(start + Duration::from_secs(600)));
        assert_eq!(begin("::ffff:192.0.2.1", 20), Err(start + Duration::from_secs(600)), "the same address");
        assert_eq!(begin("192.0.2.2", 20), Ok(()));
        assert_eq!(begin("192.0.2.1", 600), Ok(()), "the first waits no longer");
        // Whoever has an IPv6 address has 2^64 of them.
        assert_eq!((begin("2001:db8::1", 0), begin("2001:db8::2", 0)), (Ok(()), Ok(())));
        assert!(begin("2001:db8::3", 0).is_err() && begin("2001:db8:0:1::3", 0).is_ok());
        assert!(begin("192.0.2.1", 600).is_err());
        starts.give_back("192.0.2.1".parse().unwrap(), start + Duration::from_secs(1_200));
        let mut count = |secs: u64| {
            let now = start + Duration::from_secs(secs);
            starts.count("192.0.2.1".parse().unwrap(), 2, now, now + Duration::from_secs(600))
        };
        assert_eq!(count(601), Ok(()));
        assert_eq!(count(602), Err(start + Duration::from_secs(610)), "that one was not given back");
    }

    /// Of two requests the one that read the clock later may be quicker.
    #[test]
    fn one_that_read_the_clock_earlier_finds_the_other_counted() {
        let (mut starts, peer) = (Starts::default(), "192.0.2.1".parse().unwrap());
        let now = Timestamp::from_millis(1_700_000_000_000);
        let end = now + Duration::from_secs(600);
        let ms = Duration::from_millis(1);
        assert_eq!(starts.count(peer, 1, now + ms, end + ms), Ok(()));
        assert_eq!(starts.count(peer, 1, now, end), Err(end + ms));
        // By a clock that was set back far it does not wait so long.
        let hour = Duration::from_secs(3_600);
        assert_eq!(starts.count(peer, 1, now - hour, end - hour), Ok(()));
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_memory() {
        let mut starts = Starts::default();
        let now = Timestamp::from_secs(1_700_000_000);
        for address in 0..10_000_u32 {
            let peer = IpAddr::from(address.to_be_bytes());
            assert!(starts.count(peer, 1, now, now + Duration::from_secs(u64::from(address) + 1)).is_ok());
        }
        assert!(starts.0.len() <= Starts::ADDRESSES);
    }

    /// Those go first whose devices wait no longer, and then the one whose do for the shortest time.
    #[test]
    fn where_there_are_too_many_addresses_those_go_that_matter_least() {
        let (mut starts, now) = (Starts::default(), Timestamp::from_secs(1_700_000_000));
        let peer = |address: usize| IpAddr::from(u32::try_from(address).unwrap().to_be_bytes());
        let later = |secs: u64| now + Duration::from_secs(secs);
        let most = Starts::ADDRESSES;
        for address in 0..most {
            let waits = if address < 100 { 60 } else { 600 + u64::try_from(address).unwrap() };
            assert_eq!(starts.count(peer(address), 2, now, later(waits)), Ok(()));
        }
        assert_eq!(starts.count(peer(200), 2, later(1), later(601)), Ok(()));
        assert_eq!(starts.0.len(), most, "one that is known takes no place");
        assert_eq!(starts.count(peer(most), 2, later(1), later(601)), Ok(()));
        assert_eq!(starts.0.len(), most);
        assert_eq!((0..100).filter(|&address| starts.0.contains_key(&peer(address))).count(), 99);
        assert_eq!(starts.count(peer(most + 1), 2, later(60), later(660)), Ok(()));
        assert_eq!(starts.0.len(), most - 99 + 1);
        assert!((100..=most + 1).all(|address| starts.0.contains_key(&peer(address))));
    }
}
