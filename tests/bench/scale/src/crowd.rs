//! Many runtimes in one process, each on a connection of its own. They answer each call with its arguments.

use std::{path::PathBuf, sync::Arc, time::Duration};

use grid_bench::{
    Fallible,
    calls::{authorized, bearer, connect, result_of},
};
use grid_proto::v1::{self, host_frame, runtime_frame::Frame, runtime_service_client::RuntimeServiceClient};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{interval, sleep},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Streaming,
    metadata::{Ascii, MetadataValue},
};

use crate::tool;

/// Frames that wait to be sent.
const QUEUE: usize = 64;
/// Runtimes that attach at the same time.
const AT_ONCE: usize = 64;
/// Names in one fulfilment.
const NAMES: usize = 1_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the host is, such as `127.0.0.1:9090`
    #[arg(long)]
    address: String,
    /// The file that holds the token
    #[arg(long)]
    token: PathBuf,
    /// The principal of the token
    #[arg(long, default_value = "bench-runtime")]
    principal: String,
    /// How many runtimes
    #[arg(long)]
    runtimes: usize,
    /// The number of the first of them, which is part of its id
    #[arg(long, default_value_t = 0)]
    first: usize,
    /// Milliseconds that a call takes
    #[arg(long, default_value_t = 0)]
    takes: u64,
    /// How many tools each of them fulfils
    #[arg(long, default_value_t = 1)]
    tools: usize,
}

/// Attaches all of them, says so on stdout, and answers until one stream ends.
pub(crate) async fn attach(options: Options) -> Fallible<()> {
    let token = bearer(&options.token)?;
    let options = Arc::new(options);
    let turn = Arc::new(Semaphore::new(AT_ONCE));
    let (attached, mut all) = mpsc::channel(options.runtimes.max(1));
    let mut runtimes = JoinSet::new();
    for number in options.first..options.first + options.runtimes {
        let one = One { options: Arc::clone(&options), number, token: token.clone() };
        let (turn, attached) = (Arc::clone(&turn), attached.clone());
        runtimes.spawn(async move {
            let permit = turn.acquire_owned().await?;
            let (inbound, frames) = one.open().await?;
            one.serve(inbound, frames, attached, permit).await
        });
    }
    drop(attached);
    let mut there = 0;
    loop {
        tokio::select! {
            Some(()) = all.recv() => {
                there += 1;
                if there == options.runtimes {
                    println!("attached");
                }
            }
            ended = runtimes.join_next() => return ended.ok_or("no runtime was asked for")??,
        }
    }
}

struct One {
    options: Arc<Options>,
    number: usize,
    token: MetadataValue<Ascii>,
}

type Frames = mpsc::Sender<v1::RuntimeFrame>;

impl One {
    fn id(&self) -> String {
        format!("{}/{}", self.options.principal, self.number)
    }

    async fn open(&self) -> Fallible<(Streaming<v1::HostFrame>, Frames)> {
        let mut client = RuntimeServiceClient::new(connect(&self.options.address, None).await?);
        let (frames, queue) = mpsc::channel(QUEUE);
        let announce = v1::AnnounceRuntime {
            runtime_id: self.id(),
            language: "rust".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            supported_versions: vec!["1.0".to_owned()],
            compliance_level: v1::ComplianceLevel::Level2Enhanced.into(),
            optional_features: vec!["lifecycle".to_owned()],
            ..v1::AnnounceRuntime::default()
        };
        send(&frames, Frame::Announce(announce.into())).await?;
        let inbound = client.attach(authorized(ReceiverStream::new(queue), &self.token)).await?.into_inner();
        Ok((inbound, frames))
    }

    async fn serve<P>(
        &self,
        mut inbound: Streaming<v1::HostFrame>,
        frames: Frames,
        attached: mpsc::Sender<()>,
        permit: P,
    ) -> Fallible<()> {
        let mut permit = Some(permit);
        let mut fulfilled = 0;
        let mut beat = interval(Duration::from_secs(5));
        let mut sequence = 0;
        let mut working = JoinSet::new();
        loop {
            while let Some(answered) = working.try_join_next() {
                answered??;
            }
            let frame = tokio::select! {
                biased;
                frame = inbound.message() => frame?.ok_or("a runtime's stream ended")?,
                _ = beat.tick() => {
                    sequence += 1;
                    send(&frames, Frame::Heartbeat(v1::Heartbeat { sequence, ..v1::Heartbeat::default() })).await?;
                    continue;
                }
            };
            match frame.frame {
                Some(host_frame::Frame::Call(call)) if self.options.takes == 0 => {
                    send(&frames, Frame::Result(result_of(call))).await?;
                }
                Some(host_frame::Frame::Call(call)) => {
                    let (frames, takes) = (frames.clone(), Duration::from_millis(self.options.takes));
                    working.spawn(async move {
                        sleep(takes).await;
                        send(&frames, Frame::Result(result_of(call))).await
                    });
                }
                Some(host_frame::Frame::Lifecycle(asked)) => {
                    let report =
                        v1::LifecycleReport { sequence: asked.sequence, ok: true, ..v1::LifecycleReport::default() };
                    send(&frames, Frame::Lifecycle(report)).await?;
                }
                Some(host_frame::Frame::Announced(announced)) => {
                    refused("attached", announced.error.as_ref())?;
                    self.fulfil(&frames).await?;
                }
                Some(host_frame::Frame::Fulfilled(answer)) => {
                    refused("fulfilled", answer.errors.first())?;
                    fulfilled += answer.fulfilled_tools.len();
                    if fulfilled == self.options.tools {
                        drop(permit.take());
                        attached.send(()).await.map_err(|_| "nobody counts")?;
                    }
                }
                Some(host_frame::Frame::Drain(_) | host_frame::Frame::Bye(_)) => return Ok(()),
                _ => {}
            }
        }
    }

    async fn fulfil(&self, frames: &Frames) -> Fallible<()> {
        let names: Vec<String> = (0..self.options.tools).map(tool).collect();
        for names in names.chunks(NAMES) {
            let fulfil = v1::FulfillTools { tool_names: names.to_vec(), runtime_id: self.id(), ..Default::default() };
            send(frames, Frame::Fulfil(fulfil)).await?;
        }
        Ok(())
    }
}

fn refused(what: &str, error: Option<&v1::EnhancedError>) -> Fallible<()> {
    match error {
        Some(error) => Err(format!("not {what}: {} {}", error.r#type, error.message).into()),
        None => Ok(()),
    }
}

async fn send(frames: &Frames, frame: Frame) -> Fallible<()> {
    frames.send(v1::RuntimeFrame { frame: Some(frame) }).await.map_err(|_| "a runtime's stream ended")?;
    Ok(())
}
