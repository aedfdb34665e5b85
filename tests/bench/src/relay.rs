//! Setup (b): client → relay → runtime over one bidirectional stream, with a map of the calls in flight and
//! nothing else. Served in three ways, so that the host is compared with the fastest of them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use clap::ValueEnum;
use grid_proto::v1::{self, host_frame, runtime_frame};
use tokio::net::TcpListener;

use crate::Fallible;

mod direct;
mod hyper;
mod tonic;

/// Streams that one connection may have open; the same for every setup.
pub(crate) const STREAMS: u32 = 1024;
/// Frames that may wait for the runtime.
const QUEUE: usize = 1024;
/// Windows and buffers of the relays that set up HTTP/2 themselves.
const WINDOW: u32 = 1 << 20;

/// What stands under the relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Served {
    /// A tonic server as it comes
    Tonic,
    /// hyper, with gRPC framed by hand and all waiting frames in one write
    Hyper,
    /// h2: no task and no channel a call; the fastest
    #[default]
    H2,
}

impl Served {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tonic => "tonic",
            Self::Hyper => "hyper",
            Self::H2 => "h2",
        }
    }
}

/// Serves until the process ends.
pub(crate) async fn serve(served: Served, listener: TcpListener) -> Fallible<()> {
    match served {
        Served::Tonic => tonic::serve(listener).await,
        Served::Hyper => hyper::serve(listener).await,
        Served::H2 => direct::serve(listener).await,
    }
}

/// The correlation map: who waits for which invocation.
#[derive(Debug)]
struct Waiting<W> {
    state: Mutex<(u64, HashMap<u64, W>)>,
}

impl<W> Default for Waiting<W> {
    fn default() -> Self {
        Self { state: Mutex::new((0, HashMap::new())) }
    }
}

impl<W> Waiting<W> {
    /// Remembers who waits and gives the invocation its id.
    fn insert(&self, waiter: W) -> String {
        let (last, waiting) = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        waiting.insert(*last, waiter);
        last.to_string()
    }

    /// Who waited for it.
    fn remove(&self, invocation: &str) -> Option<W> {
        let id = invocation.parse().ok()?;
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&id)
    }
}

fn call_frame(call: v1::ToolCall) -> v1::HostFrame {
    v1::HostFrame { frame: Some(host_frame::Frame::Call(call)) }
}

/// The runtime's introduction is answered and nothing else is done with it.
fn greeting(frame: &runtime_frame::Frame) -> Option<v1::HostFrame> {
    let frame = match frame {
        runtime_frame::Frame::Announce(_) => host_frame::Frame::Announced(Box::default()),
        runtime_frame::Frame::Fulfil(_) => host_frame::Frame::Fulfilled(Box::default()),
        runtime_frame::Frame::Heartbeat(beat) => {
            host_frame::Frame::HeartbeatAck(v1::HeartbeatAck { sequence: beat.sequence })
        }
        _ => return None,
    };
    Some(v1::HostFrame { frame: Some(frame) })
}
