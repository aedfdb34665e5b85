//! RuntimeService: one stream a runtime. A task of its own takes the announcement, hands every further frame to
//! the port that the door gave, and detaches when either side ends; the answers go through [`Outbound`].

use std::{
    future::{Ready, ready},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use grid_core::{
    Code, Refusal, Stage,
    envelope::Credentials,
    frame::{Announce, RuntimeFrame},
    port::{RuntimeDoor, RuntimePort},
};
use grid_proto::v1::{self, runtime_frame::Frame};
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Status, Streaming, server::Grpc};
use tonic_prost::ProstCodec;

use crate::{
    accept::Peer,
    arrivals::Arrivals,
    body::Reply,
    convert::frame,
    fault::{Fault, plain},
    outbound::{Frames, Opening, Outbound},
    unary::credentials,
};

/// Calls that can wait to be reported as unsent.
const UNSENT: usize = 64;

/// Serves RuntimeService.
#[derive(Debug)]
pub(crate) struct Runtimes<R> {
    pub(crate) door: Arc<R>,
    pub(crate) message: usize,
    pub(crate) first_frame: Duration,
    pub(crate) stall: Duration,
    pub(crate) tasks: TaskTracker,
}

impl<R: RuntimeDoor> Runtimes<R> {
    /// Answers at once; what came of the announcement is the first frame.
    pub(crate) async fn attach(&self, request: Request<Incoming>, peer: &Peer) -> Response<Reply> {
        let credentials = credentials(request.headers(), request.extensions(), peer.loopback);
        // tonic's own reader cannot go on after a frame over the limit; it gets nothing to read.
        let (head, body) = request.into_parts();
        let inbound = Some(Arrivals::new(body, self.message));
        let attach = Attach { runtimes: self, credentials, peer, inbound };
        Grpc::new(ProstCodec::default())
            .apply_max_message_size_config(Some(0), Some(self.message))
            .streaming(attach, Request::from_parts(head, Empty::<Bytes>::new()))
            .await
            .map(Reply::Attached)
    }
}

/// One request to attach; tonic calls it once.
struct Attach<'a, R> {
    runtimes: &'a Runtimes<R>,
    credentials: Credentials,
    peer: &'a Peer,
    inbound: Option<Arrivals>,
}

impl<R: RuntimeDoor> tonic::server::StreamingService<v1::RuntimeFrame> for Attach<'_, R> {
    type Response = v1::HostFrame;
    type ResponseStream = Outbound;
    type Future = Ready<Result<tonic::Response<Outbound>, Status>>;

    fn call(&mut self, _: tonic::Request<Streaming<v1::RuntimeFrame>>) -> Self::Future {
        let Some(inbound) = self.inbound.take() else {
            return ready(Err(Status::internal("a stream was opened twice")));
        };
        let (opened, opening) = oneshot::channel();
        let link = Link {
            door: Arc::clone(&self.runtimes.door),
            inbound,
            credentials: std::mem::take(&mut self.credentials),
            first_frame: self.runtimes.first_frame,
            stall: self.runtimes.stall,
            hang_up: self.peer.hang_up.clone(),
            _attached: Arc::clone(&self.peer.attached),
        };
        self.runtimes.tasks.spawn(link.run(opened));
        let outbound = Outbound::new(opening, self.runtimes.message);
        ready(Ok(tonic::Response::new(outbound)))
    }
}

/// The task of one runtime's stream.
struct Link<R> {
    door: Arc<R>,
    inbound: Arrivals,
    credentials: Credentials,
    first_frame: Duration,
    stall: Duration,
    hang_up: CancellationToken,
    /// As long as this is held, the connection does not grow old.
    _attached: Arc<()>,
}

impl<R: RuntimeDoor> Link<R> {
    async fn run(mut self, opened: oneshot::Sender<Opening>) {
        let credentials = std::mem::take(&mut self.credentials);
        let attached = match self.introduction().await {
            Ok(announce) => self.door.attach(credentials, *announce).await,
            Err(fault) => Err(self.door.unannounced(credentials, fault).await),
        };
        let (port, queue) = match attached {
            Ok(attached) => attached,
            Err(refusal) => {
                // Without a reader the answer has nowhere to go; the door has recorded it.
                let _ = opened.send(Opening::Refused(refusal));
                return;
            }
        };
        let (close, closing) = oneshot::channel();
        let (unsent, returned) = mpsc::channel(UNSENT);
        let (gone, mut reader) = oneshot::channel();
        let frames = Frames { queue, closing, unsent, _gone: gone };
        if opened.send(Opening::Attached(frames)).is_err() {
            port.detach("the runtime left before it was answered".to_owned()).await;
            return;
        }
        self.pump(port, returned, close, &mut reader).await;
        // What waits is sent first. A runtime that does not read it holds the stream open, so its connection goes.
        if !reader.is_terminated() && timeout(self.stall, reader).await.is_err() {
            self.hang_up.cancel();
        }
    }

    /// The first frame, which must be an announcement.
    async fn introduction(&mut self) -> Result<Box<Announce>, Refusal> {
        let refuse = |code, message: &str| Err(Refusal::new(code, Stage::Transport, message));
        match timeout(self.first_frame, self.inbound.next()).await {
            Ok(Ok(Some(Ok(v1::RuntimeFrame { frame: Some(Frame::Announce(announce)) })))) => {
                Ok(frame::announce(*announce))
            }
            Ok(Ok(Some(Err(_)))) => {
                refuse(Code::MessageTooLarge, "the first frame is over the message limit; send less, and attach again")
            }
            Ok(Ok(Some(_))) => refuse(
                Code::ProtocolViolation,
                "the first frame is no announcement; send `announce` before anything else",
            ),
            Ok(Ok(None)) => refuse(
                Code::ConnectionFailed,
                "the stream ended before an announcement; send `announce` and keep the stream open",
            ),
            Ok(Err(fault)) => Err(unreadable(&fault)),
            Err(_) => refuse(
                Code::NetworkTimeout,
                "no announcement came in time; send `announce` as soon as the stream is open",
            ),
        }
    }

    /// Hands frames over until either side ends. The runtime is told of a fault before the port lets go of it.
    async fn pump(
        &mut self,
        mut port: R::Port,
        mut returned: mpsc::Receiver<RuntimeFrame>,
        close: oneshot::Sender<Refusal>,
        reader: &mut oneshot::Receiver<()>,
    ) {
        let mut close = Some(close);
        let reason = loop {
            let frame = tokio::select! {
                biased;
                read = self.inbound.next() => match read {
                    Ok(Some(Ok(wire))) => match frame::inbound(wire) {
                        Some(frame) => frame,
                        None => continue,
                    },
                    Ok(Some(Err(frame))) => RuntimeFrame::Oversized(frame),
                    Ok(None) => break "the runtime closed its stream".to_owned(),
                    Err(fault) => {
                        // Without a reader there is nobody to tell.
                        let _ = close.take().map(|close| close.send(unreadable(&fault)));
                        break format!("the stream broke: {}", plain(&fault.message(), 256));
                    }
                },
                Some(frame) = returned.recv() => frame,
                () = port.ended() => break "the host ended the attachment".to_owned(),
                _ = &mut *reader => break "nobody reads the stream any more".to_owned(),
            };
            // The port answers through the queue. One that stays full is a runtime that sends and does not read,
            // and would keep the port from hearing that its attachment has ended.
            if timeout(self.stall, port.receive(frame)).await.is_err() {
                self.hang_up.cancel();
                break "the runtime does not read its answers".to_owned();
            }
        };
        port.detach(reason).await;
    }
}

/// A frame that could not be read. What the decoder found is for the host's own log.
fn unreadable(fault: &Fault) -> Refusal {
    let (code, message) = match fault {
        Fault::Malformed(_) | Fault::Compressed => (
            Code::SerializationError,
            "a frame cannot be read; check that both sides were built from the same proto files",
        ),
        _ => (Code::ConnectionFailed, "the stream broke; attach again"),
    };
    Refusal::new(code, Stage::Transport, message).because(plain(&fault.message(), 256))
}
