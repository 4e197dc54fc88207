//! HTTP/1.1 by hyper, with a time for everything that a client may take its time for. (`axum::serve` sets none.)

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tower_service::Service;

/// For the head of a request, from when the connection was made or the last answer sent. So an idle connection is closed
/// after it too.
pub(crate) const HEAD: Duration = Duration::from_secs(10);

/// For the whole body, however it trickles, from the end of the head.
pub(crate) const BODY: Duration = Duration::from_secs(10);

type BoxError = Box<dyn Error + Send + Sync>;

/// Serves until `stop`, and then until the requests that are under way are answered.
pub(crate) async fn serve<S, B>(listener: TcpListener, service: S, stop: impl Future<Output = ()>)
where
    S: Service<Request<Timed>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    accept(listener, stop, |stream, peer, watcher| {
        let connection = watcher.watch(connection(TokioIo::new(stream), peer, service.clone()));
        async move {
            if let Err(error) = connection.await {
                eprintln!("connection: {error}");
            }
        }
    })
    .await;
}

/// Accepts connections until `stop`, and waits for those that the watchers know.
pub(crate) async fn accept<F>(
    listener: TcpListener,
    stop: impl Future<Output = ()>,
    serve: impl Fn(TcpStream, SocketAddr, Watcher) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let connections = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => drop(tokio::spawn(serve(stream, peer, connections.watcher()))),
            // Most often there are too many open files.
            Err(error) => {
                eprintln!("accept: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// One connection, for as long as its client keeps to the times. The service has to be one that is always ready, as
/// `EndpointService` and axum's router are.
pub(crate) fn connection<I, S, B>(
    io: I,
    peer: SocketAddr,
    service: S,
) -> impl GracefulConnection<Error = hyper::Error> + Send
where
    I: Read + Write + Unpin + Send + 'static,
    S: Service<Request<Timed>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let answer = service_fn(move |mut request: Request<Incoming>| {
        // As `axum::serve` has it.
        request.extensions_mut().insert(ConnectInfo(peer));
        service.clone().call(request.map(Timed::new))
    });
    http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(HEAD).serve_connection(io, answer)
}

/// A body that breaks off when its time is over. The answer is not timed with it: a token request that is dropped halfway
/// may have rotated the token already.
pub(crate) struct Timed {
    body: Incoming,
    over: Pin<Box<Sleep>>,
}

impl Timed {
    fn new(body: Incoming) -> Self {
        Self { body, over: Box::pin(tokio::time::sleep(BODY)) }
    }
}

impl Body for Timed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // First, so that a client that sends without a pause has no more time than others.
        if self.over.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err("the body took too long".into())));
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
