//! Stores that forget a field of the record, each field once.

use regrant::conformance::Conformance;
use regrant::grant::Version;
use regrant::store::{StoreError, Swap};
use regrant::{Grant, GrantId, Timestamp};

use super::shelf::{Behaves, Shelf, Store};
use super::writes::Plain;

/// A record in its pieces; the format is that of the crate's `grant/codec.rs`.
#[derive(Clone, Default)]
struct Record {
    format: u8,
    renewable: bool,
    id: Vec<u8>,
    version: Vec<u8>,
    salt: Vec<u8>,
    generation: Vec<u8>,
    key_id: Vec<u8>,
    epoch: Vec<u8>,
    times: [Vec<u8>; 6],
    client: Vec<u8>,
    subject: Option<Vec<u8>>,
    scope: Vec<u8>,
    fields: Vec<u8>,
    code: Option<Code>,
}

#[derive(Clone, Default)]
struct Code {
    with_refresh_token: bool,
    uri_named: bool,
    state_hash: Option<Vec<u8>>,
    nonce: Option<Vec<u8>>,
    redirect_uri: Option<Vec<u8>>,
    challenge: Option<Vec<u8>>,
}

/// Every field by name, and how one record takes it from another.
type Take = fn(&mut Record, &Record);

const FIELDS: &[(&str, Take)] = &[
    ("renewable", |to, from| to.renewable = from.renewable),
    ("version", |to, from| to.version.clone_from(&from.version)),
    ("salt", |to, from| to.salt.clone_from(&from.salt)),
    ("generation", |to, from| to.generation.clone_from(&from.generation)),
    ("key_id", |to, from| to.key_id.clone_from(&from.key_id)),
    ("epoch", |to, from| to.epoch.clone_from(&from.epoch)),
    ("created_at", |to, from| to.times[0].clone_from(&from.times[0])),
    ("authenticated_at", |to, from| to.times[1].clone_from(&from.times[1])),
    ("rotated_at", |to, from| to.times[2].clone_from(&from.times[2])),
    ("refresh_expires_at", |to, from| to.times[3].clone_from(&from.times[3])),
    ("absolute_expires_at", |to, from| to.times[4].clone_from(&from.times[4])),
    ("expires_at", |to, from| to.times[5].clone_from(&from.times[5])),
    ("client", |to, from| to.client.clone_from(&from.client)),
    ("subject", |to, from| to.subject.clone_from(&from.subject)),
    ("absence of a subject", |to, _| to.subject = Some(to.subject.take().unwrap_or_default())),
    ("scope", |to, from| to.scope.clone_from(&from.scope)),
    ("fields", |to, from| to.fields.clone_from(&from.fields)),
    ("code", |to, from| to.code.clone_from(&from.code)),
    ("with_refresh_token", |to, _| each(to, |code| code.with_refresh_token = false)),
    ("uri_named", |to, _| each(to, |code| code.uri_named = false)),
    ("state_hash", |to, _| each(to, |code| code.state_hash = None)),
    ("nonce", |to, _| each(to, |code| code.nonce = None)),
    ("challenge", |to, _| each(to, |code| code.challenge = None)),
    ("redirect_uri", |to, _| each(to, |code| code.redirect_uri = code.redirect_uri.take().map(|_| vec![0; 32]))),
];

/// Those that a swap can change.
const CHANGING: [&str; 9] = [
    "generation",
    "key_id",
    "epoch",
    "rotated_at",
    "refresh_expires_at",
    "absolute_expires_at",
    "expires_at",
    "fields",
    "code",
];

fn each(record: &mut Record, change: fn(&mut Code)) {
    if let Some(code) = &mut record.code {
        change(code);
    }
}

fn field(name: &str) -> Take {
    FIELDS.iter().find(|(field, _)| *field == name).unwrap().1
}

impl Record {
    /// What a column that was forgotten reads as.
    fn blank() -> Self {
        let zeros = |len: usize| vec![0; len];
        Self {
            renewable: true,
            version: zeros(8),
            salt: zeros(16),
            generation: zeros(3),
            key_id: zeros(1),
            epoch: zeros(3),
            times: std::array::from_fn(|_| zeros(6)),
            ..Self::default()
        }
    }

    fn of(grant: &Grant) -> Self {
        let bytes = grant.encode();
        let mut at = 0;
        let mut take = |len: usize| {
            at += len;
            bytes[at - len..at].to_vec()
        };
        let (format, flags) = (take(1)[0], take(1)[0]);
        let (id, version, salt) = (take(8), take(8), take(16));
        let (generation, key_id, epoch) = (take(3), take(1), take(3));
        let times = std::array::from_fn(|_| take(6));
        let mut text = || {
            let len = take(2);
            take(usize::from(u16::from_be_bytes([len[0], len[1]])))
        };
        let (client, subject, scope, fields) = (text(), text(), text(), text());
        let subject = (flags & 2 != 0).then_some(subject);
        let code = (flags & 4 != 0).then(|| Code::at(&bytes[at..]));
        let renewable = flags & 1 != 0;
        Self {
            format,
            renewable,
            id,
            version,
            salt,
            generation,
            key_id,
            epoch,
            times,
            client,
            subject,
            scope,
            fields,
            code,
        }
    }

    fn grant(&self) -> Grant {
        let flags =
            u8::from(self.renewable) | u8::from(self.subject.is_some()) << 1 | u8::from(self.code.is_some()) << 2;
        let mut bytes = vec![self.format, flags];
        for part in [&self.id, &self.version, &self.salt, &self.generation, &self.key_id, &self.epoch] {
            bytes.extend(part);
        }
        bytes.extend(self.times.iter().flatten());
        let subject = self.subject.clone().unwrap_or_default();
        for text in [&self.client, &subject, &self.scope, &self.fields] {
            push(&mut bytes, text);
        }
        if let Some(code) = &self.code {
            code.push(&mut bytes);
        }
        Grant::decode(&bytes).expect("a record")
    }
}

fn push(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    bytes.extend(text);
}

impl Code {
    fn at(bytes: &[u8]) -> Self {
        let (flags, mut rest) = (bytes[0], &bytes[1..]);
        let mut text = |is_there: bool| {
            is_there.then(|| {
                let (len, more) = rest.split_first_chunk().unwrap();
                let (text, more) = more.split_at(usize::from(u16::from_be_bytes(*len)));
                rest = more;
                text.to_vec()
            })
        };
        let (state_hash, nonce) = (text(flags & 1 != 0), text(flags & 2 != 0));
        let redirect_uri = (flags & 8 != 0).then(|| rest[..32].to_vec());
        let challenge = (flags & 32 != 0).then(|| rest[32..].to_vec());
        let (with_refresh_token, uri_named) = (flags & 4 != 0, flags & 16 != 0);
        Self { with_refresh_token, uri_named, state_hash, nonce, redirect_uri, challenge }
    }

    fn push(&self, bytes: &mut Vec<u8>) {
        let flags = [
            self.state_hash.is_some(),
            self.nonce.is_some(),
            self.with_refresh_token,
            self.redirect_uri.is_some(),
            self.uri_named,
            self.challenge.is_some(),
        ];
        bytes.push(flags.iter().enumerate().map(|(at, is_set)| u8::from(*is_set) << at).sum());
        for text in [&self.state_hash, &self.nonce].into_iter().flatten() {
            push(bytes, text);
        }
        bytes.extend([&self.redirect_uri, &self.challenge].into_iter().flatten().flatten());
    }
}

/// The grant with one more response field.
pub(crate) fn with_a_field(grant: &Grant, name: &str) -> Grant {
    let mut record = Record::of(grant);
    let comma = if record.fields.is_empty() { "" } else { "," };
    let longer = [&record.fields[..], format!("{comma}\"{name}\":1").as_bytes()].concat();
    if longer.len() <= regrant::ResponseFields::MAX_BYTES {
        record.fields = longer;
    }
    record.grant()
}

/// A store that does not keep a field.
struct Forgets(Shelf, Take);

impl Behaves for Forgets {
    fn shelf(&self) -> &Shelf {
        &self.0
    }

    fn load(&self, id: GrantId) -> Option<Grant> {
        let mut record = Record::of(&self.0.get(id)?);
        (self.1)(&mut record, &Record::blank());
        Some(record.grant())
    }
}

/// A store whose swap does not write a field.
struct Keeps(Shelf, Take);

impl Behaves for Keeps {
    fn shelf(&self) -> &Shelf {
        &self.0
    }

    fn swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
        let Some(stored) = self.0.get(next.id()) else { return Ok(Swap::Lost) };
        let mut record = Record::of(next);
        (self.1)(&mut record, &Record::of(&stored));
        Plain(&self.0).swap(expected, &record.grant(), now)
    }
}

#[test]
fn every_field_that_a_store_forgets_is_noticed() {
    let kit = Conformance::new().only("load_returns_what_was_inserted");
    for (name, field) in FIELDS {
        let report = kit.check_blocking(async || Store(Forgets(Shelf::default(), *field)));
        assert_eq!(report.failures().len(), 1, "{name}\n{report}");
    }
}

#[test]
fn every_field_that_a_swap_does_not_write_is_noticed() {
    let kit = Conformance::new().only("load_returns_what_was_swapped_in");
    for name in CHANGING {
        let report = kit.check_blocking(async || Store(Keeps(Shelf::default(), field(name))));
        assert_eq!(report.failures().len(), 1, "{name}\n{report}");
    }
}

/// A store that forgets a field, and the checks that find out.
pub(crate) const CASES: &[super::case::Case] = &[
    super::case::Case {
        name: "Forgets when it was rotated",
        caught_by: &["load_returns_what_was_inserted", "law_retry_is_idempotent"],
        run: |kit| kit.check_blocking(async || Store(Forgets(Shelf::default(), field("rotated_at")))),
    },
    super::case::Case {
        name: "Forgets that it does not renew",
        caught_by: &["load_returns_what_was_inserted", "law_non_renewable_never_renews"],
        run: |kit| kit.check_blocking(async || Store(Forgets(Shelf::default(), field("renewable")))),
    },
    super::case::Case {
        name: "Keeps the generation",
        caught_by: &["load_returns_what_was_swapped_in", "law_single_step", "law_code_is_single_use"],
        run: |kit| kit.check_blocking(async || Store(Keeps(Shelf::default(), field("generation")))),
    },
];
