//! Faults as a machine makes them: processes that are killed, system calls that fail, disks that are full. A probe or
//! a host meets them; what it had acknowledged, a client outside has kept, and the log is held to that.
//!
//! The sizes are those of CI. `make soak-audit` runs larger ones, again and again.

/// Hosts, callers and runtimes as the end-to-end tests have them.
#[cfg(test)]
#[path = "../../../e2e/tests/it/common/mod.rs"]
#[expect(dead_code, unused_imports, reason = "those tests need more of it than these")]
mod common;
#[cfg(test)]
mod failing_calls;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod host;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod killed_at_calls;
#[cfg(test)]
mod second_process;
#[cfg(test)]
mod tools;
