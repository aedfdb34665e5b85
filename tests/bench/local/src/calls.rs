//! One call in four ways, in turns: the plain function, the round trip of an authorization, the governed local call with
//! the outcome in its log, and the governed remote call.

use std::{path::PathBuf, time::Duration};

use grid_bench::{Fallible, clock::now, sample::median};
use grid_sdk::{AuthorizeOptions, CallOptions, Client, tool};
use grid_sdk_local::{
    ExecutionMode, LocalClient, LocalSession, LocalSessionOptions, OutcomeLog, OutcomeSettings, Ran, Registry, Trust,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;

const TOOL: &str = "bench_payload";
/// Calls that are not counted.
const WARM_UP: usize = 3;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the host is, such as `127.0.0.1:9090`
    #[arg(long)]
    address: String,
    /// The file that holds the token
    #[arg(long)]
    token: PathBuf,
    /// The file that holds the log's key
    #[arg(long)]
    log_key: PathBuf,
    /// Where outcomes are kept
    #[arg(long)]
    outcomes: PathBuf,
    /// Bytes of the argument, and of the result
    #[arg(long)]
    size: usize,
    /// How often
    #[arg(long)]
    times: usize,
}

/// What it took in the middle, in microseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Took {
    /// The function, called as a function.
    pub(crate) plain_us: f64,
    /// The round trip of an authorization with these arguments.
    pub(crate) authorize_us: f64,
    /// Authorization, function, outcome in the outcome log; the host has it afterwards.
    pub(crate) local_us: f64,
    /// The call at a runtime.
    pub(crate) remote_us: f64,
    /// The added latency of a local call to the round trip of an authorization, in the middle of all turns.
    pub(crate) added_to_authorize: f64,
}

pub(crate) async fn calls(options: Options) -> Fallible<()> {
    let registry = Registry::new();
    registry.register(bench_payload)?;
    let client = Client::builder().endpoint(format!("http://{}", options.address)).token_file(&options.token);
    let trust = Trust::log(vec![key(&options.log_key).await?.trim().parse()?], "bench-caller", "bench");
    let outcomes = OutcomeLog::open(OutcomeSettings::at(&options.outcomes))?;
    let client = LocalClient::builder(client.connect().await?, outcomes, trust);
    let client = client.registry(registry).mode(ExecutionMode::LocalOnly).build();
    let session = client.open_session(LocalSessionOptions::default()).await?;
    served(&session).await?;
    let text = "x".repeat(options.size);
    let mut turns = Vec::with_capacity(options.times);
    for turn in 0..WARM_UP + options.times {
        let took = one_turn(&session, &text).await?;
        if turn >= WARM_UP {
            turns.push(took);
        }
    }
    session.close(Duration::from_secs(10)).await?;
    if client.outcomes().status().borrow().pending > 0 {
        return Err("the host has not taken every outcome within 10 s".into());
    }
    let middle = |of: fn(&[f64; 4]) -> f64| median(turns.iter().map(of));
    let took = Took {
        plain_us: middle(|[plain, ..]| *plain),
        authorize_us: middle(|[_, authorize, ..]| *authorize),
        local_us: middle(|[_, _, local, _]| *local),
        remote_us: middle(|[.., remote]| *remote),
        added_to_authorize: middle(|[plain, authorize, local, _]| (local - plain) / authorize),
    };
    println!("{}", serde_json::to_string(&took)?);
    Ok(())
}

/// The file appears with the first tiles.
async fn key(file: &std::path::Path) -> Fallible<String> {
    for _ in 0..200 {
        if let Ok(key) = std::fs::read_to_string(file) {
            return Ok(key);
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(format!("there is no key in {}", file.display()).into())
}

/// Waits until a runtime serves the tool.
async fn served(session: &LocalSession) -> Fallible<()> {
    let mut last = None;
    for _ in 0..100 {
        match session.remote().call(TOOL, json!({"text": "ready?"})).await {
            Ok(_) => return Ok(()),
            Err(error) => last = Some(error),
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err(format!("no runtime serves `{TOOL}`: {last:?}").into())
}

/// Microseconds of the plain function, the authorization, the local and the remote call.
async fn one_turn(session: &LocalSession, text: &str) -> Fallible<[f64; 4]> {
    let args = json!({"text": text});
    let owned = text.to_owned();
    let begin = now();
    let plain = std::hint::black_box(payload(std::hint::black_box(owned)));
    let plain_us = begin.elapsed().as_secs_f64() * 1e6;
    if plain.len() != text.len() {
        return Err("the plain function gave another text".into());
    }

    let begin = now();
    let approval = session.remote().authorize(TOOL, &args, AuthorizeOptions::default()).await?;
    let authorize_us = begin.elapsed().as_secs_f64() * 1e6;
    session.remote().cancel_grant(&approval, "only its time was of interest").await?;

    let begin = now();
    let answered = session.call_with(TOOL, &args, CallOptions::default()).await?;
    let local_us = begin.elapsed().as_secs_f64() * 1e6;
    if answered.ran != Ran::Here {
        return Err("a local call ran elsewhere".into());
    }
    answered.into_result()?;

    let begin = now();
    session.remote().call(TOOL, &args).await?;
    let remote_us = begin.elapsed().as_secs_f64() * 1e6;
    Ok([plain_us, authorize_us, local_us, remote_us])
}

/// What the tool does.
pub(crate) fn payload(text: String) -> String {
    text
}

/// Answers with its own argument.
///
/// # Arguments
/// * `text` - what it answers
#[tool]
pub(crate) fn bench_payload(text: String) -> String {
    payload(text)
}
