//! A runtime on the bare stubs: it says what it is told to and shows every frame that it hears.

use grid_proto::{
    adm,
    v1::{
        self, host_frame::Frame as Heard, runtime_frame::Frame as Said, runtime_service_client::RuntimeServiceClient,
    },
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, Streaming, transport::Endpoint};

use super::{Host, soon};

/// One stream. It ends when this is dropped.
#[derive(Debug)]
pub struct Peer {
    says: mpsc::Sender<v1::RuntimeFrame>,
    hears: Streaming<v1::HostFrame>,
}

impl Peer {
    /// Opens a stream and says nothing.
    pub async fn open(host: &Host, token: &str) -> Self {
        let channel = Endpoint::from_shared(host.endpoint()).unwrap().connect().await.unwrap();
        let mut service = RuntimeServiceClient::new(channel).max_decoding_message_size(64 << 20);
        let (says, frames) = mpsc::channel(64);
        let mut request = Request::new(ReceiverStream::new(frames));
        if !token.is_empty() {
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        let hears = soon("a stream is opened", service.attach(request)).await.unwrap().into_inner();
        Self { says, hears }
    }

    /// Opens a stream and announces itself.
    pub async fn announced(host: &Host, id: &str) -> Self {
        let principal = id.split('/').next().unwrap();
        let mut peer = Self::open(host, &host.runtime_token(principal)).await;
        let answer = peer.announce(announcement(id)).await;
        assert_eq!(answer.error, None);
        peer
    }

    /// Serves these tools for every session.
    pub async fn serving(host: &Host, id: &str, tools: &[&str]) -> Self {
        let mut peer = Self::announced(host, id).await;
        let answer = peer.fulfil(tools).await;
        assert_eq!(answer.fulfilled_tools, tools);
        peer
    }

    pub async fn announce(&mut self, announce: v1::AnnounceRuntime) -> v1::AnnounceRuntimeResponse {
        self.say(Said::Announce(Box::new(announce))).await;
        match self.hear().await {
            Some(Heard::Announced(answer)) => *answer,
            other => panic!("expected the answer to an announcement, heard {other:?}"),
        }
    }

    pub async fn fulfil(&mut self, tools: &[&str]) -> v1::FulfillToolsResponse {
        let tool_names = tools.iter().map(|&name| name.to_owned()).collect();
        self.say(Said::Fulfil(v1::FulfillTools { tool_names, ..Default::default() })).await;
        match self.hear().await {
            Some(Heard::Fulfilled(answer)) => *answer,
            other => panic!("expected the answer to a fulfilment, heard {other:?}"),
        }
    }

    pub async fn register(&mut self, session: &str, tools: Vec<adm::FunctionDeclaration>) -> v1::RegisterToolsResponse {
        let tools = vec![adm::Tool { function_declarations: tools }];
        let request = v1::RegisterToolsRequest { session_id: session.to_owned(), tools, ..Default::default() };
        self.say(Said::Register(request)).await;
        match self.hear().await {
            Some(Heard::Registered(answer)) => *answer,
            other => panic!("expected the answer to a registration, heard {other:?}"),
        }
    }

    pub async fn say(&self, frame: Said) {
        self.say_raw(v1::RuntimeFrame { frame: Some(frame) }).await;
    }

    pub async fn say_raw(&self, frame: v1::RuntimeFrame) {
        soon("a frame is sent", self.says.send(frame)).await.expect("the stream is open");
    }

    /// Whether the stream still takes it, now or later.
    pub async fn tries_to_say(&self, frame: Said) -> bool {
        self.says.send(v1::RuntimeFrame { frame: Some(frame) }).await.is_ok()
    }

    /// The next frame; `None` at the end of the stream, however it ends.
    pub async fn hear(&mut self) -> Option<Heard> {
        let message = soon("a frame is heard", self.hears.message()).await;
        message.ok().flatten().map(|message| message.frame.expect("a frame of a known kind"))
    }

    /// How the stream ends.
    pub async fn end(mut self) -> Result<(), Status> {
        loop {
            match soon("the stream ends", self.hears.message()).await {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(status) => return Err(status),
            }
        }
    }

    /// The next call.
    pub async fn called(&mut self) -> v1::ToolCall {
        match self.hear().await {
            Some(Heard::Call(call)) => call,
            other => panic!("expected a call, heard {other:?}"),
        }
    }

    /// The next fault that the host tells of.
    pub async fn told(&mut self) -> v1::ProtocolError {
        match self.hear().await {
            Some(Heard::Error(error)) => *error,
            other => panic!("expected an error frame, heard {other:?}"),
        }
    }

    /// The stream still carries frames both ways, and nothing else waits in it.
    pub async fn lives(&mut self) {
        self.say(Said::Heartbeat(v1::Heartbeat { sequence: 4711, ..Default::default() })).await;
        match self.hear().await {
            Some(Heard::HeartbeatAck(ack)) => assert_eq!(ack.sequence, 4711),
            other => panic!("expected an acknowledgement, heard {other:?}"),
        }
    }

    /// Answers every call on a task: `add` adds, everything else gets its arguments back. The task ends with the set.
    pub fn answering(mut self, tasks: &mut JoinSet<Vec<v1::ToolCall>>) {
        tasks.spawn(async move {
            let mut seen = Vec::new();
            while let Ok(Some(v1::HostFrame { frame: Some(frame) })) = self.hears.message().await {
                if let Heard::Call(call) = frame {
                    let result = answered(&call);
                    seen.push(call);
                    if self.says.send(v1::RuntimeFrame { frame: Some(Said::Result(result)) }).await.is_err() {
                        break;
                    }
                }
            }
            seen
        });
    }
}

pub fn announcement(id: &str) -> v1::AnnounceRuntime {
    v1::AnnounceRuntime {
        runtime_id: id.to_owned(),
        language: "test".to_owned(),
        protocol_version: "1.0".to_owned(),
        compliance_level: v1::ComplianceLevel::Level2Enhanced.into(),
        ..Default::default()
    }
}

/// A success with this content.
pub fn answer(call: &v1::ToolCall, content: &str) -> v1::ToolResult {
    let function = call.call.as_ref().unwrap();
    v1::ToolResult {
        invocation_id: call.invocation_id.clone(),
        correlation_id: call.correlation_id.clone(),
        result: Some(adm::ToolResult {
            call_id: function.call_id.clone(),
            name: function.name.clone(),
            status: adm::ToolResultStatus::Success.into(),
            content: Some(content.to_owned()),
            error: None,
        }),
    }
}

/// What the calculator answers.
pub fn answered(call: &v1::ToolCall) -> v1::ToolResult {
    let function = call.call.as_ref().unwrap();
    if function.name != "add" {
        return answer(call, &function.args);
    }
    let args: serde_json::Value = serde_json::from_str(&function.args).unwrap();
    answer(call, &(args["a"].as_i64().unwrap() + args["b"].as_i64().unwrap()).to_string())
}

/// The refusal in an error frame.
pub fn error_of(told: &v1::ProtocolError) -> &v1::EnhancedError {
    told.error.as_ref().unwrap()
}
