//! Certificates from the outside: real handshakes with clients that behave, and with clients that do not.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a helper of a test fails the test")]

mod garbage;
mod kit;
mod peers;
mod rotation;
