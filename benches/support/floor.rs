//! The floor: a refresh that does only what no design avoids.
//!
//! The digest of the client's secret, base64 both ways, one random access into a table of as many records, the MAC that
//! checks and the two that mint, and the bytes of the response. No parsing, no lock, no policy.
//!
//! The table is an array, and the token says the place in it: no look-up at all. There are three:
//!
//! - *bare*: SHA-256 by blocks alone, two for a MAC and one for the secret. No design does less.
//! - *hmac*: the same by the `hmac` and `sha2` crates as they come, which buffer what is all there.
//! - *keyed*: that, and the table is a hash map, for tokens that name a record by an id.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hashbrown::HashMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

use super::{CLIENT_SECRET, REFRESH_LEN, RefreshBody, basic_header, refresh_token_of};

/// As large as a slot of the memory store.
#[derive(Clone, Copy)]
struct Record {
    salt: [u8; 16],
    generation: [u8; 3],
    rest: [u8; 93],
}

const NEW: Record = Record { salt: [0; 16], generation: [0, 0, 1], rest: [1; 93] };

enum Table {
    Array(Vec<Record>),
    Keyed(HashMap<u64, Record>),
}

impl Table {
    fn record(&mut self, id: u64) -> &mut Record {
        match self {
            Self::Array(records) => &mut records[usize::try_from(id).unwrap()],
            Self::Keyed(records) => records.get_mut(&id).unwrap(),
        }
    }
}

/// How it hashes.
enum Hashes {
    Whole(Hmac<Sha256>),
    /// The states behind the key's inner and outer block.
    Bare {
        inner: [u32; 8],
        outer: [u32; 8],
    },
}

pub struct Floor {
    hashes: Hashes,
    secret: [u8; 32],
    table: Table,
    pub header: Vec<u8>,
    pub tokens: Vec<[u8; REFRESH_LEN]>,
}

impl Floor {
    /// The least that there is.
    pub fn bare(records: usize) -> Self {
        let keyed = |pad: u8| {
            let mut state = START;
            compress256(&mut state, &[[7 ^ pad; 64]]);
            state
        };
        let hashes = Hashes::Bare { inner: keyed(0x36), outer: keyed(0x5c) };
        Self::over(records, Table::Array(vec![NEW; records]), hashes)
    }

    pub fn hmac(records: usize) -> Self {
        Self::over(records, Table::Array(vec![NEW; records]), Hashes::whole())
    }

    pub fn keyed(records: usize) -> Self {
        Self::over(records, Table::Keyed((0..records as u64).map(|id| (id, NEW)).collect()), Hashes::whole())
    }

    fn over(records: usize, table: Table, hashes: Hashes) -> Self {
        let mut floor = Self {
            hashes,
            secret: Sha256::digest(CLIENT_SECRET).into(),
            table,
            header: basic_header(),
            tokens: Vec::with_capacity(records),
        };
        for i in 0..records {
            let token = floor.mint(i as u64, [0, 0, 1], NEW.salt);
            floor.tokens.push(token);
        }
        floor
    }

    fn mac<const PARTS: usize>(&self, parts: [&[u8]; PARTS]) -> [u8; 20] {
        self.hashes.mac(parts)[..20].try_into().unwrap()
    }

    fn mint(&self, id: u64, generation: [u8; 3], salt: [u8; 16]) -> [u8; REFRESH_LEN] {
        let mut bytes = [0; 32];
        bytes[1..9].copy_from_slice(&id.to_be_bytes());
        bytes[9..12].copy_from_slice(&generation);
        let mac = self.mac([&[1, 1], &bytes[..12], &salt]);
        bytes[12..].copy_from_slice(&mac);
        let mut text = [0; REFRESH_LEN];
        URL_SAFE_NO_PAD.encode_slice(bytes, &mut text).unwrap();
        text
    }

    /// One refresh, bytes in and bytes out, as far as there is one.
    pub fn respond(&mut self, header: &[u8], body: &[u8]) -> Vec<u8> {
        let mut credentials = [0; 192];
        let len = STANDARD.decode_slice(&header[6..], &mut credentials).unwrap();
        let secret = &credentials[super::CLIENT_ID.len() + 1..len];
        assert!(is_equal(&self.hashes.digest(secret), &self.secret));

        let mut token = [0; 32];
        URL_SAFE_NO_PAD.decode_slice(RefreshBody::token(body), &mut token).unwrap();
        let id = u64::from_be_bytes(token[1..9].try_into().unwrap());
        let mut record = *self.table.record(id);
        let presented: &[u8; 20] = token[12..].try_into().unwrap();
        assert!(is_equal(&self.mac([&[1, 1], &token[..12], &record.salt]), presented));

        let [a, b, c] = record.generation;
        let [_, a, b, c] = (u32::from_be_bytes([0, a, b, c]) + 1).to_be_bytes();
        record.generation = [a, b, c];
        record.rest[0] ^= c;
        *self.table.record(id) = record;

        let mut access = [0; 50];
        access[1..9].copy_from_slice(&token[1..9]);
        access[9..12].copy_from_slice(&record.generation);
        let mac = self.mac([&[1, 2], &access[..30], &record.salt]);
        access[30..].copy_from_slice(&mac);
        let mut access_text = [0; 67];
        URL_SAFE_NO_PAD.encode_slice(access, &mut access_text).unwrap();
        let refresh_text = self.mint(id, record.generation, record.salt);

        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(b"{\"access_token\":\"");
        out.extend_from_slice(&access_text);
        out.extend_from_slice(b"\",\"refresh_token\":\"");
        out.extend_from_slice(&refresh_text);
        out.extend_from_slice(
            b"\",\"scope\":\"scope_1 scope_2 scope_3\",\"token_type\":\"Bearer\",\"expires_in\":3600}",
        );
        out
    }

    /// Refreshes the i-th record, and keeps its new token.
    pub fn refresh(&mut self, body: &mut RefreshBody, i: usize) {
        let header = std::mem::take(&mut self.header);
        let response = self.respond(&header, body.with(&self.tokens[i]));
        self.header = header;
        self.tokens[i] = refresh_token_of(&response);
    }
}

/// FIPS 180-4 section 5.3.3.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

impl Hashes {
    fn whole() -> Self {
        Self::Whole(Hmac::new((&[7; 64]).into()))
    }

    fn mac<const PARTS: usize>(&self, parts: [&[u8]; PARTS]) -> [u8; 32] {
        match self {
            Self::Whole(mac) => {
                let mut mac = mac.clone();
                for part in parts {
                    mac.update(part);
                }
                mac.finalize().into_bytes().into()
            }
            Self::Bare { inner, outer } => last_block(*outer, [&last_block(*inner, parts, 64)], 64),
        }
    }

    fn digest(&self, secret: &[u8]) -> [u8; 32] {
        match self {
            Self::Whole(_) => Sha256::digest(secret).into(),
            Self::Bare { .. } => last_block(START, [secret], 0),
        }
    }
}

/// The block that ends a short message: FIPS 180-4 section 5.1.1.
fn last_block<const PARTS: usize>(mut state: [u32; 8], parts: [&[u8]; PARTS], before: usize) -> [u8; 32] {
    let (mut block, mut at) = ([0; 64], 0);
    for part in parts {
        block[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    block[at] = 0x80;
    block[56..].copy_from_slice(&((before + at) as u64 * 8).to_be_bytes());
    compress256(&mut state, &[block]);
    let mut digest = [0; 32];
    for (place, word) in digest.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

/// Without looking at what differs.
fn is_equal<const N: usize>(left: &[u8; N], right: &[u8; N]) -> bool {
    let difference = left.iter().zip(right).fold(0, |seen, (left, right)| seen | (left ^ right));
    std::hint::black_box(difference) == 0
}
