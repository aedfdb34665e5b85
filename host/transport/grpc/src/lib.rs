//! The gRPC transport: callers, runtimes, operators and auditors in, calls of the ports out. It knows messages and
//! connections and nothing of the path behind the doors.
//!
//! The abstraction over transports is the set of ports in `grid_core::port`: a transport is
//! whatever calls `FrontDoor` and `RuntimeDoor`. A registry of them is the list in the server's composition.

mod accept;
mod admin;
mod approvers;
mod arrivals;
mod attach;
mod auditors;
mod body;
mod callers;
mod connection;
mod convert;
mod fault;
mod gate;
mod hooks;
mod inbound;
mod locals;
mod outbound;
mod providers;
mod running;
mod server;
mod settings;
mod side;
mod socket;
mod streams;
mod turns;
mod unary;

#[doc(hidden)]
pub mod frames;

pub use admin::{Admin, Pages};
pub use convert::error::enhanced_error;
pub use hooks::{Answer, Hooks, LONGEST, Posted, Reading, Unread};
pub use running::{Running, Stopped};
pub use server::Server;
pub use settings::Settings;
pub use side::Health;
pub use socket::Socket;
