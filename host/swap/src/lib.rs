//! One provider of a tool in the place of another while calls go on: in which order it is done, how long each step may
//! take, and how it is undone. What the steps do is behind a port ([`Providers`]), so that the order can be tested without
//! a host.
//!
//! activate → health → before hooks → flip → after hooks → commit → drain the old one → clean the old one up, once.
//! Until the after hooks have passed the old one is alive and can be bound again at once; calls that it has end there.

#![deny(missing_docs)]

mod hook;
mod limits;
mod plan;
mod port;
mod turns;

pub use hook::{Hook, run as run_hook};
pub use limits::Limits;
pub use plan::run;
pub use port::{Hooks, Providers, Sick, Wish};
pub use turns::{Durations, Turn, Turns, Waited};
