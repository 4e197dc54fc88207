//! How many wrong user codes are typed at this node, by everybody together. Nobody is locked out by it: three strangers would lock out all.

use std::time::Duration;

use crate::grant::Timestamp;

const HOUR: Duration = Duration::from_secs(3_600);

/// Those of an hour.
#[derive(Default)]
pub(super) struct Guesses {
    /// When the hour began, if it has.
    since: Option<Timestamp>,
    wrong: u32,
    /// How many were said last.
    told: u32,
}

impl Guesses {
    /// From how many on the host is told.
    const MANY: u32 = 100;

    /// Counts one. How many there are, where the host is to hear of it.
    pub(super) fn wrong(&mut self, now: Timestamp) -> Option<u32> {
        if self.since.is_none_or(|since| now < since || now.since(since) >= HOUR) {
            *self = Self { since: Some(now), wrong: 0, told: 0 };
        }
        self.wrong = self.wrong.saturating_add(1);
        let next = if self.told == 0 { Self::MANY } else { self.told.saturating_mul(2) };
        (self.wrong >= next).then(|| {
            self.told = self.wrong;
            self.wrong
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_hears_of_a_hundred_and_of_each_doubling() {
        let mut guesses = Guesses::default();
        let now = Timestamp::from_secs(1_700_000_000);
        let told: Vec<u32> = (0..450).filter_map(|_| guesses.wrong(now)).collect();
        assert_eq!(told, [100, 200, 400]);
        assert!((0..99).all(|_| guesses.wrong(now + HOUR).is_none()), "another hour");
        assert_eq!(guesses.wrong(now + HOUR), Some(100));
    }

    /// Whenever in it they come. A clock that was set back begins another.
    #[test]
    fn those_of_an_hour_count_together() {
        let mut guesses = Guesses::default();
        let start = Timestamp::from_secs(1_700_000_000);
        let mut told = |at: Timestamp| (0..100).filter_map(|_| guesses.wrong(at)).collect::<Vec<_>>();
        assert_eq!(told(start), [100]);
        assert_eq!(told(start + HOUR - Duration::from_millis(1)), [200]);
        assert_eq!(told(start - HOUR), [100]);
        assert_eq!(told(start - Duration::from_millis(1)), [200]);
    }
}
