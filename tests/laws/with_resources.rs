//! Laws 1 to 18 once more, with resources in each grant (RFC 8707), on every store.
//!
//! Each login and each code names two of three resources, and by turns a refresh does; access tokens are for both. What a law says
//! of such a grant is what it says of one without.

/// Runs a check on each store that there is, empty each time, and boxed: the other forms are `on_servers`' own.
macro_rules! on_every_store {
    ($check:ident $(, $argument:expr)* $(,)?) => {{
        use regrant::store::DynTokenStore;
        use $crate::kit::store::{bytes::BytesStore, faulty::Shelf, waiting::Waiting};
        let memory = || Box::new(regrant::MemoryStore::builder().shards(2).build()) as Box<dyn DynTokenStore>;
        let bytes = || Box::new(BytesStore::default()) as Box<dyn DynTokenStore>;
        $check(Shelf::of(Waiting::of(memory(), false)) $(, $argument)*)?;
        $check(Shelf::of(Waiting::of(bytes(), false)) $(, $argument)*)?;
        on_a_fresh_one!($crate::stores::file(), $check $(, $argument)*);
        if let Some(store) = $crate::stores::postgres() {
            on_a_fresh_one!(store, $check $(, $argument)*);
        }
        if let Some(store) = $crate::stores::redis() {
            on_a_fresh_one!(store, $check $(, $argument)*);
        }
    }};
}

macro_rules! on_a_fresh_one {
    ($fresh:expr, $check:ident $(, $argument:expr)*) => {{
        let fresh = $fresh;
        let store: Box<dyn DynTokenStore> = Box::new(fresh.make());
        $check(Shelf::of(Waiting::of(store, fresh.expires_by_itself)) $(, $argument)*)
            .map_err(|error| $crate::stores::named(fresh.name, error))?;
    }};
}

#[path = "binding.rs"]
mod binding;
#[path = "codes.rs"]
mod codes;
#[path = "ending.rs"]
mod ending;
#[path = "endpoint.rs"]
mod endpoint;
#[path = "everything.rs"]
mod everything;
#[path = "finality.rs"]
mod finality;
#[path = "forgery.rs"]
mod forgery;
#[path = "keys.rs"]
mod keys;
#[path = "lifetimes.rs"]
mod lifetimes;
#[path = "renewal.rs"]
mod renewal;
#[path = "rotation.rs"]
mod rotation;
#[path = "session.rs"]
mod session;
#[path = "storage.rs"]
mod storage;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult};
use regrant::TokenStore;

use crate::kit::laws::codes::{Knows, redeem};
use crate::kit::laws::world::{APP, OTHER, Setup, SomeResources, World, grant_of};
use crate::kit::store::faulty::Shelf;

const RESOURCES: &[&str] = &["https://a.example/mcp", "https://b.example/mcp", "urn:example:c"];

/// A fraction of the cases that there are in memory.
fn cases(number: u32) -> Config {
    crate::cases(number, 24, 2_000)
}

fn setup() -> Setup {
    let resources = SomeResources { all: RESOURCES, default: RESOURCES[0], earlier: None, named: &RESOURCES[..2] };
    Setup { resources: Some(resources), ..Setup::default() }
}

fn is_for_both<S: TokenStore>(store: Shelf<S>) -> TestCaseResult {
    let world = World::new(store, setup());
    let by_code = world.send(redeem(APP, OTHER, &world.code(APP, "alice"), Knows::All));
    for made in [world.login(APP), by_code] {
        let mut answer = made;
        for _ in 0..4 {
            let grant = world.store.peek(grant_of(answer.refresh_token())).expect("a grant");
            prop_assert_eq!(grant.resources().collect::<Vec<_>>(), &RESOURCES[..2]);
            let believed: Vec<bool> =
                RESOURCES.iter().map(|resource| world.lets_into(resource, answer.access_token())).collect();
            prop_assert_eq!(believed, [true, true, false]);
            answer = world.refresh(APP, answer.refresh_token());
        }
    }
    Ok(())
}

/// The grants of these runs are what they are run for.
#[test]
fn every_grant_is_for_two_resources() -> TestCaseResult {
    on_every_store!(is_for_both);
    Ok(())
}
