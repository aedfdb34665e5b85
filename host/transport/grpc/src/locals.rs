//! GridService, the methods for callers that run tools themselves: decisions one by one and in batches, reports one by
//! one and in a stream, and who follows the policy epoch.

use std::{
    future::Future as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use grid_core::{
    envelope::{Credentials, Envelope},
    local::Watched,
    port::{FrontDoor, LocalDoor},
};
use grid_proto::v1;
use http::{Request, Response};
use http_body::Frame;
use hyper::body::Incoming;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Status;

use crate::{
    auditors::trailers,
    body::{DONE, Reply},
    convert::local::{self, Unusable},
    fault::Fault,
    inbound::Inbound,
    unary::{Asked, Limits, credentials, framed, read, streaming},
};

/// Reports of one stream whose records are being written. Further ones are not read before, so that a stream shares
/// batches of the log and cannot fill the memory.
const IN_FLIGHT: usize = 256;

/// Serves callers that run tools themselves.
#[derive(Debug)]
pub(crate) struct Locals<F> {
    pub(crate) door: Arc<F>,
    pub(crate) limits: Limits,
    /// How long answers may wait for a peer that reads none.
    pub(crate) stall: Duration,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl<F: FrontDoor + LocalDoor> Locals<F> {
    /// `deadline` is that of the transport.
    pub(crate) async fn authorize(
        &self,
        asked: Asked<v1::AuthorizeToolCallRequest>,
        deadline: Option<u64>,
    ) -> v1::AuthorizeToolCallResponse {
        match local::envelope(asked.message) {
            Ok(envelope) => {
                let envelope = Envelope { deadline_unix_ms: deadline, ..envelope };
                local::granted(self.door.authorize(asked.credentials, envelope).await)
            }
            Err(unusable) => {
                let Unusable { correlation_id, session_id, fault } = *unusable;
                local::denied(&self.door.turn_away(asked.credentials, correlation_id, session_id, fault).await)
            }
        }
    }

    /// One deadline holds for all of them.
    pub(crate) async fn authorize_all(
        &self,
        asked: Asked<v1::AuthorizeToolCallsRequest>,
        deadline: Option<u64>,
    ) -> v1::AuthorizeToolCallsResponse {
        let mut batch = local::batch(asked.message);
        for envelope in batch.items.iter_mut().flatten() {
            envelope.deadline_unix_ms = deadline;
        }
        local::granted_all(self.door.authorize_all(asked.credentials, batch).await)
    }

    pub(crate) async fn log(&self, asked: Asked<v1::LogToolResultRequest>) -> v1::LogToolResultResponse {
        log(&*self.door, asked.credentials, asked.message).await
    }

    pub(crate) async fn give_back(&self, asked: Asked<v1::CancelGrantRequest>) -> v1::CancelGrantResponse {
        local::given_back(self.door.cancel_grant(asked.credentials, local::give_back(asked.message)).await)
    }

    /// Reports as they come; each is answered in its turn.
    pub(crate) fn log_all(&self, request: Request<Incoming>, loopback: bool) -> Response<Reply> {
        let (head, body) = request.into_parts();
        let (queue, answers) = mpsc::channel(IN_FLIGHT);
        let reports = Reports {
            door: Arc::clone(&self.door),
            credentials: credentials(&head.headers, &head.extensions, loopback),
            inbound: Inbound::new(body, self.limits.message),
            queue,
            stall: self.stall,
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
        };
        self.tasks.spawn(reports.run());
        streaming(Reply::Logged(Answers { queue: answers, next: None, limit: self.limits.message }))
    }

    pub(crate) async fn watch(&self, request: Request<Incoming>, loopback: bool) -> Response<Reply> {
        let asked: Asked<v1::WatchGrantsRequest> = match read(request, loopback, self.limits).await {
            Ok(asked) => asked,
            Err(fault) => return fault.into_response(),
        };
        let v1::WatchGrantsRequest { session_id, correlation_id } = asked.message;
        let steps = match self.door.watch_grants(asked.credentials, session_id, correlation_id).await {
            Ok(steps) => steps,
            Err(refusal) => {
                let (only, steps) = mpsc::channel(1);
                // The receiver is here and has room.
                let _ = only.try_send(Watched::End(refusal));
                steps
            }
        };
        streaming(Reply::Watched(Epochs { steps, limit: self.limits.message }))
    }
}

async fn log<F: LocalDoor>(
    door: &F,
    credentials: Credentials,
    wire: v1::LogToolResultRequest,
) -> v1::LogToolResultResponse {
    let invocation_id = wire.invocation_id.clone();
    local::logged(door.log_result(credentials, local::report(wire)).await, invocation_id)
}

/// What waits to be answered, in order.
#[derive(Debug)]
enum Waiting {
    Answer(JoinHandle<v1::LogToolResultResponse>),
    /// The stream ends here.
    End(Status),
}

/// The task that reads one stream of reports.
struct Reports<F> {
    door: Arc<F>,
    credentials: Credentials,
    inbound: Inbound,
    queue: mpsc::Sender<Waiting>,
    stall: Duration,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl<F: LocalDoor> Reports<F> {
    async fn run(mut self) {
        let end = loop {
            let report = tokio::select! {
                biased;
                () = self.queue.closed() => return,
                () = self.stop.cancelled() => {
                    break Status::unavailable("the host is stopping; send what was not answered again");
                }
                read = self.inbound.next::<v1::LogToolResultRequest>() => match read {
                    Ok(Some(report)) => report,
                    Ok(None) => return,
                    Err(fault) => break fault.status(),
                },
            };
            let (door, credentials) = (Arc::clone(&self.door), self.credentials.clone());
            // Begun before it has its turn to be answered: all that are in flight share batches of the log.
            let answer = self.tasks.spawn(async move { log(&*door, credentials, report).await });
            match timeout(self.stall, self.queue.send(Waiting::Answer(answer))).await {
                Ok(Ok(())) => {}
                // The peer went, or reads nothing; its reports are logged all the same.
                Ok(Err(_)) | Err(_) => return,
            }
        };
        // A peer that reads nothing learns it from the connection.
        let _ = timeout(self.stall, self.queue.send(Waiting::End(end))).await;
    }
}

/// The answers to one stream of reports.
#[derive(Debug)]
pub(crate) struct Answers {
    queue: mpsc::Receiver<Waiting>,
    next: Option<JoinHandle<v1::LogToolResultResponse>>,
    limit: usize,
}

impl Answers {
    /// The next frame; the trailers where it is the last one.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Frame<Bytes>, Status>> {
        let next = match &mut self.next {
            Some(next) => next,
            None => match ready!(self.queue.poll_recv(context)) {
                Some(Waiting::Answer(answer)) => self.next.insert(answer),
                Some(Waiting::End(status)) => return Poll::Ready(trailers(&status)),
                None => return Poll::Ready(Ok(Frame::trailers(DONE.clone()))),
            },
        };
        let answered = ready!(Pin::new(next).poll(context));
        self.next = None;
        Poll::Ready(match answered {
            Ok(answer) => {
                framed(&answer, self.limit).map(Frame::data).or_else(|fault: Fault| trailers(&fault.status()))
            }
            Err(_) => trailers(&Status::internal("a report was not answered; send it again")),
        })
    }
}

/// The answer to one that watches grants.
#[derive(Debug)]
pub(crate) struct Epochs {
    steps: mpsc::Receiver<Watched>,
    limit: usize,
}

impl Epochs {
    /// The next frame; the trailers where it is the last one.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Frame<Bytes>, Status>> {
        let Some(step) = ready!(self.steps.poll_recv(context)) else {
            return Poll::Ready(Ok(Frame::trailers(DONE.clone())));
        };
        let framed = framed(&local::watched(step), self.limit);
        Poll::Ready(framed.map(Frame::data).or_else(|fault| trailers(&fault.status())))
    }
}
