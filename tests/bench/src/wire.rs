//! gRPC's framing, for the relays that speak hyper or h2 directly: five bytes before each message, one to say
//! that it is not compressed and four for its length.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use prost::Message;

use crate::Fallible;

const PREFIX: usize = 5;

/// Appends one framed message.
pub(crate) fn put(message: &impl Message, buffer: &mut BytesMut) {
    let length = message.encoded_len();
    buffer.reserve(PREFIX + length);
    buffer.put_u8(0);
    buffer.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode_raw(buffer);
}

/// One framed message in a buffer of its own.
pub(crate) fn framed(message: &impl Message) -> Bytes {
    let mut buffer = BytesMut::new();
    put(message, &mut buffer);
    buffer.freeze()
}

/// Cuts messages out of what arrives.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    held: BytesMut,
}

impl Cutter {
    pub(crate) fn push(&mut self, data: Bytes) {
        if self.held.is_empty() {
            // Without a copy where the transport gives its buffer away.
            self.held = BytesMut::from(data);
        } else {
            self.held.extend_from_slice(&data);
        }
    }

    /// The next whole message, if it is there.
    pub(crate) fn next<M: Message + Default>(&mut self) -> Fallible<Option<M>> {
        let Some(&[flag, a, b, c, d]) = self.held.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        if flag != 0 {
            return Err("a message came compressed".into());
        }
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if self.held.len() < PREFIX + length {
            return Ok(None);
        }
        self.held.advance(PREFIX);
        Ok(Some(M::decode(self.held.split_to(length).freeze())?))
    }
}

/// The one message of a whole body.
pub(crate) fn only<M: Message + Default>(body: Bytes) -> Fallible<M> {
    let mut cutter = Cutter { held: BytesMut::from(body) };
    cutter.next()?.ok_or_else(|| "a body ended before its message".into())
}

#[cfg(test)]
mod tests {
    use grid_proto::v1::Bye;

    use super::*;

    #[test]
    fn messages_are_cut_out_of_whatever_pieces_come() {
        let bye = |reason: &str| Bye { reason: reason.to_owned() };
        let mut buffer = BytesMut::new();
        put(&bye("first"), &mut buffer);
        put(&bye("second"), &mut buffer);
        let mut cutter = Cutter::default();
        let mut cut: Vec<Bye> = Vec::new();
        for piece in buffer.chunks(3) {
            cutter.push(Bytes::copy_from_slice(piece));
            while let Some(message) = cutter.next().expect("the pieces are of messages") {
                cut.push(message);
            }
        }
        assert_eq!(cut, [bye("first"), bye("second")]);
    }
}
