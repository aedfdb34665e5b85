//! Vocabulary of the host.
