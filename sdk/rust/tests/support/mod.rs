//! A host in the test's own process, on a free port of this machine. It does nothing by itself: a test takes each
//! attachment and each request and says what the host does with it.

#![allow(clippy::allow_attributes, dead_code, reason = "each test file uses its part of the host")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use grid_proto::v1::grid_service_server::{GridService, GridServiceServer};
use grid_proto::v1::host_frame::Frame as Says;
use grid_proto::v1::runtime_frame::Frame as Heard;
use grid_proto::v1::runtime_service_server::{RuntimeService, RuntimeServiceServer};
use grid_proto::{adm, v1};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// Fails the test instead of hanging it.
pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.expect("it did not happen within ten seconds")
}

/// What the host answers to a call, in order; the last one stays.
pub type CallScript = VecDeque<Result<v1::CallToolResponse, Status>>;

#[derive(Default)]
pub struct Said {
    pub sessions: Vec<v1::CreateSession>,
    pub calls: Vec<v1::ToolCall>,
    pub tokens: Vec<String>,
}

#[derive(Clone)]
struct Service {
    attached: mpsc::Sender<Peer>,
    said: Arc<Mutex<Said>>,
    calls: Arc<Mutex<CallScript>>,
    sessions: Arc<Mutex<VecDeque<Result<v1::CreateSessionResponse, Status>>>>,
}

/// The host.
pub struct Host {
    pub endpoint: String,
    attachments: mpsc::Receiver<Peer>,
    service: Service,
    tasks: JoinSet<()>,
}

impl Host {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (attached, attachments) = mpsc::channel(8);
        let service = Service { attached, said: Arc::default(), calls: Arc::default(), sessions: Arc::default() };
        let serve = tonic::transport::Server::builder()
            .add_service(GridServiceServer::new(service.clone()))
            .add_service(RuntimeServiceServer::new(service.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { serve.await.unwrap() });
        Self { endpoint, attachments, service, tasks }
    }

    /// The next runtime that attaches.
    pub async fn attached(&mut self) -> Peer {
        soon(self.attachments.recv()).await.unwrap()
    }

    /// The next runtime, announced and with all its tools accepted.
    pub async fn serving(&mut self) -> Peer {
        let mut peer = self.attached().await;
        peer.welcome().await;
        peer.accept_all().await;
        peer
    }

    pub fn answers(&self, answer: Result<v1::CallToolResponse, Status>) {
        self.service.calls.lock().unwrap().push_back(answer);
    }

    pub fn opens(&self, answer: Result<v1::CreateSessionResponse, Status>) {
        self.service.sessions.lock().unwrap().push_back(answer);
    }

    pub fn said<T>(&self, read: impl FnOnce(&Said) -> T) -> T {
        read(&self.service.said.lock().unwrap())
    }
}

/// One attached runtime, seen from the host.
pub struct Peer {
    says: mpsc::Sender<Result<v1::HostFrame, Status>>,
    hears: Streaming<v1::RuntimeFrame>,
    pub token: String,
}

impl Peer {
    pub async fn say(&self, frame: Says) {
        self.say_raw(v1::HostFrame { frame: Some(frame) }).await;
    }

    pub async fn say_raw(&self, frame: v1::HostFrame) {
        self.says.send(Ok(frame)).await.unwrap();
    }

    /// The next frame that is no heartbeat; `None` at the end of the stream.
    pub async fn hear(&mut self) -> Option<Heard> {
        loop {
            let message = soon(self.hears.message()).await;
            match message.ok().flatten()?.frame.unwrap() {
                Heard::Heartbeat(beat) => {
                    let ack = v1::HeartbeatAck { sequence: beat.sequence };
                    let frame = v1::HostFrame { frame: Some(Says::HeartbeatAck(ack)) };
                    let _ = self.says.send(Ok(frame)).await;
                }
                other => return Some(other),
            }
        }
    }

    /// The next frame, heartbeats included and unanswered.
    pub async fn hear_beat(&mut self) -> v1::Heartbeat {
        match soon(self.hears.message()).await.unwrap().unwrap().frame {
            Some(Heard::Heartbeat(beat)) => beat,
            other => panic!("expected a heartbeat, heard {other:?}"),
        }
    }

    pub async fn hear_result(&mut self) -> v1::ToolResult {
        match self.hear().await {
            Some(Heard::Result(result)) => result,
            other => panic!("expected a result, heard {other:?}"),
        }
    }

    /// The error in the next result.
    pub async fn hear_fault(&mut self) -> adm::ErrorObject {
        let result = self.hear_result().await.result.unwrap();
        assert_eq!(result.status(), adm::ToolResultStatus::Error);
        assert_eq!(result.content, None);
        result.error.unwrap()
    }

    /// Takes the announcement and welcomes the runtime.
    pub async fn welcome(&mut self) -> v1::AnnounceRuntime {
        self.welcome_with(60_000).await
    }

    pub async fn welcome_with(&mut self, heartbeat_interval_ms: u64) -> v1::AnnounceRuntime {
        let Some(Heard::Announce(announce)) = self.hear().await else {
            panic!("the first frame is an announcement");
        };
        self.say(Says::Announced(Box::new(v1::AnnounceRuntimeResponse {
            connection_id: "c1".into(),
            correlation_id: announce.correlation_id.clone(),
            heartbeat_interval_ms,
            ..Default::default()
        })))
        .await;
        *announce
    }

    /// Welcomes the runtime with all that it can do, with so much credit for its streams; with nothing without one.
    pub async fn welcome_streaming(&mut self, credit: Option<&str>) -> v1::AnnounceRuntime {
        let Some(Heard::Announce(announce)) = self.hear().await else {
            panic!("the first frame is an announcement");
        };
        let config = credit.map(|credit| ("streaming.credit".to_owned(), credit.to_owned()));
        self.say(Says::Announced(Box::new(v1::AnnounceRuntimeResponse {
            connection_id: "c1".into(),
            enabled_features: credit.map_or_else(Vec::new, |_| announce.optional_features.clone()),
            feature_config: config.into_iter().collect(),
            heartbeat_interval_ms: 60_000,
            ..Default::default()
        })))
        .await;
        *announce
    }

    pub async fn hear_fulfil(&mut self) -> v1::FulfillTools {
        match self.hear().await {
            Some(Heard::Fulfil(fulfil)) => fulfil,
            other => panic!("expected a fulfilment, heard {other:?}"),
        }
    }

    pub async fn accept_all(&mut self) {
        let fulfil = self.hear_fulfil().await;
        self.say(Says::Fulfilled(Box::new(v1::FulfillToolsResponse {
            status: Some(v1::fulfill_tools_response::Status::Success.into()),
            fulfilled_tools: fulfil.tool_names,
            ..Default::default()
        })))
        .await;
    }

    /// Sends a call whose ids are made from `n`.
    pub async fn call(&self, n: u32, name: &str, args: &str) {
        self.call_until(n, name, args, 0).await;
    }

    pub async fn call_until(&self, n: u32, name: &str, args: &str, deadline_unix_ms: u64) {
        self.say(Says::Call(v1::ToolCall {
            invocation_id: format!("i{n}"),
            correlation_id: format!("client-1-{n:08x}"),
            call: Some(adm::FunctionCall { call_id: format!("call-{n}"), name: name.into(), args: args.into() }),
            deadline_unix_ms,
            ..Default::default()
        }))
        .await;
    }

    pub async fn cancel(&self, n: u32) {
        self.say(Says::Cancel(v1::CancelInvocation { invocation_id: format!("i{n}"), ..Default::default() })).await;
    }
}

pub fn refusal(code: &str, retry_allowed: bool) -> v1::EnhancedError {
    v1::EnhancedError {
        message: "refused by the test; change the test".into(),
        r#type: code.into(),
        retry_allowed,
        ..Default::default()
    }
}

/// An answer with a successful result.
pub fn success(call_id: &str, name: &str, content: &str) -> v1::CallToolResponse {
    outcome(adm::ToolResult {
        call_id: call_id.into(),
        name: name.into(),
        status: adm::ToolResultStatus::Success.into(),
        content: Some(content.into()),
        error: None,
    })
}

pub fn outcome(result: adm::ToolResult) -> v1::CallToolResponse {
    v1::CallToolResponse {
        outcome: Some(v1::call_tool_response::Outcome::Result(v1::ToolResult {
            invocation_id: "i1".into(),
            result: Some(result),
            ..Default::default()
        })),
        invocation_id: "i1".into(),
        ..Default::default()
    }
}

pub fn refused_call(error: v1::EnhancedError) -> v1::CallToolResponse {
    v1::CallToolResponse {
        outcome: Some(v1::call_tool_response::Outcome::Error(Box::new(error))),
        ..Default::default()
    }
}

fn token<T>(request: &Request<T>) -> String {
    let header = request.metadata().get("authorization");
    header.map_or_else(String::new, |header| header.to_str().unwrap().to_owned())
}

#[tonic::async_trait]
impl RuntimeService for Service {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<v1::HostFrame, Status>> + Send>>;

    async fn attach(
        &self,
        request: Request<Streaming<v1::RuntimeFrame>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let (says, frames) = mpsc::channel(64);
        let peer = Peer { says, token: token(&request), hears: request.into_inner() };
        self.attached.send(peer).await.unwrap();
        Ok(Response::new(Box::pin(ReceiverStream::new(frames))))
    }
}

#[tonic::async_trait]
impl GridService for Service {
    async fn create_session(
        &self,
        request: Request<v1::CreateSession>,
    ) -> Result<Response<v1::CreateSessionResponse>, Status> {
        let mut said = self.said.lock().unwrap();
        said.tokens.push(token(&request));
        said.sessions.push(request.into_inner());
        let scripted = self.sessions.lock().unwrap().pop_front();
        let usual = v1::CreateSessionResponse { session_id: "s1".into(), expires_at_ms: 1_000, ..Default::default() };
        scripted.unwrap_or(Ok(usual)).map(Response::new)
    }

    async fn destroy_session(
        &self,
        request: Request<v1::DestroySession>,
    ) -> Result<Response<v1::DestroySessionResponse>, Status> {
        Ok(Response::new(v1::DestroySessionResponse {
            destroyed: request.into_inner().force,
            cancelled_invocations: 2,
            ..Default::default()
        }))
    }

    type StreamToolCallStream = tokio_stream::Empty<Result<v1::CallEvent, Status>>;

    async fn stream_tool_call(&self, _: Request<v1::ToolCall>) -> Result<Response<Self::StreamToolCallStream>, Status> {
        Err(Status::unimplemented("no results in pieces here"))
    }

    async fn list_tools(&self, _: Request<v1::ListTools>) -> Result<Response<v1::ListToolsResponse>, Status> {
        let declaration = adm::FunctionDeclaration {
            name: "add".into(),
            description: "Adds.".into(),
            parameters: "{\"type\":\"OBJECT\"}".into(),
        };
        Ok(Response::new(v1::ListToolsResponse {
            tools: vec![v1::ToolListing {
                declaration: Some(declaration),
                effect: "pure".into(),
                timeout_ms: 2_000,
                available: true,
                ..Default::default()
            }],
            ..Default::default()
        }))
    }

    async fn call_tool(&self, request: Request<v1::ToolCall>) -> Result<Response<v1::CallToolResponse>, Status> {
        let call = request.into_inner();
        self.said.lock().unwrap().calls.push(call);
        let mut script = self.calls.lock().unwrap();
        let answer = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        answer.unwrap().map(Response::new)
    }

    async fn cancel_tool_call(
        &self,
        request: Request<v1::CancelToolCall>,
    ) -> Result<Response<v1::CancelToolCallResponse>, Status> {
        Ok(Response::new(v1::CancelToolCallResponse {
            cancelled: request.into_inner().call_id == "in-flight",
            ..Default::default()
        }))
    }

    async fn authorize_tool_call(
        &self,
        _: Request<v1::AuthorizeToolCallRequest>,
    ) -> Result<Response<v1::AuthorizeToolCallResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    async fn authorize_tool_calls(
        &self,
        _: Request<v1::AuthorizeToolCallsRequest>,
    ) -> Result<Response<v1::AuthorizeToolCallsResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    async fn log_tool_result(
        &self,
        _: Request<v1::LogToolResultRequest>,
    ) -> Result<Response<v1::LogToolResultResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    type LogToolResultsStream = Pin<Box<dyn Stream<Item = Result<v1::LogToolResultResponse, Status>> + Send>>;

    async fn log_tool_results(
        &self,
        _: Request<Streaming<v1::LogToolResultRequest>>,
    ) -> Result<Response<Self::LogToolResultsStream>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    async fn cancel_grant(
        &self,
        _: Request<v1::CancelGrantRequest>,
    ) -> Result<Response<v1::CancelGrantResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    type WatchGrantsStream = Pin<Box<dyn Stream<Item = Result<v1::WatchGrantsResponse, Status>> + Send>>;

    async fn watch_grants(
        &self,
        _: Request<v1::WatchGrantsRequest>,
    ) -> Result<Response<Self::WatchGrantsStream>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }
}
