//! Grants of any content, written as records by the layout of format 1: what the tests of a store store.

pub(crate) mod model;

use regrant::grant::Owner;
use regrant::{Grant, Timestamp, TokenStore};

/// Every stored field of a grant that began without an authorization request.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    pub(crate) renewable: bool,
    pub(crate) id: u64,
    pub(crate) version: u64,
    pub(crate) salt: [u8; 16],
    pub(crate) generation: u32,
    pub(crate) key_id: u8,
    pub(crate) epoch: u32,
    /// Creation, authentication, rotation, and the expiries: of the refresh token, absolute, and of the record.
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
            key_id: 0,
            epoch: 0,
            times: [1_000, 1_000, 1_000, 5_000, 9_000, 9_000],
            client_id: "app".into(),
            subject: Some(subject.into()),
            scope: "read write".into(),
            extra: String::new(),
        }
    }

    /// With a salt that compresses no better than a real one.
    pub(crate) fn salted(self) -> Self {
        let halves = [self.id ^ 0x5a5a_0ff0_3c3c_9669, (!self.id).rotate_left(17)].map(u64::to_be_bytes);
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&halves[0]);
        salt[8..].copy_from_slice(&halves[1]);
        Self { salt, ..self }
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
        bytes.push(self.key_id);
        bytes.extend(&self.epoch.to_be_bytes()[1..]);
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

/// All pages of a listing by a store whose pages are full.
pub(crate) async fn all(store: &impl TokenStore, owner: &Owner, limit: usize) -> Vec<Grant> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(owner, after, limit).await.unwrap();
        assert!(page.grants.len() <= limit.max(1));
        assert!(page.next.is_none() || page.grants.len() == limit.max(1), "a page is full or the last");
        all.extend(page.grants);
        assert!(all.len() < 100_000, "a listing ends");
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

/// In order.
pub(crate) fn ids(grants: &[Grant]) -> Vec<u64> {
    let mut ids: Vec<u64> = grants.iter().map(|grant| grant.id().as_u64()).collect();
    ids.sort_unstable();
    ids
}
