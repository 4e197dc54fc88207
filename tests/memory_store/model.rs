//! Any sequence of calls, beside a model that is a map.

use super::*;

prop_compose! {
    fn fields()(
        (id, version, renewable) in (0..12_u64, 0..4_u64, any::<bool>()),
        (salt, generation, key_id, epoch) in (any::<[u8; 16]>(), 0..1_u32 << 24, any::<u8>(), 0..1_u32 << 24),
        (mut times, life) in (any::<[u64; 6]>(), 0..2_000_u64),
        (client, subject, scope, extra) in (0..3_usize, 0..6_usize, 0..3_usize, 0..3_usize),
    ) -> Fields {
        times = times.map(|time| time >> 16);
        // Relative to the time of the write; see `Step`.
        times[5] = life;
        Fields {
            renewable, id, version, salt, generation, key_id, epoch, times,
            client_id: CLIENTS[client].into(),
            subject: SUBJECTS[subject].map(Into::into),
            scope: SCOPES[scope].into(),
            extra: EXTRAS[extra].into(),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
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
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => fields().prop_map(Step::Insert),
        2 => (0..12_u64).prop_map(Step::Load),
        8 => (any::<bool>(), fields()).prop_map(|(current, fields)| Step::Swap(current, fields)),
        2 => (0..12_u64).prop_map(Step::Remove),
        3 => (0..6_usize, prop::option::of(0..3_usize), 0..4_usize)
            .prop_map(|(subject, client, limit)| Step::List { subject, client, limit }),
        1 => (0..4_usize).prop_map(Step::Purge),
        2 => (0..800_u64).prop_map(Step::Wait),
    ]
}

/// What is there, by the simplest means. Expired grants may be there or not, so the model follows the store in that.
#[derive(Default)]
struct Model(BTreeMap<u64, Grant>);

impl Model {
    fn settle(&mut self, store: &MemoryStore, id: u64, now: Timestamp) {
        if self.0.get(&id).is_some_and(|grant| grant.expires_at() <= now) && load(store, id).is_none() {
            self.0.remove(&id);
        }
    }

    fn settle_all(&mut self, store: &MemoryStore, now: Timestamp) {
        for id in self.0.keys().copied().collect::<Vec<_>>() {
            self.settle(store, id, now);
        }
    }
}

fn agrees_with_model(steps: Vec<Step>, capacity: Option<usize>, shards: usize) -> Result<(), TestCaseError> {
    let builder = MemoryStore::builder().shards(shards);
    let store = capacity.map_or(builder.clone(), |capacity| builder.capacity(capacity)).build();
    let mut model = Model::default();
    let mut now = at(1_000_000);
    for step in steps {
        match step {
            Step::Insert(mut fields) => {
                fields.times[5] += now.as_millis();
                model.settle(&store, fields.id, now);
                let grant = fields.grant();
                let held = model.0.contains_key(&fields.id);
                match ready(store.insert(&grant, now)) {
                    Ok(Inserted::Duplicate) => prop_assert!(held),
                    Ok(Inserted::Inserted) => {
                        prop_assert!(!held);
                        model.0.insert(fields.id, grant);
                    }
                    Err(error) => {
                        // So small a store is searched as a whole before it is full.
                        let live = model.0.values().filter(|grant| grant.expires_at() > now).count();
                        prop_assert_eq!((held, Some(live)), (false, capacity));
                        prop_assert_eq!(error.kind(), StoreErrorKind::NotApplied);
                    }
                }
            }
            Step::Load(id) => {
                model.settle(&store, id, now);
                prop_assert_eq!(load(&store, id), model.0.get(&id).cloned());
            }
            Step::Swap(current, mut fields) => {
                fields.times[5] += now.as_millis();
                model.settle(&store, fields.id, now);
                let next = fields.grant();
                let stored = model.0.get(&fields.id).map(|grant| grant.version().as_u64());
                let expected = stored.filter(|_| current).unwrap_or(fields.version ^ 1);
                let won = swap(&store, expected, &next, now) == Swap::Swapped;
                prop_assert_eq!(won, stored == Some(expected));
                if won {
                    model.0.insert(fields.id, next);
                }
            }
            Step::Remove(id) => {
                model.settle(&store, id, now);
                prop_assert_eq!(remove(&store, id), model.0.remove(&id));
            }
            Step::List { subject, client, limit } => {
                let mut owner = Owner::subject(SUBJECTS[subject].unwrap_or("nobody"));
                if let Some(client) = client {
                    owner = owner.at_client(CLIENTS[client]);
                }
                model.settle_all(&store, now);
                let mut listed = list(&store, &owner, limit);
                listed.sort_by_key(Grant::id);
                let expected: Vec<Grant> = model.0.values().filter(|grant| owner.owns(grant)).cloned().collect();
                prop_assert_eq!(listed, expected);
            }
            Step::Purge(limit) => {
                model.settle_all(&store, now);
                let expired = model.0.values().filter(|grant| grant.expires_at() <= now).count();
                prop_assert_eq!(ready(store.purge_expired(now, limit)).unwrap(), expired.min(limit));
            }
            Step::Wait(millis) => now = at(now.as_millis() + millis),
        }
        model.settle_all(&store, now);
        prop_assert_eq!(store.len(), model.0.len());
        prop_assert!(capacity.is_none_or(|capacity| store.len() <= capacity));
    }
    for (id, grant) in &model.0 {
        prop_assert_eq!(load(&store, *id), Some(grant.clone()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn agrees_with_a_map(
        steps in prop::collection::vec(step(), 1..120),
        capacity in prop::option::of(0..8_usize),
        shards in prop::sample::select(vec![1, 2, 256]),
    ) {
        agrees_with_model(steps, capacity, shards)?;
    }

    #[test]
    fn any_cursor_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..12), limit in any::<usize>()) {
        let store = MemoryStore::builder().shards(4).build();
        for id in 0..20 {
            insert(&store, &Fields::new(id, 1, "a").grant(), at(0));
        }
        let page = ready(store.list(&Owner::subject("a"), Some(Cursor::new(bytes)), limit));
        if let Ok(page) = page {
            prop_assert!(page.grants.len() <= 20);
        }
    }
}
