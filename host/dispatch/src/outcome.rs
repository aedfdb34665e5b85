//! Evidence that a call has ended, one way or the other.

use std::time::Duration;

use grid_adm::Digest;
use grid_audit::Receipt;
use grid_core::{
    Code, Refusal,
    event::{self, Event, Kind},
    id::InvocationId,
    outcome::ToolAnswer,
    stream::Streamed,
};
use grid_resolve::{Decision, RoutedCall, limit::Limit};

use crate::{fault::excuses, hedge::Loser};

/// An admitted call that has ended. Only this crate makes one.
#[derive(Debug)]
pub struct Outcome {
    call: RoutedCall,
    receipt: Receipt,
    result: Result<ToolAnswer, Refusal>,
    took: Duration,
    reused: Option<InvocationId>,
    sent: Option<Streamed>,
    failed_beside: Option<Code>,
    answered_beside: bool,
}

impl Outcome {
    pub(crate) fn new(call: RoutedCall, receipt: Receipt, result: Result<ToolAnswer, Refusal>, took: Duration) -> Self {
        let (reused, sent, failed_beside, answered_beside) = (None, None, None, false);
        Self { call, receipt, result, took, reused, sent, failed_beside, answered_beside }
    }

    /// Two runtimes had it at once; this became of the other one.
    pub(crate) fn beside(self, loser: &Loser) -> Self {
        Self { failed_beside: loser.failed, answered_beside: loser.answered, ..self }
    }

    /// The caller had so much of it in pieces.
    pub(crate) fn having(self, sent: Option<Streamed>) -> Self {
        Self { sent, ..self }
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

    /// Its time was over because of its caller, or of the host before it was sent; its runtime is not to blame.
    #[must_use]
    pub fn excuses_runtime(&self) -> bool {
        self.result.as_ref().is_err_and(excuses)
    }

    /// A limit ended it that is not the contract's own for one attempt.
    #[must_use]
    pub fn cut_short(&self) -> bool {
        let limit = |refusal: &Refusal| {
            let mut details = refusal.details().iter();
            details.any(|(key, value)| *key == Limit::DETAIL && value != Limit::Timeout.as_str())
        };
        self.result.as_ref().is_err_and(|refusal| refusal.code() == Code::Timeout && limit(refusal))
    }

    /// The caller had it in pieces, at its own pace.
    #[must_use]
    pub fn was_streamed(&self) -> bool {
        self.sent.is_some()
    }

    /// How one of two runtimes that had it at once failed, where it did before the other one ended it.
    #[must_use]
    pub fn failed_beside(&self) -> Option<Code> {
        self.failed_beside
    }

    /// The other one of two runtimes that had it at once answered in the same moment, and nobody has its answer.
    #[must_use]
    pub fn answered_beside(&self) -> bool {
        self.answered_beside
    }

    /// From the hand-over to the ending.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// All attempts of the call together took so long.
    #[must_use]
    pub fn taking(mut self, took: Duration) -> Self {
        self.took = took;
        self
    }

    /// Another attempt may follow this one: the call, the receipt of its admission, and how this attempt ended.
    ///
    /// # Errors
    /// Itself, where the call has its answer.
    pub fn into_attempt(self) -> Result<(RoutedCall, Receipt, Refusal), Box<Self>> {
        match self.result {
            Err(refusal) => Ok((self.call, self.receipt, refusal)),
            Ok(_) => Err(Box::new(self)),
        }
    }

    /// No runtime was asked: the result is that of an earlier execution. Its rights are looked at as those of a call that is
    /// handed over.
    #[must_use]
    pub fn reused<B>(
        mut call: RoutedCall,
        receipt: Receipt,
        kept: (InvocationId, String),
        begin: impl FnOnce(&Decision) -> Option<B>,
    ) -> Self {
        call.stand_down();
        let (from, content) = kept;
        let result = match begin(&call.consent().decision) {
            Some(_) if receipt.invocation() == call.invocation() => Ok(ToolAnswer::Success(content)),
            _ => Err(crate::fault::void()),
        };
        Self { reused: Some(from), ..Self::new(call, receipt, result, Duration::ZERO) }
    }

    /// The execution whose result it is, where no runtime was asked.
    #[must_use]
    pub fn reuses(&self) -> Option<InvocationId> {
        self.reused
    }

    /// No other attempt follows after all.
    #[must_use]
    pub fn of_attempt(call: RoutedCall, receipt: Receipt, refusal: Refusal) -> Self {
        Self::new(call, receipt, Err(refusal), Duration::ZERO)
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
    let attempt = Some(outcome.call.attempt()).filter(|attempt| *attempt > 1);
    let event = outcome.call.event(Kind::Concluded, at_ms);
    // Where a result was used again, no runtime had the call.
    let runtime = event.runtime.clone().filter(|_| outcome.reused.is_none());
    let event = Event { duration_us: Some(duration_us), attempt, runtime, reused: outcome.reused, ..event };
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
