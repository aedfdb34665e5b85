//! A collector of traces, as OTLP over gRPC has it. It keeps the bytes of what it is sent and looks into none.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::{NamedService, UnaryService},
};

use super::caller::Plain;

/// It answers until it is dropped.
#[derive(Debug)]
pub struct Collector {
    pub endpoint: String,
    taken: Taken,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Clone, Default)]
struct Taken(Arc<Mutex<Vec<u8>>>);

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let taken = Taken::default();
        let server = tonic::transport::Server::builder().add_service(taken.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { server.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap() });
        Self { endpoint, taken, _tasks: tasks }
    }

    /// All that came, one message after the other.
    pub fn bytes(&self) -> Vec<u8> {
        self.taken.0.lock().unwrap().clone()
    }
}

impl NamedService for Taken {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl Service<http::Request<Body>> for Taken {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let keep = Keep(self.clone());
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(Plain).apply_max_message_size_config(Some(64 << 20), None);
            Ok(grpc.unary(keep, request).await)
        })
    }
}

struct Keep(Taken);

impl UnaryService<Bytes> for Keep {
    type Response = Bytes;
    type Future = std::future::Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        self.0.0.lock().unwrap().extend_from_slice(request.get_ref());
        std::future::ready(Ok(Response::new(Bytes::new())))
    }
}
