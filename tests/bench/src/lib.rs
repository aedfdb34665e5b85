//! What the parts of the benchmark share: processes and hosts that are measured, samples, goals and pictures.
#![deny(missing_docs)]

pub mod bars;
pub mod calls;
pub mod clock;
pub mod cpu;
pub mod goal;
pub mod host;
pub mod machine;
pub mod mtls;
pub mod process;
pub mod sample;
pub mod window;

/// Anything that breaks a run ends it, with its words.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
