//! The whole, as those who use it meet it: hosts are processes, callers and runtimes speak over their wires, and the
//! audit log is read with the command that operators read it with. A file a subject; what they share is in `common`.
//!
//! No test waits for a time to pass. Each waits for what it needs to see, and fails after `common::PATIENCE`.

#[cfg(test)]
mod common;

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod auditors;
#[cfg(test)]
mod bad_requests;
#[cfg(test)]
mod bad_runtimes;
#[cfg(test)]
mod bulkheads;
#[cfg(test)]
mod canaries;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod development;
#[cfg(test)]
mod draining;
#[cfg(test)]
mod explaining;
#[cfg(test)]
mod governed;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod languages;
#[cfg(test)]
mod local;
#[cfg(test)]
mod local_rust;
#[cfg(test)]
mod mtls;
#[cfg(test)]
mod nested;
#[cfg(test)]
mod outlets;
#[cfg(test)]
mod proofs;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod receipts;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod resolve;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod starting;
#[cfg(test)]
mod streaming;
#[cfg(test)]
mod unwritable;
