//! What every command of the `grid` program shares, whether it talks to a host or not: flags, how it prints, how it ends.

#![deny(missing_docs)]

mod exit;
mod output;
pub mod safe;
pub mod time;

use std::path::PathBuf;

use clap::Args;
use grid_config::{self as settings, Config, Problem, Reading, Sources};

pub use exit::{Exit, Failure};
pub use output::Output;

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Globals {
    /// Configuration file [else GRID_CONFIG, else grid.toml if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Overrides one setting, for example `server.listen=127.0.0.1:9000`; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Prints results as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// The host's door for callers, for example `https://grid.example.org:9090` or `unix:/run/grid.sock`
    #[arg(long, global = true, env = "GRID_ENDPOINT", hide_env_values = true, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The host's door for operators, for example `http://127.0.0.1:9091` or `unix:/run/grid-admin.sock`
    #[arg(long, global = true, env = "GRID_ADMIN_ENDPOINT", hide_env_values = true, value_name = "URL")]
    pub admin_endpoint: Option<String>,
    /// File that holds the token to send
    #[arg(long, global = true, env = "GRID_TOKEN_FILE", hide_env_values = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// PEM file of the authorities that vouch for a host over https [else those of the machine]
    #[arg(long, global = true, env = "GRID_CA_FILE", hide_env_values = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// PEM file of the certificate that the host knows you by, over https
    #[arg(long, global = true, env = "GRID_CERT_FILE", hide_env_values = true, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// PEM file of that certificate's key
    #[arg(long, global = true, env = "GRID_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    pub cert_key: Option<PathBuf>,
}

/// What every command gets.
#[derive(Debug)]
pub struct Context {
    /// Flags of every command.
    pub globals: Globals,
    /// Where to print.
    pub output: Output,
}

impl Context {
    /// The configuration with all that is wrong with it.
    #[must_use]
    pub fn read(&self) -> Reading {
        self.read_with(None)
    }

    /// The same with one setting that a flag of the command stands for.
    #[must_use]
    pub fn read_with(&self, flag: Option<String>) -> Reading {
        let set = self.globals.set.iter().cloned().chain(flag).collect();
        settings::read(&Sources::of_process(self.globals.config.clone(), set))
    }

    /// The values of a configuration, for commands that start no host.
    ///
    /// # Errors
    /// Exit code 3, with every fault printed.
    pub fn values<'a>(&self, reading: &'a Reading) -> Result<&'a Config, Failure> {
        reading.values().map_err(|faults| self.invalid(faults))
    }

    /// Prints what is wrong with a configuration or a contract.
    pub fn invalid<'a>(&self, problems: impl IntoIterator<Item = &'a Problem>) -> Failure {
        for problem in problems {
            let code = problem.code.as_str();
            self.output.error(&format!("{problem} [{code}]"));
        }
        Failure::said(Exit::Invalid)
    }

    /// Completes a future on this thread, for commands that talk to a host.
    ///
    /// # Errors
    /// That of the future, or where the machine gives no runtime.
    pub fn wait<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Error, format!("cannot start: {error}")))?
            .block_on(future)
    }
}
