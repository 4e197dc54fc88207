//! A grant as bytes and back: what a store keeps.
//!
//! ```text
//! format 1 | flags 1 | id 8 | version 8 | salt 16 | generation 3 | key id 1 | epoch 3 | six times of 6
//!          | client 2+n | subject 2+n | scope 2+n | fields 2+n
//!          | of an authorization request: flags 1 | state hash 2+n | nonce 2+n | redirect URI 32 | challenge 32
//! ```
//!
//! Format 2 is the same, and then what [`members`](super::members) says. A record that needs none of that is written as
//! format 1.
//!
//! Big-endian, fixed widths first, so that a refresh never makes a record longer. What a flag says is absent is left out.

use std::sync::Arc;

use smol_str::SmolStr;

use super::code_details::{CodeBinding, CodeDetails};
use super::fields::ResponseFields;
use super::id::{Generation, GrantId, Version, u24_from_bytes, u24_to_bytes};
use super::members::{Members, Special};
use super::owner::{owner_key, subject_in};
use super::record::{Grant, Salt};
use super::scope::Scope;
use super::time::Timestamp;

/// The latest.
const FORMAT: u8 = 2;
const FORMAT_1: u8 = 1;
const RENEWABLE: u8 = 1;
const HAS_SUBJECT: u8 = 2;
const HAS_CODE: u8 = 4;
const HAS_STATE_HASH: u8 = 1;
const HAS_NONCE: u8 = 2;
const WITH_REFRESH_TOKEN: u8 = 4;
const HAS_BINDING: u8 = 8;
const REDIRECT_URI_NAMED: u8 = 16;
const HAS_CHALLENGE: u8 = 32;
const FIXED_LEN: usize = 2 + 8 + 8 + 16 + 3 + 1 + 3 + 6 * 6;

/// Why stored bytes are not a grant.
///
/// ```
/// use regrant::grant::DecodeError;
/// use regrant::Grant;
/// assert!(matches!(Grant::decode(&[]), Err(DecodeError::Corrupt)));
/// assert!(matches!(Grant::decode(&[200, 1, 2, 3]), Err(DecodeError::NewerFormat)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not what any version of this crate wrote.
    #[error("the record is damaged")]
    Corrupt,
    /// Written by a later version of this crate; it must not be rewritten.
    #[error("the record was written by a newer version")]
    NewerFormat,
}

impl Grant {
    /// The latest format that [`decode`](Self::decode) reads; it is the first byte of a record.
    #[cfg(feature = "conformance")]
    pub(crate) const FORMAT: u8 = FORMAT;

    /// The record as bytes, for a store to keep as they are. They hold the grant's salt: keep them as you keep
    /// password hashes.
    ///
    /// ```
    /// # let grant = regrant::internal::sample_grant("alice", "app");
    /// let bytes = grant.encode();
    /// assert_eq!(regrant::Grant::decode(&bytes)?, grant);
    /// # Ok::<(), regrant::grant::DecodeError>(())
    /// ```
    pub fn encode(&self) -> Vec<u8> {
        let texts =
            [self.client_id.as_str(), self.owner_key().unwrap_or_default(), self.scope.as_str(), self.fields.as_json()];
        let mut out = Vec::with_capacity(FIXED_LEN + texts.iter().map(|text| 2 + text.len()).sum::<usize>());
        out.push(if self.members.is_some() { FORMAT } else { FORMAT_1 });
        let renewable = if self.renewable { RENEWABLE } else { 0 };
        let subject = if self.owner.is_some() { HAS_SUBJECT } else { 0 };
        let code = if self.code.is_some() { HAS_CODE } else { 0 };
        out.push(renewable | subject | code);
        out.extend(self.id.as_u64().to_be_bytes());
        out.extend(self.version.as_u64().to_be_bytes());
        out.extend(self.salt.0);
        out.extend(self.generation.to_bytes());
        out.push(self.key_id);
        out.extend(u24_to_bytes(self.access_epoch));
        for time in [
            self.created_at,
            self.authenticated_at,
            self.rotated_at,
            self.refresh_expires_at,
            self.absolute_expires_at,
            self.expires_at,
        ] {
            out.extend(&time.as_millis().to_be_bytes()[2..]);
        }
        for text in texts {
            push_text(&mut out, text);
        }
        if let Some(code) = &self.code {
            code.encode(&mut out);
        }
        if let Some(members) = &self.members {
            members.encode(self.is_redeemed(), &mut out);
        }
        out
    }

    /// Reads what [`Grant::encode`] wrote.
    ///
    /// # Errors
    ///
    /// [`DecodeError`], which becomes a [`StoreError`](crate::store::StoreError) by `?`.
    ///
    /// ```
    /// use regrant::grant::DecodeError;
    /// use regrant::Grant;
    /// # let mut bytes = regrant::internal::sample_grant("alice", "app").encode();
    /// bytes.pop();
    /// assert_eq!(Grant::decode(&bytes), Err(DecodeError::Corrupt));
    /// ```
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = Reader(bytes);
        let [format] = rest.array()?;
        if format > FORMAT {
            return Err(DecodeError::NewerFormat);
        }
        let [flags] = rest.array()?;
        if format < FORMAT_1 || flags & !(RENEWABLE | HAS_SUBJECT | HAS_CODE) != 0 {
            return Err(DecodeError::Corrupt);
        }
        let mut grant = Self {
            id: GrantId::from_u64(u64::from_be_bytes(rest.array()?)),
            version: Version::from_u64(u64::from_be_bytes(rest.array()?)),
            renewable: flags & RENEWABLE != 0,
            salt: Salt(rest.array()?),
            generation: Generation::from_bytes(rest.array()?),
            key_id: u8::from_be_bytes(rest.array()?),
            access_epoch: u24_from_bytes(rest.array()?),
            created_at: rest.time()?,
            authenticated_at: rest.time()?,
            rotated_at: rest.time()?,
            refresh_expires_at: rest.time()?,
            absolute_expires_at: rest.time()?,
            expires_at: rest.time()?,
            client_id: SmolStr::new(rest.text()?),
            owner: match (flags & HAS_SUBJECT != 0, rest.text()?) {
                (true, subject) => Some(SmolStr::new(subject)),
                (false, "") => None,
                (false, _) => return Err(DecodeError::Corrupt),
            },
            scope: {
                let text = rest.text()?;
                let scope = Scope::parse(text).map_err(|_| DecodeError::Corrupt)?;
                if scope.as_str() != text {
                    return Err(DecodeError::Corrupt);
                }
                scope
            },
            fields: ResponseFields::from_json(rest.text()?).ok_or(DecodeError::Corrupt)?,
            code: (flags & HAS_CODE != 0).then(|| CodeDetails::decode(&mut rest)).transpose()?.map(Arc::new),
            members: None,
        };
        if format > FORMAT_1 {
            let members = Members::decode(std::mem::take(&mut rest.0), grant.is_redeemed())?;
            // The owner is of this realm, or the record would be found in one and believed in another.
            let is_own =
                |key: &SmolStr| *key == owner_key(members.realm.as_deref(), subject_in(members.realm.as_deref(), key));
            let is_misowned = match members.special {
                // A store never changes the owner of a record, so one that has ended keeps it.
                None | Some(Special::Ended) => false,
                Some(Special::Listener(_) | Special::Approved) => grant.owner.is_none(),
                Some(_) => grant.owner.is_some(),
            };
            if !grant.owner.as_ref().is_none_or(is_own) || is_misowned {
                return Err(DecodeError::Corrupt);
            }
            grant.members = Some(Arc::new(members));
        }
        if rest.0.is_empty() { Ok(grant) } else { Err(DecodeError::Corrupt) }
    }
}

impl CodeDetails {
    fn encode(&self, out: &mut Vec<u8>) {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let binding = self.binding.as_deref();
        out.push(
            flag(self.state_hash.is_some(), HAS_STATE_HASH)
                | flag(self.nonce.is_some(), HAS_NONCE)
                | flag(self.with_refresh_token, WITH_REFRESH_TOKEN)
                | flag(binding.is_some(), HAS_BINDING)
                | flag(binding.is_some_and(|binding| binding.redirect_uri_named), REDIRECT_URI_NAMED)
                | flag(binding.is_some_and(|binding| binding.challenge.is_some()), HAS_CHALLENGE),
        );
        for text in [&self.state_hash, &self.nonce].into_iter().flatten() {
            push_text(out, text);
        }
        if let Some(binding) = binding {
            out.extend(binding.redirect_uri);
            out.extend(binding.challenge.iter().flatten());
        }
    }

    fn decode(rest: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [flags] = rest.array()?;
        let has = |flag: u8| flags & flag != 0;
        let known = HAS_STATE_HASH | HAS_NONCE | WITH_REFRESH_TOKEN | HAS_BINDING | REDIRECT_URI_NAMED | HAS_CHALLENGE;
        if flags & !known != 0 || (!has(HAS_BINDING) && (has(REDIRECT_URI_NAMED) || has(HAS_CHALLENGE))) {
            return Err(DecodeError::Corrupt);
        }
        Ok(Self {
            state_hash: has(HAS_STATE_HASH).then(|| rest.text().map(SmolStr::new)).transpose()?,
            nonce: has(HAS_NONCE).then(|| rest.text().map(SmolStr::new)).transpose()?,
            with_refresh_token: has(WITH_REFRESH_TOKEN),
            binding: if has(HAS_BINDING) {
                Some(Box::new(CodeBinding {
                    redirect_uri: rest.array()?,
                    redirect_uri_named: has(REDIRECT_URI_NAMED),
                    challenge: has(HAS_CHALLENGE).then(|| rest.array()).transpose()?,
                }))
            } else {
                None
            },
        })
    }
}

/// Every text has a bound below 64 KiB, checked where it enters the crate.
fn push_text(out: &mut Vec<u8>, text: &str) {
    out.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(text.as_bytes());
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(DecodeError::Corrupt)?;
        self.0 = rest;
        Ok(*head)
    }

    fn time(&mut self) -> Result<Timestamp, DecodeError> {
        let [a, b, c, d, e, f] = self.array()?;
        Ok(Timestamp::from_millis(u64::from_be_bytes([0, 0, a, b, c, d, e, f])))
    }

    fn text(&mut self) -> Result<&'a str, DecodeError> {
        let len = usize::from(u16::from_be_bytes(self.array()?));
        let (text, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Corrupt)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| DecodeError::Corrupt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of the details there or not.
    fn details() -> impl Iterator<Item = CodeDetails> {
        (0..32).map(|bits| {
            let has = |bit: u8| bits & (1 << bit) != 0;
            CodeDetails {
                state_hash: has(0).then(|| "bOhtX8F73IMjSPeVAqxyTQ".into()),
                nonce: has(1).then(|| "não".into()),
                with_refresh_token: has(2),
                binding: has(3).then(|| {
                    let challenge = has(4).then_some([9; 32]);
                    Box::new(CodeBinding { redirect_uri: [7; 32], redirect_uri_named: has(2), challenge })
                }),
            }
        })
    }

    #[test]
    fn what_is_kept_of_a_code_is_read_as_it_was_written() {
        for code in details() {
            let mut grant = Grant::sample("alice", "app");
            grant.generation = Generation::NONE;
            grant.code = Some(Arc::new(code.clone()));
            let bytes = grant.encode();
            let read = Grant::decode(&bytes).unwrap();
            assert_eq!(read.code.as_deref(), Some(&code));
            assert_eq!(read.encode(), bytes);
            for end in 0..bytes.len() {
                assert_eq!(Grant::decode(&bytes[..end]).err(), Some(DecodeError::Corrupt), "{end} bytes of {code:?}");
            }
            let flags = bytes.len() - code_len(&code);
            for unknown in [64, 128] {
                let mut damaged = bytes.clone();
                damaged[flags] |= unknown;
                assert_eq!(Grant::decode(&damaged).err(), Some(DecodeError::Corrupt));
            }
            if code.binding.is_none() {
                let mut damaged = bytes;
                damaged[flags] |= REDIRECT_URI_NAMED;
                assert_eq!(Grant::decode(&damaged).err(), Some(DecodeError::Corrupt), "of a binding that is not there");
            }
        }
    }

    /// There was no format before the first, and a flag that is unknown says what cannot be passed over.
    #[test]
    fn no_format_and_no_flag_is_made_up() {
        let bytes = Grant::sample("alice", "app").encode();
        for (at, value, fault) in [
            (0, 0, DecodeError::Corrupt),
            (0, FORMAT + 1, DecodeError::NewerFormat),
            (1, bytes[1] | 8, DecodeError::Corrupt),
            (1, bytes[1] | 128, DecodeError::Corrupt),
        ] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            assert_eq!(Grant::decode(&damaged).err(), Some(fault), "{value} at {at}");
        }
    }

    /// Whole records as bytes, since what is on a disk is there for ever: a login of format 1, and a code of format 2.
    #[test]
    fn whole_records_stay_what_they_are() {
        let of_both = [
            // Its id, its version, its salt; generation, key, epoch.
            &b"\x65\x53\xf1\x00\x00\x00\x00\x07"[..],
            b"\x00\x00\x00\x00\x00\x00\x00\x01",
            &[0x5a; 16],
        ];
        let created = b"\x01\x8b\xcf\xe5\x68\x00";
        let ends = b"\x01\x8b\xd5\x0b\xc4\x00";
        let times = [&created[..], created, created, ends, ends, ends].concat();
        let plain = Grant { generation: Generation::from_u24(0x01_0203), key_id: 9, ..Grant::sample("alice", "app") };
        let plain = Grant { access_epoch: 0x04_0506, ..plain };
        let record = [
            b"\x01\x03",
            &of_both.concat()[..],
            b"\x01\x02\x03\x09\x04\x05\x06",
            &times,
            b"\x00\x03app\x00\x05alice\x00\x0aread write\x00\x00",
        ]
        .concat();
        assert_eq!(plain.encode(), record);
        // At most 160 bytes is what a plain grant may take: its record has room to spare for longer names.
        assert_eq!((FIXED_LEN, record.len()), (77, 103));
        let code = CodeDetails {
            state_hash: Some("hash".into()),
            nonce: Some("n".into()),
            with_refresh_token: true,
            binding: Some(Box::new(CodeBinding {
                redirect_uri: [7; 32],
                redirect_uri_named: true,
                challenge: Some([9; 32]),
            })),
        };
        let of_shop = Grant {
            owner: Some(owner_key(Some("shop"), "alice")),
            fields: ResponseFields::new().with("a", &1).unwrap(),
            generation: Generation::NONE,
            renewable: false,
            code: Some(Arc::new(code)),
            members: Some(Arc::new(Members { acr: Some("mfa".into()), ..Members::of_realm("shop") })),
            ..Grant::sample("alice", "app")
        };
        let record_2 = [
            b"\x02\x06",
            &of_both.concat()[..],
            &[0; 7],
            &times,
            b"\x00\x03app\x00\x0b\x1fshop\x1falice\x00\x0aread write\x00\x05\"a\":1",
            b"\x3f\x00\x04hash\x00\x01n",
            &[7; 32],
            &[9; 32],
            // The stage of a code, its realm, and how the person proved who they are.
            b"\x00\x02\x00\x04shop\x0b\x00\x03mfa",
        ]
        .concat();
        assert_eq!(of_shop.encode(), record_2);
        for (record, grant) in [(record, plain), (record_2, of_shop)] {
            assert_eq!(Grant::decode(&record), Ok(grant));
        }
    }

    fn code_len(code: &CodeDetails) -> usize {
        let mut bytes = Vec::new();
        code.encode(&mut bytes);
        bytes.len()
    }
}
