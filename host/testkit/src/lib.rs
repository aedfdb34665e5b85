//! For tests of the host, never part of it: a clock that is moved by hand, proved callers, calls at every stage
//! of the path, and runtimes and a log that do as they are told.

mod caller;
mod clock;
mod dice;
mod log;
mod runtime;
mod scene;
mod wait;

pub use caller::{caller, principal};
pub use clock::FakeClock;
pub use dice::Dice;
pub use log::{Disk, Log};
pub use runtime::FakeRuntime;
pub use scene::{Scene, limits, manifest, options};
pub use wait::{soon, until};

// What a stage's tests may name without importing the stages around it.
pub use grid_contract::{Contracts, Development, Strict};
pub use grid_core::frame::Declaration;
pub use grid_session::{Opening, Session, SessionCall, SessionRequest};
