//! A disk that forgets what was not synced.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use redb::StorageBackend;

/// What happens to the disk at one of its operations: the one of that number, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::file) enum Fault {
    Never,
    /// The power goes: this one and all after it fail.
    PowerAt(u64),
    /// This one fails, having done its work in part or not at all; those after it succeed.
    ErrorAt(u64),
}

/// How much of what was not synced a crash leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::file) enum Crash {
    /// Nothing of it.
    DropAll,
    /// Some of it, in any order, and some writes in part: by a seed.
    KeepSome(u64),
    /// All of it, as after a kill of the process alone.
    KeepAll,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
            Self::Write(offset, data) => {
                let start = usize::try_from(*offset).unwrap();
                let end = start + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[start..end].copy_from_slice(data);
            }
        }
    }
}

#[derive(Debug)]
struct State {
    /// What survives.
    synced: Vec<u8>,
    /// What a read sees.
    seen: Vec<u8>,
    unsynced: Vec<Change>,
    operations: u64,
    syncs: u64,
    fault: Fault,
    random: StdRng,
}

/// Shared with the store, so that it can be looked at when that is gone.
#[derive(Clone, Debug)]
pub(in crate::store::file) struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub(in crate::store::file) fn new(bytes: Vec<u8>, fault: Fault) -> Self {
        Self(Arc::new(Mutex::new(State {
            synced: bytes.clone(),
            seen: bytes,
            unsynced: Vec::new(),
            operations: 0,
            syncs: 0,
            fault,
            random: StdRng::seed_from_u64(7),
        })))
    }

    /// Writes, changes of length and syncs so far.
    pub(in crate::store::file) fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    pub(in crate::store::file) fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    /// What is found after a crash.
    pub(in crate::store::file) fn after(&self, crash: Crash) -> Vec<u8> {
        let state = self.0.lock();
        let mut bytes = state.synced.clone();
        match crash {
            Crash::DropAll => {}
            Crash::KeepAll => {
                for change in &state.unsynced {
                    change.apply(&mut bytes);
                }
            }
            Crash::KeepSome(seed) => {
                let mut random = StdRng::seed_from_u64(seed);
                for change in &state.unsynced {
                    if let Some(change) = torn(change, &mut random) {
                        change.apply(&mut bytes);
                    }
                }
            }
        }
        bytes
    }
}

impl Disk {
    /// The same disk as the next process finds it: the machine was on all the while, so what was written is seen, and
    /// what was not synced is still to be.
    pub(in crate::store::file) fn next_process(&self) -> Self {
        let state = self.0.lock();
        Self(Arc::new(Mutex::new(State {
            synced: state.synced.clone(),
            seen: state.seen.clone(),
            unsynced: state.unsynced.clone(),
            operations: 0,
            syncs: 0,
            fault: Fault::Never,
            random: StdRng::seed_from_u64(7),
        })))
    }

    /// The next operations fail in this way, counted from here on.
    pub(in crate::store::file) fn next_fault(&self, fault: Fault) {
        let mut state = self.0.lock();
        state.operations = 0;
        state.fault = fault;
    }
}

/// The change, a part of it, or nothing.
fn torn(change: &Change, random: &mut StdRng) -> Option<Change> {
    match (change, random.random_range(0..4)) {
        (_, 0) => None,
        (Change::Write(offset, data), 1) => {
            let start = random.random_range(0..data.len());
            let end = random.random_range(start + 1..=data.len());
            Some(Change::Write(offset + start as u64, data[start..end].to_vec()))
        }
        _ => Some(change.clone()),
    }
}

impl State {
    /// Counts an operation; `Err`: it fails.
    fn begin(&mut self) -> io::Result<bool> {
        let at = self.operations;
        self.operations += 1;
        match self.fault {
            Fault::PowerAt(when) if at >= when => Err(io::Error::other("the power is gone")),
            Fault::ErrorAt(when) if at == when => Ok(false),
            _ => Ok(true),
        }
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        if self.begin()? {
            change.apply(&mut self.seen);
            self.unsynced.push(change);
            return Ok(());
        }
        if let Some(part) = torn(&change, &mut self.random) {
            part.apply(&mut self.seen);
            self.unsynced.push(part);
        }
        Err(io::Error::other("no space left"))
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock();
        let start = usize::try_from(offset).unwrap();
        let bytes = state.seen.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().change(Change::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        state.syncs += 1;
        let whole = state.begin()?;
        let unsynced = std::mem::take(&mut state.unsynced);
        if whole {
            let mut synced = std::mem::take(&mut state.synced);
            for change in unsynced {
                change.apply(&mut synced);
            }
            state.synced = synced;
            return Ok(());
        }
        // Some of it got there, and the system has forgotten that the rest did not: a later sync will not try again.
        let parts: Vec<Change> = unsynced.iter().filter_map(|change| torn(change, &mut state.random)).collect();
        for part in parts {
            part.apply(&mut state.synced);
        }
        Err(io::Error::other("the disk did not answer"))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.lock().change(Change::Write(offset, data.to_vec()))
    }
}
