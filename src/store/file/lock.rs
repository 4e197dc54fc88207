//! The file, locked as a whole for as long as it is open.

use std::fs::{File, TryLockError};
use std::io;

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::error::FileStoreError;

/// A file that no one else can open as a store.
#[derive(Debug)]
pub(super) struct Locked {
    file: File,
    backend: FileBackend,
}

impl Locked {
    pub(super) fn new(file: File) -> Result<Self, FileStoreError> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FileStoreError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let backend = FileBackend::new(file.try_clone()?).map_err(redb::Error::from)?;
        Ok(Self { file, backend })
    }
}

impl Drop for Locked {
    /// Closing alone would not do: a process that the host starts at this moment has the file open too, until it runs
    /// the program it is for, and with the file the lock.
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

    fn sync_data(&self) -> io::Result<()> {
        self.backend.sync_data()
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
        let locked = Locked::new(first).unwrap();
        assert!(matches!(Locked::new(open()), Err(FileStoreError::InUse)));
        drop(locked);
        Locked::new(open()).unwrap();
        drop(forked);
        std::fs::remove_file(path).unwrap();
    }
}
