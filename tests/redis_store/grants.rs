//! Grants to store, made of the bytes of a record.

use regrant::{Grant, Timestamp};

/// What a test says of a grant; the rest is as it may be.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) id: u64,
    pub(crate) version: u64,
    pub(crate) subject: Option<String>,
    pub(crate) client: String,
    pub(crate) expires: u64,
    pub(crate) absolute: u64,
    pub(crate) fields: String,
}

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_000);
pub(crate) const DAY: u64 = 86_400_000;

/// One of this subject, for a day.
pub(crate) fn wanted(id: u64, subject: &str) -> Wanted {
    Wanted {
        id,
        version: 1,
        subject: Some(subject.into()),
        client: "app".into(),
        expires: 1_000 + DAY,
        absolute: 1_000 + 365 * DAY,
        fields: String::new(),
    }
}

pub(crate) fn grant(id: u64, subject: &str) -> Grant {
    wanted(id, subject).grant()
}

impl Wanted {
    pub(crate) fn version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn expires(self, millis: u64) -> Self {
        Self { expires: millis, ..self }
    }

    pub(crate) fn grant(&self) -> Grant {
        let mut bytes = vec![1, 1 + 2 * u8::from(self.subject.is_some())];
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.version.to_be_bytes());
        bytes.extend([7; 16]);
        bytes.extend([0, 0, 1, 0, 0, 0, 0]);
        for time in [1_000, 1_000, 1_000, self.expires, self.absolute, self.expires] {
            bytes.extend(&u64::to_be_bytes(time)[2..]);
        }
        for text in [&self.client, self.subject.as_deref().unwrap_or_default(), "read write", &self.fields] {
            bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        Grant::decode(&bytes).unwrap()
    }
}
