//! Grants for a store's tests, written as records by the layout of format 1.

use regrant::Grant;

pub(crate) const SUBJECTS: [Option<&str>; 6] =
    [Some("a"), Some("b"), Some(""), Some("Zoë Ünïcode"), Some("a subject that is longer than what is inline"), None];
pub(crate) const CLIENTS: [&str; 3] = ["app", "web", "a client id that is longer than what is inline"];

/// Every stored field.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) renewable: bool,
    pub(crate) id: u64,
    pub(crate) version: u64,
    pub(crate) salt: [u8; 16],
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
            renewable: true,
            id,
            version,
            salt: [7; 16],
            generation: 1,
            times: [1_000, 1_000, 1_000, 5_000, 9_000, 9_000],
            client_id: "app".into(),
            subject: Some(subject.into()),
            scope: "read write".into(),
            extra: String::new(),
        }
    }

    pub(crate) fn client(self, client_id: &str) -> Self {
        Self { client_id: client_id.into(), ..self }
    }

    pub(crate) fn expires_at(mut self, millis: u64) -> Self {
        self.times[5] = millis;
        self
    }

    pub(crate) fn grant(&self) -> Grant {
        let mut bytes = vec![1, u8::from(self.renewable) + 2 * u8::from(self.subject.is_some())];
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.version.to_be_bytes());
        bytes.extend(self.salt);
        bytes.extend(&self.generation.to_be_bytes()[1..]);
        bytes.extend([0; 4]);
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
