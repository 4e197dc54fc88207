//! What an engine tells its host, kept: as text, or as values.

use std::sync::Arc;

use parking_lot::Mutex;
use regrant::GrantId;
use regrant::event::{Event, EventSink, Refusal};

/// Every event, as `Debug` shows it.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<String>>>);

impl EventSink for Events {
    fn event(&self, event: &Event<'_>) {
        self.0.lock().push(format!("{event:?}"));
    }
}

impl Events {
    /// What came since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }

    /// The names alone.
    pub(crate) fn names(&self) -> Vec<String> {
        self.take().iter().map(|event| event.split([' ', '(']).next().unwrap_or_default().to_owned()).collect()
    }
}

/// An [`Event`] that owns what a test looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    Issued { grant: GrantId, renewable: bool },
    Refreshed { grant: GrantId, generation: u32 },
    Retried { grant: GrantId, generation: u32 },
    TakenOver { grant: GrantId, generation: u32 },
    ForeignAgain { grant: GrantId, current: u32 },
    CodeReplayed { grant: GrantId },
    ReplayFound { grant: GrantId, presented: u32, current: u32 },
    Revoked { grant: GrantId },
    Refused { grant: Option<GrantId>, why: Refusal },
    StoreBehind { grant: GrantId, presented: u32, stored: u32 },
    UnknownKey { key_id: u8 },
    Failed { why: Refusal },
    Other,
}

/// Keeps events in the order in which they came.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<Seen>>>);

impl Recorder {
    /// All events since the last call.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock())
    }
}

impl EventSink for Recorder {
    fn event(&self, event: &Event<'_>) {
        let seen = match *event {
            Event::Issued { grant, renewable, .. } => Seen::Issued { grant, renewable },
            Event::Refreshed { grant, generation, .. } => Seen::Refreshed { grant, generation: generation.as_u32() },
            Event::Retried { grant, generation, .. } => Seen::Retried { grant, generation: generation.as_u32() },
            Event::TakenOver { grant, generation, .. } => Seen::TakenOver { grant, generation: generation.as_u32() },
            Event::ForeignAgain { grant, current, .. } => Seen::ForeignAgain { grant, current: current.as_u32() },
            Event::CodeReplayed { grant, .. } => Seen::CodeReplayed { grant },
            Event::ReplayFound { grant, presented, current, .. } => {
                Seen::ReplayFound { grant, presented: presented.as_u32(), current: current.as_u32() }
            }
            Event::Revoked { grant, .. } => Seen::Revoked { grant },
            Event::Refused { grant, why, .. } => Seen::Refused { grant, why },
            Event::StoreBehind { grant, presented, stored, .. } => {
                Seen::StoreBehind { grant, presented: presented.as_u32(), stored: stored.as_u32() }
            }
            Event::UnknownKey { key_id, .. } => Seen::UnknownKey { key_id },
            Event::Failed { why, .. } => Seen::Failed { why },
            _ => Seen::Other,
        };
        self.0.lock().push(seen);
    }
}
