//! Any sequence of calls, beside a model that is a map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SUBJECTS: [Option<&str>; 6] =
    [Some("a"), Some("b"), Some(""), Some("Zoë Ünïcode"), Some("a subject that is longer than what is inline"), None];
const CLIENTS: [&str; 3] = ["app", "web", "a client id that is longer than what is inline"];

prop_compose! {
    fn fields()(
        (id, version, renewable) in (0..12_u64, 0..4_u64, any::<bool>()),
        (salt, generation) in (any::<[u8; 16]>(), 0..1_u32 << 24),
        (mut times, life) in (any::<[u64; 6]>(), 0..2_000_u64),
        (client, subject, extra) in (0..3_usize, 0..6_usize, 0..400_usize),
    ) -> Fields {
        times = times.map(|time| time >> 16);
        // Relative to the time of the write; see `Step`.
        times[5] = life;
        Fields {
            renewable, id, version, salt, generation, times, key_id: 7, epoch: 3,
            client_id: CLIENTS[client].into(),
            subject: SUBJECTS[subject].map(Into::into),
            scope: "read".into(),
            extra: if extra < 200 { String::new() } else { format!("\"a\":\"{}\"", "x".repeat(extra)) },
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
    Reopen,
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
        1 => Just(Step::Reopen),
    ]
}

/// What is there, by the simplest means. Expired grants may be there or not, so the model follows the store in that.
#[derive(Default)]
struct Model(BTreeMap<u64, Grant>);

impl Model {
    fn settle(&mut self, store: &FileStore, now: Timestamp) {
        self.0.retain(|id, grant| grant.expires_at() > now || load(store, *id).is_some());
    }
}

fn agrees_with_model(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let place = Place::new();
    let mut store = FileStore::open(place.file()).unwrap();
    let mut model = Model::default();
    let mut now = at(1_000_000);
    for step in steps {
        match step {
            Step::Insert(mut fields) => {
                fields.times[5] += now.as_millis();
                let grant = fields.grant();
                let held = model.0.contains_key(&fields.id);
                prop_assert_eq!(insert(&store, &grant, now) == Inserted::Duplicate, held);
                model.0.entry(fields.id).or_insert(grant);
            }
            Step::Load(id) => prop_assert_eq!(load(&store, id), model.0.get(&id).cloned()),
            Step::Swap(current, mut fields) => {
                fields.times[5] += now.as_millis();
                let next = fields.grant();
                let stored = model.0.get(&fields.id).map(|grant| grant.version().as_u64());
                let expected = stored.filter(|_| current).unwrap_or(fields.version ^ 1);
                let won = swap(&store, expected, &next, now) == Swap::Swapped;
                prop_assert_eq!(won, stored == Some(expected));
                if won {
                    model.0.insert(fields.id, next);
                }
            }
            Step::Remove(id) => prop_assert_eq!(remove(&store, id), model.0.remove(&id)),
            Step::List { subject, client, limit } => {
                let mut owner = Owner::subject(SUBJECTS[subject].unwrap_or("nobody"));
                if let Some(client) = client {
                    owner = owner.at_client(CLIENTS[client]);
                }
                let mut listed = list(&store, &owner, limit);
                listed.sort_by_key(Grant::id);
                let expected: Vec<Grant> = model.0.values().filter(|grant| owner.owns(grant)).cloned().collect();
                prop_assert_eq!(listed, expected);
            }
            Step::Purge(limit) => {
                let expired = model.0.values().filter(|grant| grant.expires_at() <= now).count();
                prop_assert_eq!(wait(store.purge_expired(now, limit)).unwrap(), expired.min(limit));
            }
            Step::Wait(millis) => now = at(now.as_millis() + millis),
            Step::Reopen => {
                drop(store);
                store = FileStore::open(place.file()).unwrap();
            }
        }
        model.settle(&store, now);
    }
    for (id, grant) in &model.0 {
        prop_assert_eq!(load(&store, *id), Some(grant.clone()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_map(steps in prop::collection::vec(step(), 1..60)) {
        agrees_with_model(steps)?;
    }
}
