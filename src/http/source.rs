//! Where an endpoint has its engine from.

use std::ops::Deref;
use std::sync::Arc;

use crate::engine::{Engine, EngineSlot};

/// The engine of an [`EndpointService`](super::EndpointService): always the same, or the one that is in a slot. Made from an
/// `Arc<Engine>` or an [`EngineSlot`] by `into`, which the constructors call.
///
/// ```
/// use regrant::engine::EngineSlot;
/// use regrant::http::EndpointService;
/// use regrant::{Engine, MemoryStore, StaticClients};
/// let slot = EngineSlot::new(Engine::builder(MemoryStore::new(), StaticClients::new()).build()?);
/// let service = EndpointService::token(slot);
/// # Ok::<(), regrant::BuildError>(())
/// ```
pub struct EngineSource<S, C>(Source<S, C>);

enum Source<S, C> {
    One(Arc<Engine<S, C>>),
    Slot(EngineSlot<S, C>),
}

impl<S, C> EngineSource<S, C> {
    /// The engine for one request.
    pub(super) fn current(&self) -> Current<'_, S, C> {
        match &self.0 {
            Source::One(engine) => Current::One(engine),
            Source::Slot(slot) => Current::OfSlot(slot.engine()),
        }
    }
}

/// Borrowed where it never changes, so that such a service pays nothing for those that do.
pub(super) enum Current<'a, S, C> {
    One(&'a Engine<S, C>),
    OfSlot(Arc<Engine<S, C>>),
}

impl<S, C> Deref for Current<'_, S, C> {
    type Target = Engine<S, C>;

    fn deref(&self) -> &Engine<S, C> {
        match self {
            Self::One(engine) => engine,
            Self::OfSlot(engine) => engine,
        }
    }
}

impl<S, C> From<Arc<Engine<S, C>>> for EngineSource<S, C> {
    fn from(engine: Arc<Engine<S, C>>) -> Self {
        Self(Source::One(engine))
    }
}

impl<S, C> From<EngineSlot<S, C>> for EngineSource<S, C> {
    fn from(slot: EngineSlot<S, C>) -> Self {
        Self(Source::Slot(slot))
    }
}

impl<S, C> Clone for EngineSource<S, C> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Source::One(engine) => Source::One(Arc::clone(engine)),
            Source::Slot(slot) => Source::Slot(slot.clone()),
        })
    }
}

impl<S, C> std::fmt::Debug for EngineSource<S, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EngineSource").field(&*self.current()).finish()
    }
}
