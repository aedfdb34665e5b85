//! A stream of request messages, read from hyper's body one at a time.

use bytes::{Buf as _, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use prost::Message;

use crate::{
    fault::Fault,
    unary::{PREFIX, decode, length},
};

/// The messages of one request.
#[derive(Debug)]
pub(crate) struct Inbound {
    body: Incoming,
    held: BytesMut,
    limit: usize,
}

impl Inbound {
    pub(crate) fn new(body: Incoming, limit: usize) -> Self {
        Self { body, held: BytesMut::new(), limit }
    }

    /// The next message; nothing at the end of the stream. What holds is never more than a message and a frame.
    pub(crate) async fn next<Q: Message + Default>(&mut self) -> Result<Option<Q>, Fault> {
        loop {
            if let Some(length) = length(&self.held, self.limit)?
                && self.held.len() >= PREFIX + length
            {
                self.held.advance(PREFIX);
                return decode(self.held.split_to(length).freeze()).map(Some);
            }
            let Some(frame) = self.body.frame().await else {
                return match self.held.is_empty() {
                    true => Ok(None),
                    false => Err(Fault::Malformed("the stream ends within a message".to_owned())),
                };
            };
            if let Ok(data) = frame.map_err(|_| Fault::Interrupted)?.into_data() {
                self.held.extend_from_slice(&data);
            }
        }
    }
}
