//! Breakers: who fails or is slow too often gets no calls for a while, then a few, then more (protocol 6.1, R-087 to
//! One is kept for every runtime, provider and tool that had calls; [`Breaker`] is one of them, on a clock that
//! is given to it, and [`Breakers`] all of a host. A call that meets closed breakers alone takes no lock before it runs.

#![deny(missing_docs)]

mod breaker;
mod counts;
mod entry;
mod pass;
mod settings;
mod table;
mod window;

pub use breaker::{Breaker, End, Phase, View};
pub use counts::Counts;
pub use pass::{Blame, Pass};
pub use settings::{Gradual, Sets, Settings};
pub use table::{Breakers, Change, Key, Rejection, Row, Scope};
