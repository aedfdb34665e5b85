//! Evidence that a call has ended, one way or the other.

use std::time::Duration;

use grid_adm::Digest;
use grid_audit::Receipt;
use grid_core::{
    Refusal,
    event::{self, Event, Kind},
    outcome::ToolAnswer,
    stream::Streamed,
};
use grid_resolve::RoutedCall;

/// An admitted call that has ended. Only this crate makes one.
#[derive(Debug)]
pub struct Outcome {
    call: RoutedCall,
    receipt: Receipt,
    result: Result<ToolAnswer, Refusal>,
    took: Duration,
    sent: Option<Streamed>,
}

impl Outcome {
    pub(crate) fn new(
        call: RoutedCall,
        receipt: Receipt,
        result: Result<ToolAnswer, Refusal>,
        took: Duration,
        sent: Option<Streamed>,
    ) -> Self {
        Self { call, receipt, result, took, sent }
    }

    /// The call.
    #[must_use]
    pub fn call(&self) -> &RoutedCall {
        &self.call
    }

    /// Of its admission.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// How it ended.
    pub fn result(&self) -> &Result<ToolAnswer, Refusal> {
        &self.result
    }

    /// From the hand-over to the ending.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Takes the result out.
    pub fn into_result(self) -> Result<ToolAnswer, Refusal> {
        self.result
    }
}

/// The record that must be durable before the caller hears of the outcome.
#[must_use]
pub fn conclusion(outcome: &Outcome, at_ms: u64) -> Event {
    let duration_us = u64::try_from(outcome.took.as_micros()).unwrap_or(u64::MAX);
    let event = Event { duration_us: Some(duration_us), ..outcome.call.event(Kind::Concluded, at_ms) };
    // What the caller had of a result is on record, also where the call failed after it.
    let base = match &outcome.sent {
        Some(sent) => Event {
            chunks: Some(sent.chunks),
            result_bytes: Some(sent.bytes),
            result_digest: Some(sent.digest),
            ..event
        },
        None => event,
    };
    match &outcome.result {
        Ok(ToolAnswer::Success(content)) => Event {
            outcome: Some(event::Outcome::Success),
            result_digest: Some(*Digest::of_bytes(content.as_bytes()).as_bytes()),
            result_bytes: Some(content.len() as u64),
            ..base
        },
        Ok(ToolAnswer::Streamed(_)) => Event { outcome: Some(event::Outcome::Success), ..base },
        Ok(ToolAnswer::Error { .. }) if outcome.sent.is_some() => {
            Event { outcome: Some(event::Outcome::ToolError), ..base }
        }
        Ok(ToolAnswer::Error { message, .. }) => Event {
            outcome: Some(event::Outcome::ToolError),
            result_digest: Some(*Digest::of_bytes(message.as_bytes()).as_bytes()),
            result_bytes: Some(message.len() as u64),
            ..base
        },
        Err(refusal) => Event {
            outcome: Some(event::Outcome::Failed),
            code: Some(refusal.code()),
            stage: Some(refusal.stage()),
            detail: refusal.internal().map(str::to_owned),
            ..base
        },
    }
}
