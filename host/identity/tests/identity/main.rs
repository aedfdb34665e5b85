//! The stage from outside: who is believed, who is not, and how keys are kept.

#[cfg(test)]
mod common;
#[cfg(test)]
mod hostile_tokens;
#[cfg(test)]
#[cfg(unix)]
mod key_files;
#[cfg(test)]
mod prove;
#[cfg(test)]
mod revoked;
