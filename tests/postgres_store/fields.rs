//! Grants of any content.

use regrant::{Grant, Timestamp};

/// Every stored field, to be written as a record.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) id: u64,
    pub(crate) version: u64,
    pub(crate) generation: u32,
    pub(crate) times: [u64; 6],
    pub(crate) client_id: String,
    pub(crate) subject: Option<String>,
    pub(crate) scope: String,
    pub(crate) extra: String,
}

impl Fields {
    pub(crate) fn new(id: u64, version: u64, subject: &str) -> Self {
        Self {
            id,
            version,
            generation: 1,
            times: [1_000, 1_000, 1_000, 5_000, 9_000, 9_000],
            client_id: "app".into(),
            subject: Some(subject.into()),
            scope: "read write".into(),
            extra: String::new(),
        }
    }

    pub(crate) fn expires_at(mut self, millis: u64) -> Self {
        self.times[5] = millis;
        self
    }

    /// By the layout of records, format 1.
    pub(crate) fn grant(&self) -> Grant {
        let mut bytes = vec![1, 1 + 2 * u8::from(self.subject.is_some())];
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.version.to_be_bytes());
        bytes.extend((self.id ^ 0x5a5a_0ff0_3c3c_9669).to_be_bytes());
        bytes.extend((!self.id).rotate_left(17).to_be_bytes());
        bytes.extend(&self.generation.to_be_bytes()[1..]);
        bytes.push(7);
        bytes.extend([0, 0, 3]);
        for time in self.times {
            bytes.extend(&time.to_be_bytes()[2..]);
        }
        for text in [&self.client_id, self.subject.as_ref().unwrap_or(&String::new()), &self.scope, &self.extra] {
            bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        Grant::decode(&bytes).unwrap()
    }
}

pub(crate) const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}
