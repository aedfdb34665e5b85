//! Results in pieces: how many MiB a second pass through the host, beside a bare relay on tonic that hands each chunk on
//! and does nothing else. Each is a process of its own on one thread, with a runtime and this reader around it.

use std::{path::PathBuf, sync::Arc};

use grid_proto::{
    adm,
    v1::{self, call_event::Event, grid_service_client::GridServiceClient, runtime_frame::Frame},
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use tonic::{Request, metadata::MetadataMap, transport::Channel};

use crate::{
    Fallible,
    clock::now,
    host,
    load::{TOOL, bearer, connect},
    process::Process,
    runtime::send,
};

/// Bytes of one chunk.
const PIECE: usize = 32 << 10;

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

    /// Sends one long string of as many pieces as the arguments say.
    pub(crate) fn begin(&mut self, call: v1::ToolCall, frames: mpsc::Sender<v1::RuntimeFrame>) {
        self.room = self.credit.map(|credit| Arc::new(Semaphore::new(credit)));
        let room = self.room.clone();
        self.tasks.spawn(async move {
            let args = call.call.map(|call| call.args).unwrap_or_default();
            let args: serde_json::Value = serde_json::from_str(&args).unwrap_or_default();
            let pieces = args.get("count").and_then(serde_json::Value::as_u64).unwrap_or(1);
            for number in 0..=pieces {
                let payload = match number {
                    0 => format!("\"{}", "x".repeat(PIECE - 1)).into_bytes(),
                    _ if number == pieces => b"\"".to_vec(),
                    _ => vec![b'x'; PIECE],
                };
                if let Some(room) = &room {
                    let cost = u32::try_from(payload.len().max(256)).unwrap_or(u32::MAX);
                    room.acquire_many(cost).await?.forget();
                }
                let chunk = v1::StreamChunk {
                    invocation_id: call.invocation_id.clone(),
                    chunk_id: number,
                    payload,
                    is_final: number == pieces,
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
    let (mut relay, mut host) = measured?;
    relay.sort_by(f64::total_cmp);
    host.sort_by(f64::total_cmp);
    let middle = |sorted: &[f64]| sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let (bare, governed) = (middle(&relay), middle(&host));
    println!("relay {bare:.0} MiB/s {relay:.0?}");
    println!("host  {governed:.0} MiB/s {host:.0?}");
    println!("ratio {:.3}", governed / bare);
    Ok(())
}

async fn measure(options: &Options, folder: &std::path::Path) -> Fallible<(Vec<f64>, Vec<f64>)> {
    let mut relay = Process::own("the relay", ["relay", "--served", "tonic"])?;
    let address = relay.line()?;
    let mut runtime = Process::own("the relay's runtime", ["runtime", "--address", &address])?;
    runtime.line()?;
    let bare = Reader::new(&address, None).await?;
    let host = host::start(&options.grid, folder, true, host::MANIFEST, "")?;
    let token = host.runtime_token.display().to_string();
    let arguments = ["runtime", "--address", &host.address, "--token", &token];
    let mut governed_runtime = Process::own("the host's runtime", arguments)?;
    governed_runtime.line()?;
    let governed = Reader::new(&host.address, Some(&host.caller_token)).await?;
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for round in 0..=options.rounds {
        let (bare, governed) = (bare.read(options.mib, round).await?, governed.read(options.mib, round).await?);
        // The first is not counted.
        if round > 0 {
            one.push(bare);
            other.push(governed);
        }
    }
    Ok((one, other))
}

/// Who reads the results.
struct Reader {
    client: GridServiceClient<Channel>,
    metadata: MetadataMap,
    session: String,
}

impl Reader {
    async fn new(address: &str, token: Option<&PathBuf>) -> Fallible<Self> {
        let mut client = GridServiceClient::new(connect(address, None).await?);
        let mut metadata = MetadataMap::new();
        bearer(token.map(PathBuf::as_path), &mut metadata)?;
        let mut session = String::new();
        if token.is_some() {
            let mut request = Request::new(v1::CreateSession::default());
            *request.metadata_mut() = metadata.clone();
            session = client.create_session(request).await?.into_inner().session_id;
        }
        Ok(Self { client, metadata, session })
    }

    /// Reads one result; MiB a second.
    async fn read(&self, mib: u32, round: usize) -> Fallible<f64> {
        let pieces = (usize::try_from(mib)? << 20) / PIECE;
        let args = serde_json::json!({ "text": "x", "count": pieces, "mode": "fast", "place": { "city": "x", "lat": 0, "lon": 0 } });
        let call =
            adm::FunctionCall { call_id: format!("stream-{round}"), name: TOOL.to_owned(), args: args.to_string() };
        let session_id = self.session.clone();
        let call = v1::ToolCall { call: Some(call), session_id, streaming: true, ..v1::ToolCall::default() };
        let mut request = Request::new(call);
        *request.metadata_mut() = self.metadata.clone();
        let began = now();
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
        let whole = pieces * PIECE + 1;
        match end.and_then(|answer| answer.outcome) {
            Some(v1::call_tool_response::Outcome::Error(error)) => Err(format!("refused: {error:?}").into()),
            _ if bytes == whole => Ok(f64::from(mib) / took),
            _ => Err(format!("{bytes} of {whole} bytes came").into()),
        }
    }
}
