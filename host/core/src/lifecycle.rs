//! What the host asks of a provider around a change of who serves a tool, and what runtimes say of themselves between
//! calls; free of any transport.

use std::sync::Arc;

use crate::id::CorrelationId;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Make ready to serve the tool.
    Init,
    /// Say whether it could be served now.
    Health,
    /// Another serves the tool and no call of it is left here; sent once.
    Cleanup,
    /// No calls come for a while.
    Pause,
    /// They come again.
    Resume,
}

impl Phase {
    /// As steps of a swap and logs name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Health => "health",
            Self::Cleanup => "cleanup",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

/// The feature that a runtime announces which takes such questions.
pub const FEATURE: &str = "lifecycle";

/// A question to one runtime.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Copied into the answer.
    pub sequence: u64,
    /// What is asked.
    pub phase: Phase,
    /// About which function.
    pub tool: Arc<str>,
    /// Of the swap, pause or drain that asks.
    pub correlation_id: CorrelationId,
}

/// The answer, as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Of the question.
    pub sequence: u64,
    /// It did so, or is well.
    pub ok: bool,
    /// Why not, in its own words.
    pub message: String,
}

/// A sign of life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beat {
    /// Echoed.
    pub sequence: u64,
    /// Calls that it works on or holds.
    pub in_flight: u32,
    /// Calls that it could take besides; 0 says nothing.
    pub free_slots: u32,
    /// How busy it is by its own account, 0 to 100.
    pub load_percent: u32,
}
