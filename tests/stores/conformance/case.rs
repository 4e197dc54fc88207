//! A store that is wrong, and the checks that find out.

use regrant::conformance::{Conformance, Report};

/// A store that is wrong.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The checks that fail on it, every time.
    pub(crate) caught_by: &'static [&'static str],
    pub(crate) run: fn(&Conformance) -> Report,
}

impl Case {
    /// Each of those checks fails.
    pub(crate) fn is_caught(&self) {
        let kit = self.caught_by.iter().fold(Conformance::new(), |kit, check| kit.only(check));
        let report = (self.run)(&kit);
        let idle: Vec<&str> = report.nothing_to_do().map(|(name, _)| name).collect();
        assert_eq!(idle, [""; 0], "{} gave these nothing to do\n{report}", self.name);
        assert_eq!(report.passed().collect::<Vec<_>>(), [""; 0], "{} was not caught by these\n{report}", self.name);
        assert_eq!(report.failures().len(), self.caught_by.len(), "{}: a check of a wrong name", self.name);
    }
}

/// Stores that are wrong in one place: what that is, the checks that find out, and the methods that are wrong.
macro_rules! broken {
    ($($(#[$doc:meta])* $name:ident, $caught_by:expr, { $($method:item)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Default)]
            struct $name($crate::conformance::shelf::Shelf);

            impl $crate::conformance::shelf::Behaves for $name {
                fn shelf(&self) -> &$crate::conformance::shelf::Shelf {
                    &self.0
                }

                $($method)*
            }
        )*

        pub(crate) const CASES: &[$crate::conformance::case::Case] = &[$($crate::conformance::case::Case {
            name: stringify!($name),
            caught_by: &$caught_by,
            run: |kit| kit.check_blocking(async || $crate::conformance::shelf::Store::<$name>::default()),
        }),*];
    };
}

pub(crate) use broken;
