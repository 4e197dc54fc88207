//! What a grant takes in the server's memory, with its part of the index, and that refreshes do not add to it.

use regrant::TokenStore;
use regrant::grant::Version;
use regrant::store::Swap;

use super::builder;
use super::grants::{DAY, NOW, wanted};
use crate::kit::servers::redis::Redis;

const GRANTS: u64 = 300;

/// With one grant for each owner, which is the worst: the index of one entry costs most.
#[tokio::test]
async fn a_hundred_refreshes_take_no_more_room_than_one() {
    let Some(redis) =
        Redis::start_with(&["--save", "", "--activedefrag", "no", "--hz", "100", "--latency-tracking", "no"])
    else {
        return;
    };
    let store = builder("regrant:").connect(&redis.url()).await.unwrap();
    let taken = || -> u64 {
        let key = |id: u64| [format!("regrant:grant:{id:016x}"), format!("regrant:owner:user-{id:05}")];
        (0..GRANTS).flat_map(key).map(|key| redis.ask::<u64>(&["MEMORY", "USAGE", &key, "SAMPLES", "0"])).sum()
    };
    // Without what the server keeps for connections, which come and go as they like. That of the newest it may not have counted as such yet,
    // and each of these is one.
    let reading = |_| redis.info("used_memory_dataset").parse::<u64>().unwrap();
    let used = || (0..50).map(reading).min().unwrap();
    let held = || [redis.ask::<u64>(&["DBSIZE"]), redis.info("number_of_cached_scripts").parse().unwrap()];
    let (mut keys, mut memory, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for id in 0..GRANTS {
        let grant = wanted(id, &format!("user-{id:05}")).grant();
        store.insert(&grant, NOW).await.unwrap();
    }
    for refresh in 1..=100 {
        for id in 0..GRANTS {
            let next = wanted(id, &format!("user-{id:05}")).version(refresh + 1).expires(1_000 + (refresh + 1) * DAY);
            let swap = store.compare_and_swap(Version::from_u64(refresh), &next.grant(), NOW).await.unwrap();
            assert_eq!(swap, Swap::Swapped);
        }
        if refresh == 1 || refresh == 100 {
            keys.push(taken() / GRANTS);
            memory.push(used() / GRANTS);
            counts.push(held());
        }
    }
    println!(
        "a record of {} bytes: {keys:?} bytes for each grant, its owner's index of one entry included, after 1 and after 100 \
         refreshes; the server's memory without its connections', divided by {GRANTS}: {memory:?}; keys and scripts: {counts:?}",
        wanted(1, "user-00001").grant().encode().len()
    );
    // In a hundred days the index was made to live longer once, which takes an entry more.
    assert!(keys[1] <= keys[0] + 40, "{keys:?}");
    assert!(keys[1] < 500, "{keys:?}");
    assert_eq!(counts[0], counts[1]);
    // One byte a refresh would be twice as much.
    assert!(memory[1] < memory[0] + 50, "{memory:?}");
}
