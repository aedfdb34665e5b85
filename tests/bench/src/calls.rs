//! What those who call and those who answer have in common: the connection, the token, the call and its result.

use std::{path::Path, time::Duration};

use grid_proto::{adm, v1};
use tokio::time::sleep;
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use crate::{Fallible, mtls};

/// The tool of the benchmark's manifest.
pub const TOOL: &str = "bench_echo";

/// Connects, over mTLS with a folder of certificates; tries again for 10 s, since the other side may just be starting,
/// or be busy with others.
///
/// # Errors
/// Nobody listens there, or the certificates cannot be used.
pub async fn connect(address: &str, tls: Option<&Path>) -> Fallible<Channel> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))?.tcp_nodelay(true);
    if let Some(folder) = tls {
        let held = mtls::read(folder)?;
        let identity = Identity::from_pem(held.certificate, held.key);
        let authority = Certificate::from_pem(held.authority);
        endpoint = endpoint.tls_config(ClientTlsConfig::new().ca_certificate(authority).identity(identity))?;
    }
    for _ in 0..100 {
        if let Ok(channel) = endpoint.connect().await {
            return Ok(channel);
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(endpoint.connect().await?)
}

/// The token of a file, as requests carry it.
///
/// # Errors
/// The file cannot be read, or holds no token.
pub fn bearer(file: &Path) -> Fallible<MetadataValue<Ascii>> {
    Ok(format!("Bearer {}", std::fs::read_to_string(file)?.trim()).parse()?)
}

/// A request with that token.
pub fn authorized<M>(message: M, token: &MetadataValue<Ascii>) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token.clone());
    request
}

/// About 200 bytes of JSON that the contract's schema checks in full.
#[must_use]
pub fn arguments(number: u64) -> String {
    format!(
        r#"{{"text":"how long does a governed call take on this machine","count":{number},"ratio":0.75,"urgent":true,"mode":"fast","tags":["alpha","beta","gamma"],"place":{{"city":"Lisbon","lat":38.7223,"lon":-9.1393}}}}"#
    )
}

/// The answer of every setup's tool: its own arguments.
#[must_use]
pub fn result_of(call: v1::ToolCall) -> v1::ToolResult {
    let function = call.call.unwrap_or_default();
    v1::ToolResult {
        invocation_id: call.invocation_id,
        correlation_id: call.correlation_id,
        result: Some(adm::ToolResult {
            call_id: function.call_id,
            name: function.name,
            status: adm::ToolResultStatus::Success.into(),
            content: Some(function.args),
            error: None,
        }),
    }
}
