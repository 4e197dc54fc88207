//! Grants to store.

use regrant::{Grant, Timestamp};

use crate::kit::records::Fields;

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
        Fields {
            subject: self.subject.clone(),
            client_id: self.client.clone(),
            times: [1_000, 1_000, 1_000, self.expires, self.absolute, self.expires],
            extra: self.fields.clone(),
            ..Fields::new(self.id, self.version, "")
        }
        .grant()
    }
}
