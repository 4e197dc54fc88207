//! Any sequence of calls, beside a model that is a map.

use proptest::prelude::*;
use regrant::store::PostgresStore;

use super::store;
use crate::kit::records::model::{agrees, steps};

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_map(steps in steps(60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let Some((server, database, store)) = store().await else { return Ok(()) };
            let reopen = async |store| {
                drop(store);
                PostgresStore::connect(&server.url_of(&database)).await.unwrap()
            };
            agrees(store, None, reopen, |_| None, steps).await
        })?;
    }
}
