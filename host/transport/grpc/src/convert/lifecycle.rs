//! What is asked of runtimes around a swap, what they answer, and what they say of themselves.

use grid_core::lifecycle::{Ask, Beat, Phase, Report};
use grid_proto::v1;

use crate::fault::plain;

/// Characters of a runtime's own words that are kept.
const WORDS: usize = 512;

pub(super) fn beat(wire: v1::Heartbeat) -> Beat {
    let v1::Heartbeat { sequence, in_flight, free_slots, load_percent } = wire;
    Beat { sequence, in_flight, free_slots, load_percent }
}

pub(super) fn report(wire: &v1::LifecycleReport) -> Report {
    Report { sequence: wire.sequence, ok: wire.ok, message: plain(&wire.message, WORDS) }
}

pub(super) fn ask(ask: Ask) -> v1::Lifecycle {
    let phase = match ask.phase {
        Phase::Init => v1::lifecycle::Phase::Init,
        Phase::Health => v1::lifecycle::Phase::Health,
        Phase::Cleanup => v1::lifecycle::Phase::Cleanup,
        Phase::Pause => v1::lifecycle::Phase::Pause,
        Phase::Resume => v1::lifecycle::Phase::Resume,
    };
    v1::Lifecycle {
        sequence: ask.sequence,
        phase: phase.into(),
        tool: ask.tool.as_ref().to_owned(),
        correlation_id: ask.correlation_id.to_string(),
    }
}
