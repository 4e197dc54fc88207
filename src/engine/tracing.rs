//! Events as `tracing` events.

use super::event::{Event, EventSink};

/// Writes each event to `tracing` (feature `tracing`), target `regrant`: a found replay, a store that is behind and a
/// failure as warnings; logins, retries, revocations and unknown keys as information, the rest for debugging.
///
/// The cause of a failure is left out, since only whoever wrote it knows whether it is safe to log.
///
/// ```
/// use regrant::{Engine, MemoryStore, StaticClients, TracingEvents};
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).events(TracingEvents).build()?;
/// # Ok::<(), regrant::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TracingEvents;

impl EventSink for TracingEvents {
    fn event(&self, event: &Event<'_>) {
        match *event {
            Event::CodeIssued { grant, client_id } => {
                tracing::info!(target: "regrant", %grant, client_id, "code issued");
            }
            Event::CodeReplayed { grant, client_id } => {
                tracing::warn!(target: "regrant", %grant, client_id, "code replayed");
            }
            Event::AccessRevoked { grant, client_id } => {
                tracing::info!(target: "regrant", %grant, client_id, "access tokens revoked");
            }
            Event::Issued { grant, client_id, renewable } => {
                tracing::info!(target: "regrant", %grant, client_id, renewable, "issued");
            }
            Event::Refreshed { grant, client_id, generation } => {
                tracing::debug!(target: "regrant", %grant, client_id, generation = generation.as_u32(), "refreshed");
            }
            Event::Retried { grant, client_id, generation } => {
                tracing::info!(target: "regrant", %grant, client_id, generation = generation.as_u32(), "retried");
            }
            Event::ReplayFound { grant, client_id, presented, current } => {
                let (presented, current) = (presented.as_u32(), current.as_u32());
                tracing::warn!(target: "regrant", %grant, client_id, presented, current, "replay found");
            }
            Event::Revoked { grant, client_id } => {
                tracing::info!(target: "regrant", %grant, client_id, "revoked");
            }
            Event::Refused { client_id, grant, why } => {
                let grant = grant.map(tracing::field::display);
                tracing::debug!(target: "regrant", grant, client_id, %why, "refused");
            }
            Event::StoreBehind { grant, presented, stored } => {
                let (presented, stored) = (presented.as_u32(), stored.as_u32());
                tracing::warn!(target: "regrant", %grant, presented, stored, "store behind");
            }
            // Any stranger can cause it.
            Event::UnknownKey { key_id } => tracing::info!(target: "regrant", key_id, "unknown key"),
            Event::Failed { client_id, grant, why, .. } => {
                let grant = grant.map(tracing::field::display);
                tracing::warn!(target: "regrant", grant, client_id, %why, "failed");
            }
        }
    }
}
