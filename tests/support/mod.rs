//! What the tests of the laws share: stores that yield and fail, requests as bytes, a scheduler, and an oracle.
#![allow(dead_code, reason = "each test target uses its part")]

pub(crate) mod actions;
pub(crate) mod bytes_store;
pub(crate) mod events;
pub(crate) mod faulty;
pub(crate) mod schedule;
pub(crate) mod sim;
pub(crate) mod spec;
pub(crate) mod wire;
pub(crate) mod world;

/// Runs a check on each store there is: plain, kept as bytes, and erased.
///
/// The check is a function of a [`Shelf`](faulty::Shelf) and of further arguments, and gives a `TestCaseResult`.
macro_rules! on_every_store {
    ($check:ident $(, $argument:expr)* $(,)?) => {{
        use $crate::support::{bytes_store::BytesStore, faulty::Shelf};
        $check(Shelf::of(regrant::MemoryStore::builder().shards(2).build()) $(, $argument)*)?;
        $check(Shelf::of(BytesStore::default()) $(, $argument)*)?;
        let erased: Box<dyn regrant::DynTokenStore> = Box::new(BytesStore::default());
        $check(Shelf::of(erased) $(, $argument)*)?;
    }};
}
pub(crate) use on_every_store;
