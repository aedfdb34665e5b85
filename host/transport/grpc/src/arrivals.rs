//! The frames of a runtime, read from hyper's body one at a time. One over the limit is dropped as its bytes come and
//! only its beginning is looked at, so that it costs its own call and not the stream.

use bytes::{Buf as _, Bytes};
use grid_core::frame::OversizedFrame;
use grid_proto::v1::{self, runtime_frame::Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::{
    fault::Fault,
    unary::{PREFIX, decode, length},
};

/// A frame takes room as its bytes come: at first for so many, later for as many times more as [`GROWTH`] says.
const AHEAD: usize = 64 << 10;
const GROWTH: usize = 4;
/// So much of a frame that is dropped is looked at: its call's id comes first.
const HEAD: usize = 256;

/// What came: a frame, or what is known of one that was dropped.
pub(crate) type Arrived = Result<v1::RuntimeFrame, OversizedFrame>;

/// The frames of one runtime's request. It holds one message at most, and a frame of HTTP/2.
#[derive(Debug)]
pub(crate) struct Arrivals {
    body: Incoming,
    parts: Parts,
}

impl Arrivals {
    pub(crate) fn new(body: Incoming, limit: usize) -> Self {
        Self { body, parts: Parts::new(limit) }
    }

    /// The next one; nothing at the end of the stream. May be given up at any time.
    pub(crate) async fn next(&mut self) -> Result<Option<Arrived>, Fault> {
        loop {
            if let Some(arrived) = self.parts.take()? {
                return Ok(Some(arrived));
            }
            let Some(frame) = self.body.frame().await else {
                return match self.parts.is_between() {
                    true => Ok(None),
                    false => Err(Fault::Malformed("the stream ends within a message".to_owned())),
                };
            };
            if let Ok(data) = frame.map_err(|_| Fault::Interrupted)?.into_data() {
                self.parts.rest = data;
            }
        }
    }
}

/// What has come and is not handed over.
#[derive(Debug)]
struct Parts {
    state: State,
    /// The beginning of a prefix or of a message, which came in pieces.
    held: Vec<u8>,
    /// Of the piece that came last.
    rest: Bytes,
    limit: usize,
}

#[derive(Debug)]
enum State {
    Prefix,
    /// A message of so many bytes.
    Message(usize),
    Dropping {
        found: usize,
        left: usize,
    },
}

impl Parts {
    fn new(limit: usize) -> Self {
        Self { state: State::Prefix, held: Vec::new(), rest: Bytes::new(), limit }
    }

    fn is_between(&self) -> bool {
        matches!(self.state, State::Prefix) && self.held.is_empty()
    }

    /// The next message, if all of it is there; otherwise nothing is left of the piece that came last.
    fn take(&mut self) -> Result<Option<Arrived>, Fault> {
        loop {
            match self.state {
                State::Prefix => {
                    let Some(found) = self.prefix()? else {
                        return Ok(None);
                    };
                    self.state = match found <= self.limit {
                        true => State::Message(found),
                        false => State::Dropping { found, left: found },
                    };
                }
                State::Message(found) => {
                    // A piece of HTTP/2 may lie in a larger buffer; what is kept of it would keep all of that.
                    let (message, owned) = if self.held.is_empty() && self.rest.len() >= found {
                        (self.rest.split_to(found), false)
                    } else {
                        self.hold(found);
                        if self.held.len() < found {
                            return Ok(None);
                        }
                        (Bytes::from(std::mem::take(&mut self.held)), true)
                    };
                    self.state = State::Prefix;
                    return frame(message, owned).map(Ok).map(Some);
                }
                State::Dropping { found, left } => {
                    let seen = HEAD.saturating_sub(self.held.len()).min(left).min(self.rest.len());
                    self.held.extend_from_slice(self.rest.get(..seen).unwrap_or_default());
                    let gone = left.min(self.rest.len());
                    self.rest.advance(gone);
                    let left = left - gone;
                    if left > 0 {
                        self.state = State::Dropping { found, left };
                        return Ok(None);
                    }
                    self.state = State::Prefix;
                    let (invocation_id, part) = about(&self.held).unwrap_or_default();
                    self.held = Vec::new();
                    return Ok(Some(Err(OversizedFrame { invocation_id, part, found, limit: self.limit })));
                }
            }
        }
    }

    /// The length that the next message has.
    fn prefix(&mut self) -> Result<Option<usize>, Fault> {
        if self.held.is_empty() && self.rest.len() >= PREFIX {
            return length(&self.rest.split_to(PREFIX), usize::MAX);
        }
        self.hold(PREFIX);
        let found = length(&self.held, usize::MAX)?;
        if found.is_some() {
            self.held = Vec::new();
        }
        Ok(found)
    }

    /// Has `whole` bytes held, as far as they have come. Room is made for what comes, never for what was promised.
    fn hold(&mut self, whole: usize) {
        loop {
            let wanted = whole.saturating_sub(self.held.len()).min(self.rest.len());
            if wanted == 0 {
                return;
            }
            if self.held.len() == self.held.capacity() {
                let most = self.held.len().saturating_mul(GROWTH - 1).max(AHEAD);
                self.held.reserve_exact((whole - self.held.len()).min(most));
            }
            let room = self.held.capacity() - self.held.len();
            let piece = self.rest.split_to(wanted.min(room));
            self.held.extend_from_slice(&piece);
        }
    }
}

/// Reads a message. The payload of a chunk waits for its caller: it stays where it is only if nothing much lies around it.
fn frame(message: Bytes, owned: bool) -> Result<v1::RuntimeFrame, Fault> {
    let length = message.len();
    let mut frame: v1::RuntimeFrame = decode(message)?;
    if let Some(Frame::Chunk(chunk)) = &mut frame.frame {
        let payload = &mut chunk.payload;
        if !owned || length - payload.len() > payload.len() / 8 {
            *payload = Bytes::copy_from_slice(payload);
        }
    }
    Ok(frame)
}

/// Fields of a runtime's frame, and of a result or a chunk, as their keys are written.
const RESULT: u8 = 4 << 3 | 2;
const CHUNK: u8 = 5 << 3 | 2;
const INVOCATION: u8 = 1 << 3 | 2;

/// The call that a result or a chunk is about, by its first bytes, and whether it is a chunk; nothing where another
/// frame came, or one whose id does not come first.
fn about(head: &[u8]) -> Option<(String, bool)> {
    let (kind, mut rest) = head.split_first()?;
    let part = match *kind {
        RESULT => false,
        CHUNK => true,
        _ => return None,
    };
    prost::decode_length_delimiter(&mut rest).ok()?;
    let (_, mut rest) = rest.split_first().filter(|(field, _)| **field == INVOCATION)?;
    let length = prost::decode_length_delimiter(&mut rest).ok()?;
    let id = std::str::from_utf8(rest.get(..length)?).ok()?;
    Some((id.to_owned(), part))
}

#[cfg(test)]
mod tests;
