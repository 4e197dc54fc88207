//! A server that answers late.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use regrant::TokenStore;
use regrant::grant::Version;
use regrant::store::{RedisStore, StoreErrorKind, Swap};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::grants::{DAY, NOW, grant, wanted};
use crate::kit::servers::redis::{Redis, prefix};

/// Between a store and its server: commands go through at once, answers so many milliseconds later.
async fn proxy(listener: UnixListener, server: std::path::PathBuf, delay: Arc<AtomicU64>) {
    while let Ok((client, _)) = listener.accept().await {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = UnixStream::connect(&server).await.unwrap().into_split();
        tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
        let delay = Arc::clone(&delay);
        tokio::spawn(async move {
            let mut bytes = vec![0; 65_536];
            while let Ok(length @ 1..) = from_server.read(&mut bytes).await {
                tokio::time::sleep(Duration::from_millis(delay.load(Ordering::Relaxed))).await;
                let _ = to_client.write_all(&bytes[..length]).await;
            }
        });
    }
}

/// Law 24: a swap that has the index live longer is three commands, and they have one time-out together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_of_several_steps_takes_no_longer_than_one_of_one() {
    let Some(redis) = Redis::start() else { return };
    let path = redis.path().join("slow.sock");
    let delay = Arc::new(AtomicU64::new(0));
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(proxy(listener, redis.path().join("redis.sock"), Arc::clone(&delay)));
    let prefix = prefix();
    let timeout = Duration::from_millis(500);
    let slow = RedisStore::builder().key_prefix(&prefix).timeout(timeout);
    let slow = slow.connect(&format!("redis+unix://{}", path.display())).await.unwrap();
    let direct = super::builder(&prefix).connect(&redis.url()).await.unwrap();
    direct.insert(&grant(1, "alice"), NOW).await.unwrap();
    // The server knows the scripts by then.
    let longer = wanted(1, "alice").version(2).expires(1_000 + 65 * DAY).grant();
    assert_eq!(direct.compare_and_swap(Version::from_u64(1), &longer, NOW).await.unwrap(), Swap::Swapped);
    delay.store(450, Ordering::Relaxed);
    let begun = Instant::now();
    let longest = wanted(1, "alice").version(3).expires(1_000 + 130 * DAY).grant();
    let error = slow.compare_and_swap(Version::from_u64(2), &longest, NOW).await.unwrap_err();
    assert!(begun.elapsed() < timeout * 3 / 2, "{:?}", begun.elapsed());
    // It had not come to the write.
    assert_eq!(error.kind(), StoreErrorKind::NotApplied, "{error:?}");
    assert_eq!(direct.load(longer.id()).await.unwrap(), Some(longer.clone()));
    tokio::time::sleep_until((begun + slow.longest_commit()).into()).await;
    assert_eq!(direct.load(longer.id()).await.unwrap(), Some(longer));
}
