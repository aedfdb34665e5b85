//! What `run.sh` runs beside the host: `resolve-example provider NAME` serves `cache_get` under that name,
//! `resolve-example load` calls it, or another tool, at a steady rate until standard input ends and says how many calls
//! failed, `resolve-example session` opens a session for `grid call --session`. `make demo` uses that too.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::Parser;
use grid_sdk::{Client, Error, Phase, Runtime, SessionOptions, tool};
use serde_json::Value;
use tokio::{
    fs::OpenOptions,
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::Mutex,
};

/// Providers of one function, and callers of it.
#[derive(Parser)]
enum Command {
    /// Serves `cache_get`
    Provider {
        /// Who this is, alone or followed by `/` and a replica's name
        name: String,
        /// A line for everything that the host asks
        #[arg(long, default_value = "lifecycle.log")]
        log: PathBuf,
        /// Says that it is not well
        #[arg(long)]
        sick: bool,
        /// Cannot make itself ready
        #[arg(long)]
        broken: bool,
    },
    /// Opens a session and prints its id; it stays open
    Session {
        /// A file that holds one line with the caller's token
        #[arg(long, default_value = "caller.token")]
        token_file: PathBuf,
    },
    /// Calls a tool until standard input ends
    Load {
        /// The tool
        #[arg(default_value = "cache_get")]
        tool: String,
        /// Its arguments, a JSON object
        #[arg(default_value = r#"{"key": "a"}"#, value_parser = |text: &str| text.parse::<Value>())]
        args: Value,
        /// Calls a second
        #[arg(long, default_value_t = 200)]
        rate: u64,
        /// A file that holds one line with the caller's token
        #[arg(long, default_value = "caller.token")]
        token_file: PathBuf,
    },
}

static NAME: LazyLock<Mutex<String>> = LazyLock::new(Mutex::default);
static IN_FLIGHT: AtomicU64 = AtomicU64::new(0);

/// Looks something up, and tells who did.
#[tool]
async fn cache_get(
    /// what to look up; `slow` takes two seconds
    key: String,
) -> BTreeMap<String, String> {
    IN_FLIGHT.fetch_add(1, Ordering::SeqCst);
    if key == "slow" {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let provider = NAME.lock().await.clone();
    IN_FLIGHT.fetch_sub(1, Ordering::SeqCst);
    BTreeMap::from([("key".to_owned(), key), ("provider".to_owned(), provider)])
}

/// Says what it was asked, and how many calls it had then.
async fn asked(log: PathBuf, name: String, phase: &'static str) -> Result<(), String> {
    let line = format!("{name} {phase} {}\n", IN_FLIGHT.load(Ordering::SeqCst));
    let mut file = OpenOptions::new().create(true).append(true).open(log).await.map_err(|error| error.to_string())?;
    file.write_all(line.as_bytes()).await.map_err(|error| error.to_string())?;
    file.flush().await.map_err(|error| error.to_string())
}

async fn provide(name: String, log: PathBuf, sick: bool, broken: bool) -> Result<(), Error> {
    let own = name.split('/').next().unwrap_or_default().to_owned();
    NAME.lock().await.clone_from(&own);
    let mut builder = Runtime::builder().runtime_id(name).tool(cache_get).grace(Duration::from_secs(5));
    if let Ok(endpoint) = std::env::var("GRID_ENDPOINT") {
        builder = builder.endpoint(endpoint);
    }
    builder = builder.token_file(format!("{own}.token"));
    let phases = [(Phase::Init, "init"), (Phase::Health, "health"), (Phase::Cleanup, "cleanup")];
    for (phase, word) in phases {
        let (log, own) = (log.clone(), own.clone());
        builder = builder.on("cache_get", phase, move || {
            let (log, own) = (log.clone(), own.clone());
            async move {
                asked(log, own, word).await?;
                match word {
                    "init" if broken => Err("there is no room on the disk".to_owned()),
                    "health" if sick => Err("NOT_SERVING".to_owned()),
                    _ => Ok(()),
                }
            }
        });
    }
    builder.build()?.run().await
}

async fn connect(token_file: PathBuf) -> Result<Client, Error> {
    let mut builder = Client::builder().retries(grid_sdk::Retries::none()).token_file(token_file);
    if let Ok(endpoint) = std::env::var("GRID_ENDPOINT") {
        builder = builder.endpoint(endpoint);
    }
    builder.connect().await
}

/// Calls under way at once: fewer than a runtime has room for, so that a slow machine makes the rate lower and nothing fail.
const AT_ONCE: usize = 64;

/// Calls at a steady rate and counts.
async fn load(tool: String, args: Value, rate: u64, token_file: PathBuf) -> Result<bool, Error> {
    let session = Arc::new(connect(token_file).await?.open_session(SessionOptions::default()).await?);
    let (sent, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / rate.max(1)));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut end = Box::pin(async {
        let mut rest = Vec::new();
        // Nothing is written there; that it ends is the word.
        let _ = tokio::io::stdin().read_to_end(&mut rest).await;
    });
    let mut calls = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            () = &mut end => break,
            _ = tick.tick(), if calls.len() < AT_ONCE => {
                let (session, sent, failed) = (Arc::clone(&session), Arc::clone(&sent), Arc::clone(&failed));
                let (tool, args) = (tool.clone(), args.clone());
                calls.spawn(async move {
                    sent.fetch_add(1, Ordering::Relaxed);
                    if let Err(error) = session.call(&tool, args).await {
                        failed.fetch_add(1, Ordering::Relaxed);
                        eprintln!("{error}");
                    }
                });
            }
            Some(_) = calls.join_next() => {}
        }
    }
    while calls.join_next().await.is_some() {}
    let (sent, failed) = (sent.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
    println!("{sent} calls, {failed} failed");
    Ok(failed == 0 && sent > 0)
}

/// A session for calls that others make in it.
async fn open(token_file: PathBuf) -> Result<bool, Error> {
    let session = connect(token_file).await?.open_session(SessionOptions::default()).await?;
    println!("{}", session.id());
    Ok(true)
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Provider { name, log, sick, broken } => provide(name, log, sick, broken).await.map(|()| true),
        Command::Session { token_file } => open(token_file).await,
        Command::Load { tool, args, rate, token_file } => load(tool, args, rate, token_file).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
