//! The limits of one listening port. The defaults are those of the architecture's table and of the hardening
//! table; the server's configuration may set each of them.

use std::time::Duration;

/// Limits and times of one listening port.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bytes of one message, in either direction.
    pub max_message: usize,
    /// Requests at once on one connection.
    pub max_concurrent_streams: u32,
    /// Connections at once from one address.
    pub max_connections_per_peer: u32,
    /// A ping goes out after this much silence.
    pub keepalive: Duration,
    /// A ping without an answer ends the connection after this.
    pub keepalive_timeout: Duration,
    /// A connection that has asked nothing is closed after this.
    pub first_request_timeout: Duration,
    /// A connection is asked to go after about this time, a tenth more or less, so that those of one moment do not all
    /// come again in another. One that a runtime is attached on stays, since its calls would end with it.
    pub max_age: Duration,
    /// How long the requests of a connection that was asked to go have to end.
    pub age_grace: Duration,
    /// The head of an HTTP/1 request must be there by then (operators' port only).
    pub header_timeout: Duration,
    /// The message of a call must be there this long after its headers.
    pub message_timeout: Duration,
    /// A runtime must introduce itself this long after it opened its stream.
    pub first_frame_timeout: Duration,
    /// A runtime that does not read what waits for it is detached, and loses its connection, after this.
    pub stall_timeout: Duration,
    /// Bytes that a peer may send on one stream before the host has read them.
    pub stream_window: u32,
    /// The same for a whole connection.
    pub connection_window: u32,
    /// Bytes that a peer may send in one frame of HTTP/2.
    pub frame: u32,
    /// Bytes that wait for a peer on one stream.
    pub send_buffer: usize,
    /// Bytes of all headers of one request.
    pub max_header_bytes: u32,
    /// Streams that a peer may reset before they were accepted (rapid reset).
    pub pending_accept_resets: usize,
    /// Requests that a peer may give up in a second before their answer, once its burst is used up.
    pub resets_per_second: u64,
    /// The same at once, after a rest; more cost the peer its connection.
    pub resets_burst: u64,
    /// Streams that the host may reset for a peer's faults (made-you-reset).
    pub local_error_resets: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_message: 4 << 20,
            max_concurrent_streams: 100,
            max_connections_per_peer: 256,
            keepalive: Duration::from_secs(20),
            keepalive_timeout: Duration::from_secs(10),
            first_request_timeout: Duration::from_secs(10),
            max_age: Duration::from_secs(3_600),
            age_grace: Duration::from_secs(30),
            header_timeout: Duration::from_secs(5),
            message_timeout: Duration::from_secs(10),
            first_frame_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(30),
            stream_window: 256 << 10,
            connection_window: 1 << 20,
            frame: 64 << 10,
            send_buffer: 256 << 10,
            max_header_bytes: 16 << 10,
            pending_accept_resets: 20,
            resets_per_second: 200,
            resets_burst: 4096,
            local_error_resets: 256,
        }
    }
}
