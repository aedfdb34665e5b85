//! `grid check`: everything that keeps a host from starting, at once, without starting one.

use std::path::Path;

use clap::Args;
use grid_contract::Fault;
use grid_core::Code;
use serde_json::{Value, json};

use super::{Context, Exit, Failure};
use grid_config::{Config, Origin, Problem};

use grid_policy::PolicySet;
use grid_server::{
    audit_key_fault, decision_point_fault, identity_faults, limits_faults, providers_faults, secret_faults, tls_fault,
};
use grid_source::{manifest_faults, read_manifest};

/// Checks configuration and manifest, and reports everything that is wrong
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid check
  grid check --config deploy/grid.toml --set mode=strict
  grid check --json | jq '.problems[].message'

Ends with 0 if a host would start, and with 3 if not.")]
pub(super) struct Check {}

impl Check {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let mut problems: Vec<Problem> = reading.problems().cloned().collect();
        let mut warnings = reading.warnings().to_vec();
        if let Ok(config) = reading.values()
            && let Some(path) = config.manifest.path.as_ref().filter(|path| path.is_file())
        {
            let (fatal, harmless) = manifest(path, config);
            problems.extend(fatal);
            warnings.extend(harmless);
            problems.extend(providers(path, config));
            for (key, dir) in [("policy.dir", &config.policy.dir), ("policy.shadow_dir", &config.policy.shadow_dir)] {
                let Some(dir) = dir else { continue };
                let (fatal, harmless) = policies(key, dir, path, config);
                problems.extend(fatal);
                warnings.extend(harmless);
            }
        }
        if let Ok(config) = reading.values()
            && problems.is_empty()
            && let Some(fault) = grid_source::fault(config)
        {
            let place = Origin::File { path: config.manifest.path.clone().unwrap_or_default(), line: None };
            problems.push(Problem::new(place, "manifest", fault.message));
        }
        if let Ok(config) = reading.values()
            && let Some(fault) = audit_key_fault(config)
        {
            let place = Origin::File { path: config.audit.key.clone(), line: None };
            problems.push(Problem::new(place, "audit.key", fault));
        }
        if let Ok(config) = reading.values() {
            problems.extend(beside(config));
        }
        let is_good = problems.is_empty();
        if context.output.is_json() {
            context.output.json(&json!({
                "ok": is_good,
                "problems": problems.iter().map(Problem::to_json).collect::<Vec<Value>>(),
                "warnings": warnings.iter().map(Problem::to_json).collect::<Vec<Value>>(),
            }))?;
            return is_good.then_some(()).ok_or_else(|| Failure::said(Exit::Invalid));
        }
        for warning in &warnings {
            context.output.warning(&warning.to_string());
        }
        if is_good { Ok(context.output.text("ok")?) } else { Err(context.invalid(&problems)) }
    }
}

/// What is wrong with what the configuration names beside the manifest.
fn beside(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(path) = &config.limits.file {
        let place = |line| Origin::File { path: path.clone(), line };
        let told = |(line, message)| Problem::new(place(line), "limits.file", message);
        problems.extend(limits_faults(config).into_iter().map(told));
    }
    if let (Some(path), Some(fault)) = (&config.tls.cert, tls_fault(config)) {
        let place = Origin::File { path: path.clone(), line: None };
        problems.push(Problem::new(place, "tls", fault).with_code(Code::CertificateError));
    }
    if let Some(path) = &config.identity.rules {
        problems.extend(identity_faults(config).into_iter().map(|fault| {
            Problem::new(Origin::File { path: path.clone(), line: fault.line }, fault.place, fault.message)
        }));
    }
    let unusable = secret_faults(config).into_iter();
    problems.extend(unusable.map(|(key, path, fault)| Problem::new(Origin::File { path, line: None }, key, fault)));
    if let Some(fault) = decision_point_fault(config) {
        problems.push(Problem::new(Origin::Default, "authorize.pdp_url", fault));
    }
    problems
}

/// What is wrong with a manifest, and what is worth saying about it.
fn manifest(path: &Path, config: &Config) -> (Vec<Problem>, Vec<Problem>) {
    let problem = |pointer: String, message: String| {
        Problem::new(Origin::File { path: path.to_owned(), line: None }, pointer, message)
    };
    match manifest_faults(path, config) {
        Ok(faults) => {
            let (harmless, fatal): (Vec<_>, Vec<_>) = faults.into_iter().partition(|fault| fault.warning);
            let told = |fault: Fault| {
                let pointer = if fault.pointer.is_empty() { "/".to_owned() } else { fault.pointer };
                problem(pointer, format!("{} [{}]", fault.message, fault.rule))
            };
            (fatal.into_iter().map(told).collect(), harmless.into_iter().map(told).collect())
        }
        Err(error) => (vec![problem("manifest.path".to_owned(), error.to_string())], Vec::new()),
    }
}

/// What is wrong with the file of providers, where there are contracts to hold it against.
fn providers(manifest: &Path, config: &Config) -> Vec<Problem> {
    let (Some(path), Ok(Ok(loaded))) = (&config.providers.file, read_manifest(manifest, config)) else {
        return Vec::new();
    };
    let place = |line| Origin::File { path: path.clone(), line };
    let told = |(line, message)| Problem::new(place(line), "providers.file", message);
    providers_faults(config, &loaded.manifest).into_iter().map(told).collect()
}

/// What is wrong with a directory of policies, where there are contracts to hold it against.
fn policies(key: &str, dir: &Path, manifest: &Path, config: &Config) -> (Vec<Problem>, Vec<Problem>) {
    let Ok(Ok(loaded)) = read_manifest(manifest, config) else { return Default::default() };
    let told = |fault: &grid_policy::Fault| {
        let line = u32::try_from(fault.place.line).ok().filter(|line| *line > 0);
        let path = if fault.place.file.is_empty() { dir.to_owned() } else { dir.join(&fault.place.file) };
        let column = if line.is_some() { format!("column {}: ", fault.place.column) } else { String::new() };
        let message = format!("{column}{} [{}]", fault.message, fault.rule);
        Problem::new(Origin::File { path, line: line.map(|line| line as usize) }, key, message)
    };
    match PolicySet::load(dir, &loaded.manifest) {
        Ok((_, warnings)) => (Vec::new(), warnings.iter().map(|warning| told(&warning.0)).collect()),
        Err(faults) => (faults.iter().map(told).collect(), Vec::new()),
    }
}
