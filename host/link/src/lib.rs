//! The line to a runtime, whatever transport carries it: [`Wire`] hands calls over and takes results back,
//! [`Hub`] knows every attached runtime and notices those that fell silent.

mod asking;
mod hub;
mod wire;

pub use asking::Unwell;
pub use hub::{Hub, Taken};
pub use wire::{Held, Settled, Wire};
