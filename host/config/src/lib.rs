//! The configuration: takes flags, environment and a file, gives a [`Config`] in which everything is checked, or
//! every problem at once with its place. `table.rs` lists the settings.

mod choice;
mod describe;
mod dump;
mod file;
mod kind;
mod load;
mod own;
mod problem;
mod raw;
mod rules;
mod setting;
mod source;
mod table;
mod units;
mod url;

pub use choice::{
    ClientAuth, DeniedTools, Disclosure, Durability, ExtraArgs, LogFormat, LogLevel, Mode, Scheduler, SocketMode,
    Stale, TlsVersion,
};
pub use describe::{page, schema};
pub use dump::{to_json, to_toml};
pub use load::{Reading, read};
pub use own::Own;
pub use problem::{Origin, Problem};
pub use source::Sources;
pub use table::{
    Audit, Authorize, Breaker, Call, Config, Data, Development, Export, Identity, Local, Log, Manifest, Runtime,
    Server, Session, Telemetry, Tls, Witness,
};
pub use units::{ByteSize, parse_time, show_time};
pub use url::Url;

#[cfg(test)]
mod tests;
