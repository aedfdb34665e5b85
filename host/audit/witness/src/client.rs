//! The host's side: one witness asked once, and the thread that keeps a log cosigned by several.

mod age;
mod ask;
mod book;
mod desk;
mod witness;
mod witnessing;

pub use age::{Event, OnStale};
pub use ask::{Source, Trouble};
pub use desk::{Standing, Status};
pub use witness::{Address, Answer, Unusable, Witness};
pub use witnessing::{Options, Witnessing};
