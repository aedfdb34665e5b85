//! A caller on the bare stubs, so that it can say what no SDK would.

use bytes::{Buf as _, BufMut as _, Bytes};
use grid_proto::{
    adm,
    v1::{self, call_tool_response::Outcome, grid_service_client::GridServiceClient},
};
use tonic::{
    Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use super::soon;

/// More than any limit of a host under test.
const MESSAGE: usize = 64 << 20;

/// One connection, one token, at most one session at a time.
#[derive(Debug, Clone)]
pub struct Caller {
    channel: Channel,
    header: Option<MetadataValue<Ascii>>,
    pub session: String,
}

impl Caller {
    pub async fn connect(endpoint: &str, token: &str) -> Self {
        let channel = Endpoint::from_shared(endpoint.to_owned()).unwrap().connect().await.unwrap();
        Self { channel, header: None, session: String::new() }.with_token(token)
    }

    /// The same connection, somebody else.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with_header(&format!("Bearer {token}"))
    }

    /// The same connection, with this `authorization`; none where it is empty.
    #[must_use]
    pub fn with_header(&self, header: &str) -> Self {
        let header = (!header.is_empty()).then(|| header.parse().unwrap());
        Self { header, ..self.clone() }
    }

    /// The same caller and session on a connection of its own, as a client has one after it was asked to go.
    pub async fn again(&self, host: &super::Host) -> Self {
        let channel = Endpoint::from_shared(host.endpoint()).unwrap().connect().await.unwrap();
        Self { channel, ..self.clone() }
    }

    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(header) = &self.header {
            request.metadata_mut().insert("authorization", header.clone());
        }
        request
    }

    pub fn service(&self) -> GridServiceClient<Channel> {
        GridServiceClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE)
            .max_encoding_message_size(MESSAGE)
    }

    pub async fn open_with(&self, message: v1::CreateSession) -> v1::CreateSessionResponse {
        soon("a session is opened", self.service().create_session(self.request(message))).await.unwrap().into_inner()
    }

    /// Opens a session of level 2 and stays in it.
    pub async fn open(&mut self) {
        let level = v1::ComplianceLevel::Level2Enhanced.into();
        let opened = self.open_with(v1::CreateSession { compliance_level: level, ..Default::default() }).await;
        assert_eq!(opened.error, None);
        self.session = opened.session_id;
    }

    pub fn message(&self, call_id: &str, name: &str, args: &str) -> v1::ToolCall {
        let call = adm::FunctionCall { call_id: call_id.to_owned(), name: name.to_owned(), args: args.to_owned() };
        v1::ToolCall { call: Some(call), session_id: self.session.clone(), ..Default::default() }
    }

    pub async fn send(&self, message: v1::ToolCall) -> Result<v1::CallToolResponse, Status> {
        let answer = soon("a call is answered", self.service().call_tool(self.request(message))).await;
        answer.map(tonic::Response::into_inner)
    }

    pub async fn call_as(&self, call_id: &str, name: &str, args: &str) -> v1::CallToolResponse {
        self.send(self.message(call_id, name, args)).await.unwrap()
    }

    /// Under a call id that nobody else has.
    pub async fn call(&self, name: &str, args: &str) -> v1::CallToolResponse {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.call_as(&format!("call-{next}"), name, args).await
    }

    /// The good call that shows that nothing is broken.
    pub async fn still_served(&self) {
        assert_eq!(content(&self.call("add", r#"{"a": 2, "b": 40}"#).await), "42");
    }

    pub async fn cancel(&self, call_id: &str) -> v1::CancelToolCallResponse {
        let message = v1::CancelToolCall {
            session_id: self.session.clone(),
            call_id: call_id.to_owned(),
            reason: "no longer needed".to_owned(),
            ..Default::default()
        };
        soon("a call is cancelled", self.service().cancel_tool_call(self.request(message))).await.unwrap().into_inner()
    }

    pub async fn tools(&self) -> Vec<v1::ToolListing> {
        let message = v1::ListTools { session_id: self.session.clone(), ..Default::default() };
        let answer =
            soon("tools are listed", self.service().list_tools(self.request(message))).await.unwrap().into_inner();
        assert_eq!(answer.error, None);
        answer.tools
    }

    /// Sends these bytes as the message of CallTool, on the same connection.
    pub async fn send_bytes(&self, bytes: &[u8]) -> Result<Bytes, Status> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        soon("the connection takes a request", grpc.ready()).await.unwrap();
        let path = "/grid.v1.GridService/CallTool".parse().unwrap();
        let request = self.request(Bytes::copy_from_slice(bytes));
        soon("bytes are answered", grpc.unary(request, path, Plain)).await.map(tonic::Response::into_inner)
    }
}

/// The tool's content.
pub fn content(answer: &v1::CallToolResponse) -> &str {
    match &answer.outcome {
        Some(Outcome::Result(result)) => {
            let result = result.result.as_ref().unwrap();
            assert_eq!(result.status(), adm::ToolResultStatus::Success, "{answer:?}");
            result.content.as_deref().unwrap()
        }
        _ => panic!("expected content: {answer:?}"),
    }
}

/// The tool's own error.
pub fn failure(answer: &v1::CallToolResponse) -> &adm::ErrorObject {
    match &answer.outcome {
        Some(Outcome::Result(result)) => {
            let result = result.result.as_ref().unwrap();
            assert_eq!(result.status(), adm::ToolResultStatus::Error, "{answer:?}");
            result.error.as_ref().unwrap()
        }
        _ => panic!("expected the tool's error: {answer:?}"),
    }
}

/// The host's refusal.
pub fn refusal(answer: &v1::CallToolResponse) -> &v1::EnhancedError {
    match &answer.outcome {
        Some(Outcome::Error(error)) => error,
        _ => panic!("expected a refusal: {answer:?}"),
    }
}

/// Messages as the bytes that they are.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let all = buffer.remaining();
        Ok(Some(buffer.copy_to_bytes(all)))
    }
}
