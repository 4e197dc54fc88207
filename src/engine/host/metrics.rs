//! Events as counters of the `metrics` facade.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use super::{Event, EventSink};

const EVENTS: &str = "regrant_events_total";
const REFUSALS: &str = "regrant_refusals_total";
const RESPONSES: &str = "regrant_response_seconds";

/// Counts each event for the recorder that the host has installed with the `metrics` crate (feature `metrics`).
///
/// | metric | kind | labels |
/// |---|---|---|
/// | `regrant_events_total` | counter | `event`: [`Event::name`] |
/// | `regrant_refusals_total` | counter | of the events `refused` and `failed`; `error`: the code of the response, as [`Refusal::code`] says it; `reason`: the fixed text of the refusal |
/// | `regrant_response_seconds` | histogram | what the host [records](record_response); `endpoint`, `status` |
///
/// No label is what a stranger can choose, nor the id of a client, a grant or a person: so the number of series is bounded. What to
/// alarm on: any `replay_found`, `code_replayed` and `store_behind`, and a rise of `failed`, and of `retried` over `refreshed`.
///
/// ```
/// use regrant::event::{MetricsEvents, TracingEvents};
/// use regrant::{Engine, MemoryStore, StaticClients};
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new())
///     .events(TracingEvents)
///     .events(MetricsEvents::new())
///     .build()?;
/// # Ok::<(), regrant::BuildError>(())
/// ```
///
/// [`Refusal::code`]: super::super::refusal::Refusal::code
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct MetricsEvents;

impl MetricsEvents {
    /// Says what the metrics are to the recorder, if there is one already, and counts from here on.
    #[expect(clippy::new_without_default, reason = "it does more than make a value")]
    pub fn new() -> Self {
        describe_counter!(EVENTS, Unit::Count, "What happened, by kind of event");
        describe_counter!(REFUSALS, Unit::Count, "Requests that were refused or failed, by error code and reason");
        describe_histogram!(RESPONSES, Unit::Seconds, "How long responses took, by endpoint and status");
        Self
    }
}

impl EventSink for MetricsEvents {
    fn event(&self, event: &Event<'_>) {
        counter!(EVENTS, "event" => event.name()).increment(1);
        if let Event::Refused { why, .. } | Event::Failed { why, .. } = event {
            let error = why.code().as_str();
            counter!(REFUSALS, "error" => error, "reason" => why.to_string()).increment(1);
        }
    }
}

/// Records how long the response of an endpoint took (feature `metrics`): only the host knows when the request was there and the
/// response gone. `endpoint` is a name of the host's, such as `token`, never a path that came with a request.
///
/// ```
/// # use regrant::{Engine, MemoryStore, Request, Response, StaticClients, Timestamp};
/// # async fn serve(engine: &Engine<MemoryStore, StaticClients>, request: &Request<'_>) -> Response {
/// let begun = std::time::Instant::now();
/// let response = engine.token(request, Timestamp::now).await;
/// regrant::event::record_response("token", response.status(), begun.elapsed());
/// # response
/// # }
/// ```
pub fn record_response(endpoint: &'static str, status: u16, took: Duration) {
    histogram!(RESPONSES, "endpoint" => endpoint, "status" => status.to_string()).record(took.as_secs_f64());
}
