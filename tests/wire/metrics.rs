//! Events as counters of the `metrics` facade.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use regrant::event::{MetricsEvents, record_response};

use crate::kit::{Events, LOGIN, Password, SECRET, World, app, at, basic, form};

/// Counts, and sums what is recorded, by name and labels.
#[derive(Default)]
struct Book(Mutex<BTreeMap<String, Arc<Entry>>>);

#[derive(Default)]
struct Entry(AtomicU64);

impl CounterFn for Entry {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl HistogramFn for Entry {
    fn record(&self, value: f64) {
        let millis = Duration::from_secs_f64(value).as_millis();
        self.0.fetch_add(u64::try_from(millis).unwrap(), Ordering::Relaxed);
    }
}

impl Book {
    fn entry(&self, key: &Key) -> Arc<Entry> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::clone(self.0.lock().unwrap().entry(name).or_default())
    }

    fn read(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap().iter().map(|(name, entry)| (name.clone(), entry.0.load(Ordering::Relaxed))).collect()
    }
}

impl Recorder for Book {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.0.lock().unwrap().entry(format!("described {}", key.as_str())).or_default();
    }

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe_counter(key, unit, text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.entry(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.entry(key))
    }
}

#[test]
fn what_happens_is_counted_and_nobody_is_named() {
    let (book, events) = (Book::default(), Events::default());
    metrics::with_local_recorder(&book, || {
        // Each sink hears of everything.
        let world = World::new([app()], |builder| {
            builder.grant_handler(Password).events(MetricsEvents::new()).events(events.clone())
        });
        let first = world.login(at(0)).refresh_token();
        let second = world.refresh(&first, at(1)).refresh_token();
        world.refresh(&first, at(2)).assert_ok();
        world.refresh(&second, at(3)).assert_ok();
        world.refresh(&first, at(1_000)).assert_error(400, "invalid_grant");
        // What strangers choose is no label.
        for client in ["stranger-1", "stranger-2"] {
            world.send(&form(LOGIN).authorization(basic(client, SECRET)), at(4)).assert_error(401, "invalid_client");
        }
        world.post("grant_type=urn%3Anever-heard-of", at(5)).assert_error(400, "unsupported_grant_type");
        assert_eq!(world.events.names(), events.names());
    });
    record_response("token", 200, Duration::from_millis(1));
    metrics::with_local_recorder(&book, || {
        record_response("token", 200, Duration::from_millis(250));
        record_response("token", 200, Duration::from_millis(500));
        record_response("token", 400, Duration::from_millis(5));
    });
    let book = book.read();
    let read: Vec<_> = book.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(
        read,
        [
            ("described regrant_events_total", 0),
            ("described regrant_refusals_total", 0),
            ("described regrant_response_seconds", 0),
            ("regrant_events_total{event=issued}", 1),
            ("regrant_events_total{event=refreshed}", 2),
            ("regrant_events_total{event=refused}", 3),
            ("regrant_events_total{event=replay_found}", 1),
            ("regrant_events_total{event=retried}", 1),
            ("regrant_events_total{event=revoked}", 1),
            ("regrant_refusals_total{error=invalid_client,reason=an unknown client}", 2),
            ("regrant_refusals_total{error=unsupported_grant_type,reason=an unsupported grant type}", 1),
            ("regrant_response_seconds{endpoint=token,status=200}", 750),
            ("regrant_response_seconds{endpoint=token,status=400}", 5),
        ]
    );
}
