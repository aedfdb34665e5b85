//! What callers and runtimes of this benchmark have in common: their connection and their token.

use std::{path::Path, time::Duration};

use grid_bench::Fallible;
use tokio::time::sleep;
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

/// The name of the n-th tool; the first is that of the other benchmarks.
pub(crate) fn tool(number: usize) -> String {
    if number == 0 { "bench_echo".to_owned() } else { format!("bench_echo_{number}") }
}

/// Connects; tries again for a while, since the other side may be busy with others.
pub(crate) async fn connect(address: &str) -> Fallible<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
    for _ in 0..100 {
        if let Ok(channel) = endpoint.connect().await {
            return Ok(channel);
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(endpoint.connect().await?)
}

/// The token of a file, as requests carry it.
pub(crate) fn bearer(file: &Path) -> Fallible<MetadataValue<Ascii>> {
    Ok(format!("Bearer {}", std::fs::read_to_string(file)?.trim()).parse()?)
}

/// A request with that token.
pub(crate) fn authorized<M>(message: M, token: &MetadataValue<Ascii>) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token.clone());
    request
}
