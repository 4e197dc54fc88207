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

    /// An id names one grant for ever: JWTs say no more of theirs. Whatever comes of proposals, whoever takes the slots
    /// otherwise, and wherever the clock goes, none is proposed twice.
    #[test]
    fn no_id_is_proposed_twice(steps in prop::collection::vec((0..5_u8, 0..64_usize), 1..400)) {
        let store = MemoryStore::builder().shards(1).build();
        let (mut secs, mut proposed, mut live) = (1_000_u64, BTreeSet::new(), Vec::new());
        let insert = |id: u64, secs: u64| {
            let grant = Fields::new(id, 1, "a").expires_at(1 << 40).grant();
            wait(store.insert(&grant, at(secs * 1_000))).is_ok_and(|inserted| inserted == Insert::Added)
        };
        for (step, number) in steps {
            match step {
                0 | 1 => {
                    let Some(lower) = store.propose_id(at(secs * 1_000)) else { continue };
                    let id = secs << 32 | u64::from(lower);
                    prop_assert!(proposed.insert(id), "{id:x}");
                    // Not everybody who asks comes.
                    if step == 0 && insert(id, secs) {
                        live.push(id);
                    }
                }
                2 if !live.is_empty() => {
                    let id = live.swap_remove(number % live.len());
                    prop_assert!(wait(store.remove(regrant::GrantId::from_u64(id))).unwrap().grant().is_some());
                }
                3 => {
                    let id = 1 << 63 | u64::from(number.is_power_of_two()) << 40 | number as u64;
                    if insert(id, secs) {
                        live.push(id);
                    }
                }
                4 if number % 8 == 0 => secs = 1_000 + number as u64 / 16,
                _ => {}
            }
        }
    }
}
