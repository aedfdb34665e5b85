//! For tests of the host, never part of it: a clock that is moved by hand, proved callers, and runtimes that do
//! as they are told.

mod caller;
mod clock;
mod runtime;

pub use caller::{caller, principal};
pub use clock::FakeClock;
pub use runtime::FakeRuntime;
