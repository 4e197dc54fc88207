//! What came of it: a table for people, JSON for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::config::Config;

/// Honest clients and one fault.
#[derive(Serialize, Default, Debug)]
pub(crate) struct Honest {
    pub(crate) fault: String,
    /// Refreshes that a client wanted.
    pub(crate) refreshes: u32,
    /// Those of them that met the fault.
    pub(crate) faults: u32,
    /// People who had to log in again, since the server said so.
    pub(crate) logged_out: u32,
    /// People who had to, since there was no answer for long.
    pub(crate) unanswered: u32,
    /// How often the server went away, and somebody met it.
    pub(crate) times: u32,
    /// Requests that the server had when it went away, or may have had, and that were never answered.
    pub(crate) cut_off: u32,
    /// Tokens beyond the first one that were given for one token.
    pub(crate) siblings: u32,
    /// What the server said.
    pub(crate) said: BTreeMap<String, u32>,
}

impl Honest {
    pub(crate) fn of(fault: &str) -> Self {
        Self { fault: fault.to_owned(), ..Self::default() }
    }

    pub(crate) fn log_out(&mut self, why: &str) {
        self.logged_out += 1;
        *self.said.entry(why.to_owned()).or_default() += 1;
    }

    pub(crate) fn no_answer(&mut self, why: &str) {
        self.unanswered += 1;
        *self.said.entry(why.to_owned()).or_default() += 1;
    }

    /// A server that gives the same token back has made no other.
    pub(crate) fn count_siblings(&mut self, presented: &str, given: &BTreeSet<String>) {
        let others = given.iter().filter(|token| *token != presented).count();
        self.siblings += u32::try_from(others.saturating_sub(1)).unwrap_or(u32::MAX);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.refreshes += other.refreshes;
        self.faults += other.faults;
        self.logged_out += other.logged_out;
        self.unanswered += other.unanswered;
        self.times += other.times;
        self.cut_off += other.cut_off;
        self.siblings += other.siblings;
        for (why, times) in other.said {
            *self.said.entry(why).or_default() += times;
        }
    }

    /// Of 10,000 that met the fault; of 10,000 in all where none did.
    fn per_10_000(&self) -> f64 {
        let of = if self.faults == 0 { self.refreshes } else { self.faults };
        f64::from(self.logged_out + self.unanswered) * 10_000.0 / f64::from(of.max(1))
    }
}

/// Thieves and one way to use a copy.
#[derive(Serialize, Default, Debug)]
pub(crate) struct Theft {
    pub(crate) attack: String,
    /// Nobody goes on: the replay was found, and the login ended.
    pub(crate) ended: u32,
    /// The thief has nothing, and the owner goes on.
    pub(crate) kept_out: u32,
    /// Both go on.
    pub(crate) both_go_on: u32,
    /// The thief goes on, and the owner has to log in again.
    pub(crate) thief_alone: u32,
}

impl Theft {
    pub(crate) fn of(attack: &str) -> Self {
        Self { attack: attack.to_owned(), ..Self::default() }
    }

    pub(crate) fn count(&mut self, owner_lives: bool, thief_lives: bool) {
        *match (owner_lives, thief_lives) {
            (false, false) => &mut self.ended,
            (true, false) => &mut self.kept_out,
            (true, true) => &mut self.both_go_on,
            (false, true) => &mut self.thief_alone,
        } += 1;
    }
}

/// What refreshes leave behind.
#[derive(Serialize, Debug)]
pub(crate) struct Growth {
    pub(crate) refreshes: u32,
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// All of it.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) settings: String,
    /// Of UTC.
    pub(crate) date: String,
    pub(crate) late_after_s: u64,
    pub(crate) slow_after_s: u64,
    pub(crate) honest: Vec<Honest>,
    pub(crate) thefts: Vec<Theft>,
    pub(crate) growth: Option<Growth>,
    /// What was not done, and why.
    pub(crate) left_out: Vec<String>,
}

impl Report {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            name: config.name.clone(),
            version: config.version.clone(),
            settings: config.settings.clone(),
            date: today(),
            late_after_s: config.load.late_after_s,
            slow_after_s: config.load.slow_after_s,
            honest: Vec::new(),
            thefts: Vec::new(),
            growth: None,
            left_out: Vec::new(),
        }
    }

    /// As Markdown.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("### {} {}\n\n{}. {}\n\n", self.name, self.version, self.date, self.settings);
        table.push_str(
            "| honest clients | refreshes | with the fault | logged out | of 10,000 | siblings | what was said |\n",
        );
        table.push_str("|---|--:|--:|--:|--:|--:|---|\n");
        for row in &self.honest {
            let said: Vec<_> = row.said.iter().map(|(why, times)| format!("{why} ({times})")).collect();
            let away = match row.times {
                0 => String::new(),
                times => format!(", {times} times, {} requests cut off", row.cut_off),
            };
            let _ = writeln!(
                table,
                "| {}{away} | {} | {} | {} | {:.0} | {} | {} |",
                row.fault,
                row.refreshes,
                row.faults,
                row.logged_out + row.unanswered,
                row.per_10_000(),
                row.siblings,
                said.join(", ")
            );
        }
        table.push_str(
            "\n| thieves | login ended | thief kept out | both go on | thief alone goes on |\n|---|--:|--:|--:|--:|\n",
        );
        for row in &self.thefts {
            let Theft { attack, ended, kept_out, both_go_on, thief_alone } = row;
            let _ = writeln!(table, "| {attack} | {ended} | {kept_out} | {both_go_on} | {thief_alone} |");
        }
        if let Some(Growth { refreshes, before, after }) = self.growth {
            let grown = i64::try_from(after).unwrap_or(i64::MAX) - i64::try_from(before).unwrap_or(i64::MAX);
            let each = grown / i64::from(refreshes.max(1));
            let _ = writeln!(
                table,
                "\nMemory: {} KiB before {refreshes} refreshes of few logins, {} KiB after: {each} bytes for each.",
                before / 1_024,
                after / 1_024
            );
        }
        for what in &self.left_out {
            let _ = writeln!(table, "\nLeft out: {what}.");
        }
        table
    }

    /// Refreshes whose people had to log in again, of all honest ones.
    pub(crate) fn logged_out(&self) -> u32 {
        self.honest.iter().map(|row| row.logged_out + row.unanswered).sum()
    }

    /// Thieves who go on.
    pub(crate) fn thieves(&self, attack: &str) -> u32 {
        self.thefts.iter().filter(|row| row.attack == attack).map(|row| row.both_go_on + row.thief_alone).sum()
    }
}

/// The day, by the civil calendar.
fn today() -> String {
    let seconds = std::time::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_secs());
    date(seconds / 86_400)
}

/// The date of a day since 1970, counted in years that begin in March.
fn date(day: u64) -> String {
    let day = day + 719_468;
    let era = day / 146_097;
    let of_era = day % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let (number, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{}-{number:02}-{:02}", era * 400 + year_of_era + carry, of_year - (153 * month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (day, expected) in
            [(0, "1970-01-01"), (11_016, "2000-02-29"), (11_017, "2000-03-01"), (20_786, "2026-11-29")]
        {
            assert_eq!(date(day), expected);
        }
    }

    #[test]
    fn a_sibling_is_another_token_for_the_same_one() {
        for (given, siblings) in
            [(vec![], 0), (vec!["p"], 0), (vec!["a"], 0), (vec!["p", "a"], 0), (vec!["a", "b", "p"], 1)]
        {
            let mut seen = Honest::of("any");
            seen.count_siblings("p", &given.into_iter().map(str::to_owned).collect());
            assert_eq!(seen.siblings, siblings);
        }
    }

    #[test]
    fn who_goes_on_is_counted_once() {
        let mut theft = Theft::of("any");
        for (owner, thief) in [(false, false), (true, false), (true, true), (false, true), (false, true)] {
            theft.count(owner, thief);
        }
        assert_eq!((theft.ended, theft.kept_out, theft.both_go_on, theft.thief_alone), (1, 1, 1, 2));
    }
}
