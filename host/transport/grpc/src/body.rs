//! What an answer's body can be: one message and its trailers, a stream of tonic's, or plain bytes. The one
//! message is an enum variant and not a boxed body, because every call makes one.

use std::{
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;

use crate::{
    auditors::Steps,
    locals::{Answers, Epochs},
    streams::Pieces,
};

/// Bytes of an answer that are handed over at once.
pub(crate) const PIECE: usize = 64 << 10;

pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

pub(crate) static DONE: LazyLock<HeaderMap> =
    LazyLock::new(|| HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))]));

/// The body of an answer.
#[derive(Debug, Default)]
pub(crate) enum Reply {
    /// Nothing; the status stands in the headers.
    #[default]
    Empty,
    /// One framed message, then the trailers of success.
    Message(Bytes),
    /// The trailers of success.
    Trailers,
    /// Not gRPC.
    Plain(Bytes),
    /// The frames of an attached runtime.
    Attached(tonic::body::Body),
    /// Records as they come.
    Followed(Steps),
    /// Answers to reports as they come.
    Logged(Answers),
    /// Policy epochs as they come.
    Watched(Epochs),
    /// A result in pieces.
    Streamed(Pieces),
    /// Health or reflection; ends when the port stops, because a watcher never goes by itself.
    Side(tonic::body::Body, Pin<Box<WaitForCancellationFutureOwned>>),
}

impl Reply {
    /// After its trailers a stream has nothing more.
    fn last(&mut self, frame: Result<Frame<Bytes>, Status>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if frame.as_ref().is_ok_and(Frame::is_trailers) {
            *self = Self::Empty;
        }
        Poll::Ready(Some(frame))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Message(data) => {
                // In pieces, so that a peer that stops reading has one of them and not the whole waiting for it.
                let piece = data.split_to(data.len().min(PIECE));
                if data.is_empty() {
                    *self = Self::Trailers;
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Self::Trailers => {
                *self = Self::Empty;
                Poll::Ready(Some(Ok(Frame::trailers(DONE.clone()))))
            }
            Self::Plain(data) => {
                let data = std::mem::take(data);
                *self = Self::Empty;
                Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
            }
            Self::Attached(body) => Pin::new(body).poll_frame(cx),
            Self::Followed(steps) => {
                let frame = ready!(steps.poll(cx));
                self.last(frame)
            }
            Self::Logged(answers) => {
                let frame = ready!(answers.poll(cx));
                self.last(frame)
            }
            Self::Watched(epochs) => {
                let frame = ready!(epochs.poll(cx));
                self.last(frame)
            }
            Self::Streamed(pieces) => {
                let frame = ready!(pieces.poll(cx));
                self.last(frame)
            }
            Self::Side(body, stop) => {
                if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
                    return Poll::Ready(frame);
                }
                ready!(stop.as_mut().poll(cx));
                *self = Self::Empty;
                let gone = Status::unavailable("the host is stopping; ask another one");
                let mut trailers = HeaderMap::new();
                let written = gone.add_header(&mut trailers);
                Poll::Ready(Some(written.map(|()| Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Message(_)
            | Self::Trailers
            | Self::Followed(_)
            | Self::Logged(_)
            | Self::Watched(_)
            | Self::Streamed(_) => false,
            Self::Plain(data) => data.is_empty(),
            Self::Attached(body) | Self::Side(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Plain(data) => SizeHint::with_exact(data.len() as u64),
            // An exact size would become a content-length header, which gRPC has no use for.
            Self::Message(_)
            | Self::Trailers
            | Self::Attached(_)
            | Self::Followed(_)
            | Self::Logged(_)
            | Self::Watched(_)
            | Self::Streamed(_)
            | Self::Side(..) => SizeHint::default(),
        }
    }
}
