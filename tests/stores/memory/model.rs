//! Any sequence of calls, beside a model that is a map.

use super::*;
use crate::kit::records::model::{agrees, steps};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn agrees_with_a_map(
        steps in steps(120),
        capacity in prop::option::of(0..8_usize),
        shards in prop::sample::select(vec![1, 2, 256]),
    ) {
        let builder = MemoryStore::builder().shards(shards);
        let store = capacity.map_or(builder.clone(), |capacity| builder.capacity(capacity)).build();
        let same = async |store| store;
        wait(agrees(store, capacity, same, |store| Some(store.len()), steps))?;
    }

    #[test]
    fn any_cursor_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..12), limit in any::<usize>()) {
        let store = MemoryStore::builder().shards(4).build();
        for id in 0..20 {
            insert(&store, &Fields::new(id, 1, "a").grant(), at(0));
        }
        let page = wait(store.list(&Owner::subject("a"), Some(Cursor::new(bytes)), limit));
        if let Ok(page) = page {
            prop_assert!(page.grants.len() <= 20);
        }
    }
}
