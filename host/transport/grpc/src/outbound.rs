//! The host's half of a runtime's stream. It is polled by the body of the response, which takes every frame that
//! waits before it writes: a burst of calls leaves in few writes.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use grid_core::{
    Refusal,
    frame::{HostFrame, ResultFrame, RuntimeFrame},
};
use grid_proto::v1;
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::Stream;
use tonic::Status;

use crate::convert::frame;

/// More than a call frame holds besides its arguments, the trace apart.
const AROUND: usize = 1 << 10;

/// How an attachment began.
#[derive(Debug)]
pub(crate) enum Opening {
    /// Frames come from here.
    Attached(Frames),
    /// One answer, and the stream ends.
    Refused(Refusal),
}

/// The frames of an attached runtime.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) queue: mpsc::Receiver<HostFrame>,
    /// Ready once the pump ends: what waits is still sent, then the fault that ended it, if one did.
    pub(crate) closing: oneshot::Receiver<Refusal>,
    /// Results made up for calls that no message can hold.
    pub(crate) unsent: mpsc::Sender<RuntimeFrame>,
    /// Dropped together with this stream.
    pub(crate) _gone: oneshot::Sender<()>,
}

/// Frames to one runtime.
#[derive(Debug)]
pub(crate) struct Outbound {
    state: State,
    limit: usize,
}

#[derive(Debug)]
enum State {
    Opening(oneshot::Receiver<Opening>),
    Attached(Frames),
    Over,
}

impl Outbound {
    pub(crate) fn new(opening: oneshot::Receiver<Opening>, limit: usize) -> Self {
        Self { state: State::Opening(opening), limit }
    }
}

impl Stream for Outbound {
    type Item = Result<v1::HostFrame, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let limit = self.limit;
        loop {
            match &mut self.state {
                State::Opening(opening) => {
                    self.state = match ready!(Pin::new(opening).poll(cx)) {
                        Ok(Opening::Attached(frames)) => State::Attached(frames),
                        Ok(Opening::Refused(refusal)) => {
                            self.state = State::Over;
                            let frame = frame::outbound(HostFrame::Rejected(refusal), limit);
                            return Poll::Ready(Some(Ok(frame)));
                        }
                        Err(_) => State::Over,
                    };
                }
                State::Attached(frames) => {
                    let fitting = match ready!(frames.poll(cx)) {
                        Next::Frame(frame) => frames.fitting(frame, limit),
                        Next::Last(last) => {
                            self.state = State::Over;
                            last.map(|frame| frame::outbound(frame, limit))
                        }
                    };
                    if let Some(frame) = fitting {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                State::Over => return Poll::Ready(None),
            }
        }
    }
}

enum Next {
    Frame(HostFrame),
    /// The stream ends, perhaps with a word why.
    Last(Option<HostFrame>),
}

impl Frames {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let fault = match self.queue.poll_recv(cx) {
            Poll::Ready(Some(frame)) => return Poll::Ready(Next::Frame(frame)),
            // The host let go of the line; a fault was told before that.
            Poll::Ready(None) => self.closing.try_recv().ok(),
            Poll::Pending => ready!(Pin::new(&mut self.closing).poll(cx)).ok(),
        };
        Poll::Ready(Next::Last(fault.map(|refusal| HostFrame::Error { refusal, invocation_id: String::new() })))
    }

    /// The frame as a message. One that is over the limit would end the whole stream, so it stays here, and its
    /// call comes back as violated.
    fn fitting(&self, frame: HostFrame, limit: usize) -> Option<v1::HostFrame> {
        let call = match &frame {
            HostFrame::Call(call) if call.trace.is_none() && call.args.len() + AROUND <= limit => {
                return Some(frame::outbound(frame, limit));
            }
            HostFrame::Call(call) => Some(ResultFrame {
                invocation_id: call.invocation_id.to_string(),
                correlation_id: call.correlation_id.to_string(),
                call_id: call.call_id.to_string(),
                name: call.name.to_string(),
                answer: Err(format!("the call was not sent, because its frame is over the limit of {limit} bytes")),
            }),
            _ => None,
        };
        let wire = frame::outbound(frame, limit);
        let found = wire.encoded_len();
        if found <= limit {
            return Some(wire);
        }
        tracing::error!(found, limit, "a frame to a runtime is over the limit and was not sent");
        if let Some(result) = call
            && self.unsent.try_send(RuntimeFrame::Result(result)).is_err()
        {
            tracing::error!("a call that was not sent has to wait for its deadline");
        }
        None
    }
}
