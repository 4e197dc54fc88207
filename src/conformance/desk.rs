//! Where a check asks for its store to be opened again. Only who runs the checks can open one.

use std::task::{Context, Poll, Waker};

use futures_channel::oneshot;
use parking_lot::Mutex;

use super::stage::Handle;

/// One check's way to whoever opens stores.
#[derive(Default)]
pub(super) struct Desk(Mutex<State>);

#[derive(Default)]
struct State {
    wanted: Option<oneshot::Sender<Handle>>,
    opener: Option<Waker>,
}

impl Desk {
    /// The store, opened again; `None` where nobody does that any more.
    pub(super) async fn reopen(&self) -> Option<Handle> {
        let (give, given) = oneshot::channel();
        let opener = {
            let mut state = self.0.lock();
            state.wanted = Some(give);
            state.opener.take()
        };
        if let Some(opener) = opener {
            opener.wake();
        }
        given.await.ok()
    }

    /// Ready once a check waits for its store.
    pub(super) fn poll_wanted(&self, context: &Context<'_>) -> Poll<oneshot::Sender<Handle>> {
        let mut state = self.0.lock();
        if let Some(give) = state.wanted.take() {
            return Poll::Ready(give);
        }
        state.opener = Some(context.waker().clone());
        Poll::Pending
    }
}
