//! Time that passes on the wall, for whatever runtime the store has.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures_channel::oneshot;

/// Ready after a while. A thread waits for it, and ends early where this is dropped.
pub(super) struct After {
    rings: oneshot::Receiver<()>,
    _waited_for: Sender<()>,
}

/// Ready after `wait`.
pub(super) fn after(wait: Duration) -> After {
    let (ring, rings) = oneshot::channel();
    let (waited_for, given_up) = channel::<()>();
    // Without a thread the sender is dropped, and the time is over at once.
    let _ = thread::Builder::new().name("conformance timer".into()).spawn(move || {
        if given_up.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            let _ = ring.send(());
        }
    });
    After { rings, _waited_for: waited_for }
}

impl Future for After {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.rings).poll(context).map(|_| ())
    }
}

/// What the future comes to, or `None` where it takes longer.
pub(super) async fn within<T>(most: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut over = pin!(after(most));
    std::future::poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        over.as_mut().poll(context).map(|()| None)
    })
    .await
}
