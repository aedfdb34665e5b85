//! The command line: takes arguments and what the program can do, gives an exit code. One file a command.

mod approvals;
mod breakers;
mod call;
mod check;
mod completions;
mod config;
mod explain;
mod help;
mod limits;
mod lists;
mod policy;
mod providers;
mod revoke;
mod serve;
mod swap;
mod token;
mod witness;

use std::ffi::OsString;

use clap::{FromArgMatches as _, Parser, Subcommand};

pub use grid_console::{Context, Exit, Failure, Globals, Output};
pub use grid_reach::{Target, Token};

use grid_cli_audit::Audit;

use grid_console::{safe, time};
use grid_offline::{Adm, Manifest, Tls};
use grid_reach as remote;

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
  grid providers                               who serves what, and who goes first
  grid policy test                             do the policies say what they should
  grid approvals list                          which calls wait for me
  grid audit tail                              what happened
  grid witness init                            watch over the logs of others

Exit codes: 0 done, 1 error, 2 wrong usage, 3 invalid configuration or contract, or no such thing,
            4 policy test failed, 5 swap or drift, 6 denied, 7 audit verification failed"
)]
struct Line {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Check(check::Check),
    #[command(subcommand)]
    Config(config::Config),
    #[command(subcommand)]
    Manifest(Manifest),
    #[command(subcommand)]
    Token(token::Token),
    #[command(subcommand)]
    Tls(Tls),
    Tools(lists::Tools),
    Runtimes(lists::Runtimes),
    Sessions(lists::Sessions),
    Limits(limits::Limits),
    Breakers(breakers::Breakers),
    Revoke(revoke::Revoke),
    Providers(providers::Providers),
    Select(providers::Select),
    Explain(explain::Explain),
    Swap(swap::Swap),
    Pause(swap::Pause),
    Drain(swap::Drain),
    Resume(swap::Resume),
    Call(call::Call),
    #[command(subcommand)]
    Approvals(approvals::Approvals),
    Audit(Audit),
    #[command(subcommand)]
    Witness(witness::Witness),
    #[command(subcommand)]
    Policy(policy::Policy),
    #[command(subcommand)]
    Adm(Adm),
    Completions(completions::Completions),
}

/// Runs one command line, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let line =
        match help::laid_out::<Line>().try_get_matches_from(arguments).and_then(|found| Line::from_arg_matches(&found))
        {
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
        Command::Breakers(command) => command.run(&context),
        Command::Revoke(command) => command.run(&context),
        Command::Providers(command) => command.run(&context),
        Command::Select(command) => command.run(&context),
        Command::Explain(command) => command.run(&context),
        Command::Swap(command) => command.run(&context),
        Command::Pause(command) => command.run(&context),
        Command::Drain(command) => command.run(&context),
        Command::Resume(command) => command.run(&context),
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
