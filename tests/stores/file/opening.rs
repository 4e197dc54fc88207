//! What a store is opened on, and that it stays that.

use std::error::Error;
use std::fs::{self, File};
use std::path::Path;

use super::*;
use regrant::store::{FileStoreError, StoreError, StoreErrorKind};

/// A file that a store was closed on, with one grant.
fn closed(place: &Place) -> Vec<u8> {
    let store = FileStore::open(place.file()).unwrap();
    insert(&store, &Fields::new(1, 1, "alice").grant(), at(0));
    drop(store);
    fs::read(place.file()).unwrap()
}

#[test]
fn an_empty_file_is_a_new_store_only_if_it_is_accepted() {
    let place = Place::new();
    File::create(place.file()).unwrap();
    for check in [false, true] {
        let opened = FileStore::builder().check(check).open(place.file());
        assert!(matches!(opened, Err(FileStoreError::Empty)));
        assert_eq!(fs::metadata(place.file()).unwrap().len(), 0, "it was touched");
    }
    let store = FileStore::builder().accept_empty(true).open(place.file()).unwrap();
    insert(&store, &Fields::new(1, 1, "alice").grant(), at(0));
    drop(store);
    // And it makes no difference to one that is not empty.
    let store = FileStore::builder().accept_empty(true).open(place.file()).unwrap();
    assert!(load(&store, 1).is_some());
}

/// Wherever a copy onto a full disk ends.
#[test]
fn a_file_that_was_cut_short_is_refused_and_not_touched() {
    let place = Place::new();
    let written = closed(&place);
    let log = 4 << 20;
    let lengths = [1, 15, 16, 20, 21, 24, 64, 512, 4_095, 4_096, 4_097, 8_192, log, log + 4_096, log + 8_192];
    for len in lengths.into_iter().chain([written.len() - 4_096, written.len() - 1]) {
        fs::write(place.file(), &written[..len]).unwrap();
        for check in [false, true] {
            match FileStore::builder().check(check).open(place.file()) {
                Err(FileStoreError::Empty) => assert!(len <= 20, "{len}"),
                Err(FileStoreError::Damaged(_)) => assert!(len > 20, "{len}"),
                other => panic!("{len}: {other:?}"),
            }
            assert!(fs::read(place.file()).unwrap() == written[..len], "{len}: it was touched");
        }
    }
}

#[test]
fn no_file_is_made_where_none_is_asked_for() {
    let place = Place::new();
    let opened = FileStore::builder().create(false).open(place.file());
    assert!(matches!(opened, Err(FileStoreError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound));
    assert!(!place.file().exists());
    closed(&place);
    assert!(load(&FileStore::builder().create(false).open(place.file()).unwrap(), 1).is_some());
}

#[cfg(unix)]
mod on_unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_others_may_read_is_taken_from_them() {
        let place = Place::new();
        closed(&place);
        for (found, after) in [(0o644, 0o600), (0o666, 0o600), (0o640, 0o600), (0o604, 0o600), (0o700, 0o700)] {
            set_mode(&place.file(), found);
            let store = FileStore::open(place.file()).unwrap();
            assert_eq!(mode(&place.file()), after, "{found:o}");
            assert!(load(&store, 1).is_some());
        }
        // One that is made in an empty file, too.
        File::create(place.file()).unwrap();
        set_mode(&place.file(), 0o664);
        drop(FileStore::builder().accept_empty(true).open(place.file()).unwrap());
        assert_eq!(mode(&place.file()), 0o600);
    }

    #[test]
    fn the_mode_of_another_programs_file_is_left_as_it_is() {
        let place = Place::new();
        for bytes in [&b"root:x:0:0:root:/root:/bin/sh\n"[..], b""] {
            fs::write(place.file(), bytes).unwrap();
            set_mode(&place.file(), 0o644);
            FileStore::open(place.file()).unwrap_err();
            assert_eq!(mode(&place.file()), 0o644);
        }
    }

    /// Only root can give a file away, or become another: elsewhere there is nothing to see.
    #[test]
    fn a_file_of_another_user_that_others_may_read_is_refused() {
        const EXPOSED: &str = "REGRANT_TEST_EXPOSED";
        if let Some(path) = std::env::var_os(EXPOSED) {
            assert!(matches!(FileStore::open(path), Err(FileStoreError::Exposed)));
            return;
        }
        let place = Place::new();
        closed(&place);
        if fs::metadata(place.file()).unwrap().uid() != 0 {
            return;
        }
        set_mode(place.folder(), 0o755);
        set_mode(&place.file(), 0o666);
        // Its own program may be where the other user cannot go.
        let program = place.folder().join("test");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        set_mode(&program, 0o755);
        let (_, module) = module_path!().split_once("::").unwrap();
        let output = Command::new(program)
            .args(["--exact", &format!("{module}::a_file_of_another_user_that_others_may_read_is_refused")])
            .env(EXPOSED, place.file())
            .current_dir(place.folder())
            .uid(65_534)
            .gid(65_534)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        assert_eq!(mode(&place.file()), 0o666);
    }

    fn is_replaced(error: &StoreError) -> bool {
        match error.source().and_then(|source| source.downcast_ref()) {
            Some(FileStoreError::Failed(cause)) => matches!(cause.downcast_ref(), Some(FileStoreError::Replaced)),
            _ => false,
        }
    }

    /// What happens to the file, and the next write.
    fn notices(happens: impl Fn(&Path)) {
        // Commits that go to the log, and ones that write the tables.
        for log in [4 << 20, 0] {
            let place = Place::new();
            let path = place.folder().join("folder").join("grants");
            fs::create_dir(path.parent().unwrap()).unwrap();
            let store = FileStore::builder().log_bytes(log).open(&path).unwrap();
            insert(&store, &Fields::new(1, 1, "alice").grant(), at(0));
            happens(&path);
            // Nothing is looked at for a read.
            assert!(load(&store, 1).is_some());
            let error = wait(store.insert(&Fields::new(2, 1, "alice").grant(), at(0))).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Indeterminate);
            assert!(is_replaced(&error), "{error:?}");
            // And from now on nothing is answered.
            let error = wait(store.load(GrantId::from_u64(1))).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::NotApplied);
            assert!(is_replaced(&error), "{error:?}");
            let error = wait(store.remove(GrantId::from_u64(1))).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::NotApplied);
        }
    }

    #[test]
    fn a_file_that_is_gone_or_another_is_noticed_by_the_next_write() {
        notices(|path| fs::remove_file(path).unwrap());
        notices(|path| fs::rename(path, path.with_extension("old")).unwrap());
        notices(|path| {
            fs::copy(path, path.with_extension("restored")).unwrap();
            fs::rename(path.with_extension("restored"), path).unwrap();
        });
        notices(|path| fs::rename(path.parent().unwrap(), path.parent().unwrap().with_extension("moved")).unwrap());
    }

    #[test]
    fn what_was_put_in_its_place_is_not_touched_and_can_be_opened() {
        let place = Place::new();
        let backup = closed(&place);
        let store = FileStore::open(place.file()).unwrap();
        insert(&store, &Fields::new(2, 1, "bob").grant(), at(0));
        fs::write(place.folder().join("restored"), &backup).unwrap();
        fs::rename(place.folder().join("restored"), place.file()).unwrap();
        wait(store.insert(&Fields::new(3, 1, "bob").grant(), at(0))).unwrap_err();
        drop(store);
        assert!(fs::read(place.file()).unwrap() == backup);
        let store = FileStore::open(place.file()).unwrap();
        assert!(load(&store, 1).is_some() && load(&store, 2).is_none() && load(&store, 3).is_none());
    }

    /// A path may lead over links, and then it is where they lead that counts.
    #[test]
    fn a_link_to_the_file_may_be_its_path() {
        let place = Place::new();
        closed(&place);
        let link = place.folder().join("link");
        symlink("grants", &link).unwrap();
        let store = FileStore::open(&link).unwrap();
        insert(&store, &Fields::new(2, 1, "bob").grant(), at(0));
        fs::remove_file(&link).unwrap();
        symlink("elsewhere", &link).unwrap();
        let error = wait(store.insert(&Fields::new(3, 1, "bob").grant(), at(0))).unwrap_err();
        assert!(is_replaced(&error));
    }
}
