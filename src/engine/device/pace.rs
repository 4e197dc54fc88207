//! How often each device polls (RFC 8628 section 3.5): in memory, at this node, and never written.

use std::time::Duration;

use crate::grant::Timestamp;

/// What `slow_down` adds to the interval, for good.
const SLOWER: u64 = 5_000;

/// The devices that polled last. Where there are more than places, another one is forgotten, and may poll as if it had just begun.
pub(super) struct Paces(Box<[Pace]>);

#[derive(Clone, Copy, Default)]
struct Pace {
    device: (u64, u64),
    /// When the next poll is due, in milliseconds.
    due: u64,
    /// What has been added to the interval.
    slower: u64,
}

impl Paces {
    const PLACES: usize = 4_096;
    /// How many places a device may have.
    const WAYS: usize = 4;

    pub(super) fn new() -> Self {
        Self(vec![Pace::default(); Self::PLACES].into_boxed_slice())
    }

    /// Whether a device keeps to its interval that polls now. A poll may come one interval early, once: then networks that jitter make
    /// nobody too fast, and who polls twice as often as told still is.
    pub(super) fn poll(&mut self, device: (u64, u64), interval: Duration, now: Timestamp) -> bool {
        let now = now.as_millis();
        let first = usize::try_from((device.0 ^ device.1.rotate_left(17)) % Self::PLACES as u64).unwrap_or(0);
        let first = first / Self::WAYS * Self::WAYS;
        let bucket = self.0.get_mut(first..first + Self::WAYS).unwrap_or_default();
        let own = bucket.iter().position(|pace| pace.device == device && pace.due > 0);
        let soonest = || bucket.iter().enumerate().min_by_key(|(_, pace)| pace.due).map(|(at, _)| at);
        let Some(pace) = own.or_else(soonest).and_then(|at| bucket.get_mut(at)) else { return true };
        if own.is_none() {
            *pace = Pace { device, due: now, slower: 0 };
        }
        let millis = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        let wait = millis.saturating_add(pace.slower);
        // A clock that was set back must not keep a device waiting.
        let due = pace.due.min(now.saturating_add(wait.saturating_mul(2)));
        if due > now.saturating_add(millis) {
            pace.slower = pace.slower.saturating_add(SLOWER);
            // Who waits as long as it is told from now on is in time.
            pace.due = now.saturating_add(wait).saturating_add(SLOWER);
            return false;
        }
        pace.due = due.max(now).saturating_add(wait);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TV: (u64, u64) = (7, 1);
    const FIVE: Duration = Duration::from_secs(5);

    /// The times of polls in milliseconds, and whether each is in time.
    fn polls(paces: &mut Paces, times: impl IntoIterator<Item = u64>) -> Vec<bool> {
        times.into_iter().map(|at| paces.poll(TV, FIVE, Timestamp::from_millis(1_700_000_000_000 + at))).collect()
    }

    /// A client that keeps the interval never hears `slow_down`, whatever the network does to its requests.
    #[test]
    fn who_keeps_the_interval_is_in_time() {
        let mut jitter = 1_u64;
        let times = (0..500).map(|poll| {
            jitter = jitter.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            poll * 5_000 + (jitter >> 33) % 4_999
        });
        assert!(polls(&mut Paces::new(), times).into_iter().all(|in_time| in_time));
    }

    #[test]
    fn who_does_not_is_told_and_has_five_seconds_more() {
        let mut paces = Paces::new();
        assert_eq!(polls(&mut paces, [0, 1_000, 2_000]), [true, true, false]);
        // Ten seconds between polls from now on, not five.
        assert_eq!(polls(&mut paces, [12_000, 22_000, 32_000]), [true, true, true]);
        assert_eq!(polls(&mut paces, [37_000, 41_000]), [true, false]);
        assert!(paces.poll((8, 1), FIVE, Timestamp::from_millis(1_700_000_041_000)), "another device");
    }

    #[test]
    fn a_flood_of_devices_takes_no_more_memory_and_slows_nobody_down() {
        let mut paces = Paces::new();
        for device in 0..50_000 {
            assert!(paces.poll((device, 1), FIVE, Timestamp::from_secs(1_700_000_000)));
        }
        assert_eq!(paces.0.len(), Paces::PLACES);
    }

    /// Each finds a place of its own, but for a few where chance has it.
    #[test]
    fn a_thousand_devices_are_held_to_their_pace() {
        let mut random = 1_u64;
        let mut draw = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random ^ (random >> 32)
        };
        let devices: Vec<(u64, u64)> = (0..1_000).map(|_| (draw(), draw())).collect();
        let mut paces = Paces::new();
        let now = Timestamp::from_secs(1_700_000_000);
        for _ in 0..2 {
            assert!(devices.iter().all(|&device| paces.poll(device, FIVE, now)));
        }
        let slowed = devices.iter().filter(|&&device| !paces.poll(device, FIVE, now)).count();
        assert!(slowed > 950, "{slowed}");
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        let mut paces = Paces::new();
        assert!(paces.poll(TV, FIVE, Timestamp::from_secs(1_700_000_000)));
        let back = Timestamp::from_secs(1_600_000_000);
        paces.poll(TV, FIVE, back);
        assert!(paces.poll(TV, FIVE, back + Duration::from_secs(20)));
    }
}
