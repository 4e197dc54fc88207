//! What a grant takes on the disk, however often it is refreshed. Sizes alone; no clock has a part in it.

use std::fs;
use std::future::Future;
use std::pin::Pin;

use super::*;

const GRANTS: u64 = 2_000;

/// A record of 300 bytes.
fn grant(id: u64, version: u64) -> Grant {
    let mut fields = Fields::new(id, version, &format!("user-{:016}", id / 2)).expires_at(1_000_000 + version);
    fields.extra = format!("\"home\":\"{}\"", "h".repeat(300));
    let spare = fields.grant().encode().len() - 300;
    fields.extra = format!("\"home\":\"{}\"", "h".repeat(300 - spare));
    let grant = fields.grant();
    assert_eq!(grant.encode().len(), 300);
    grant
}

/// The log, which every store has from the beginning.
const LOG: u64 = 4 << 20;
/// Three times the records and 200 bytes, and as much again for pages that were replaced since the tables were last
/// written: of so few grants that can be all of them.
const BOUND: u64 = 2 * (3 * 300 + 200);

/// What the file takes of the disk beside the log, and its length.
fn bytes_per_grant(place: &Place) -> (u64, u64) {
    let file = fs::metadata(place.file()).unwrap();
    #[cfg(unix)]
    let taken = std::os::unix::fs::MetadataExt::blocks(&file) * 512;
    #[cfg(not(unix))]
    let taken = file.len();
    ((taken - LOG) / GRANTS, (file.len() - LOG) / GRANTS)
}

/// All of them at once, as concurrent callers would.
fn all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) {
    let mut calls: Vec<Pin<Box<_>>> = futures.into_iter().map(Box::pin).collect();
    // Some are answered before the others are asked.
    calls.retain_mut(|call| call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    for call in calls {
        wait(call);
    }
}

fn refresh_all(store: &FileStore, version: u64) {
    for chunk in (0..GRANTS).collect::<Vec<_>>().chunks(500) {
        // In another order each time.
        let next: Vec<Grant> = chunk.iter().map(|id| grant((id * 7 + version * 13) % GRANTS, version)).collect();
        all(next.iter().map(|next| async {
            let swapped = store.compare_and_swap(Version::from_u64(version - 1), next, at(0)).await.unwrap();
            assert_eq!(swapped, Swap::Swapped);
        }));
    }
}

#[test]
fn a_hundred_refreshes_take_no_more_than_ten() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    for chunk in (0..GRANTS).collect::<Vec<_>>().chunks(500) {
        let grants: Vec<Grant> = chunk.iter().map(|id| grant(*id, 0)).collect();
        all(grants.iter().map(|grant| async {
            assert_eq!(store.insert(grant, at(0)).await.unwrap(), Insert::Added);
        }));
    }
    refresh_all(&store, 1);
    let (once, len_once) = bytes_per_grant(&place);
    for version in 2..=10 {
        refresh_all(&store, version);
    }
    // The log has been full by now.
    let (ten_times, _) = bytes_per_grant(&place);
    for version in 11..=100 {
        refresh_all(&store, version);
    }
    let (often, len_often) = bytes_per_grant(&place);
    println!(
        "bytes per grant: {once} after 1 refresh, {ten_times} after 10, {often} after 100 (lengths {len_once}, {len_often})"
    );
    assert!(ten_times > 300 && often < 2 * ten_times, "{ten_times}, then {often}");
    assert!(often < BOUND, "{often}");
    // A second login of each person, and the end of all of the first: their room is used again.
    for chunk in (0..GRANTS).collect::<Vec<_>>().chunks(500) {
        all(chunk.iter().map(|id| async { store.remove(GrantId::from_u64(*id)).await.unwrap().grant().unwrap() }));
        let logins: Vec<Grant> = chunk.iter().map(|id| grant(id + GRANTS, 0)).collect();
        all(logins.iter().map(|login| async { store.insert(login, at(0)).await.unwrap() }));
    }
    let (anew, len_anew) = bytes_per_grant(&place);
    println!("{anew} after all were replaced (length {len_anew})");
    drop(store);
    let mut store = FileStore::open(place.file()).unwrap();
    store.compact().unwrap();
    drop(store);
    let (closed, _) = bytes_per_grant(&place);
    println!("{closed} once it was made compact");
    assert!(closed < BOUND / 2, "{closed}");
    assert!(anew < BOUND, "{anew}");
}
