//! The stage contract, from its manifest to what runtimes register.
#![expect(clippy::unwrap_used, reason = "a suite that cannot be set up fails")]

mod digest;
mod manifest;
mod pinned;
mod registration;
mod settings;
mod text;
