//! `grid witness` as a process: killed, traced, crowded, and asked to stop.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

mod kills;
mod kit;
mod program;
mod syscalls;
