//! Stage: dispatch. Takes a [`RoutedCall`] and the audit's [`Receipt`] for it, hands the call to its runtime and
//! waits for one ending: answer, deadline, cancellation or crash. Gives an [`Outcome`], which conclude records.

mod attempt;
mod delivery;
mod fault;
mod flow;
mod hedge;
mod outcome;

pub use delivery::Delivery;
pub use grid_audit::Receipt;
pub use grid_resolve::{Beside, Decision, RoutedCall};
pub use outcome::{Outcome, conclusion};

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use grid_core::{Code, Refusal, Stage, clock::Clock};
use tokio_util::sync::CancellationToken;

use crate::attempt::carry_out;

/// How a call is asked to stop, and why. The reason is the operator's word: it goes to the runtime and the log, not to
/// the caller.
#[derive(Debug, Clone, Copy)]
pub struct Stop<'a> {
    /// Somebody asked.
    pub asked: &'a CancellationToken,
    /// Why, where it was not the call's own caller; set before anybody sees that it was asked.
    pub why: &'a OnceLock<Arc<str>>,
}

impl Stop<'_> {
    fn explain(self, refusal: Refusal) -> Refusal {
        match self.why.get() {
            Some(why) => refusal.because(&**why),
            None => refusal,
        }
    }
}

/// The stage. Every ending is an outcome; there is no way out without one. `begin` is asked at the last moment, with
/// why the call may run; nothing is sent where it gives nothing, and what it gives is held while the call is sent.
/// With `delivery` the result may come in pieces.
pub async fn run<B: Send>(
    mut call: RoutedCall,
    receipt: Receipt,
    stop: Stop<'_>,
    clock: &Arc<dyn Clock>,
    mut delivery: Option<&mut Delivery>,
    begin: impl FnOnce(&Decision) -> Option<B> + Send,
) -> Outcome {
    let began = clock.elapsed();
    let result = if receipt.invocation() == call.invocation() {
        carry_out(&mut call, stop, delivery.as_deref_mut(), begin).await
    } else {
        let message = "the call was not carried out: its admission is for another one";
        Err(Refusal::new(Code::SecurityViolation, Stage::Dispatch, message))
    };
    if result.is_ok() {
        call.succeeded();
    }
    let took = clock.elapsed().saturating_sub(began);
    let sent = delivery.filter(|delivery| delivery.has_begun()).map(|delivery| delivery.sent());
    Outcome::new(call, receipt, result, took).having(sent)
}

/// As [`run`], for a call that does no harm twice: where its runtime is silent for `after`, the one that `second` finds
/// and records has it too, and the first answer counts.
pub async fn run_hedged<B>(
    mut call: RoutedCall,
    receipt: Receipt,
    stop: Stop<'_>,
    clock: &Arc<dyn Clock>,
    begin: impl Fn(&Decision) -> Option<B> + Send,
    (after, second): (Duration, impl AsyncFnOnce(&RoutedCall) -> Option<Beside>),
) -> Outcome {
    let began = clock.elapsed();
    let (result, loser) = if receipt.invocation() == call.invocation() {
        hedge::carry_out(&mut call, stop, begin, after, second).await
    } else {
        let message = "the call was not carried out: its admission is for another one";
        (Err(Refusal::new(Code::SecurityViolation, Stage::Dispatch, message)), hedge::Loser::default())
    };
    if result.is_ok() {
        call.succeeded();
    }
    let took = clock.elapsed().saturating_sub(began);
    Outcome::new(call, receipt, result, took).beside(&loser)
}
