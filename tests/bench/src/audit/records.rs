//! The two records of a call, as the host makes them for a file that was read.

use std::sync::Arc;

use grid_audit::encode::encode;
use grid_core::{
    event::{Event, Kind, Outcome},
    id::{CallId, CorrelationId, InvocationId, RuntimeId, SessionId},
};

use crate::Fallible;

/// What calls share.
#[derive(Debug, Clone)]
pub(super) struct Template {
    admitted: Event,
    concluded: Event,
}

impl Template {
    pub(super) fn new() -> Fallible<Self> {
        let malformed = |_| "an id of the benchmark is malformed";
        let correlation = CorrelationId::parse("host-1700000000-0123abcd").map_err(malformed)?;
        let mut event = Event::new(Kind::Admitted, 1_700_000_000_123, correlation);
        event.session = Some(SessionId::mint());
        event.call_id = Some(CallId::parse("call-000017").map_err(malformed)?);
        event.tool = Some(Arc::from("files.read"));
        event.contract = Some([7; 32]);
        event.effect = Some("read");
        event.args_digest = Some([9; 32]);
        event.args_shape = Some("{path:string(24),limit:number}".into());
        event.rule = Some(Arc::from("role:reader"));
        event.epoch = Some(3);
        event.cache_age_ms = Some(1200);
        event.deadline_ms = Some(1_700_000_030_123);
        event.runtime = Some(RuntimeId::parse("files/a").map_err(malformed)?);
        let mut outcome = event.clone();
        outcome.kind = Kind::Concluded;
        outcome.outcome = Some(Outcome::Success);
        outcome.duration_us = Some(1234);
        outcome.result_digest = Some([5; 32]);
        Ok(Self { admitted: event, concluded: outcome })
    }

    /// The admission and the conclusion of a call of its own.
    pub(super) fn call(&self) -> (Event, Event) {
        let (mut admitted, mut concluded) = (self.admitted.clone(), self.concluded.clone());
        admitted.invocation = Some(InvocationId::mint());
        concluded.invocation = admitted.invocation;
        (admitted, concluded)
    }

    /// `count` records as the log stores them.
    pub(super) fn entries(&self, count: usize) -> Vec<Vec<u8>> {
        let calls = (0..count.div_ceil(2)).map(|_| self.call());
        let mut entries: Vec<Vec<u8>> = calls.flat_map(|(one, two)| [encoded(&one), encoded(&two)]).collect();
        entries.truncate(count);
        entries
    }
}

fn encoded(event: &Event) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    encode(event, &mut out);
    out
}
