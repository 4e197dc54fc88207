//! What a row of a table is: where it is written, what it asks for, a request, and what is answered.

pub(crate) struct Row<D> {
    pub(crate) section: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) request: fn(&D) -> String,
    pub(crate) answer: &'static str,
}

/// Runs each row at a desk of its own, and says all that fail.
#[track_caller]
pub(crate) fn run_all<D>(rows: &[Row<D>], desk: impl Fn() -> D) {
    let mut wrong = Vec::new();
    for Row { section, rule, request, answer } in rows {
        let got = request(&desk());
        if got != *answer {
            wrong.push(format!("{section}: {rule}: {got:?}, not {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
