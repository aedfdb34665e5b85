//! The answer to a streamed call: events as they come, each taken only once the one before is on its way. A peer that
//! takes nothing leaves the rest where it is, and so slows down who makes it.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use grid_core::{Refusal, stream::CallEvent};
use http_body::Frame;
use tokio::sync::mpsc;
use tonic::Status;

use crate::{
    auditors::trailers,
    body::{DONE, PIECE},
    convert::stream::event,
    unary::framed,
};

/// Events of one streamed call.
#[derive(Debug)]
pub(crate) struct Pieces {
    events: mpsc::Receiver<CallEvent>,
    /// What is left of the event that was taken last.
    rest: Bytes,
    ended: bool,
    limit: usize,
}

impl Pieces {
    pub(crate) fn of(events: mpsc::Receiver<CallEvent>, limit: usize) -> Self {
        Self { events, rest: Bytes::new(), ended: false, limit }
    }

    /// One refusal and nothing else.
    pub(crate) fn refused(refusal: Refusal, limit: usize) -> Self {
        let (only, events) = mpsc::channel(1);
        // The receiver is here and has room.
        let _ = only.try_send(CallEvent::End(Box::new(Err(refusal))));
        Self::of(events, limit)
    }

    /// The next frame; the trailers where it is the last one.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Frame<Bytes>, Status>> {
        if self.rest.is_empty() {
            let Some(next) = ready!(self.events.poll_recv(context)) else {
                // Without an end nobody can tell a whole result from a part of one.
                let lost = Status::internal("the call was lost; whether the tool ran is not known; ask an operator");
                return Poll::Ready(if self.ended { Ok(Frame::trailers(DONE.clone())) } else { trailers(&lost) });
            };
            self.ended = matches!(next, CallEvent::End(_));
            // A chunk of one piece may be as large as a message: what surrounds it comes on top.
            match framed(&event(next, self.limit), self.limit.saturating_add(AROUND)) {
                Ok(message) => self.rest = message,
                Err(fault) => return Poll::Ready(trailers(&fault.status())),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        Poll::Ready(Ok(Frame::data(piece)))
    }
}

/// More than an event holds beside its payload.
const AROUND: usize = 1 << 10;
