//! The runtime of setups (b) to (f): attaches, announces itself, fulfils the one contract and answers each call
//! at once with its own arguments.

use std::{path::PathBuf, time::Duration};

use grid_proto::v1::{
    self, host_frame,
    runtime_frame::{self, Frame},
    runtime_service_client::RuntimeServiceClient,
};
use tokio::{sync::mpsc, time::interval};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Streaming, transport::Channel};

use crate::{
    Fallible,
    load::{TOOL, bearer, connect},
    result_of,
    stream::Flowing,
};

const QUEUE: usize = 1024;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the relay or the host is, such as `127.0.0.1:9090`
    #[arg(long)]
    address: String,
    /// The principal of the token
    #[arg(long, default_value = "bench-runtime")]
    id: String,
    /// The file that holds the token, if one is needed
    #[arg(long)]
    token: Option<PathBuf>,
    /// The folder of certificates, where the host is met over mTLS
    #[arg(long)]
    tls: Option<PathBuf>,
}

/// Attaches, says so on stdout and answers until the stream ends.
pub(crate) async fn attach(options: Options) -> Fallible<()> {
    let channel = connect(&options.address, options.tls.as_deref()).await?;
    let mut client: RuntimeServiceClient<Channel> = RuntimeServiceClient::new(channel);
    let (frames, queue) = mpsc::channel(QUEUE);
    let announce = v1::AnnounceRuntime {
        runtime_id: options.id.clone(),
        language: "rust".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        protocol_version: "1.0".to_owned(),
        supported_versions: vec!["1.0".to_owned()],
        compliance_level: v1::ComplianceLevel::Level2Enhanced.into(),
        optional_features: vec!["streaming".to_owned()],
        ..v1::AnnounceRuntime::default()
    };
    send(&frames, Frame::Announce(announce.into())).await?;
    let mut request = Request::new(ReceiverStream::new(queue));
    bearer(options.token.as_deref(), request.metadata_mut())?;
    let mut inbound = client.attach(request).await?.into_inner();
    serve(&options.id, &mut inbound, &frames).await
}

async fn serve(
    id: &str,
    inbound: &mut Streaming<v1::HostFrame>,
    frames: &mpsc::Sender<v1::RuntimeFrame>,
) -> Fallible<()> {
    let mut beat = interval(Duration::from_secs(5));
    let mut sequence = 0;
    let mut flowing = Flowing::default();
    loop {
        let frame = tokio::select! {
            biased;
            frame = inbound.message() => frame?.ok_or("the stream ended")?,
            _ = beat.tick() => {
                sequence += 1;
                send(frames, Frame::Heartbeat(v1::Heartbeat { sequence, ..v1::Heartbeat::default() })).await?;
                continue;
            }
        };
        match frame.frame {
            Some(host_frame::Frame::Call(call)) if call.streaming => flowing.begin(call, frames.clone()),
            Some(host_frame::Frame::Credit(credit)) => flowing.grant(credit.bytes),
            Some(host_frame::Frame::Call(call)) => send(frames, Frame::Result(result_of(call))).await?,
            Some(host_frame::Frame::Announced(announced)) => {
                if let Some(error) = announced.error {
                    return Err(format!("not attached: {} {}", error.r#type, error.message).into());
                }
                flowing.agreed(&announced);
                send(frames, fulfilment(id)).await?;
            }
            Some(host_frame::Frame::Fulfilled(fulfilled)) => {
                if let Some(error) = fulfilled.errors.first() {
                    return Err(format!("not fulfilled: {} {}", error.r#type, error.message).into());
                }
                println!("attached");
            }
            Some(host_frame::Frame::Bye(_)) => return Ok(()),
            Some(host_frame::Frame::Error(error)) => {
                return Err(format!("the host could not use a frame: {error:?}").into());
            }
            _ => {}
        }
    }
}

fn fulfilment(id: &str) -> runtime_frame::Frame {
    Frame::Fulfil(v1::FulfillTools {
        tool_names: vec![TOOL.to_owned()],
        runtime_id: id.to_owned(),
        correlation_id: "bench-fulfil".to_owned(),
        ..v1::FulfillTools::default()
    })
}

pub(crate) async fn send(frames: &mpsc::Sender<v1::RuntimeFrame>, frame: Frame) -> Fallible<()> {
    frames.send(v1::RuntimeFrame { frame: Some(frame) }).await.map_err(|_| "the stream ended")?;
    Ok(())
}
