//! Stage: limits. Takes a [`PermittedCall`], gives a [`LimitedCall`] that holds its places until the call is over.
//! Refuses with RATE_LIMIT_EXCEEDED and RESOURCE_EXHAUSTED.
//!
//! | | file |
//! |---|---|
//! | the stage | [stage.rs](stage.rs), [evidence.rs](evidence.rs) |
//! | what is limited | [rules.rs](rules.rs), from settings and [file.rs](file.rs) |
//! | one count: rate, places, budget | [bucket.rs](bucket.rs), [rate.rs](rate.rs), [budget.rs](budget.rs) |
//! | refusals of one principal | [refusals.rs](refusals.rs) |
//! | what stands before the path: shedding | [gate.rs](gate.rs), [pulse.rs](pulse.rs) |

#![deny(missing_docs)]

mod bucket;
mod budget;
mod evidence;
pub mod file;
mod gate;
mod pulse;
mod rate;
mod refusals;
mod rules;
mod stage;

pub use evidence::LimitedCall;
pub use gate::{Adaptive, Flow};
pub use grid_authorize::{Contract, Local, Session};
pub use rate::Pace;
pub use refusals::Withheld;
pub use rules::{Crowd, Defaults, Pattern, Per, Rule, Rules};
pub use stage::{Limits, Settings, Usage};
