//! An example runtime. Its tools are plain functions in `tools.rs`; here they are offered to a host, and their calls
//! are answered until SIGTERM or ctrl-c.

use std::io::{self, IsTerminal as _};
use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use grid_sdk::{Error, Runtime};
use tracing::Level;

mod tools;

/// Serves the tools of the quickstart manifest to a GRID host.
#[derive(Parser)]
struct Options {
    /// The host's address.
    #[arg(long, env = "GRID_ENDPOINT", default_value = "http://127.0.0.1:9090")]
    endpoint: String,

    /// A file that holds one line with the runtime's token.
    #[arg(long, env = "GRID_TOKEN_FILE")]
    token_file: Option<PathBuf>,

    /// Who this is: the principal of the token, alone or followed by `/` and a replica's name.
    #[arg(long, env = "GRID_RUNTIME_ID", default_value = "quickstart-rust")]
    runtime_id: String,

    /// PEM file of the authorities that vouch for a host over https.
    #[arg(long, env = "GRID_CA_FILE")]
    ca: Option<PathBuf>,

    /// PEM file of the certificate that the host knows this runtime by.
    #[arg(long, env = "GRID_CERT_FILE", requires = "cert_key")]
    cert: Option<PathBuf>,

    /// PEM file of that certificate's key.
    #[arg(long, env = "GRID_KEY_FILE", requires = "cert")]
    cert_key: Option<PathBuf>,

    /// Lets the token travel unencrypted to another machine, for networks that encrypt by themselves.
    #[arg(long, env = "GRID_ALLOW_PLAINTEXT_TOKEN")]
    allow_plaintext_token: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the runtime ends");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Options) -> Result<(), Error> {
    let mut builder = Runtime::builder()
        .endpoint(options.endpoint)
        .runtime_id(options.runtime_id)
        .allow_plaintext_token(options.allow_plaintext_token)
        .tool(tools::calculate_sum)
        .tool(tools::running_sums)
        .tool(tools::describe_text)
        .tool(tools::slow_count)
        .tool(tools::text_report)
        .tool(tools::admin_report)
        .built_against(include_str!("../../../manifests/grid.lock"));
    if let Some(path) = options.token_file {
        builder = builder.token_file(path);
    }
    if let Some(authority) = options.ca {
        builder = builder.authority_file(authority);
    }
    if let Some((certificate, key)) = options.cert.zip(options.cert_key) {
        builder = builder.client_certificate(certificate, key);
    }
    builder.build()?.run().await
}
