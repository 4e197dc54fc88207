//! On the stores of this process: plain, kept as bytes, and erased.

/// Runs a check on each of them.
///
/// The check is a function of a [`Shelf`](crate::kit::store::faulty::Shelf) and of further arguments, and gives a
/// `TestCaseResult`.
macro_rules! on_every_store {
    ($check:ident $(, $argument:expr)* $(,)?) => {{
        use $crate::kit::store::{bytes::BytesStore, faulty::Shelf};
        $check(Shelf::of(regrant::MemoryStore::builder().shards(2).build()) $(, $argument)*)?;
        $check(Shelf::of(BytesStore::default()) $(, $argument)*)?;
        let erased: Box<dyn regrant::store::DynTokenStore> = Box::new(BytesStore::default());
        $check(Shelf::of(erased) $(, $argument)*)?;
    }};
}

#[path = "audience.rs"]
mod audience;
#[path = "binding.rs"]
mod binding;
#[path = "codes.rs"]
mod codes;
#[path = "device.rs"]
mod device;
#[path = "ending.rs"]
mod ending;
#[path = "endpoint.rs"]
mod endpoint;
#[path = "everything.rs"]
mod everything;
#[path = "exchange.rs"]
mod exchange;
#[path = "finality.rs"]
mod finality;
#[path = "foreign.rs"]
mod foreign;
#[path = "forgery.rs"]
mod forgery;
#[path = "keys.rs"]
mod keys;
#[path = "lifetimes.rs"]
mod lifetimes;
#[path = "logouts.rs"]
mod logouts;
#[path = "markers.rs"]
mod markers;
#[path = "profiles.rs"]
mod profiles;
#[path = "proofs.rs"]
mod proofs;
#[path = "realms.rs"]
mod realms;
#[path = "renewal.rs"]
mod renewal;
#[path = "rotation.rs"]
mod rotation;
#[path = "session.rs"]
mod session;
#[path = "stalls.rs"]
mod stalls;
#[path = "storage.rs"]
mod storage;
#[path = "strangers.rs"]
mod strangers;

use proptest::test_runner::Config;

use crate::kit::laws::world::Setup;

fn cases(number: u32) -> Config {
    crate::cases(number, 1, 20_000)
}

/// What an engine of the laws is, where a law does not say otherwise.
fn setup() -> Setup {
    Setup::default()
}
