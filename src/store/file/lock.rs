//! The file: locked as a whole for as long as it is open, for its owner's eyes, and where its path leads.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{self, Path, PathBuf};

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::error::FileStoreError;

/// Of a mode, what it lets other users do.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// A file that no one else can open as a store.
#[derive(Debug)]
pub(super) struct Locked {
    file: File,
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
        Ok(Self { file, path: path::absolute(path)?, backend })
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
        self.backend.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.backend.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
