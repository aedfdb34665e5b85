//! `grid witness`: a small C2SP witness, for somebody who does not run the hosts whose logs it watches.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
};

use clap::{Args, Subcommand};
use grid_audit_witness::{Cosigner, Error, Limits, create, load_key, log_keys};
use grid_core::clock::SystemClock;
use serde_json::json;
use tokio::net::TcpListener;

use super::{Context, Exit, Failure};
use grid_server::{signalled, start_telemetry};

/// Threads that wait for the disk; more requests wait without one.
const DISK_THREADS: usize = 8;

/// Watches over the audit logs of others
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  grid witness init --name witness.example.org/w1
  grid witness serve --log log.vkey

A witness remembers the last state of each log and cosigns another only after a proof that it continues that one
(https://c2sp.org/tlog-witness). It is worth something where whoever keeps the log does not keep the witness too.")]
pub(super) enum Witness {
    Init(Init),
    Serve(Serve),
}

/// Makes a witness: its key and its memory; prints the key that others check its word with
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid witness init --name witness.example.org/w1
  grid witness init --name witness.example.org/w1 --key /etc/grid/witness.key --state /var/lib/grid-witness

Key and memory belong together. Nothing is overwritten, and a witness whose memory was lost or taken from a backup must
not go on with its key: it could cosign what contradicts its word. Make a new one instead.")]
pub(super) struct Init {
    /// The name in its signatures, by custom a URL without scheme that says whose it is [else one made by chance]
    #[arg(long)]
    name: Option<String>,
    /// The file for its private key, that only you may read
    #[arg(long, value_name = "FILE", default_value = "witness.key")]
    key: PathBuf,
    /// The folder for what it remembers
    #[arg(long, value_name = "DIR", default_value = "witness")]
    state: PathBuf,
}

/// Runs a witness until it is asked to stop
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid witness serve --log log.vkey
  grid witness serve --listen 0.0.0.0:9095 --key witness.key --state witness --log a/log.vkey --log b/log.vkey
  curl --data-binary @request http://127.0.0.1:9095/add-checkpoint

Hosts send `POST /add-checkpoint`. Anybody may `GET /<SHA-256 of the origin in hexadecimal>/checkpoint` for the state
that was cosigned last. Nothing that is sent is secret and every checkpoint is signed, so plain HTTP does no harm; for
TLS put a proxy before it. The witness stops at SIGTERM or Ctrl-C.")]
pub(super) struct Serve {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9095")]
    listen: SocketAddr,
    /// The file with its private key
    #[arg(long, value_name = "FILE", default_value = "witness.key")]
    key: PathBuf,
    /// The folder with what it remembers
    #[arg(long, value_name = "DIR", default_value = "witness")]
    state: PathBuf,
    /// The key of a log to watch, or a file with its keys (`log.vkey`, `log.vkeys`); may be repeated
    #[arg(long = "log", value_name = "VKEY_OR_FILE", required = true)]
    logs: Vec<String>,
    /// Connections at once; further ones wait
    #[arg(long, value_name = "NUMBER", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: u32,
}

impl Witness {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Init(init) => init.run(context),
            Self::Serve(serve) => serve.run(context),
        }
    }
}

impl Init {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let name = self.name.unwrap_or_else(|| format!("grid-witness/{:016x}", RandomState::new().hash_one(0)));
        let key = create(&name, &self.key, &self.state).map_err(failed)?;
        context.output.note(&format!("made key file `{}` and memory `{}`", self.key.display(), self.state.display()));
        if context.output.is_json() {
            let (file, memory) = (self.key.display().to_string(), self.state.display().to_string());
            return Ok(context.output.json(&json!({ "vkey": key.to_string(), "key_file": file, "state": memory }))?);
        }
        Ok(context.output.text(&key.to_string())?)
    }
}

impl Serve {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let telemetry = start_telemetry(context.values(&reading)?).map_err(|failure| super::serve::failed(&failure))?;
        let mut keys = Vec::new();
        for log in &self.logs {
            keys.extend(log_keys(log).map_err(failed)?);
        }
        let signer = load_key(&self.key).map_err(failed)?;
        let cosigner = Cosigner::open(signer, &self.state, keys, SystemClock::shared()).map_err(failed)?;
        let limits = Limits { connections: self.max_connections as usize, ..Limits::default() };
        let served = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(DISK_THREADS)
            .build()
            .map_err(|error| Failure::new(Exit::Error, format!("cannot start: {error}")))?
            .block_on(serve(self.listen, Arc::new(cosigner), limits));
        telemetry.stop();
        served
    }
}

async fn serve(address: SocketAddr, cosigner: Arc<Cosigner>, limits: Limits) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(Exit::Error, format!("cannot listen on {address}: {error}; free it, or give another `--listen`"))
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let (signals, address) = (signalled(), listener.local_addr().map_err(cannot)?);
    for (log, size) in cosigner.logs() {
        tracing::info!(log, size, "watching");
    }
    tracing::info!(%address, key = %cosigner.verifying_key(), "serving");
    let stopped = async {
        let signal = signals.await;
        tracing::info!(signal, "stopping");
    };
    grid_audit_witness::serve(listener, cosigner, limits, stopped).await.map_err(failed)
}

fn failed(error: Error) -> Failure {
    let exit = match error {
        Error::Log(..) | Error::NoLog => Exit::Usage,
        _ => Exit::Error,
    };
    Failure::new(exit, error.to_string())
}
