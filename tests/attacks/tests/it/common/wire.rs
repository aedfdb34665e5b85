//! HTTP/2 by hand: frames as an attacker makes them. Whatever the host does about it is read and thrown away.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub const CALL: &str = "/grid.v1.GridService/CallTool";

/// One connection.
pub struct Wire {
    stream: Option<TcpStream>,
    batch: Vec<u8>,
    /// Fields of every request.
    own: Vec<u8>,
}

impl Wire {
    pub fn connect(port: u16) -> Self {
        let mut wire = Self::silent(port);
        wire.push(PREFACE);
        wire.frame(SETTINGS, 0, 0, &[]);
        wire
    }

    /// Without a word of HTTP.
    pub fn silent(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok();
        if let Some(stream) = &stream {
            stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            stream.set_nodelay(true).unwrap();
        }
        Self { stream, batch: Vec::new(), own: Vec::new() }
    }

    /// Every request is by the owner of this token.
    pub fn by(mut self, token: &str) -> Self {
        self.own = field("authorization", format!("Bearer {token}").as_bytes());
        self
    }

    /// The host has not ended it.
    pub fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.batch.extend_from_slice(bytes);
        if self.batch.len() > 32 << 10 {
            self.flush();
        }
    }

    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.batch.extend_from_slice(&length[1..]);
        self.batch.extend_from_slice(&[kind, flags]);
        self.batch.extend_from_slice(&stream.to_be_bytes());
        self.push(payload);
    }

    /// The head of a request; its body is to follow.
    pub fn ask(&mut self, stream: u32, path: &str, more: &[u8]) {
        self.frame(HEADERS, END_HEADERS, stream, &[head(path), self.own.clone(), more.to_vec()].concat());
    }

    /// A whole request.
    pub fn post(&mut self, stream: u32, path: &str, message: &[u8]) {
        self.ask(stream, path, &[]);
        let body = grpc(0, message.len(), message);
        let mut pieces = body.chunks(16_384).peekable();
        while let Some(piece) = pieces.next() {
            let flags = if pieces.peek().is_none() { END_STREAM } else { 0 };
            self.frame(DATA, flags, stream, piece);
        }
    }

    /// To the host; and whatever came from there is read away.
    pub fn flush(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if let Some(stream) = &mut self.stream
            && stream.write_all(&batch).is_err()
        {
            self.stream = None;
        }
        self.drain();
    }

    /// To the host, and nothing is read.
    pub fn shout(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        if let Some(stream) = &mut self.stream
            && stream.write_all(&batch).is_err()
        {
            self.stream = None;
        }
    }

    pub fn drain(&mut self) {
        let mut buffer = [0; 16 << 10];
        while let Some(stream) = &mut self.stream {
            match stream.read(&mut buffer) {
                Ok(0) => self.stream = None,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
                Err(_) => self.stream = None,
            }
        }
    }

    /// Reads until the host closes, or this long nothing comes.
    pub fn hear(&mut self, patience: Duration) -> Vec<u8> {
        self.flush();
        let mut heard = Vec::new();
        if let Some(stream) = &mut self.stream {
            stream.set_read_timeout(Some(patience)).unwrap();
            let mut buffer = [0; 16 << 10];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                heard.extend_from_slice(&buffer[..read]);
            }
        }
        heard
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A whole number with a prefix of seven bits (RFC 7541, 5.1).
fn number(mut value: usize) -> Vec<u8> {
    if value < 127 {
        return vec![u8::try_from(value).unwrap()];
    }
    let mut bytes = vec![127];
    value -= 127;
    while value >= 128 {
        bytes.push(u8::try_from(value % 128 + 128).unwrap());
        value /= 128;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// A text as HPACK has it, without Huffman's code.
pub fn string(text: &[u8]) -> Vec<u8> {
    [number(text.len()), text.to_vec()].concat()
}

/// A field that no table keeps.
pub fn field(name: &str, value: &[u8]) -> Vec<u8> {
    [vec![0], string(name.as_bytes()), string(value)].concat()
}

/// The fields of a request.
pub fn head(path: &str) -> Vec<u8> {
    [
        field(":method", b"POST"),
        field(":scheme", b"http"),
        field(":path", path.as_bytes()),
        field(":authority", b"host"),
        field("content-type", b"application/grpc"),
        field("te", b"trailers"),
    ]
    .concat()
}

/// A message with its prefix, which may say something else.
pub fn grpc(flag: u8, length: usize, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&[flag], &length[..], message].concat()
}

/// HTTP/1 as text.
pub struct Http1;

impl Http1 {
    /// Sends bytes, and gives what came back within a moment.
    pub fn say(port: u16, bytes: &[u8]) -> String {
        let mut wire = Wire::silent(port);
        wire.push(bytes);
        String::from_utf8_lossy(&wire.hear(Duration::from_millis(100))).into_owned()
    }
}
