//! A disk of which nothing is asked any more after its first error.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;

/// The system forgets what a failed sync did not bring to the disk, and the next sync succeeds without it. The log and
/// the tables share one file and so its syncs: neither may believe a sync after one that failed for the other.
#[derive(Debug)]
pub(super) struct FailStop<D> {
    disk: D,
    failed: AtomicBool,
}

impl<D> FailStop<D> {
    pub(super) const fn new(disk: D) -> Self {
        Self { disk, failed: AtomicBool::new(false) }
    }

    fn change(&self, change: impl FnOnce(&D) -> io::Result<()>) -> io::Result<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier write or sync failed"));
        }
        change(&self.disk).inspect_err(|_| self.failed.store(true, Ordering::Release))
    }
}

impl<D: StorageBackend> StorageBackend for FailStop<D> {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|disk| disk.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(StorageBackend::sync_data)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(|disk| disk.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.disk.close()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::disk::{Disk, Fault};
    use super::*;

    #[test]
    fn after_any_error_nothing_is_changed_any_more() {
        for first in 0..3 {
            let disk = Disk::new(vec![7; 10], Fault::ErrorAt(0));
            let stopped = FailStop::new(disk.clone());
            let change = |which| match which {
                0 => stopped.write(0, &[1]),
                1 => stopped.set_len(5),
                _ => stopped.sync_data(),
            };
            change(first).unwrap_err();
            let seen = disk.next_process().len().unwrap();
            for later in 0..3 {
                change(later).unwrap_err();
            }
            assert_eq!(disk.operations(), 1, "the disk was asked again after {first}");
            assert_eq!(stopped.len().unwrap(), seen);
        }
    }
}
