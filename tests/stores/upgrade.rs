//! A rolling upgrade: two versions of this crate on one store, of which the older does not read format 2.

use std::sync::Arc;

use regrant::grant::{DecodeError, Owner, Version};
use regrant::store::{Cursor, Durability, Insert, Listed, Removed, StoreError, Swap};
use regrant::{Engine, EngineBuilder, Grant, GrantId, Key, Request, Scope, StaticClients, Timestamp, TokenStore};

use crate::kit::schedule::run;
use crate::kit::{LOGIN, Password, Reply, SECRET, Shelf, app, at, form, renewal};

/// A store as the version before sees it: records of format 2 are there, and it cannot read them.
struct VersionBefore(Arc<Shelf>);

impl VersionBefore {
    fn read(grant: Grant) -> Result<Grant, DecodeError> {
        if grant.encode()[0] > 1 { Err(DecodeError::NewerFormat) } else { Ok(grant) }
    }
}

impl TokenStore for VersionBefore {
    async fn insert(&self, grant: &Grant, now: Timestamp) -> Result<Insert, StoreError> {
        assert_eq!(grant.encode()[0], 1, "what the version before writes");
        self.0.insert(grant, now).await
    }

    async fn load(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        Ok(self.0.load(id).await?.map(Self::read).transpose()?)
    }

    async fn compare_and_swap(&self, expected: Version, next: &Grant, now: Timestamp) -> Result<Swap, StoreError> {
        assert_eq!(next.encode()[0], 1, "what the version before writes");
        self.0.compare_and_swap(expected, next, now).await
    }

    async fn remove(&self, id: GrantId) -> Result<Removed, StoreError> {
        Ok(self.0.remove(id).await?.grant().map_or(Removed::Nothing, |grant| Self::read(grant).into()))
    }

    async fn list(&self, owner: &Owner, after: Option<Cursor>, limit: usize) -> Result<Listed, StoreError> {
        let listed = self.0.list(owner, after, limit).await?;
        let mut read = Listed { next: listed.next, ..Listed::default() };
        for grant in listed.grants {
            read.add(grant.id(), Self::read(grant));
        }
        Ok(read)
    }

    async fn purge_expired(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.0.purge_expired(now, limit).await
    }

    fn durability(&self) -> Durability {
        self.0.durability()
    }
}

fn engine<S: TokenStore>(
    store: S,
    change: impl FnOnce(EngineBuilder<S, StaticClients>) -> EngineBuilder<S, StaticClients>,
) -> Engine<S, StaticClients> {
    let clients = StaticClients::new().with(app().build().unwrap()).unwrap();
    let builder = Engine::builder(store, clients).key(Key::from_bytes(1, &[7; 32])).grant_handler(Password);
    change(builder).build().unwrap()
}

fn post<S: TokenStore>(engine: &Engine<S, StaticClients>, body: &str) -> Reply {
    let ask = form(body).basic("app", SECRET);
    Reply::of(&run(engine.token(&ask.request(), at(1))))
}

fn status_at_resource<S: TokenStore>(engine: &Engine<S, StaticClients>, token: &str) -> u16 {
    let header = format!("Bearer {token}");
    let request = Request::new("GET", b"").with_header("authorization", header.as_bytes());
    run(engine.bearer(&request, &Scope::empty(), at(1))).map_or_else(|error| error.status(), |_| 200)
}

/// As long as nothing new is turned on, both write what both read.
#[test]
fn what_is_off_leaves_the_format_alone() {
    let store = Arc::new(Shelf::default());
    let (before, after) = (engine(VersionBefore(Arc::clone(&store)), |it| it), engine(Arc::clone(&store), |it| it));
    let first = post(&after, LOGIN);
    let second = post(&before, &renewal(&first.refresh_token()));
    let third = post(&after, &renewal(&second.refresh_token()));
    post(&before, &renewal(&third.refresh_token())).assert_ok();
    assert!(store.bytes().values().all(|record| record[0] == 1));
}

/// A capability is turned on while the version before still serves: that answers 503 for what it cannot read, so nobody is
/// logged out, and touches none of it; what it can read, both serve.
#[test]
fn a_node_of_the_version_before_leaves_format_2_alone() {
    let store = Arc::new(Shelf::default());
    let before = engine(VersionBefore(Arc::clone(&store)), |it| it);
    let after = engine(Arc::clone(&store), |it| it.realm("shop").adopt_grants_of(["app"]));
    let old = post(&before, LOGIN);
    let new = post(&after, LOGIN);
    let formats: Vec<u8> = store.bytes().values().map(|record| record[0]).collect();
    assert_eq!(
        {
            let mut formats = formats;
            formats.sort_unstable();
            formats
        },
        [1, 2]
    );
    let stored = store.bytes();
    post(&before, &renewal(&new.refresh_token())).assert_error(503, "temporarily_unavailable");
    assert_eq!(status_at_resource(&before, &new.access_token()), 503);
    assert_eq!(store.bytes(), stored);
    post(&after, &renewal(&new.refresh_token())).assert_ok();
    // Adopted, it stays of format 1, and goes on at either.
    let renewed = post(&after, &renewal(&old.refresh_token()));
    post(&before, &renewal(&renewed.refresh_token())).assert_ok();
    assert_eq!(store.bytes().values().filter(|record| record[0] == 1).count(), 1);
    // The upgrade is rolled back: ending everything of a person ends what the version before can see of them.
    assert_eq!(run(before.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap(), 1);
    assert_eq!(store.grants().len(), 1);
    assert_eq!(run(after.end_sessions_of("alice", regrant::Timestamp::EPOCH)).unwrap(), 1);
}
