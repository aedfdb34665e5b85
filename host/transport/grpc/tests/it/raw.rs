//! An HTTP/2 client that sends bytes of its own choice, where tonic's would send only good ones.

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use grid_grpc::Running;

/// One connection.
pub struct Raw {
    send: SendRequest<Bytes>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Headers, overlaid by trailers.
    pub fields: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn grpc(&self) -> (tonic::Code, String) {
        let status = tonic::Status::from_header_map(&self.fields).unwrap();
        (status.code(), status.message().to_owned())
    }
}

impl Raw {
    pub async fn connect(running: &Running) -> Self {
        let stream = TcpStream::connect(running.address()).await.unwrap();
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        TaskTracker::new().spawn(connection);
        Self { send }
    }

    pub async fn post(&mut self, path: &str, body: Vec<u8>) -> Answer {
        self.ask(path, "application/grpc", vec![body]).await
    }

    /// Sends the pieces as frames of their own.
    pub async fn ask(&mut self, path: &str, kind: &str, pieces: Vec<Vec<u8>>) -> Answer {
        let request = Request::post(format!("http://host{path}"))
            .header("content-type", kind)
            .header("te", "trailers")
            .body(())
            .unwrap();
        let mut send = self.send.clone().ready().await.unwrap();
        let (response, mut stream) = send.send_request(request, false).unwrap();
        for piece in pieces {
            // The host may have answered already.
            if stream.send_data(piece.into(), false).is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = stream.send_data(Bytes::new(), true);
        let (head, mut body) = response.await.unwrap().into_parts();
        let mut fields = head.headers;
        let mut bytes = Vec::new();
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            bytes.extend_from_slice(&data);
        }
        if let Some(trailers) = body.trailers().await.unwrap() {
            fields.extend(trailers);
        }
        Answer { status: head.status.as_u16(), fields, body: bytes }
    }
}

/// The prefix of a message that says it has `length` bytes.
pub fn framed(flag: u8, length: usize, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flag];
    bytes.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    bytes.extend_from_slice(message);
    bytes
}
