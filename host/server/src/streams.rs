//! Calls whose results come in pieces. They walk the same path; their caller hears of them through a channel, is told how
//! they ended once that is on record, and stops them by leaving (ADR 0022).

use std::sync::Arc;

use grid_adm::Digest;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::{Credentials, Envelope},
    outcome::{CallAnswer, ToolAnswer},
    stream::{CallEvent, Chunk, Ids, Streamed},
};
use grid_dispatch::Delivery;
use grid_session::Ticket;
use tokio::{
    sync::mpsc::{Receiver, Sender},
    task::AbortHandle,
};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::{
    asker::Asker,
    front_door::{Door, call, lost, stopping},
};

/// What runtimes and the log hear of a caller that left.
const LEFT: &str = "the caller left its stream";

/// Begins a streamed call. The host owns its task, so that its conclusion is written whoever leaves.
pub(crate) fn begin<C: Contracts>(door: &Door<C>, credentials: Credentials, envelope: Envelope) -> Receiver<CallEvent> {
    let (mut delivery, receiver) = Delivery::new();
    let events = delivery.events().clone();
    let (door, host) = (door.clone(), Arc::clone(&door.0));
    let trail = door.call_trail(&envelope);
    let correlation = trail.correlation();
    let path = async move {
        let host = Arc::clone(&door.0);
        if host.stopping.is_cancelled() {
            return Err(door.refuse(trail, None, stopping()).await);
        }
        let span = trail.span().clone();
        call(host, Asker::Client(credentials), envelope, trail, Some(&mut delivery)).instrument(span).await
    };
    let walked = host.tasks.spawn(Box::pin(path));
    let told = host.clone();
    host.tasks.spawn(async move {
        let ended = walked.await.unwrap_or_else(|_| Err(lost(correlation, told.clock.unix_ms())));
        let ended = whole(&events, ended).await;
        // Whoever left has its end on record.
        let _ = events.send(CallEvent::End(Box::new(ended))).await;
    });
    receiver
}

/// A result that came in one piece is sent as one.
async fn whole(events: &Sender<CallEvent>, ended: Result<CallAnswer, Refusal>) -> Result<CallAnswer, Refusal> {
    let mut answer = ended?;
    if let ToolAnswer::Success(content) = answer.answer {
        let payload = content.into_bytes();
        let digest = *Digest::of_bytes(&payload).as_bytes();
        let streamed = Streamed { chunks: 1, bytes: u64::try_from(payload.len()).unwrap_or(u64::MAX), digest };
        let ids = Ids { invocation: answer.invocation_id, correlation: answer.correlation_id.clone() };
        let chunk = Chunk { number: 0, payload: payload.into(), is_final: true };
        let _ = events.send(CallEvent::Chunk(Arc::new(ids), chunk)).await;
        answer.answer = ToolAnswer::Streamed(streamed);
    }
    Ok(answer)
}

/// Asks a call to stop as soon as its caller has left; no longer when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches the caller of a streamed call from now on.
pub(crate) fn watch(tasks: &TaskTracker, delivery: &Delivery, ticket: &Ticket) -> Watch {
    let (events, stopper) = (delivery.events().clone(), ticket.stopper());
    let watching = tasks.spawn(async move {
        events.closed().await;
        stopper.stop(&Arc::from(LEFT));
    });
    Watch(watching.abort_handle())
}

/// A repeat of a call whose result was streamed: its bytes are kept nowhere, so there is nothing to answer with.
pub(crate) fn gone(streamed: &Streamed) -> Refusal {
    let message = "the call with this `call_id` ended, and its result was streamed and is not kept; use a new `call_id` to have \
                   it run again";
    Refusal::new(Code::FeatureUnavailable, Stage::Repeat, message)
        .with("digest", format!("sha256:{}", Digest::from_bytes(streamed.digest)))
        .with("bytes", streamed.bytes.to_string())
        .with("chunks", streamed.chunks.to_string())
}
