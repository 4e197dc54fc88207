//! What a file is, by its first page.
//!
//! ```text
//! "regrant grants\n" 0 | format 4 | state 1 | 0 0 0 | length of the log 8 | key of the log 16 | digest 16 | zeros up to 4096
//! ```
//!
//! With a header of its own a file is known for what it is before anything reads on: neither another program's file nor
//! one of a newer version is ever touched. The state is 0 in a file whose making was cut short, and nothing was kept in
//! it yet; it is 255 in one that is complete, so that no single bit makes one pass for the other. The digest is that of all
//! before it, but for the state.

use redb::StorageBackend;
use sha2::{Digest, Sha256};

use super::entry::LogKey;
use super::error::{FileStoreError, damaged};

/// Length of the header, so that pages stay aligned.
pub(super) const HEADER: u64 = 4_096;
const MAGIC: [u8; 16] = *b"regrant grants\n\0";
const FORMAT: u32 = 1;
pub(super) const STATE_AT: u64 = 20;
const MAKING: u8 = 0;
pub(super) const COMPLETE: u8 = 0xff;
/// Of the magic, the format and the state: what says that a file is one of ours, and not complete.
const BEGIN: usize = 24;
const DIGEST_AT: usize = 48;
/// Short enough to be read at once.
pub(super) const LONGEST_LOG: u64 = 1 << 30;

/// What the file is, by its header.
pub(super) enum Found {
    /// Nothing, or a file whose making was cut short.
    New,
    Store(Header),
}

/// What the header says.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) log_bytes: u64,
    pub(super) key: LogKey,
}

impl Header {
    /// That of a file that is not complete.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut header = begin().to_vec();
        header.extend(self.log_bytes.to_be_bytes());
        header.extend(self.key);
        header.extend(digest(&header));
        header.resize(4_096, 0);
        header
    }

    /// That of a complete file. `None`: it is not as it was written.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (covered, rest) = bytes.split_at_checked(DIGEST_AT)?;
        if *rest.first_chunk::<16>()? != digest(covered) {
            return None;
        }
        let (log_bytes, rest) = covered.get(BEGIN..)?.split_first_chunk()?;
        Some(Self { log_bytes: u64::from_be_bytes(*log_bytes), key: *rest.first_chunk()? })
    }
}

/// Of a file that is not complete.
fn begin() -> [u8; BEGIN] {
    let mut begin = [0; BEGIN];
    begin[..16].copy_from_slice(&MAGIC);
    begin[16..20].copy_from_slice(&FORMAT.to_be_bytes());
    begin[20] = MAKING;
    begin
}

fn digest(covered: &[u8]) -> [u8; 16] {
    let mut covered = covered.to_vec();
    if let Some(state) = covered.get_mut(20) {
        *state = 0;
    }
    let mut out = [0; 16];
    out.copy_from_slice(&Sha256::digest(covered)[..16]);
    out
}

/// Reads the header, and nothing else. A file without one is new where an empty file is accepted.
pub(super) fn find(disk: &dyn StorageBackend, accept_empty: bool) -> Result<Found, FileStoreError> {
    let len = disk.len()?;
    let mut bytes = vec![0; usize::try_from(len.min(HEADER)).unwrap_or(0)];
    disk.read(0, &mut bytes)?;
    let damaged = || damaged("its header is not as it was written");
    if let (Some(magic), Some(format), Some(state)) = (bytes.get(..16), bytes.get(16..20), bytes.get(20))
        && magic == MAGIC
        && format != [0; 4]
    {
        let format = format.iter().fold(0_u32, |format, byte| format << 8 | u32::from(*byte));
        if format > FORMAT {
            return Err(FileStoreError::NewerFormat);
        }
        return match *state {
            // Nothing was kept in it yet, whatever else of it is there.
            MAKING => Ok(Found::New),
            COMPLETE => {
                let header = Header::decode(&bytes).ok_or_else(damaged)?;
                let fits = header.log_bytes <= LONGEST_LOG && len > HEADER + header.log_bytes;
                if fits { Ok(Found::Store(header)) } else { Err(damaged()) }
            }
            _ => Err(damaged()),
        };
    }
    // Empty, or the header was cut short: a part of it, and zeros.
    let common = bytes.iter().zip(begin()).take_while(|(byte, begin)| *byte == begin).count();
    let rest = bytes.get(common..BEGIN).unwrap_or_else(|| bytes.get(common..).unwrap_or_default());
    if len <= HEADER && rest.iter().all(|byte| *byte == 0) {
        return if accept_empty { Ok(Found::New) } else { Err(FileStoreError::Empty) };
    }
    Err(FileStoreError::NotAStore)
}
