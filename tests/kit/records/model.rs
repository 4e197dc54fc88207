//! Any sequence of calls to a store, beside a model that is a map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use regrant::grant::{Owner, Version};
use regrant::store::{Insert, StoreErrorKind, Swap};
use regrant::{Grant, GrantId, Timestamp, TokenStore};

use super::{Fields, all, at};

/// Some are as long as what a store keeps inline, some longer.
const SUBJECTS: [Option<&str>; 7] = [
    Some("a"),
    Some("b"),
    Some(""),
    Some("Zoë Ünïcode"),
    Some("exactly-twenty-three-by"),
    Some("a subject that does not fit a slot"),
    None,
];
const CLIENTS: [&str; 3] = ["app", "web", "a client id that is longer than what is inline"];
const SCOPES: [&str; 3] = ["", "read", "a:scope:that:is:longer than:what:is:inline"];
pub(crate) const EXTRAS: [&str; 3] = ["", "\"a\":1", "\"home_uri\":\"/a/rather/long/place\""];

fn extra() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => prop::sample::select(&EXTRAS[..]).prop_map(Into::into),
        1 => (200..400_usize).prop_map(|length| format!("\"a\":\"{}\"", "x".repeat(length))),
    ]
}

prop_compose! {
    fn fields()(
        (id, version, renewable) in (0..12_u64, 0..4_u64, any::<bool>()),
        (salt, generation, key_id, epoch) in (any::<[u8; 16]>(), 0..1_u32 << 24, any::<u8>(), 0..1_u32 << 24),
        (mut times, life) in (any::<[u64; 6]>(), 0..2_000_u64),
        (client, subject, scope, extra) in (0..CLIENTS.len(), 0..SUBJECTS.len(), 0..SCOPES.len(), extra()),
    ) -> Fields {
        times = times.map(|time| time >> 16);
        // Relative to the time of the write; see `Step`.
        times[5] = life;
        Fields {
            renewable, id, version, salt, generation, key_id, epoch, times, extra,
            client_id: CLIENTS[client].into(),
            subject: SUBJECTS[subject].map(Into::into),
            scope: SCOPES[scope].into(),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Insert(Fields),
    Load(u64),
    /// `true`: expects the version that is there.
    Swap(bool, Fields),
    Remove(u64),
    List {
        subject: usize,
        client: Option<usize>,
        limit: usize,
    },
    Purge(usize),
    Wait(u64),
    Reopen,
    /// The next grant of this number has an id that the store proposes, if it does.
    Propose(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => fields().prop_map(Step::Insert),
        2 => (0..12_u64).prop_map(Step::Load),
        8 => (any::<bool>(), fields()).prop_map(|(current, fields)| Step::Swap(current, fields)),
        2 => (0..12_u64).prop_map(Step::Remove),
        3 => (0..SUBJECTS.len(), prop::option::of(0..CLIENTS.len()), 0..4_usize)
            .prop_map(|(subject, client, limit)| Step::List { subject, client, limit }),
        1 => (0..4_usize).prop_map(Step::Purge),
        2 => (0..800_u64).prop_map(Step::Wait),
        1 => Just(Step::Reopen),
        4 => (0..12_u64).prop_map(Step::Propose),
    ]
}

pub(crate) fn steps(fewer_than: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..fewer_than)
}

async fn load(store: &impl TokenStore, id: u64) -> Option<Grant> {
    store.load(GrantId::from_u64(id)).await.unwrap()
}

/// What is there, by the simplest means.
#[derive(Default)]
struct Model(BTreeMap<u64, Grant>);

impl Model {
    /// Expired grants may be there or not, so the model follows the store in that.
    async fn settle(&mut self, store: &impl TokenStore, now: Timestamp) {
        for id in self.0.keys().copied().collect::<Vec<_>>() {
            if self.0[&id].expires_at() <= now && load(store, id).await.is_none() {
                self.0.remove(&id);
            }
        }
    }
}

/// Takes the steps on an empty store, which refuses a grant beyond its capacity. `reopen` gives the store back as it is
/// after it was closed, and `len` says how many grants it holds where it knows.
pub(crate) async fn agrees<S: TokenStore>(
    mut store: S,
    capacity: Option<usize>,
    reopen: impl AsyncFn(S) -> S,
    len: impl Fn(&S) -> Option<usize>,
    steps: Vec<Step>,
) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    let mut now = at(1_000_000);
    // By the numbers that the steps have.
    let mut ids: [u64; 12] = std::array::from_fn(|number| number as u64);
    let id_of = |ids: &[u64; 12], number: u64| ids[usize::try_from(number).unwrap()];
    for mut step in steps {
        match &mut step {
            Step::Insert(fields) | Step::Swap(_, fields) => fields.id = id_of(&ids, fields.id),
            Step::Load(id) | Step::Remove(id) => *id = id_of(&ids, *id),
            _ => {}
        }
        // It is heard of what is loaded and of what is not, and changes nothing.
        store.expect_load(GrantId::from_u64(id_of(&ids, 3) ^ u64::from(matches!(step, Step::Load(_)))));
        match step {
            Step::Propose(number) => {
                if let Some(lower) = store.propose_id(now) {
                    ids[usize::try_from(number).unwrap()] = now.as_secs() << 32 | u64::from(lower);
                }
            }
            Step::Insert(mut fields) => {
                fields.times[5] += now.as_millis();
                let grant = fields.grant();
                let held = model.0.contains_key(&fields.id);
                match store.insert(&grant, now).await {
                    Ok(inserted) => {
                        prop_assert_eq!(inserted == Insert::Duplicate, held);
                        model.0.entry(fields.id).or_insert(grant);
                    }
                    Err(error) => {
                        // So small a store is searched as a whole before it is full.
                        let live = model.0.values().filter(|grant| grant.expires_at() > now).count();
                        prop_assert_eq!((held, Some(live)), (false, capacity), "{:?}", error);
                        prop_assert_eq!(error.kind(), StoreErrorKind::NotApplied);
                    }
                }
            }
            Step::Load(id) => prop_assert_eq!(load(&store, id).await, model.0.get(&id).cloned()),
            Step::Swap(current, mut fields) => {
                fields.times[5] += now.as_millis();
                let next = fields.grant();
                let stored = model.0.get(&fields.id).map(|grant| grant.version().as_u64());
                let expected = stored.filter(|_| current).unwrap_or(fields.version ^ 1);
                let swap = store.compare_and_swap(Version::from_u64(expected), &next, now).await.unwrap();
                prop_assert_eq!(swap == Swap::Swapped, stored == Some(expected));
                if swap == Swap::Swapped {
                    model.0.insert(fields.id, next);
                }
            }
            Step::Remove(id) => {
                prop_assert_eq!(store.remove(GrantId::from_u64(id)).await.unwrap().grant(), model.0.remove(&id));
            }
            Step::List { subject, client, limit } => {
                let mut owner = Owner::subject(SUBJECTS[subject].unwrap_or("nobody"));
                if let Some(client) = client {
                    owner = owner.at_client(CLIENTS[client]);
                }
                let mut listed = all(&store, &owner, limit).await;
                listed.sort_by_key(Grant::id);
                let expected: Vec<Grant> = model.0.values().filter(|grant| owner.owns(grant)).cloned().collect();
                prop_assert_eq!(listed, expected);
            }
            Step::Purge(limit) => {
                let expired = model.0.values().filter(|grant| grant.expires_at() <= now).count();
                prop_assert_eq!(store.purge_expired(now, limit).await.unwrap(), expired.min(limit));
            }
            Step::Wait(millis) => now = at(now.as_millis() + millis),
            Step::Reopen => store = reopen(store).await,
        }
        model.settle(&store, now).await;
        if let Some(len) = len(&store) {
            prop_assert_eq!(len, model.0.len());
        }
        prop_assert!(capacity.is_none_or(|capacity| model.0.len() <= capacity));
    }
    for (id, grant) in &model.0 {
        prop_assert_eq!(load(&store, *id).await, Some(grant.clone()));
    }
    Ok(())
}
