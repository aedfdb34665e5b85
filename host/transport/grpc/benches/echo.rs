//! One call there and back over a socket, 64 at once: this transport against tonic's own server with the same
//! messages, in one process with the client. The ratio counts, not the rate.

#![expect(clippy::expect_used, reason = "a bench that cannot run says so")]

use std::{sync::Arc, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use grid_core::{
    Code, Refusal, Stage,
    clock::SystemClock,
    envelope::{CancelCall, CloseSession, Credentials, Envelope, OpenSession},
    frame::{Announce, HostFrame, RuntimeFrame},
    id::{CallId, CorrelationId, InvocationId},
    listing::{Cancelled, Closed, Opened, Tools},
    local::{Authorized, Batch, GiveBack, GivenBack, GrantedAll, Logged, Report, Watched},
    outcome::{CallAnswer, ToolAnswer},
    port::{FrontDoor, LocalDoor, RuntimeDoor, RuntimePort},
    stream::CallEvent,
};
use grid_grpc::{Running, Server, Settings};
use grid_proto::{
    adm,
    v1::{self, call_tool_response::Outcome, grid_service_client::GridServiceClient},
};
use tokio::{net::TcpListener, runtime::Runtime, sync::mpsc, task::JoinSet};
use tonic::{Request, Response, Status, Streaming, transport::Channel};

const AT_ONCE: usize = 64;
const EACH: usize = 20;

struct Echo;

fn no<T>() -> Result<T, Refusal> {
    Err(Refusal::new(Code::FeatureUnavailable, Stage::Transport, "not here"))
}

impl FrontDoor for Echo {
    async fn open_session(&self, _: Credentials, _: OpenSession) -> Result<Opened, Refusal> {
        no()
    }
    async fn close_session(&self, _: Credentials, _: CloseSession) -> Result<Closed, Refusal> {
        no()
    }
    async fn list_tools(&self, _: Credentials, _: String, _: String) -> Result<Tools, Refusal> {
        no()
    }
    async fn call(&self, _: Credentials, envelope: Envelope) -> Result<CallAnswer, Refusal> {
        Ok(CallAnswer {
            invocation_id: InvocationId::mint(),
            correlation_id: CorrelationId::parse(&envelope.correlation_id).expect("plain"),
            call_id: CallId::parse(&envelope.call_id).expect("plain"),
            name: envelope.name.into(),
            answer: ToolAnswer::Success(envelope.args),
            carried: Default::default(),
            repeated: false,
            receipt: None,
        })
    }
    async fn call_streaming(&self, _: Credentials, _: Envelope) -> mpsc::Receiver<CallEvent> {
        mpsc::channel(1).1
    }
    async fn turn_away(&self, _: Credentials, _: String, _: String, fault: Refusal) -> Refusal {
        fault
    }

    async fn cancel(&self, _: Credentials, _: CancelCall) -> Result<Cancelled, Refusal> {
        no()
    }
}

impl LocalDoor for Echo {
    async fn authorize(&self, _: Credentials, _: Envelope) -> Result<Authorized, Refusal> {
        no()
    }
    async fn authorize_all(&self, _: Credentials, _: Batch) -> Result<GrantedAll, Refusal> {
        no()
    }
    async fn log_result(&self, _: Credentials, _: Report) -> Result<Logged, Refusal> {
        no()
    }
    async fn cancel_grant(&self, _: Credentials, _: GiveBack) -> Result<GivenBack, Refusal> {
        no()
    }
    async fn watch_grants(&self, _: Credentials, _: String, _: String) -> Result<mpsc::Receiver<Watched>, Refusal> {
        no()
    }
}

struct Nobody;

impl RuntimeDoor for Echo {
    type Port = Nobody;
    async fn attach(&self, _: Credentials, _: Announce) -> Result<(Nobody, mpsc::Receiver<HostFrame>), Refusal> {
        no()
    }
    async fn unannounced(&self, _: Credentials, fault: Refusal) -> Refusal {
        fault
    }
}

impl RuntimePort for Nobody {
    async fn receive(&mut self, _: RuntimeFrame) {}
    async fn ended(&self) {}
    async fn detach(self, _: String) {}
}

/// The same through tonic's generated service and tonic's server.
#[tonic::async_trait]
impl v1::grid_service_server::GridService for Echo {
    async fn call_tool(&self, request: Request<v1::ToolCall>) -> Result<Response<v1::CallToolResponse>, Status> {
        let wire = request.into_inner();
        let call = wire.call.expect("sent");
        let invocation_id = InvocationId::mint().to_string();
        Ok(Response::new(v1::CallToolResponse {
            outcome: Some(Outcome::Result(v1::ToolResult {
                invocation_id: invocation_id.clone(),
                correlation_id: wire.correlation_id.clone(),
                result: Some(adm::ToolResult {
                    call_id: call.call_id,
                    name: call.name,
                    status: adm::ToolResultStatus::Success.into(),
                    content: Some(call.args),
                    error: None,
                }),
            })),
            correlation_id: wire.correlation_id,
            invocation_id,
            ..v1::CallToolResponse::default()
        }))
    }
    type StreamToolCallStream = tokio_stream::Empty<Result<v1::CallEvent, Status>>;
    async fn stream_tool_call(&self, _: Request<v1::ToolCall>) -> Result<Response<Self::StreamToolCallStream>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn create_session(
        &self,
        _: Request<v1::CreateSession>,
    ) -> Result<Response<v1::CreateSessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn destroy_session(
        &self,
        _: Request<v1::DestroySession>,
    ) -> Result<Response<v1::DestroySessionResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn list_tools(&self, _: Request<v1::ListTools>) -> Result<Response<v1::ListToolsResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn cancel_tool_call(
        &self,
        _: Request<v1::CancelToolCall>,
    ) -> Result<Response<v1::CancelToolCallResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn authorize_tool_call(
        &self,
        _: Request<v1::AuthorizeToolCallRequest>,
    ) -> Result<Response<v1::AuthorizeToolCallResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn log_tool_result(
        &self,
        _: Request<v1::LogToolResultRequest>,
    ) -> Result<Response<v1::LogToolResultResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn authorize_tool_calls(
        &self,
        _: Request<v1::AuthorizeToolCallsRequest>,
    ) -> Result<Response<v1::AuthorizeToolCallsResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    type LogToolResultsStream = tokio_stream::Empty<Result<v1::LogToolResultResponse, Status>>;
    async fn log_tool_results(
        &self,
        _: Request<Streaming<v1::LogToolResultRequest>>,
    ) -> Result<Response<Self::LogToolResultsStream>, Status> {
        Err(Status::unimplemented(""))
    }
    async fn cancel_grant(
        &self,
        _: Request<v1::CancelGrantRequest>,
    ) -> Result<Response<v1::CancelGrantResponse>, Status> {
        Err(Status::unimplemented(""))
    }
    type WatchGrantsStream = tokio_stream::Empty<Result<v1::WatchGrantsResponse, Status>>;
    async fn watch_grants(
        &self,
        _: Request<v1::WatchGrantsRequest>,
    ) -> Result<Response<Self::WatchGrantsStream>, Status> {
        Err(Status::unimplemented(""))
    }
}

async fn ours() -> (Running, Channel) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = Server::new(Arc::new(Echo), Arc::new(Echo), SystemClock::shared(), Settings::default());
    let running = server.start(listener).await.expect("serving");
    let channel = connect(&running.address().to_string()).await;
    (running, channel)
}

async fn tonics(tasks: &mut JoinSet<()>) -> Channel {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    tasks.spawn(async {
        tonic::transport::Server::builder()
            .add_service(v1::grid_service_server::GridServiceServer::new(Echo))
            .serve_with_incoming(incoming)
            .await
            .expect("served");
    });
    connect(&address).await
}

async fn connect(address: &str) -> Channel {
    Channel::from_shared(format!("http://{address}"))
        .expect("an address")
        .tcp_nodelay(true)
        .connect()
        .await
        .expect("connected")
}

async fn round(channel: &Channel) {
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        let mut client = GridServiceClient::new(channel.clone());
        tasks.spawn(async move {
            for _ in 0..EACH {
                client.call_tool(a_call()).await.expect("answered");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
}

fn a_call() -> v1::ToolCall {
    v1::ToolCall {
        correlation_id: "bench-1".to_owned(),
        session_id: "s-0123456789abcdef0123456789abcdef".to_owned(),
        call: Some(adm::FunctionCall { call_id: "call-1".to_owned(), name: "echo".to_owned(), args: "x".repeat(200) }),
        ..v1::ToolCall::default()
    }
}

fn echo(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut tasks = JoinSet::new();
    let (running, direct) = runtime.block_on(ours());
    let layered = {
        let _inside = runtime.enter();
        runtime.block_on(tonics(&mut tasks))
    };
    let mut group = c.benchmark_group("echo");
    group.throughput(Throughput::Elements((AT_ONCE * EACH) as u64)).measurement_time(Duration::from_secs(8));
    group.bench_function("this transport", |b| {
        b.iter(|| runtime.block_on(round(&direct)));
    });
    group.bench_function("tonic's server", |b| {
        b.iter(|| runtime.block_on(round(&layered)));
    });
    group.finish();
    drop(running);
}

criterion_group!(benches, echo);
criterion_main!(benches);
