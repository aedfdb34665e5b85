//! One attachment: the stream to the host and the one task that owns it. Handles and tools never touch the stream;
//! results come from the bench, frames leave through a bounded channel whose waiting frames tonic writes together.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use grid_proto::v1::{self, host_frame::Frame as Heard};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use super::bench::Bench;
use super::context::Up;
use super::frames;
use super::lifecycle::{Handlers, Moments};
use crate::Code;
use crate::clock;

/// Frames that may wait for the transport before the runtime stops listening to the host.
const OUTBOX: usize = 1_024;
const DEFAULT_BEAT: Duration = Duration::from_secs(10);
const MISSED_BEATS: u32 = 3;
/// How long a leaving runtime waits for the host to have read its drain, and to close the stream.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The stream is gone, or the host said bye or fell silent.
    Lost,
    /// The host wants no more of this attachment; finish within the grace.
    HostDrains(Duration),
    /// This program is told to stop.
    Stopped,
}

pub(super) struct Attachment {
    outgoing: mpsc::Sender<v1::RuntimeFrame>,
    inbound: Streaming<v1::HostFrame>,
    /// Heard during the handshake, to be handled after it.
    early: VecDeque<v1::HostFrame>,
    outbox: VecDeque<v1::RuntimeFrame>,
    bench: Bench,
    moments: Moments,
    /// What the tools call.
    up: Arc<Up>,
    beats: Interval,
    beat: Duration,
    sequence: u64,
    acknowledged: u64,
    heard: Instant,
}

/// One thing that happened on the stream.
enum Turn {
    Sent,
    Heard(v1::HostFrame),
    Done(v1::RuntimeFrame),
    Beat,
    Gone,
}

impl Attachment {
    pub(super) fn new(
        outgoing: mpsc::Sender<v1::RuntimeFrame>,
        inbound: Streaming<v1::HostFrame>,
        early: VecDeque<v1::HostFrame>,
        (bench, handlers): (Bench, Handlers),
        heartbeat_interval_ms: u64,
    ) -> Self {
        let beat = match heartbeat_interval_ms {
            0 => DEFAULT_BEAT,
            millis => Duration::from_millis(millis),
        };
        // The first one at once: until it is there the host does not know how many calls there is room for.
        let mut beats = interval_at(Instant::now(), beat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            outgoing,
            inbound,
            early,
            outbox: VecDeque::new(),
            up: Arc::clone(bench.up()),
            bench,
            moments: Moments::new(handlers),
            beats,
            beat,
            sequence: 0,
            acknowledged: 0,
            heard: Instant::now(),
        }
    }

    /// Answers calls until something ends it.
    pub(super) async fn serve(&mut self, stop: &CancellationToken) -> Ended {
        loop {
            let turn = tokio::select! {
                () = stop.cancelled() => return Ended::Stopped,
                turn = self.turn() => turn,
            };
            if let Some(ended) = self.handle(turn) {
                return ended;
            }
        }
    }

    /// Tells the host to send no new calls, answers what is in flight, says bye. True where all were answered.
    pub(super) async fn leave(&mut self, reason: &str, grace: Duration) -> bool {
        self.outbox.push_back(frames::drain(reason, grace));
        self.push_heartbeat();
        let read = self.sequence;
        let farewell = Instant::now() + FAREWELL.min(grace);
        let end = Instant::now() + grace;
        loop {
            // Frames keep their order: once this heartbeat is answered, no call can be on its way any more.
            let quiet = self.acknowledged >= read || Instant::now() >= farewell;
            if quiet && self.bench.in_flight() == 0 {
                return self.close(reason).await;
            }
            let until = if quiet { end } else { farewell.min(end) };
            match tokio::time::timeout_at(until, self.turn()).await {
                Err(_) if until == end => return self.give_up(reason).await,
                Err(_) => {}
                Ok(turn) => {
                    if self.handle(turn) == Some(Ended::Lost) {
                        return self.bench.in_flight() == 0;
                    }
                }
            }
        }
    }

    /// Finishes what is in flight because the host asked for it.
    pub(super) async fn finish(&mut self, grace: Duration) {
        let end = Instant::now() + grace;
        while self.bench.in_flight() > 0 {
            match tokio::time::timeout_at(end, self.turn()).await {
                Err(_) => {
                    self.give_up("the grace period is over").await;
                    return;
                }
                Ok(turn) => {
                    if self.handle(turn) == Some(Ended::Lost) {
                        return;
                    }
                }
            }
        }
        self.close("the host asked for it").await;
    }

    async fn give_up(&mut self, reason: &str) -> bool {
        let abandoned = self.bench.abandon();
        tracing::warn!(calls = abandoned.len(), "calls were given up at the end of the grace period");
        let all = abandoned.is_empty();
        self.outbox.extend(abandoned);
        self.close(reason).await && all
    }

    /// Writes what waits, says bye and lets the host close the stream.
    async fn close(&mut self, reason: &str) -> bool {
        self.outbox.push_back(frames::bye(reason));
        let farewell = async {
            while let Some(frame) = self.outbox.pop_front() {
                if self.outgoing.send(frame).await.is_err() {
                    return;
                }
            }
            // Our half of the stream ends here; the host's follows.
            self.outgoing = mpsc::channel(1).0;
            self.bench.hang_up();
            while let Ok(Some(_)) = self.inbound.message().await {}
        };
        tokio::time::timeout(FAREWELL, farewell).await.is_ok()
    }

    async fn turn(&mut self) -> Turn {
        if let Some(frame) = self.early.pop_front() {
            return Turn::Heard(frame);
        }
        tokio::select! {
            slot = self.outgoing.reserve(), if !self.outbox.is_empty() => {
                let Ok(slot) = slot else { return Turn::Gone };
                if let Some(frame) = self.outbox.pop_front() {
                    slot.send(frame);
                }
                Turn::Sent
            }
            frame = self.inbound.message(), if self.outbox.len() < OUTBOX => match frame {
                Ok(Some(frame)) => Turn::Heard(frame),
                Ok(None) => Turn::Gone,
                Err(status) => {
                    tracing::warn!(status = ?status.code(), "the stream broke");
                    Turn::Gone
                }
            },
            frame = self.bench.finished() => Turn::Done(frame),
            frame = self.moments.finished() => Turn::Done(frame),
            frame = self.up.next(), if self.outbox.len() < OUTBOX => Turn::Done(frame),
            _ = self.beats.tick() => Turn::Beat,
        }
    }

    fn handle(&mut self, turn: Turn) -> Option<Ended> {
        match turn {
            Turn::Sent => None,
            Turn::Gone => Some(Ended::Lost),
            Turn::Done(frame) => {
                self.outbox.push_back(frame);
                None
            }
            Turn::Beat => self.pulse(),
            Turn::Heard(frame) => {
                self.heard = Instant::now();
                self.hear(frame)
            }
        }
    }

    fn pulse(&mut self) -> Option<Ended> {
        if self.heard.elapsed() > self.beat * MISSED_BEATS {
            tracing::warn!("the host has been silent for three heartbeats; connecting anew");
            return Some(Ended::Lost);
        }
        self.push_heartbeat();
        None
    }

    fn push_heartbeat(&mut self) {
        self.sequence += 1;
        self.outbox.push_back(frames::heartbeat(self.sequence, &self.bench));
    }

    fn hear(&mut self, frame: v1::HostFrame) -> Option<Ended> {
        match frame.frame {
            Some(Heard::Call(call)) => self.outbox.extend(self.bench.take(call)),
            Some(Heard::Cancel(cancel)) => {
                let known = self.bench.cancel(&cancel.invocation_id);
                tracing::debug!(
                    invocation_id = cancel.invocation_id,
                    correlation_id = cancel.correlation_id,
                    known,
                    "the host cancels a call"
                );
            }
            Some(Heard::Credit(credit)) => self.bench.grant(&credit.invocation_id, credit.bytes),
            Some(Heard::Lifecycle(ask)) => self.outbox.extend(self.moments.take(ask)),
            Some(Heard::HeartbeatAck(ack)) => self.acknowledged = ack.sequence.min(self.sequence),
            Some(Heard::Drain(drain)) => {
                tracing::info!(reason = drain.reason, "the host drains this runtime");
                return Some(Ended::HostDrains(Duration::from_millis(drain.grace_ms)));
            }
            Some(Heard::Bye(bye)) => {
                tracing::info!(reason = bye.reason, "the host ends the attachment");
                return Some(Ended::Lost);
            }
            // Answering an error with an error would never end.
            Some(Heard::Error(error)) => report(*error),
            Some(Heard::CapabilityUpdated(_) | Heard::Validated(_)) => {
                tracing::debug!("the host answered something that was not asked");
            }
            Some(Heard::Answer(answer)) => {
                // One that was taken back is answered, too.
                let known = self.up.answered(*answer);
                tracing::debug!(known, "the host answers a call of a tool");
            }
            Some(Heard::Announced(_) | Heard::Fulfilled(_) | Heard::Registered(_)) => {
                self.refuse_frame("the frame answers nothing that was asked; leave it out");
            }
            None => self.refuse_frame("the frame is of no known kind; use frames of protocol version 1.0"),
        }
        None
    }

    fn refuse_frame(&mut self, message: &str) {
        let correlation_id = clock::correlation_id("runtime");
        tracing::warn!(correlation_id, "the host sent a frame that cannot be used");
        self.outbox.push_back(frames::protocol_error(&Code::PROTOCOL_VIOLATION, message, "", &correlation_id));
    }
}

fn report(error: v1::ProtocolError) {
    let inner = error.error.unwrap_or_default();
    tracing::warn!(
        code = inner.r#type,
        message = inner.message,
        invocation_id = error.invocation_id,
        correlation_id = inner.correlation_id,
        "the host could not use a frame of this runtime"
    );
}
