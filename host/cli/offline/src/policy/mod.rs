//! `grid policy`: what operators do with a directory of policies before a host has it.

mod check;
mod diff;
mod explain;
mod test;

use std::{path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};
use grid_config::{self as settings, Sources};
use grid_contract::Manifest;
use grid_core::port::Reads;
use grid_policy::{Fault, PolicySet, Warning};

use super::{Context, Exit, Failure};

/// Works on a directory of policies; `reload` alone talks to a host
#[derive(Debug, Subcommand)]
pub enum Policy {
    Check(check::Check),
    Test(test::Test),
    Explain(explain::Explain),
    Diff(diff::Diff),
}

impl Policy {
    /// Runs it.
    ///
    /// # Errors
    /// Where it did not do what it was asked for, or found what is wrong.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Check(command) => command.run(context),
            Self::Test(command) => command.run(context),
            Self::Explain(command) => command.run(context),
            Self::Diff(command) => command.run(context),
        }
    }
}

/// The contracts that policies are held against.
#[derive(Debug, Args)]
pub struct Contracts {
    /// The manifest [else that of the configuration]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

impl Contracts {
    /// The manifest, and the directory of policies that the configuration names.
    fn load(&self, context: &Context) -> Result<(Manifest, Option<PathBuf>), Failure> {
        let given = self.manifest.iter().map(|path| format!("manifest.path={}", path.display()));
        let set = context.globals.set.iter().cloned().chain(given).collect();
        let reading = settings::read(&Sources::of_process(context.globals.config.clone(), set));
        let config = context.values(&reading)?;
        let Some(path) = &config.manifest.path else {
            let message = "policies are held against contracts; name a manifest with --manifest or `manifest.path`";
            return Err(Failure::new(Exit::Usage, message));
        };
        let read = grid_source::read_manifest(path, config)
            .map_err(|error| Failure::new(Exit::Invalid, format!("`{}` cannot be read: {error}", path.display())))?;
        match read {
            Ok(loaded) => Ok((loaded.manifest, config.policy.dir.clone())),
            Err(faults) => {
                for fault in faults.iter().filter(|fault| !fault.warning) {
                    context.output.error(&format!("{}: {fault}", path.display()));
                }
                Err(Failure::said(Exit::Invalid))
            }
        }
    }
}

/// The directory that was given, or that of the configuration.
fn directory(given: Option<PathBuf>, configured: Option<PathBuf>) -> Result<PathBuf, Failure> {
    given
        .or(configured)
        .ok_or_else(|| Failure::new(Exit::Usage, "no directory of policies is named; give one, or set `policy.dir`"))
}

/// A set without faults, for commands that need one.
fn load(context: &Context, dir: &std::path::Path, manifest: &Manifest) -> Result<Arc<PolicySet>, Failure> {
    let (set, warnings) = PolicySet::load(dir, manifest).map_err(|faults| invalid(context, dir, &faults))?;
    for Warning(warning) in &warnings {
        context.output.warning(&line(dir, warning));
    }
    Ok(set)
}

/// Prints what is wrong with a directory.
fn invalid(context: &Context, dir: &std::path::Path, faults: &[Fault]) -> Failure {
    for fault in faults {
        context.output.error(&line(dir, fault));
    }
    Failure::said(Exit::Invalid)
}

/// A fault with the directory before its file, so that editors find it.
fn line(dir: &std::path::Path, fault: &Fault) -> String {
    let dir = dir.display().to_string();
    format!("{}/{fault}", dir.trim_end_matches('/'))
}

/// What a decision depends on, in words.
fn reads(reads: Reads) -> Vec<&'static str> {
    let all = [(reads.args, "arguments"), (reads.moment, "time"), (reads.session, "session"), (reads.local, "local")];
    all.into_iter().filter(|(read, _)| *read).map(|(_, word)| word).collect()
}
