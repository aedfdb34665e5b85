//! The stage from outside: who is believed, who is not, and how keys are kept.

#[cfg(test)]
mod bad_tokens;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod common;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod fuzzed;
#[cfg(test)]
mod hostile_tokens;
#[cfg(test)]
mod issuers;
#[cfg(test)]
#[cfg(unix)]
mod key_files;
#[cfg(test)]
mod key_sets;
#[cfg(test)]
mod prove;
#[cfg(test)]
mod revoked;
#[cfg(test)]
mod rule_faults;
