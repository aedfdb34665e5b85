//! The configuration from outside: where values come from, and what is said of those that are wrong.

#[cfg(test)]
mod common;
#[cfg(test)]
mod problems;
#[cfg(test)]
mod sources;
