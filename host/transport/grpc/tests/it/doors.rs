//! Doors that remember what they were asked and answer as the name of the tool says.

use std::{
    fmt::Debug,
    str::FromStr as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_core::{
    Code, Refusal, Stage,
    clock::SystemClock,
    envelope::{CancelCall, CloseSession, Credentials, Envelope, OpenSession},
    frame::{Announce, Announced, HostFrame, RuntimeFrame, Updated, Validated},
    gate::Gate,
    id::{ApprovalId, CallId, ConnectionId, CorrelationId, InvocationId},
    listing::{Cancelled, Closed, Opened, ToolListing, Tools},
    local::{Authorized, Batch, GiveBack, GivenBack, Granted, GrantedAll, Logged, Report, Waits, Watched},
    outcome::{AuditReceipt, CallAnswer, Carried, ToolAnswer},
    port::{FrontDoor, LocalDoor, RuntimeDoor, RuntimePort},
    refusal::Context,
    stream::{CallEvent, Chunk, Ids, Streamed},
};
use grid_grpc::{Running, Server, Settings, Socket};
use grid_proto::v1::{grid_service_client::GridServiceClient, runtime_service_client::RuntimeServiceClient};
use grid_tls::Tls;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// What a door was asked, in words.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Vec<String>>);

impl Notes {
    pub fn add(&self, what: impl Debug) {
        self.0.lock().unwrap().push(format!("{what:?}"));
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    pub fn holds(&self, what: &str) -> bool {
        self.all().iter().any(|note| note.contains(what))
    }

    /// Waits for a note; a test that waits in vain fails by its own time limit.
    pub async fn wait_for(&self, what: &str) {
        let wait = async {
            while !self.holds(what) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .unwrap_or_else(|_| panic!("no note of `{what}` in {:#?}", self.all()));
    }
}

#[derive(Debug, Default)]
pub struct Front {
    pub notes: Notes,
    /// Bytes of streams that found room on their way.
    pub flowed: Arc<AtomicU64>,
    /// Streams whose reader went.
    pub left: Arc<AtomicU64>,
    /// Calls of `wait` go on when told.
    pub go: Notify,
    pub tokens: Mutex<Vec<Option<String>>>,
    /// SPIFFE id and user of who asked, as the connection proved them.
    pub proved: Mutex<Vec<(Option<String>, Option<u32>)>>,
}

impl Front {
    fn saw(&self, credentials: Credentials, what: impl Debug) {
        assert!(credentials.loopback, "tests connect from this machine");
        let id = credentials.certificate.map(|certificate| certificate.spiffe_id.clone());
        self.proved.lock().unwrap().push((id, credentials.local.map(|peer| peer.uid)));
        self.tokens.lock().unwrap().push(credentials.bearer);
        self.notes.add(what);
    }
}

pub fn correlation(text: &str) -> CorrelationId {
    CorrelationId::parse(text).unwrap_or_else(|_| CorrelationId::mint(0))
}

/// A refusal with everything that a context can hold.
pub fn refusal(code: Code, correlation_id: &str) -> Refusal {
    Refusal::new(code, Stage::Authorize, "you may not; ask your operator")
        .because("internal: rule 7 of epoch 3")
        .with("missing", "[\"admin\"]")
        .within(Context {
            correlation_id: Some(correlation(correlation_id)),
            session_id: Some("s-1".to_owned()),
            tool: Some("tool".to_owned()),
            invocation_id: None,
            runtime_id: Some("rt".to_owned()),
            at_ms: 1234,
            trace_id: Some("ab".repeat(16)),
            receipt: None,
            repeatable: true,
            plain: false,
            carried: Carried::default(),
        })
}

impl FrontDoor for Front {
    async fn open_session(&self, credentials: Credentials, request: OpenSession) -> Result<Opened, Refusal> {
        self.saw(credentials, &request);
        if request.label == "refuse" {
            return Err(refusal(Code::InvalidCredentials, &request.correlation_id));
        }
        Ok(Opened {
            session_id: "s-9".to_owned(),
            expires_at_ms: 77,
            features: request.features,
            level: request.level,
            version: "1.0",
            correlation_id: correlation(&request.correlation_id),
        })
    }

    async fn close_session(&self, credentials: Credentials, request: CloseSession) -> Result<Closed, Refusal> {
        self.saw(credentials, &request);
        if request.session_id == "refuse" {
            return Err(refusal(Code::InvalidSession, &request.correlation_id));
        }
        Ok(Closed { cancelled: 3, correlation_id: correlation(&request.correlation_id) })
    }

    async fn list_tools(
        &self,
        credentials: Credentials,
        session_id: String,
        correlation_id: String,
    ) -> Result<Tools, Refusal> {
        self.saw(credentials, ("list", &session_id));
        if session_id == "refuse" {
            return Err(refusal(Code::SessionExpired, &correlation_id));
        }
        Ok(Tools {
            tools: vec![ToolListing {
                denied: true,
                needs_approval: true,
                name: "add".to_owned(),
                description: "adds".to_owned(),
                parameters: "{}".to_owned(),
                contract: "math".to_owned(),
                version: "1.2.3".to_owned(),
                effect: "pure",
                timeout_ms: 5,
                tags: vec!["t".to_owned()],
                digest: "sha256:00".to_owned(),
                dynamic: true,
                available: true,
            }],
            correlation_id: correlation(&correlation_id),
        })
    }

    async fn call(&self, credentials: Credentials, envelope: Envelope) -> Result<CallAnswer, Refusal> {
        // As the host does, until the answer is there.
        let _inside = credentials.pass.clone();
        self.saw(credentials, &envelope);
        let (kind, rest) = envelope.name.split_once(':').unwrap_or((&envelope.name, ""));
        let answer = match kind {
            "refuse" => {
                let code = Code::from_str(rest).unwrap();
                return Err(refusal(code, &envelope.correlation_id));
            }
            "plain" => {
                let full = refusal(Code::PolicyViolation, &envelope.correlation_id);
                let context = Context { plain: true, ..full.context().clone() };
                return Err(full.within(context));
            }
            "fail" => ToolAnswer::Error { message: "no".to_owned(), kind: "NOPE".to_owned() },
            "size" => ToolAnswer::Success("x".repeat(rest.parse().unwrap())),
            "wait" => {
                self.go.notified().await;
                ToolAnswer::Success("\"waited\"".to_owned())
            }
            _ => ToolAnswer::Success(envelope.args),
        };
        Ok(CallAnswer {
            invocation_id: InvocationId::mint(),
            correlation_id: correlation(&envelope.correlation_id),
            call_id: CallId::parse(&envelope.call_id).unwrap(),
            name: envelope.name.as_str().into(),
            answer,
            carried: Carried::default(),
            repeated: rest == "again",
            receipt: None,
        })
    }

    /// `stream` gives as many chunks of 32 KiB as its arguments say; everything else one end.
    async fn call_streaming(&self, credentials: Credentials, envelope: Envelope) -> mpsc::Receiver<CallEvent> {
        let (events, receiver) = mpsc::channel(1);
        let chunks = envelope.args.parse().unwrap_or(0);
        let ids = Ids { invocation: InvocationId::mint(), correlation: correlation(&envelope.correlation_id) };
        let (flowed, left) = (Arc::clone(&self.flowed), Arc::clone(&self.left));
        let ended = self.call(credentials, envelope).await;
        tokio_util::task::TaskTracker::new().spawn(async move {
            let ids = Arc::new(ids);
            for number in 0..chunks {
                let chunk = Chunk { number, payload: vec![b'x'; 32 << 10].into(), is_final: number + 1 == chunks };
                if events.send(CallEvent::Chunk(Arc::clone(&ids), chunk)).await.is_err() {
                    left.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                flowed.fetch_add(32 << 10, Ordering::Relaxed);
            }
            let bytes = chunks << 15;
            let streamed = ToolAnswer::Streamed(Streamed { chunks, bytes, digest: [7; 32] });
            let ended = ended.map(|answer| CallAnswer { answer: streamed, ..answer });
            let _ = events.send(CallEvent::End(Box::new(ended))).await;
        });
        receiver
    }

    async fn turn_away(
        &self,
        credentials: Credentials,
        correlation_id: String,
        session_id: String,
        fault: Refusal,
    ) -> Refusal {
        self.saw(credentials, ("turned away", fault.code()));
        fault.within(Context {
            correlation_id: CorrelationId::parse(&correlation_id).ok().or_else(|| Some(CorrelationId::mint(0))),
            session_id: Some(session_id).filter(|id| !id.is_empty()),
            at_ms: 1,
            ..Context::default()
        })
    }

    async fn cancel(&self, credentials: Credentials, request: CancelCall) -> Result<Cancelled, Refusal> {
        self.saw(credentials, &request);
        if request.session_id == "refuse" {
            return Err(refusal(Code::PermissionDenied, &request.correlation_id));
        }
        Ok(Cancelled { cancelled: true, correlation_id: correlation(&request.correlation_id) })
    }
}

/// What a door grants: the call of that name and id, or a refusal for `refuse`.
fn granted(envelope: &Envelope) -> Result<Authorized, Refusal> {
    if envelope.name == "refuse" {
        return Err(refusal(Code::PermissionDenied, &envelope.correlation_id));
    }
    if envelope.name == "wait for a person" {
        return Ok(Authorized::Waiting(Box::new(Waits {
            approval: ApprovalId::mint(),
            expires_at_ms: 9,
            retry_after: Duration::from_millis(1500),
            refusal: refusal(Code::PermissionDenied, &envelope.correlation_id),
        })));
    }
    Ok(Authorized::Granted(Box::new(Granted {
        invocation_id: InvocationId::mint(),
        correlation_id: correlation(&envelope.correlation_id),
        ttl: Duration::from_millis(1234),
        args: (envelope.name == "rewritten").then(|| "{}".to_owned()),
        record: envelope.call_id.clone().into_bytes(),
        receipt: AuditReceipt { index: 7, leaf: [1; 32], inclusion: vec![[2; 32]], checkpoint: "note".to_owned() },
    })))
}

impl LocalDoor for Front {
    async fn authorize(&self, credentials: Credentials, envelope: Envelope) -> Result<Authorized, Refusal> {
        self.saw(credentials, &envelope);
        granted(&envelope)
    }

    async fn authorize_all(&self, credentials: Credentials, batch: Batch) -> Result<GrantedAll, Refusal> {
        self.saw(credentials, &batch);
        if batch.session_id == "refuse" {
            return Err(refusal(Code::FeatureUnavailable, &batch.correlation_id));
        }
        let items = batch.items.into_iter().map(|item| granted(&item?)).collect();
        Ok(GrantedAll { correlation_id: correlation(&batch.correlation_id), items })
    }

    /// A report of `wait` is answered when told.
    async fn log_result(&self, credentials: Credentials, report: Report) -> Result<Logged, Refusal> {
        self.saw(credentials, &report);
        if report.name == "wait" {
            self.go.notified().await;
        }
        if report.name == "refuse" {
            return Err(refusal(Code::SecurityViolation, &report.correlation_id));
        }
        Ok(Logged { invocation_id: InvocationId::mint(), correlation_id: correlation(&report.correlation_id) })
    }

    async fn cancel_grant(&self, credentials: Credentials, request: GiveBack) -> Result<GivenBack, Refusal> {
        self.saw(credentials, &request);
        if request.session_id == "refuse" {
            return Err(refusal(Code::SecurityViolation, &request.correlation_id));
        }
        Ok(GivenBack { cancelled: true, correlation_id: correlation(&request.correlation_id) })
    }

    async fn watch_grants(
        &self,
        credentials: Credentials,
        session_id: String,
        correlation_id: String,
    ) -> Result<mpsc::Receiver<Watched>, Refusal> {
        self.saw(credentials, ("watch", &session_id));
        if session_id == "refuse" {
            return Err(refusal(Code::InvalidSession, &correlation_id));
        }
        let (steps, receiver) = mpsc::channel(4);
        steps.try_send(Watched::Epoch { epoch: 3, reason: String::new() }).unwrap();
        steps.try_send(Watched::Epoch { epoch: 4, reason: "because".to_owned() }).unwrap();
        steps.try_send(Watched::End(refusal(Code::ServiceUnavailable, &correlation_id))).unwrap();
        Ok(receiver)
    }
}

/// A door for runtimes: refuses the runtime named `refused`, attaches all others.
#[derive(Debug, Default)]
pub struct Runtimes {
    pub notes: Arc<Notes>,
    /// The sender of the last attachment.
    pub line: Mutex<Option<mpsc::Sender<HostFrame>>>,
    pub end: CancellationToken,
}

impl Runtimes {
    pub fn line(&self) -> mpsc::Sender<HostFrame> {
        self.line.lock().unwrap().clone().unwrap()
    }
}

impl RuntimeDoor for Runtimes {
    type Port = Port;

    async fn attach(
        &self,
        credentials: Credentials,
        announce: Announce,
    ) -> Result<(Port, mpsc::Receiver<HostFrame>), Refusal> {
        self.notes.add((&credentials.bearer_text(), &announce));
        if announce.runtime_id == "refused" {
            return Err(refusal(Code::PermissionDenied, &announce.correlation_id));
        }
        let (line, queue) = mpsc::channel(1024);
        line.try_send(HostFrame::Announced(Box::new(Announced {
            connection_id: ConnectionId::mint(),
            available: vec!["add".to_owned()],
            correlation_id: correlation(&announce.correlation_id),
            level: announce.level,
            features: announce.features,
            offered: vec!["nested-calls".to_owned()],
            config: [("nested-calls.depth".to_owned(), "8".to_owned())].into(),
            version: "1.0".to_owned(),
            adm_version: "1.0.0",
            heartbeat_ms: 10_000,
            mode: "strict",
        })))
        .unwrap();
        *self.line.lock().unwrap() = Some(line.clone());
        let port = Port { notes: Arc::clone(&self.notes), line: Some(line), end: self.end.clone() };
        Ok((port, queue))
    }

    async fn unannounced(&self, credentials: Credentials, fault: Refusal) -> Refusal {
        self.notes.add(("unannounced", credentials.bearer_text(), &fault));
        fault.within(Context { at_ms: 5, ..Context::default() })
    }
}

trait BearerText {
    fn bearer_text(&self) -> String;
}

impl BearerText for Credentials {
    fn bearer_text(&self) -> String {
        format!("bearer={:?} loopback={}", self.bearer, self.loopback)
    }
}

/// Remembers frames, answers heartbeats and what it does not know.
#[derive(Debug)]
pub struct Port {
    notes: Arc<Notes>,
    /// Dropped by a drain for the reason `let go`.
    line: Option<mpsc::Sender<HostFrame>>,
    end: CancellationToken,
}

impl RuntimePort for Port {
    async fn receive(&mut self, frame: RuntimeFrame) {
        self.notes.add(&frame);
        let answer = match frame {
            RuntimeFrame::Heartbeat(beat) => HostFrame::HeartbeatAck { sequence: beat.sequence },
            RuntimeFrame::Unsupported(name) => HostFrame::Error {
                refusal: Refusal::new(
                    Code::FeatureUnavailable,
                    Stage::Link,
                    format!("`{name}` is not understood here; leave it out"),
                ),
                invocation_id: String::new(),
            },
            RuntimeFrame::Validate(names) => HostFrame::Validated(Validated {
                confirmed: names,
                disabled: vec!["off".to_owned()],
                warnings: vec!["careful".to_owned()],
            }),
            RuntimeFrame::Update(update) => HostFrame::Updated(Box::new(Updated {
                accepted: update.wanted,
                rejected: update
                    .dropped
                    .into_iter()
                    .map(|name| (name, Refusal::new(Code::FeatureUnavailable, Stage::Link, "not on; leave it")))
                    .collect(),
            })),
            RuntimeFrame::Call(envelope) => HostFrame::Answer {
                parent: envelope.parent_invocation_id,
                call_id: envelope.call_id,
                ended: Box::new(Err(Refusal::new(Code::PermissionDenied, Stage::Authorize, "no; ask somebody"))),
            },
            RuntimeFrame::Drain { reason } if reason == "let go" => {
                self.line = None;
                return;
            }
            _ => return,
        };
        self.line.as_ref().unwrap().send(answer).await.unwrap();
    }

    async fn ended(&self) {
        self.end.cancelled().await;
    }

    async fn detach(self, reason: String) {
        self.notes.add(("detached", reason));
    }
}

/// A serving port with its doors.
pub struct Host {
    pub front: Arc<Front>,
    pub runtimes: Arc<Runtimes>,
    pub running: Running,
}

impl Host {
    pub async fn start(settings: Settings) -> Self {
        Self::with(settings, None, None).await
    }

    pub async fn with(settings: Settings, tls: Option<Tls>, socket: Option<Socket>) -> Self {
        let (front, runtimes) = (Arc::<Front>::default(), Arc::<Runtimes>::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server::new(Arc::clone(&front), Arc::clone(&runtimes), SystemClock::shared(), settings);
        let server = server.secured(tls).local(socket);
        Self { front, runtimes, running: server.start(listener).await.unwrap() }
    }

    pub async fn behind(gate: Arc<dyn Gate>) -> Self {
        let (front, runtimes) = (Arc::<Front>::default(), Arc::<Runtimes>::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (settings, clock) = (Settings::default(), SystemClock::shared());
        let server = Server::new(Arc::clone(&front), Arc::clone(&runtimes), clock, settings).behind(Some(gate));
        Self { front, runtimes, running: server.start(listener).await.unwrap() }
    }

    pub async fn channel(&self) -> Channel {
        channel(&self.running).await
    }

    pub async fn client(&self) -> GridServiceClient<Channel> {
        GridServiceClient::new(self.channel().await)
    }

    pub async fn runtime(&self) -> RuntimeServiceClient<Channel> {
        RuntimeServiceClient::new(self.channel().await)
    }
}

pub async fn channel(running: &Running) -> Channel {
    Channel::from_shared(format!("http://{}", running.address())).unwrap().connect().await.unwrap()
}
