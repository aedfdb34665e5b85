//! A small witness: what it remembers, what it signs, and its HTTP.

mod cosigner;
mod key;
mod memory;
mod serve;

pub use cosigner::{Answered, Cosigner, Error};
pub use key::{create, load_key, log_keys};
pub use memory::NoMemory;
pub use serve::{Limits, serve};
