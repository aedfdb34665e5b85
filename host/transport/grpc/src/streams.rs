//! The answer to a streamed call: events as they come, each taken only once the one before is on its way. A peer that
//! takes nothing leaves the rest where it is, and so slows down who makes it.

use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use grid_core::{Refusal, stream::CallEvent};
use grid_proto::v1::{self, call_event::Event};
use http_body::Frame;
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::Status;

use crate::{
    auditors::trailers,
    body::{DONE, PIECE},
    convert::stream::event,
    fault::Fault,
    unary::{PREFIX, framed},
};

/// Events of one streamed call.
#[derive(Debug)]
pub(crate) struct Pieces {
    events: mpsc::Receiver<CallEvent>,
    /// What is left of the event that was taken last: a chunk's payload comes after the rest of it, as it is.
    rest: Bytes,
    payload: Bytes,
    ended: bool,
    limit: usize,
}

impl Pieces {
    pub(crate) fn of(events: mpsc::Receiver<CallEvent>, limit: usize) -> Self {
        Self { events, rest: Bytes::new(), payload: Bytes::new(), ended: false, limit }
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
            self.rest = std::mem::take(&mut self.payload);
        }
        if self.rest.is_empty() {
            let Some(next) = ready!(self.events.poll_recv(context)) else {
                // Without an end nobody can tell a whole result from a part of one.
                let lost = Status::internal("the call was lost; whether the tool ran is not known; ask an operator");
                return Poll::Ready(if self.ended { Ok(Frame::trailers(DONE.clone())) } else { trailers(&lost) });
            };
            self.ended = matches!(next, CallEvent::End(_));
            // A chunk of one piece may be as large as a message: what surrounds it comes on top.
            match parted(event(next, self.limit), self.limit.saturating_add(AROUND)) {
                Ok(message) => (self.rest, self.payload) = message,
                Err(fault) => return Poll::Ready(trailers(&fault.status())),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        Poll::Ready(Ok(Frame::data(piece)))
    }
}

/// More than an event holds beside its payload.
const AROUND: usize = 1 << 10;

/// `payload = 3` of a chunk, as its key is written.
const PAYLOAD: u8 = 3 << 3 | 2;
/// `chunk = 1` of an event.
const CHUNK: u8 = 1 << 3 | 2;

/// A message with its prefix; the payload of a chunk is not copied into it, but follows it.
fn parted(mut event: v1::CallEvent, limit: usize) -> Result<(Bytes, Bytes), Fault> {
    let payload = match &mut event.event {
        Some(Event::Chunk(chunk)) => std::mem::take(&mut chunk.payload),
        _ => Bytes::new(),
    };
    let Some(Event::Chunk(chunk)) = event.event.as_ref().filter(|_| !payload.is_empty()) else {
        return framed(&event, limit).map(|message| (message, payload));
    };
    // The order of fields is free, so the payload may be the last one.
    let inner = chunk.encoded_len() + 1 + prost::length_delimiter_len(payload.len()) + payload.len();
    let found = 1 + prost::length_delimiter_len(inner) + inner;
    let length = u32::try_from(found).ok().filter(|_| found <= limit).ok_or(Fault::AnswerTooLarge { found, limit })?;
    let mut head = BytesMut::with_capacity(PREFIX + found - payload.len());
    head.put_u8(0);
    head.put_u32(length);
    head.put_u8(CHUNK);
    delimit(inner, &mut head);
    chunk.encode_raw(&mut head);
    head.put_u8(PAYLOAD);
    delimit(payload.len(), &mut head);
    Ok((head.freeze(), payload))
}

fn delimit(mut length: usize, out: &mut BytesMut) {
    while length > 0x7f {
        out.put_u8(0x80 | u8::try_from(length & 0x7f).unwrap_or_default());
        length >>= 7;
    }
    out.put_u8(u8::try_from(length).unwrap_or_default());
}

#[cfg(test)]
mod tests;
