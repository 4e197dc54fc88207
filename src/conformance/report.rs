//! What the checks have found.

use std::fmt;

/// What [`check`](super::check) has found: every check by name, and for each that failed what was seen and what it costs.
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
    pub(super) failures: Vec<Failure>,
}

/// A check that failed.
///
/// ```
/// use regrant::conformance::Report;
/// fn list(report: &Report) {
///     for failure in report.failures() {
///         println!("{}: {}; {}", failure.name(), failure.seen(), failure.cost());
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Failure {
    pub(super) name: &'static str,
    pub(super) seen: String,
    pub(super) cost: &'static str,
}

impl Report {
    /// Whether the store passed every check that was run, and at least one was.
    ///
    /// ```
    /// # fn is_right(report: &regrant::conformance::Report) -> bool {
    /// report.is_ok()
    /// # }
    /// ```
    pub const fn is_ok(&self) -> bool {
        self.failures.is_empty() && !self.passed.is_empty()
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

    /// Does nothing if all is well: the last line of a test.
    ///
    /// # Panics
    ///
    /// With the whole report, if a check failed or none was run.
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

    /// What it costs in security, or whom it logs out.
    ///
    /// ```
    /// # fn print(failure: &regrant::conformance::Failure) {
    /// println!("{}", failure.cost());
    /// # }
    /// ```
    pub const fn cost(&self) -> &'static str {
        self.cost
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in &self.passed {
            writeln!(f, "passed  {name}")?;
        }
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        let (failed, all) = (self.failures.len(), self.failures.len() + self.passed.len());
        match (failed, all) {
            (_, 0) => f.write_str("no check of that name was found"),
            (0, _) => write!(f, "the store passed all {all} checks"),
            _ => write!(f, "the store failed {failed} of {all} checks"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FAILED  {}\n        seen: {}\n        cost: {}", self.name, self.seen, self.cost)
    }
}
