//! Events as `tracing` events.

use super::{Audience, Event, EventSink, Subject};
use crate::engine::failure::chain;

/// Writes each event to `tracing` (feature `tracing`), target `regrant`: replays of tokens and codes, a store that is behind, an
/// unreadable record, a client's key that is gone, user codes that are guessed, unknown addresses of peers and failures as warnings; refreshes and
/// refusals for debugging; the rest as information.
///
/// The field `cause` of a failure is the text of the error that the store, the registry, a handler or a hook gave, and of
/// what that came from, each after a colon. Its words are theirs and not the engine's: they may name a host, a
/// file or a statement, and a driver or code of your own has to keep what a person typed out of its errors. Where that
/// cannot be had, write an [`EventSink`] that leaves [`Cause`](super::Cause) out.
///
/// The field `subject` is there where the host has [asked for it](crate::EngineBuilder::subjects_in_events).
///
/// ```
/// use regrant::event::TracingEvents;
/// use regrant::{Engine, MemoryStore, StaticClients};
/// let engine = Engine::builder(MemoryStore::new(), StaticClients::new()).events(TracingEvents).build()?;
/// # Ok::<(), regrant::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a host writes its name to add it")]
pub struct TracingEvents;

impl EventSink for TracingEvents {
    fn event(&self, event: &Event<'_>) {
        // A field that is `None` is not written.
        let text = |subject: Option<Subject<'_>>| subject.map(|subject| subject.as_str().to_owned());
        let uris = |audience: Audience<'_>| {
            let uris: Vec<_> = audience.iter().collect();
            (!uris.is_empty()).then(|| uris.join(" "))
        };
        match *event {
            Event::CodeIssued { grant, client_id, subject, audience } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), audience = uris(audience), "code issued");
            }
            Event::CodeReplayed { grant, client_id, subject } => {
                tracing::warn!(target: "regrant", %grant, client_id, subject = text(subject), "code replayed");
            }
            Event::AccessRevoked { grant, client_id, subject } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), "access tokens revoked");
            }
            Event::Asserted { grant, client_id, subject, issuer } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), issuer, "asserted");
            }
            Event::Issued { grant, client_id, subject, renewable, audience } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), renewable, audience = uris(audience), "issued");
            }
            Event::Refreshed { grant, client_id, subject, generation, audience } => {
                tracing::debug!(target: "regrant", %grant, client_id, subject = text(subject), generation = generation.as_u32(), audience = uris(audience), "refreshed");
            }
            Event::Retried { grant, client_id, subject, generation, audience } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), generation = generation.as_u32(), audience = uris(audience), "retried");
            }
            Event::Resynced { grant, client_id, subject, presented, current, audience } => {
                let (presented, current) = (presented.as_u32(), current.as_u32());
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), presented, current, audience = uris(audience), "resynced");
            }
            Event::TakenOver { grant, client_id, subject, generation, audience } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), generation = generation.as_u32(), audience = uris(audience), "taken over");
            }
            Event::ForeignAgain { grant, client_id, subject, current, audience } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), current = current.as_u32(), audience = uris(audience), "foreign token again");
            }
            Event::Exchanged { grant, client_id, subject, of_client, actor, audience } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), of_client, actor = text(actor), audience = uris(audience), "exchanged");
            }
            Event::SenderBound { grant, client_id, subject } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), "sender bound");
            }
            Event::ClientKeyGone { grant, client_id, subject } => {
                tracing::warn!(target: "regrant", %grant, client_id, subject = text(subject), "client key gone");
            }
            Event::ReplayFound { grant, client_id, subject, presented, current } => {
                let (presented, current) = (presented.as_u32(), current.as_u32());
                tracing::warn!(target: "regrant", %grant, client_id, subject = text(subject), presented, current, "replay found");
            }
            Event::RetiredIntrospected { grant, client_id, subject, presented, current, active } => {
                let (presented, current) = (presented.as_u32(), current.as_u32());
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), presented, current, active, "retired token introspected");
            }
            Event::Revoked { grant, client_id, subject } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), "revoked");
            }
            Event::Displaced { grant, client_id, subject, by } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), %by, "displaced");
            }
            Event::UnreadableRevoked { grant } => {
                tracing::warn!(target: "regrant", %grant, "unreadable record revoked");
            }
            Event::DeviceApproved { grant, client_id, subject } => {
                tracing::info!(target: "regrant", %grant, client_id, subject = text(subject), "device approved");
            }
            Event::DeviceDenied { client_id, subject } => {
                tracing::info!(target: "regrant", client_id, subject = text(subject), "device denied");
            }
            Event::UserCodesGuessed { wrong } => tracing::warn!(target: "regrant", wrong, "user codes guessed"),
            // Any stranger can cause it.
            Event::ClientRegistered { client_id } => tracing::info!(target: "regrant", client_id, "client registered"),
            Event::Refused { client_id, grant, subject, why } => {
                let grant = grant.map(tracing::field::display);
                tracing::debug!(target: "regrant", grant, client_id, subject = text(subject), %why, "refused");
            }
            Event::StoreBehind { grant, subject, presented, stored } => {
                let (presented, stored) = (presented.as_u32(), stored.as_u32());
                tracing::warn!(target: "regrant", %grant, subject = text(subject), presented, stored, "store behind");
            }
            // Any stranger can cause it.
            Event::UnknownKey { key_id } => tracing::info!(target: "regrant", key_id, "unknown key"),
            Event::PeerUnknown => tracing::warn!(target: "regrant", "the host does not give the address of its peers"),
            Event::Failed { client_id, grant, subject, why, cause } => {
                let grant = grant.map(tracing::field::display);
                // As a string, not by `Display`: subscribers escape the line breaks of those.
                let cause = cause.map(|cause| chain(cause.error()));
                tracing::warn!(target: "regrant", grant, client_id, subject = text(subject), %why, cause = cause.as_deref(), "failed");
            }
        }
    }
}
