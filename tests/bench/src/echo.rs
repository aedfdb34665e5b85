//! Setup (a): a tonic server as it comes, that answers each call with its own arguments. The ceiling for
//! anything that speaks gRPC with tonic.

use grid_proto::v1::{self, grid_service_server::GridServiceServer};
use tokio::net::TcpListener;
use tonic::{Status, transport::server::TcpIncoming};

use crate::{
    Fallible, answer,
    calls_alone::{Calls, CallsAlone},
    relay::STREAMS,
    result_of,
};

struct Echo;

/// Serves until the process ends.
pub(crate) async fn serve(listener: TcpListener) -> Fallible<()> {
    tonic::transport::Server::builder()
        .max_concurrent_streams(STREAMS)
        .add_service(GridServiceServer::new(CallsAlone(Echo)))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

impl Calls for Echo {
    async fn call(&self, call: v1::ToolCall) -> Result<v1::CallToolResponse, Status> {
        Ok(answer(result_of(call)))
    }
}
