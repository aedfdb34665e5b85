//! The command line: takes arguments and what the program can do, gives an exit code. One file a command.

mod adm;
mod approvals;
mod audit;
mod call;
mod check;
mod completions;
mod config;
mod exit;
mod explain;
mod limits;
mod lists;
mod manifest;
mod output;
mod policy;
mod remote;
mod revoke;
mod safe;
mod serve;
mod target;
mod time;
mod tls;
mod token;
mod witness;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};

pub use exit::{Exit, Failure};
pub use output::Output;
pub use target::{Target, Token};

use grid_config::{self as settings, Config, Problem, Reading, Sources};

/// A host for tools: nothing runs unknown, unasked, unchecked or unrecorded.
#[derive(Debug, Parser)]
#[command(
    name = "grid",
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  grid check                                   is the configuration good, and what is wrong with it
  grid serve                                   run the host
  grid manifest lock                           write down the contracts that were reviewed
  grid token new --principal alice --tenant acme --role reader
  grid tls dev-ca --dir tls                    certificates for trying encryption out
  grid config dump                             what holds, and where it comes from
  grid tools                                   what may I call
  grid call calculate_sum '{\"numbers\": [1, 2]}'
  grid policy test                             do the policies say what they should
  grid approvals list                          which calls wait for me
  grid audit tail                              what happened
  grid witness init                            watch over the logs of others

Exit codes: 0 done, 1 error, 2 wrong usage, 3 invalid configuration or contract,
            4 policy test failed, 5 swap or drift, 6 denied, 7 audit verification failed"
)]
struct Line {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct Globals {
    /// Configuration file [else GRID_CONFIG, else grid.toml if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Overrides one setting, for example `server.listen=127.0.0.1:9000`; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Prints results as JSON
    #[arg(long, global = true)]
    json: bool,
    /// The host's door for callers, for example `https://grid.example.org:9090` or `unix:/run/grid.sock`
    #[arg(long, global = true, env = "GRID_ENDPOINT", hide_env_values = true, value_name = "URL")]
    endpoint: Option<String>,
    /// The host's door for operators, for example `http://127.0.0.1:9091` or `unix:/run/grid-admin.sock`
    #[arg(long, global = true, env = "GRID_ADMIN_ENDPOINT", hide_env_values = true, value_name = "URL")]
    admin_endpoint: Option<String>,
    /// File that holds the token to send
    #[arg(long, global = true, env = "GRID_TOKEN_FILE", hide_env_values = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// PEM file of the authorities that vouch for a host over https [else those of the machine]
    #[arg(long, global = true, env = "GRID_CA_FILE", hide_env_values = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM file of the certificate that the host knows you by, over https
    #[arg(long, global = true, env = "GRID_CERT_FILE", hide_env_values = true, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// PEM file of that certificate's key
    #[arg(long, global = true, env = "GRID_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    cert_key: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Check(check::Check),
    #[command(subcommand)]
    Config(config::Config),
    #[command(subcommand)]
    Manifest(manifest::Manifest),
    #[command(subcommand)]
    Token(token::Token),
    #[command(subcommand)]
    Tls(tls::Tls),
    Tools(lists::Tools),
    Runtimes(lists::Runtimes),
    Sessions(lists::Sessions),
    Limits(limits::Limits),
    Revoke(revoke::Revoke),
    Explain(explain::Explain),
    Call(call::Call),
    #[command(subcommand)]
    Approvals(approvals::Approvals),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Witness(witness::Witness),
    #[command(subcommand)]
    Policy(policy::Policy),
    #[command(subcommand)]
    Adm(adm::Adm),
    Completions(completions::Completions),
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

/// Runs one command line, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(answer) => {
            // Standard output or error may be gone, and then there is nobody to tell.
            let _ = answer.print();
            return if answer.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let output = Output::new(line.globals.json);
    let context = Context { globals: line.globals, output };
    let done = match line.command {
        Command::Serve(command) => command.run(&context),
        Command::Check(command) => command.run(&context),
        Command::Config(command) => command.run(&context),
        Command::Manifest(command) => command.run(&context),
        Command::Token(command) => command.run(&context),
        Command::Tls(command) => command.run(&context),
        Command::Tools(command) => command.run(&context),
        Command::Runtimes(command) => command.run(&context),
        Command::Sessions(command) => command.run(&context),
        Command::Limits(command) => command.run(&context),
        Command::Revoke(command) => command.run(&context),
        Command::Explain(command) => command.run(&context),
        Command::Call(command) => command.run(&context),
        Command::Approvals(command) => command.run(&context),
        Command::Audit(command) => command.run(&context),
        Command::Witness(command) => command.run(&context),
        Command::Policy(command) => command.run(&context),
        Command::Adm(command) => command.run(&context),
        Command::Completions(command) => command.run(&context),
    };
    match done {
        Ok(()) => Exit::Ok,
        Err(failure) => {
            match (failure.to_json(), failure.message()) {
                (Some(json), _) if output.is_json() => eprintln_json(&json),
                (_, Some(message)) => output.error(message),
                _ => {}
            }
            failure.exit()
        }
    }
}

fn eprintln_json(json: &serde_json::Value) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{json}");
}
