//! The body of a request, in no more memory than its limit.

use std::error::Error;
use std::pin::pin;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Body, Frame};
use http_body_util::BodyExt;

use crate::wire::Limits;

/// How far beyond the limit a body is read and dropped.
const DROPPED: u64 = 1 << 20;

/// Why [`read_body`] gives no body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is longer than [`Limits::body_bytes`]; [`Engine::body_too_large`](crate::Engine::body_too_large) answers that.
    #[error("the body is longer than the limit")]
    TooLarge,
    /// It broke off, by an error of the connection or of whatever stands before; [`Engine::body_broken`](crate::Engine::body_broken) answers
    /// that, where anybody still hears it.
    #[error("the body broke off")]
    Broken,
}

/// Reads a body up to [`Limits::body_bytes`], as [`EndpointService`](super::EndpointService) does.
///
/// A body that is too large is read on and dropped, up to 1 MiB beyond the limit: a server that answers and closes while
/// its client still sends resets the connection, and many clients lose the answer with it. One that goes further, or
/// says by its length that it will, is given up, and so is one whose client waits to be asked for it
/// (`Expect: 100-continue`, RFC 9110 section 10.1.1; whence the `headers`). How long all that takes is for whatever gives
/// the body to bound.
///
/// It takes memory for the bytes of the body, at most the limit and a sixteenth of it at any time, however many frames
/// they come in. (`BodyExt::collect` keeps the frames: of one byte each, 64 KiB are 2 MiB.) A body in one frame is not
/// copied.
///
/// # Errors
///
/// [`BodyError`], if it is too large or breaks off.
///
/// ```
/// use http::HeaderMap;
/// use http_body_util::Full;
/// use regrant::http::{BodyError, read_body};
/// use regrant::wire::Limits;
///
/// # async fn read() {
/// let headers = HeaderMap::new();
/// let limits = Limits::default().with_body_bytes(3);
/// let body = Full::<bytes::Bytes>::from("a=1");
/// assert_eq!(read_body(&headers, body, &limits).await.as_deref(), Ok(&b"a=1"[..]));
/// let body = Full::<bytes::Bytes>::from("a=12");
/// assert_eq!(read_body(&headers, body, &limits).await, Err(BodyError::TooLarge));
/// # }
/// ```
pub async fn read_body<B>(headers: &HeaderMap, body: B, limits: &Limits) -> Result<Bytes, BodyError>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let limit = limits.body_bytes();
    let most = limit as u64 + DROPPED;
    let announced = body.size_hint().lower();
    if announced > limit as u64 && (announced > most || headers.contains_key(EXPECT)) {
        return Err(BodyError::TooLarge);
    }
    let mut body = pin!(body);
    let mut read = Read::Nothing;
    let mut count = 0_u64;
    while let Some(frame) = body.frame().await {
        let data = match frame.map(Frame::into_data) {
            Ok(Ok(data)) => data,
            // Trailers, which nobody asked for.
            Ok(Err(_)) => continue,
            Err(_) if matches!(read, Read::TooLarge) => break,
            Err(_) => return Err(BodyError::Broken),
        };
        count = count.saturating_add(data.remaining() as u64);
        if count > most {
            return Err(BodyError::TooLarge);
        }
        read.push(data, limit);
    }
    read.into_bytes().ok_or(BodyError::TooLarge)
}

/// What was read so far.
enum Read {
    Nothing,
    /// Nearly every body is one frame, and stays where it is.
    Frame(Bytes),
    Buffer(Vec<u8>),
    /// What there was is given back; the rest is dropped as it comes.
    TooLarge,
}

impl Read {
    fn push(&mut self, mut data: impl Buf, limit: usize) {
        let needed = self.len().saturating_add(data.remaining());
        let mut buffer = match std::mem::replace(self, Self::TooLarge) {
            Self::TooLarge => return,
            _ if needed > limit => return,
            Self::Nothing => {
                *self = Self::Frame(data.copy_to_bytes(data.remaining()));
                return;
            }
            Self::Frame(first) => {
                let mut buffer = Vec::with_capacity(room(needed, limit));
                buffer.extend_from_slice(&first);
                buffer
            }
            Self::Buffer(buffer) => buffer,
        };
        if needed > buffer.capacity() {
            buffer.reserve_exact(room(needed, limit) - buffer.len());
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            let taken = chunk.len();
            buffer.extend_from_slice(chunk);
            data.advance(taken);
        }
        *self = Self::Buffer(buffer);
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing | Self::TooLarge => 0,
            Self::Frame(data) => data.len(),
            Self::Buffer(buffer) => buffer.len(),
        }
    }

    fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Nothing => Some(Bytes::new()),
            Self::Frame(data) => Some(data),
            Self::Buffer(buffer) => Some(Bytes::from(buffer)),
            Self::TooLarge => None,
        }
    }
}

/// The size of the buffer: the limit, or it divided by 16 as often as what is needed still fits. So the old one that is
/// copied from is a sixteenth of the new one.
fn room(needed: usize, limit: usize) -> usize {
    let mut room = limit;
    while room / 16 >= needed.max(1_024) {
        room /= 16;
    }
    room
}
