//! What a path may lead to.

use std::env;
use std::fs;
use std::process::Command;

use super::*;
use regrant::store::{FileStoreError, Removed, StoreErrorKind};

/// Where the child that opens the file as well finds it.
const OPEN: &str = "REGRANT_TEST_OPEN";

#[test]
#[ignore = "a process that another test starts"]
fn child_that_opens() {
    let Some(path) = env::var_os(OPEN) else { return };
    match FileStore::open(path) {
        Ok(_) => println!("opened"),
        Err(error) => println!("refused: {error:?}: {error}"),
    }
}

fn open_in_child(place: &Place) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "file::files::child_that_opens", "--ignored", "--nocapture"])
        .env(OPEN, place.file())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn one_process_at_a_time() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    let said = open_in_child(&place);
    assert!(said.contains("refused: InUse: another process has the store's file open"), "{said}");
    assert!(matches!(FileStore::open(place.file()), Err(FileStoreError::InUse)));
    // Both were refused without harm.
    insert(&store, &Fields::new(1, 1, "alice").grant(), at(0));
    drop(store);
    let said = open_in_child(&place);
    assert!(said.contains("opened"), "{said}");
    assert!(load(&FileStore::open(place.file()).unwrap(), 1).is_some());
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    drop(FileStore::open(place.file()).unwrap());
    assert_eq!(fs::metadata(place.file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 1, "one file is all there is");
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let place = Place::new();
    assert!(matches!(FileStore::open(place.folder().join("no/grants")), Err(FileStoreError::Io(_))));
    assert!(matches!(FileStore::open(place.folder()), Err(FileStoreError::Io(_))));
}

#[test]
fn another_programs_file_is_refused_and_not_touched() {
    let place = Place::new();
    let mut database = b"redb\x1a\x0a\xa9\x0d\x0a".to_vec();
    database.resize(100_000, 0);
    let mut text = b"regrant grants\nare what this text is about".to_vec();
    text.resize(5_000, b'.');
    for bytes in [b"x".to_vec(), vec![0; 5_000], text, database] {
        fs::write(place.file(), &bytes).unwrap();
        assert!(matches!(FileStore::open(place.file()), Err(FileStoreError::NotAStore)), "{:?}", &bytes[..1]);
        assert_eq!(fs::read(place.file()).unwrap(), bytes);
    }
}

#[test]
fn a_newer_format_is_refused_and_not_touched() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    insert(&store, &Fields::new(1, 1, "alice").grant(), at(0));
    drop(store);
    let written = fs::read(place.file()).unwrap();
    assert_eq!(written[16..20], [0, 0, 0, 1]);
    for newer in [[0, 0, 0, 2], [9, 0, 0, 1]] {
        let mut bytes = written.clone();
        bytes[16..20].copy_from_slice(&newer);
        fs::write(place.file(), &bytes).unwrap();
        assert!(matches!(FileStore::open(place.file()), Err(FileStoreError::NewerFormat)));
        assert_eq!(fs::read(place.file()).unwrap(), bytes);
    }
    fs::write(place.file(), &written).unwrap();
    assert!(load(&FileStore::open(place.file()).unwrap(), 1).is_some());
}

/// Finds where the record of that version is, in the file of a closed store: its latest copy and any that are free now.
fn change_record(place: &Place, grant: &Grant, change: impl Fn(&mut [u8])) {
    let mut bytes = fs::read(place.file()).unwrap();
    let record = grant.encode();
    let found: Vec<usize> = (0..bytes.len() - record.len()).filter(|at| bytes[*at..].starts_with(&record)).collect();
    assert!(!found.is_empty());
    for at in found {
        change(&mut bytes[at..at + record.len()]);
    }
    fs::write(place.file(), bytes).unwrap();
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_and_stays_as_it_is_until_it_is_removed() {
    for (first_byte, kind) in [(0, StoreErrorKind::Corrupt), (200, StoreErrorKind::NewerFormat)] {
        let place = Place::new();
        let (damaged, healthy) = (Fields::new(1, 1, "alice").grant(), Fields::new(2, 1, "bob").grant());
        let store = FileStore::open(place.file()).unwrap();
        insert(&store, &damaged, at(0));
        insert(&store, &healthy, at(0));
        drop(store);
        change_record(&place, &damaged, |record| record[0] = first_byte);

        let store = FileStore::open(place.file()).unwrap();
        assert_eq!(wait(store.load(damaged.id())).unwrap_err().kind(), kind);
        let next = Fields::new(1, 2, "alice").grant();
        assert_eq!(wait(store.compare_and_swap(damaged.version(), &next, at(0))).unwrap_err().kind(), kind);
        let listed = wait(store.list(&Owner::subject("alice"), None, 9)).unwrap();
        assert_eq!((listed.grants.len(), listed.unreadable), (0, vec![damaged.id()]));
        assert_eq!(insert(&store, &next, at(0)), Insert::Duplicate);
        // The others go on, and a purge goes past it.
        assert_eq!(load(&store, 2), Some(healthy.clone()));
        assert_eq!(wait(store.purge_expired(at(1_000_000), 10)).unwrap(), 1);
        drop(store);

        let mut record = damaged.encode();
        record[0] = first_byte;
        let bytes = fs::read(place.file()).unwrap();
        assert!(bytes.windows(record.len()).any(|window| window == record));

        let store = FileStore::open(place.file()).unwrap();
        assert_eq!(wait(store.remove(damaged.id())).unwrap(), Removed::Unreadable);
        assert_eq!(wait(store.remove(damaged.id())).unwrap(), Removed::Nothing);
        assert!(wait(store.list(&Owner::subject("alice"), None, 9)).unwrap().is_empty());
        assert_eq!(insert(&store, &next, at(0)), Insert::Added);
    }
}

#[test]
fn whatever_is_damaged_the_host_lives() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    for id in 0..40 {
        insert(&store, &Fields::new(id, 1, "alice").grant(), at(0));
    }
    drop(store);
    let written = fs::read(place.file()).unwrap();
    let pages: Vec<usize> =
        (0..written.len() / 4_096).filter(|page| written[page * 4_096..][..4_096] != [0; 4_096]).collect();
    for check in [false, true] {
        for page in &pages {
            for damage in [0x00, 0xff, 0x5a] {
                let mut bytes = written.clone();
                bytes[page * 4_096..][..4_096].fill(damage);
                fs::write(place.file(), &bytes).unwrap();
                let Ok(store) = FileStore::builder().check(check).open(place.file()) else { continue };
                let _ = wait(store.load(GrantId::from_u64(3)));
                let _ = wait(store.list(&Owner::subject("alice"), None, 100));
                let next = Fields::new(3, 2, "alice").grant();
                let _ = wait(store.compare_and_swap(Version::from_u64(1), &next, at(0)));
                let _ = wait(store.insert(&Fields::new(99, 2, "alice").grant(), at(0)));
                let _ = wait(store.remove(GrantId::from_u64(4)));
            }
        }
    }
}

#[test]
fn debug_shows_no_grant() {
    let place = Place::new();
    let store = FileStore::open(place.file()).unwrap();
    insert(&store, &Fields::new(1, 1, "alice").grant(), at(0));
    assert_eq!(format!("{store:?}"), "FileStore { failed: false, .. }");
}
