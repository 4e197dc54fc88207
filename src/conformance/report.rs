//! What the checks have found.

use std::fmt;

/// What [`check`](super::check) or [`check_fetch`](super::check_fetch) has found: every check by name, which of them had nothing to do, and for each that
/// failed what was seen and what it costs.
///
/// `Display` writes all of it.
///
/// ```
/// use regrant::MemoryStore;
/// use regrant::conformance::Conformance;
///
/// let one = Conformance::new().only("swap_needs_the_expected_version");
/// let report = one.check_blocking(async || MemoryStore::new());
/// assert!(report.is_ok(), "{report}");
/// assert_eq!(report.passed().collect::<Vec<_>>(), ["swap_needs_the_expected_version"]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a report may be bad news"]
pub struct Report {
    pub(super) passed: Vec<&'static str>,
    pub(super) idle: Vec<(&'static str, &'static str)>,
    pub(super) failures: Vec<Failure>,
    pub(super) unknown: Vec<String>,
    /// What was checked.
    pub(super) of: &'static str,
}

/// A check that failed.
///
/// ```
/// use regrant::conformance::Report;
/// fn list(report: &Report) {
///     for failure in report.failures() {
///         println!("{}: {}; {}", failure.name(), failure.seen(), failure.cost().unwrap_or("an error"));
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    pub(super) name: &'static str,
    pub(super) kind: FailureKind,
    pub(super) seen: String,
    pub(super) cost: &'static str,
    pub(super) of: &'static str,
}

/// Why a check failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FailureKind {
    /// The store does not do what it promises, at a [cost](Failure::cost).
    BrokenPromise,
    /// The store returned an error, so the check could not be finished. Whether it keeps the promise is not known.
    StoreError,
    /// The store panicked, so the check could not be finished.
    Panic,
    /// The store found no async runtime, or the runtime dropped its tasks: how the checks are run is wrong, not the
    /// store.
    Runtime,
    /// The check was not done within its [deadline](super::Conformance::deadline).
    Stuck,
}

impl Report {
    /// Of nothing yet.
    pub(super) const fn of(what: &'static str) -> Self {
        Self { passed: Vec::new(), idle: Vec::new(), failures: Vec::new(), unknown: Vec::new(), of: what }
    }

    /// Whether the store passed every check that had something to do, at least one had, and none was asked for by a
    /// name that no check has.
    ///
    /// ```
    /// # fn is_right(report: &regrant::conformance::Report) -> bool {
    /// report.is_ok()
    /// # }
    /// ```
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty() && self.unknown.is_empty() && !self.passed.is_empty()
    }

    /// The checks that failed, in the order they were run.
    ///
    /// ```
    /// # fn how_many(report: &regrant::conformance::Report) -> usize {
    /// report.failures().len()
    /// # }
    /// ```
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The names of those that passed, in the order they were run.
    ///
    /// ```
    /// # fn how_many(report: &regrant::conformance::Report) -> usize {
    /// report.passed().count()
    /// # }
    /// ```
    pub fn passed(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.passed.iter().copied()
    }

    /// The names of those that had nothing to do, each with the reason: whatever they are for was not checked.
    ///
    /// ```
    /// use regrant::MemoryStore;
    /// use regrant::conformance;
    ///
    /// let report = conformance::check_blocking(async || MemoryStore::new());
    /// // Nothing of it outlives the process.
    /// assert!(report.nothing_to_do().any(|(name, _)| name == "racing_fingerprints_agree"));
    /// ```
    pub fn nothing_to_do(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        self.idle.iter().copied()
    }

    /// Names that were [asked for](super::Conformance::only) and that no check has.
    ///
    /// ```
    /// use regrant::MemoryStore;
    /// use regrant::conformance::Conformance;
    ///
    /// let kit = Conformance::new().only("no_update_is_lost").only("swap_needs_the_right_version");
    /// let report = kit.check_blocking(async || MemoryStore::new());
    /// assert_eq!(report.unknown().collect::<Vec<_>>(), ["swap_needs_the_right_version"]);
    /// assert!(!report.is_ok());
    /// ```
    pub fn unknown(&self) -> impl Iterator<Item = &str> + '_ {
        self.unknown.iter().map(String::as_str)
    }

    /// Does nothing if all is well: the last line of a test.
    ///
    /// # Panics
    ///
    /// With the whole report, if [`is_ok`](Self::is_ok) says no.
    ///
    /// ```
    /// # fn test(report: regrant::conformance::Report) {
    /// report.assert();
    /// # }
    /// ```
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.is_ok(), "{self}");
    }
}

impl Failure {
    /// The check's name: a sentence that does not hold.
    ///
    /// ```
    /// # fn is_known(failure: &regrant::conformance::Failure) -> bool {
    /// failure.name() == "list_shows_no_removed_grant"
    /// # }
    /// ```
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the store is wrong, or something else went wrong.
    ///
    /// ```
    /// use regrant::conformance::{Failure, FailureKind};
    /// fn is_the_servers(failure: &Failure) -> bool {
    ///     failure.kind() == FailureKind::StoreError
    /// }
    /// ```
    pub const fn kind(&self) -> FailureKind {
        self.kind
    }

    /// What was seen instead. No secret is in it, unless the store's own errors tell one.
    ///
    /// ```
    /// # fn print(failure: &regrant::conformance::Failure) {
    /// println!("{}", failure.seen());
    /// # }
    /// ```
    pub fn seen(&self) -> &str {
        &self.seen
    }

    /// What it costs in security, or whom it logs out, where a promise is broken.
    ///
    /// ```
    /// # fn print(failure: &regrant::conformance::Failure) {
    /// println!("{}", failure.cost().unwrap_or("nothing is known of it"));
    /// # }
    /// ```
    pub const fn cost(&self) -> Option<&'static str> {
        match self.kind {
            FailureKind::BrokenPromise => Some(self.cost),
            _ => None,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.passed {
            writeln!(f, "passed  {name}")?;
        }
        for (name, why) in &self.idle {
            writeln!(f, "nothing to do  {name}: {why}")?;
        }
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        for name in &self.unknown {
            writeln!(f, "UNKNOWN {}: no check here has that name", cut(name))?;
        }
        let (passed, idle, failed) = (self.passed.len(), self.idle.len(), self.failures.len());
        match (passed, failed) {
            (0, 0) => f.write_str("nothing was checked")?,
            (_, 0) => write!(f, "the {} passed {passed} checks", self.of)?,
            _ => write!(f, "the {} failed {failed} of {} checks", self.of, passed + failed)?,
        }
        let unfinished = self.failures.iter().filter(|failure| failure.cost().is_none()).count();
        if unfinished > 0 {
            write!(f, ", {unfinished} by an error or a panic, without a promise seen broken")?;
        }
        if idle > 0 {
            write!(f, "; {idle} had nothing to do")?;
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FAILED  {}\n        seen: {}\n        ", self.name, self.seen)?;
        match self.kind {
            FailureKind::BrokenPromise => write!(f, "cost: {}", self.cost),
            FailureKind::StoreError => f.write_str("that is an error of the store; the check could not be finished"),
            FailureKind::Panic => write!(f, "that is a panic of the {}; the check could not be finished", self.of),
            FailureKind::Runtime => f.write_str(
                "that is not of the store: give `check` a way to spawn on the runtime that it needs, and stay on it",
            ),
            FailureKind::Stuck => write!(f, "the {} hangs, or the deadline is too short for it", self.of),
        }
    }
}

/// No more of a text than a line of a report has room for, in quotes.
pub(super) fn cut(text: &str) -> String {
    const MOST: usize = 32;
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("al\0ice"), "\"al\\0ice\"");
        assert_eq!(cut(&"é".repeat(32)), format!("{:?}", "é".repeat(32)));
        assert_eq!(cut(&"é".repeat(512)), format!("{:?}… (1024 bytes)", "é".repeat(32)));
    }
}
