//! The same laws on the stores that outlive a process: a file, PostgreSQL and Redis, each plain, boxed and shared.
//!
//! Fewer cases than in memory, since each operation is one of a real server.

/// Runs a check on each of those stores that there is, empty each time.
macro_rules! on_every_store {
    ($check:ident $(, $argument:expr)* $(,)?) => {{
        on_every_form!($crate::stores::file(), $check $(, $argument)*);
        if let Some(store) = $crate::stores::postgres() {
            on_every_form!(store, $check $(, $argument)*);
        }
        if let Some(store) = $crate::stores::redis() {
            on_every_form!(store, $check $(, $argument)*);
        }
    }};
}

/// On `T`, `Box<dyn …>` and `Arc<dyn …>` of a [`Fresh`](stores::Fresh) store.
macro_rules! on_every_form {
    ($fresh:expr, $check:ident $(, $argument:expr)*) => {{
        use $crate::kit::store::{faulty::Shelf, waiting::Waiting};
        let fresh = $fresh;
        let named = |error| $crate::stores::named(fresh.name, error);
        $check(Shelf::of(Waiting::of(fresh.make(), fresh.expires_by_itself)) $(, $argument)*).map_err(named)?;
        let boxed: Box<dyn regrant::store::DynTokenStore> = Box::new(fresh.make());
        $check(Shelf::of(Waiting::of(boxed, fresh.expires_by_itself)) $(, $argument)*).map_err(named)?;
        let shared: std::sync::Arc<dyn regrant::store::DynTokenStore> = std::sync::Arc::new(fresh.make());
        $check(Shelf::of(Waiting::of(shared, fresh.expires_by_itself)) $(, $argument)*).map_err(named)?;
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

/// A fraction of the cases that there are in memory.
fn cases(number: u32) -> Config {
    crate::cases(number, 12, 2_000)
}

fn setup() -> Setup {
    Setup::default()
}
