//! A caller that keeps calls in flight over many tools and sessions. A line `begun` says when it is measured; the last
//! line is a JSON object. A call that is not answered with its result is counted and shown, and ends nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use grid_bench::{
    Fallible,
    calls::{arguments, authorized, bearer, connect},
    clock::now,
    sample::Sample,
    window::Window,
};
use grid_proto::{
    adm,
    v1::{self, call_tool_response::Outcome, grid_service_client::GridServiceClient},
};
use serde::{Deserialize, Serialize};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tonic::{
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

use crate::tool;

/// Sessions that are opened at the same time.
const AT_ONCE: usize = 64;
/// What is first of its kind, such as decisions that are not remembered yet, is no part of what is measured.
const WARM_UP: Duration = Duration::from_millis(300);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the host is, such as `127.0.0.1:9090`
    #[arg(long)]
    address: String,
    /// The file that holds the token
    #[arg(long)]
    token: PathBuf,
    /// Tools that are called in turn
    #[arg(long, default_value_t = 1)]
    tools: usize,
    /// Sessions that call in turn
    #[arg(long, default_value_t = 1)]
    sessions: usize,
    /// The file that the sessions are kept in for the next load; opened and written where there is none
    #[arg(long)]
    kept: PathBuf,
    /// Calls in flight
    #[arg(long)]
    in_flight: usize,
    /// How long it is measured
    #[arg(long)]
    seconds: f64,
    /// Calls a second in all; as many as there can be where it is 0
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// The process whose processor time counts
    #[arg(long)]
    pid: u32,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) sample: Sample,
    /// Calls without their result.
    pub(crate) failed: u64,
    /// The first of them.
    pub(crate) failure: Option<String>,
}

#[derive(Clone)]
struct Caller {
    client: GridServiceClient<Channel>,
    token: MetadataValue<Ascii>,
    sessions: Arc<[String]>,
    tools: Arc<[String]>,
    run: u32,
}

#[derive(Default)]
struct Part {
    latencies: Vec<u64>,
    failed: u64,
    failure: Option<String>,
}

pub(crate) async fn load(options: Options) -> Fallible<()> {
    let client = GridServiceClient::new(connect(&options.address, None).await?);
    let token = bearer(&options.token)?;
    let sessions = sessions(&client, &token, options.sessions.max(1), &options.kept).await?.into();
    let tools = (0..options.tools.max(1)).map(tool).collect::<Vec<_>>().into();
    let caller = Caller { client, token, sessions, tools, run: std::process::id() };
    let window = Window::after(WARM_UP, Duration::from_secs_f64(options.seconds));
    let pace = (options.rate > 0.0).then(|| Duration::from_secs_f64(options.in_flight as f64 / options.rate));
    let mut tasks = JoinSet::new();
    for task in 0..options.in_flight {
        tasks.spawn(caller.clone().keep_calling(task, options.in_flight, window, pace));
    }
    let processor = window.processor_of(options.pid, || println!("begun")).await?;
    let mut whole = Part::default();
    while let Some(part) = tasks.join_next().await {
        let part = part?;
        whole.latencies.extend(part.latencies);
        whole.failed += part.failed;
        whole.failure = whole.failure.or(part.failure);
    }
    let sample = Sample::of(whole.latencies, window.length(), processor);
    let measured = Measured { sample, failed: whole.failed, failure: whole.failure };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Those of the loads before, or new ones.
async fn sessions(
    client: &GridServiceClient<Channel>,
    token: &MetadataValue<Ascii>,
    count: usize,
    kept: &Path,
) -> Fallible<Vec<String>> {
    if let Ok(text) = fs::read_to_string(kept) {
        return Ok(text.lines().map(str::to_owned).collect());
    }
    let opened = open(client, token, count).await?;
    fs::write(kept, opened.join("\n"))?;
    Ok(opened)
}

async fn open(
    client: &GridServiceClient<Channel>,
    token: &MetadataValue<Ascii>,
    count: usize,
) -> Fallible<Vec<String>> {
    let mut sessions = Vec::with_capacity(count);
    while sessions.len() < count {
        let mut opening = JoinSet::new();
        for _ in 0..AT_ONCE.min(count - sessions.len()) {
            let (mut client, token) = (client.clone(), token.clone());
            opening.spawn(async move {
                let request = authorized(v1::CreateSession::default(), &token);
                client.create_session(request).await.map(tonic::Response::into_inner)
            });
        }
        while let Some(opened) = opening.join_next().await {
            let opened = opened??;
            if let Some(error) = opened.error {
                return Err(format!("no session: {} {}", error.r#type, error.message).into());
            }
            sessions.push(opened.session_id);
        }
    }
    Ok(sessions)
}

impl Caller {
    async fn keep_calling(self, task: usize, tasks: usize, window: Window, pace: Option<Duration>) -> Part {
        let mut part = Part::default();
        let mut number = task;
        // Each at another moment, so that calls come one by one.
        let offset = pace.map(|pace| pace.mul_f64(task as f64 / tasks as f64)).unwrap_or_default();
        let mut due = Instant::from_std(now() + offset);
        loop {
            if let Some(pace) = pace {
                sleep_until(due).await;
                due += pace;
            }
            let sent = now();
            if window.is_over(sent) {
                return part;
            }
            let answered = self.one_call(number).await;
            number += tasks;
            match answered {
                Ok(()) => part.latencies.extend(window.took(sent, now())),
                Err(failure) => {
                    part.failed += 1;
                    part.failure.get_or_insert(failure);
                }
            }
        }
    }

    async fn one_call(&self, number: usize) -> Result<(), String> {
        let pick = |from: &Arc<[String]>| from.get(number % from.len()).cloned().unwrap_or_default();
        let call_id = format!("scale-{}-{number}", self.run);
        let call = v1::ToolCall {
            session_id: pick(&self.sessions),
            call: Some(adm::FunctionCall {
                args: arguments(number as u64),
                name: pick(&self.tools),
                call_id: call_id.clone(),
            }),
            ..v1::ToolCall::default()
        };
        let answer = self.client.clone().call_tool(authorized(call, &self.token)).await;
        match answer.map_err(|status| status.to_string())?.into_inner().outcome {
            Some(Outcome::Result(v1::ToolResult { result: Some(result), .. }))
                if result.status() == adm::ToolResultStatus::Success && result.call_id == call_id =>
            {
                Ok(())
            }
            Some(Outcome::Error(error)) => Err(format!("{}: {}", error.r#type, error.message)),
            other => Err(format!("no result: {other:?}")),
        }
    }
}
