//! The file: locked as a whole for as long as it is open, for its owner's eyes, and where its path leads.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{self, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::error::FileStoreError;
use super::header::STATE_AT;

/// Of a mode, what it lets other users do.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// How long who made a file waits for the lock of one that has found it empty, and lets it go at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits a moment each time, until [`PATIENCE`] is over.
pub(super) fn some_moments() -> impl FnMut() -> bool {
    let begun = Instant::now();
    move || {
        let is_patient = begun.elapsed() < PATIENCE;
        if is_patient {
            thread::sleep(Duration::from_millis(5));
        }
        is_patient
    }
}

/// A file that no one else can open as a store.
#[derive(Debug)]
pub(super) struct Locked {
    file: File,
    /// Whether it was made for this and is not complete.
    is_unfinished: AtomicBool,
    /// Absolute: the process may go elsewhere.
    path: PathBuf,
    backend: FileBackend,
}

impl Locked {
    #[expect(clippy::incompatible_msrv, reason = "the feature asks for a Rust that has it, as `redb` does")]
    pub(super) fn new(file: File, path: &Path) -> Result<Self, FileStoreError> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FileStoreError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let backend = FileBackend::new(file.try_clone()?).map_err(redb::Error::from)?;
        Ok(Self { file, is_unfinished: AtomicBool::new(false), path: path::absolute(path)?, backend })
    }

    /// A file that was just made. Another start may have come between, and it has the lock for a moment, in which it sees that the
    /// file is empty. Were this to give up then, the file would stay so, and no start would have it any more. So it tries for as
    /// long as `wait` says so ([`some_moments`]).
    pub(super) fn of_new(file: &File, path: &Path, mut wait: impl FnMut() -> bool) -> Result<Self, FileStoreError> {
        loop {
            match Self::new(file.try_clone()?, path) {
                Err(FileStoreError::InUse) if wait() => {}
                locked => return locked,
            }
        }
    }

    /// From now on, and until it is complete, the file goes when this does: it was made for this, nothing was kept in it, and an empty
    /// one, as a full disk leaves it, no start would have any more.
    pub(super) fn remove_unless_completed(&self) {
        self.is_unfinished.store(true, Ordering::Relaxed);
    }

    /// Takes the file from all users but its owner.
    #[cfg(unix)]
    pub(super) fn keep_private(&self) -> Result<(), FileStoreError> {
        use std::os::unix::fs::PermissionsExt;
        let mode = || self.file.metadata().map(|metadata| metadata.permissions().mode());
        let found = mode()?;
        if found & OTHERS == 0 {
            return Ok(());
        }
        let changed = self.file.set_permissions(PermissionsExt::from_mode(found & 0o7700));
        // Some file systems have no modes and do not say so.
        if changed.is_err() || mode()? & OTHERS != 0 { Err(FileStoreError::Exposed) } else { Ok(()) }
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "as where there are modes")]
    pub(super) fn keep_private(&self) -> Result<(), FileStoreError> {
        Ok(())
    }

    /// Whether the path still leads to this file: what is written to one that was deleted, or that another was put in
    /// place of, is gone when the process ends.
    #[cfg(unix)]
    fn check_place(&self) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        let this = self.file.metadata()?;
        let is_here = match self.path.metadata() {
            Ok(found) => (found.dev(), found.ino()) == (this.dev(), this.ino()),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => false,
            // A process that gave up its rights may not look. A file without a name was deleted all the same.
            Err(_) => this.nlink() != 0,
        };
        if is_here { Ok(()) } else { Err(io::Error::other(FileStoreError::Replaced)) }
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "as where there are inodes")]
    fn check_place(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Locked {
    /// Closing alone would not do: a process that the host starts at this moment has the file open too, until it runs
    /// the program it is for, and with the file the lock.
    #[expect(clippy::incompatible_msrv, reason = "the feature asks for a Rust that has it, as `redb` does")]
    fn drop(&mut self) {
        // Who has opened it meanwhile cannot lock it before it is gone.
        if self.is_unfinished.load(Ordering::Relaxed) && self.check_place().is_ok() {
            let _ = fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}

impl StorageBackend for Locked {
    fn len(&self) -> io::Result<u64> {
        self.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.backend.set_len(len)
    }

    /// With what it brings to the disk the path has led to this file: every answer waits for a sync.
    fn sync_data(&self) -> io::Result<()> {
        self.backend.sync_data()?;
        self.check_place()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        // Before it is complete, so that what might be is never removed.
        if offset == STATE_AT {
            self.is_unfinished.store(false, Ordering::Relaxed);
        }
        self.backend.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.backend.close()
    }
}

#[cfg(test)]
mod tests {
    use super::super::open::{Settings, open_file};
    use super::*;

    const SETTINGS: Settings =
        Settings { cache_bytes: 1 << 20, check: false, log_bytes: 0, create: true, accept_empty: false };

    #[test]
    fn a_closed_file_is_free_though_a_process_that_is_just_starting_has_it_open() {
        let path = std::env::temp_dir().join(format!("regrant-lock-{:016x}", rand::random::<u64>()));
        let open = || File::options().create(true).truncate(false).read(true).write(true).open(&path).unwrap();
        let first = open();
        // What a fork has: the same open file.
        let forked = first.try_clone().unwrap();
        let locked = Locked::new(first, &path).unwrap();
        assert!(matches!(Locked::new(open(), &path), Err(FileStoreError::InUse)));
        drop(locked);
        Locked::new(open(), &path).unwrap();
        drop(forked);
        std::fs::remove_file(path).unwrap();
    }

    /// Of two first starts at once the other one may open the file before it is locked, and look at it.
    #[test]
    fn who_makes_the_file_waits_for_one_that_looks_at_it_and_not_for_ever() {
        let path = std::env::temp_dir().join(format!("regrant-lock-{:016x}", rand::random::<u64>()));
        let open = || File::options().create(true).truncate(false).read(true).write(true).open(&path).unwrap();
        let (made, other) = (open(), open());
        other.lock().unwrap();
        assert!(matches!(Locked::of_new(&made, &path, || false), Err(FileStoreError::InUse)));
        let mut looks = 0..3;
        let locked = Locked::of_new(&made, &path, || {
            let is_looking = looks.next().is_some();
            if looks.is_empty() {
                other.unlock().unwrap();
            }
            is_looking
        });
        locked.unwrap();
        assert!(looks.is_empty());
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_that_was_made_and_not_completed_is_removed_and_no_other() {
        let path = std::env::temp_dir().join(format!("regrant-lock-{:016x}", rand::random::<u64>()));
        let open = || open_file(&path, SETTINGS);
        // The disk was full at the header, or behind it.
        for begun in [&b""[..], b"regrant"] {
            let (locked, is_new) = open().unwrap();
            assert!(is_new);
            locked.write(0, begun).unwrap();
            drop(locked);
            assert!(!path.exists());
        }
        // One that is complete, or may be.
        let (locked, _) = open().unwrap();
        locked.write(STATE_AT, &[255]).unwrap();
        drop(locked);
        assert!(path.exists());
        fs::remove_file(&path).unwrap();
        // One that was there before.
        File::create(&path).unwrap();
        open().unwrap_err();
        assert!(path.exists());
        fs::remove_file(&path).unwrap();
        // One that was put in its place.
        let (locked, _) = open().unwrap();
        fs::remove_file(&path).unwrap();
        File::create(&path).unwrap();
        drop(locked);
        assert_eq!(path.exists(), cfg!(unix));
        let _ = fs::remove_file(&path);
    }
}
