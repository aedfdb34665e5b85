//! Results in pieces: how many MiB a second pass through the host, and what processor time that takes it, beside a bare
//! relay on tonic that hands each chunk on and does nothing else. Each is a process of its own on one thread, with a
//! runtime and this reader around it.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use grid_proto::{
    adm,
    v1::{self, call_event::Event, grid_service_client::GridServiceClient, runtime_frame::Frame},
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use tonic::{Request, metadata::MetadataMap, transport::Channel};

use self::content::{Content, PIECE};
use crate::{
    Fallible,
    clock::now,
    cpu::Used,
    host,
    load::{TOOL, bearer, connect},
    process::Process,
    runtime::send,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The program of the host
    #[arg(long)]
    grid: PathBuf,
    /// MiB of one result
    #[arg(long, default_value_t = 512)]
    mib: u32,
    /// How often each is measured, in turns
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// What the results are made of; several one after the other
    #[arg(long, value_delimiter = ',', default_value = "text")]
    content: Vec<Content>,
}

/// What the runtime sends, and how much more of it there is room for.
#[derive(Debug, Default)]
pub(crate) struct Flowing {
    credit: Option<usize>,
    room: Option<Arc<Semaphore>>,
    tasks: TaskTracker,
}

impl Flowing {
    pub(crate) fn agreed(&mut self, announced: &v1::AnnounceRuntimeResponse) {
        self.credit = announced.feature_config.get("streaming.credit").and_then(|credit| credit.parse().ok());
    }

    pub(crate) fn grant(&self, bytes: u64) {
        if let (Some(room), Ok(bytes)) = (&self.room, usize::try_from(bytes)) {
            room.add_permits(bytes);
        }
    }

    /// Sends a result of as many pieces, and made of what, as the arguments say.
    pub(crate) fn begin(&mut self, call: v1::ToolCall, frames: mpsc::Sender<v1::RuntimeFrame>) {
        self.room = self.credit.map(|credit| Arc::new(Semaphore::new(credit)));
        let room = self.room.clone();
        self.tasks.spawn(async move {
            let args = call.call.map(|call| call.args).unwrap_or_default();
            let args: serde_json::Value = serde_json::from_str(&args).unwrap_or_default();
            let pieces = args.get("count").and_then(serde_json::Value::as_u64).unwrap_or(1);
            let content = Content::named(args.get("text").and_then(serde_json::Value::as_str).unwrap_or_default());
            let ((first, last), piece) = (content.ends(), content.piece());
            for number in 0..=pieces + 1 {
                let payload = match number {
                    0 => Bytes::from_static(first),
                    _ if number > pieces => Bytes::from_static(last),
                    _ => piece.clone(),
                };
                if let Some(room) = &room {
                    let cost = u32::try_from(payload.len().max(256)).unwrap_or(u32::MAX);
                    room.acquire_many(cost).await?.forget();
                }
                let chunk = v1::StreamChunk {
                    invocation_id: call.invocation_id.clone(),
                    chunk_id: number,
                    payload,
                    is_final: number > pieces,
                    ..v1::StreamChunk::default()
                };
                send(&frames, Frame::Chunk(Box::new(chunk))).await?;
            }
            Fallible::Ok(())
        });
    }
}

pub(crate) async fn run(options: Options) -> Fallible<()> {
    let folder = std::env::temp_dir().join(format!("grid-bench-stream-{}", std::process::id()));
    let measured = measure(&options, &folder).await;
    std::fs::remove_dir_all(&folder).ok();
    measured
}

/// What was measured of one of the two, a round an entry.
#[derive(Debug, Default)]
struct Measured {
    /// MiB a second.
    speed: Vec<f64>,
    /// Milliseconds of a processor for a MiB.
    cost: Vec<f64>,
}

impl Measured {
    fn speed(&self) -> f64 {
        middle(&self.speed)
    }

    fn cost(&self) -> f64 {
        middle(&self.cost)
    }
}

fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

async fn measure(options: &Options, folder: &std::path::Path) -> Fallible<()> {
    let mut relay = Process::own("the relay", ["relay", "--served", "tonic"])?;
    let address = relay.line()?;
    let mut runtime = Process::own("the relay's runtime", ["runtime", "--address", &address])?;
    runtime.line()?;
    let bare = Reader::new(&address, None, relay.id()).await?;
    let host = host::start(&options.grid, folder, true, host::MANIFEST, "")?;
    let token = host.runtime_token.display().to_string();
    let arguments = ["runtime", "--address", &host.address, "--token", &token];
    let mut governed_runtime = Process::own("the host's runtime", arguments)?;
    governed_runtime.line()?;
    let governed = Reader::new(&host.address, Some(&host.caller_token), host.process.id()).await?;
    for content in &options.content {
        let (mut one, mut other) = (Measured::default(), Measured::default());
        for round in 0..=options.rounds {
            for (reader, measured) in [(&bare, &mut one), (&governed, &mut other)] {
                let (speed, cost) = reader.read(options.mib, *content, round).await?;
                // The first is not counted.
                if round > 0 {
                    measured.speed.push(speed);
                    measured.cost.push(cost);
                }
            }
        }
        let name = content.name();
        for (who, measured) in [("relay", &one), ("host ", &other)] {
            let (speed, cost) = (measured.speed(), measured.cost());
            println!("{name} {who} {speed:.0} MiB/s {:.0?}, {cost:.2} ms/MiB of a processor", measured.speed);
        }
        println!("{name} ratio {:.3}, processor {:.2}", other.speed() / one.speed(), other.cost() / one.cost());
    }
    Ok(())
}

/// Who reads the results.
struct Reader {
    client: GridServiceClient<Channel>,
    metadata: MetadataMap,
    session: String,
    /// The process that is asked.
    asked: u32,
}

impl Reader {
    async fn new(address: &str, token: Option<&PathBuf>, asked: u32) -> Fallible<Self> {
        let mut client = GridServiceClient::new(connect(address, None).await?);
        let mut metadata = MetadataMap::new();
        bearer(token.map(PathBuf::as_path), &mut metadata)?;
        let mut session = String::new();
        if token.is_some() {
            let mut request = Request::new(v1::CreateSession::default());
            *request.metadata_mut() = metadata.clone();
            session = client.create_session(request).await?.into_inner().session_id;
        }
        Ok(Self { client, metadata, session, asked })
    }

    /// Reads one result; MiB a second, and milliseconds of a processor for each.
    async fn read(&self, mib: u32, content: Content, round: usize) -> Fallible<(f64, f64)> {
        let pieces = (usize::try_from(mib)? << 20) / PIECE;
        let name = content.name();
        let args = serde_json::json!({ "text": name, "count": pieces, "mode": "fast", "place": { "city": "x", "lat": 0, "lon": 0 } });
        let call = adm::FunctionCall {
            call_id: format!("stream-{name}-{round}"),
            name: TOOL.to_owned(),
            args: args.to_string(),
        };
        let session_id = self.session.clone();
        let call = v1::ToolCall { call: Some(call), session_id, streaming: true, ..v1::ToolCall::default() };
        let mut request = Request::new(call);
        *request.metadata_mut() = self.metadata.clone();
        let (began, before) = (now(), Used::by(self.asked)?);
        let mut events = self.client.clone().stream_tool_call(request).await?.into_inner();
        let (mut bytes, mut end) = (0, None);
        while let Some(event) = events.message().await? {
            match event.event {
                Some(Event::Chunk(chunk)) => bytes += chunk.payload.len(),
                Some(Event::End(answer)) => end = Some(answer),
                _ => {}
            }
        }
        let took = began.elapsed().as_secs_f64();
        let spent = Used::by(self.asked)?.seconds_since(&before);
        let (first, last) = content.ends();
        let whole = first.len() + pieces * PIECE + last.len();
        match end.and_then(|answer| answer.outcome) {
            Some(v1::call_tool_response::Outcome::Error(error)) => Err(format!("refused: {error:?}").into()),
            _ if bytes == whole => Ok((f64::from(mib) / took, spent * 1e3 / f64::from(mib))),
            _ => Err(format!("{bytes} of {whole} bytes came").into()),
        }
    }
}

mod content;
