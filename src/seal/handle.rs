//! What a page carries from its first showing to the decision: the checked request.
//!
//! ```text
//! version and how the request came 1 | id 16 | expires at, ms 6 | the request's form
//! ```
//!
//! A request that just came is version 1, as it was before there were others.

use zeroize::Zeroizing;

use crate::grant::Timestamp;

const VERSION: u8 = 1;
const HEAD_LEN: usize = 1 + 16 + 6;

/// An interaction handle, opened.
pub(crate) struct Handle {
    /// 128 random bits: what is answered once.
    pub(crate) id: [u8; 16],
    pub(crate) expires_at: Timestamp,
    /// How the request came: two bits of the engine's.
    pub(crate) came: u8,
    plain: Zeroizing<Vec<u8>>,
}

impl Handle {
    /// The longest form that a page carries: with what sealing adds it fits a body of 64 KiB.
    pub(crate) const MAX_FORM_BYTES: usize = 40 * 1_024;

    pub(crate) fn encode(id: &[u8; 16], expires_at: Timestamp, came: u8, form: &[u8]) -> Zeroizing<Vec<u8>> {
        let expires_at = expires_at.as_millis().to_be_bytes();
        Zeroizing::new([&[VERSION + came % 4], &id[..], &expires_at[2..], form].concat())
    }

    pub(crate) fn decode(plain: Zeroizing<Vec<u8>>) -> Option<Self> {
        let (head, _) = plain.split_first_chunk::<HEAD_LEN>()?;
        let (&[version], rest) = head.split_first_chunk()?;
        let came = version.checked_sub(VERSION).filter(|came| *came < 4)?;
        let (id, expires_at) = rest.split_first_chunk::<16>()?;
        let [a, b, c, d, e, f] = *expires_at.first_chunk::<6>()?;
        let expires_at = Timestamp::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f]));
        Some(Self { id: *id, expires_at, came, plain })
    }

    /// The request, as it came.
    pub(crate) fn form(&self) -> &[u8] {
        self.plain.get(HEAD_LEN..).unwrap_or_default()
    }
}
