//! The setups: a bare unary echo, and a host without and with synchronous durability, each with a runtime of the calls.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use grid_bench::{
    Fallible,
    host::{self, Host, MANIFEST},
    process::Process,
};
use serde::Serialize;
use serde_json::json;

use crate::{load::Loaded, run::Options};

/// Grants are reported right after each measurement; until then all of them are open.
const SETTINGS: &str = "local.outstanding = 1000000\nlocal.total = 1000000\nlocal.ttl = \"300s\"\n";

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Which {
    /// A tonic unary echo
    Echo,
    /// Grants, DEVELOPMENT with `audit.durability = "relaxed"`
    Relaxed,
    /// Grants as shipped, STRICT
    Strict,
}

impl Which {
    pub(crate) const ALL: [Self; 3] = [Self::Echo, Self::Relaxed, Self::Strict];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Echo => "bare unary echo",
            Self::Relaxed => "grants, relaxed",
            Self::Strict => "grants, STRICT",
        }
    }
}

/// A setup that runs.
#[derive(Debug)]
pub(crate) enum Setup {
    Echo { process: Process, address: String },
    Host { host: Box<Host>, folder: PathBuf, runtime: Process },
}

impl Setup {
    pub(crate) fn start(which: Which, options: &Options, data: &Path) -> Fallible<Self> {
        if which == Which::Echo {
            let mut command = Command::new(std::env::current_exe()?.with_file_name("grid-bench"));
            command.arg("echo");
            let mut process = Process::start("the echo", command)?;
            let address = process.line()?;
            return Ok(Self::Echo { process, address });
        }
        let folder = data.join(which.name().replace(", ", "-"));
        let host = host::start(&options.grid, &folder, which == Which::Strict, &manifest()?, SETTINGS)?;
        let mut arguments: Vec<OsString> = ["serve", "--address", &host.address, "--token"].map(Into::into).to_vec();
        arguments.push(host.runtime_token.clone().into());
        let runtime = Process::own("the runtime", arguments)?;
        Ok(Self::Host { host: Box::new(host), folder, runtime })
    }

    /// One measurement by a client of its own.
    pub(crate) fn measure(&mut self, in_flight: usize, options: &Options) -> Fallible<Loaded> {
        let (process, address, token) = match self {
            Self::Echo { process, address } => (process, address, None),
            Self::Host { host, .. } => (&mut host.process, &mut host.address, Some(&host.caller_token)),
        };
        let mut arguments = vec!["load".to_owned()];
        for (name, value) in [
            ("--address", address.clone()),
            ("--in-flight", in_flight.to_string()),
            ("--seconds", options.seconds.to_string()),
            ("--warm-up", options.warm_up.to_string()),
            ("--pid", process.id().to_string()),
        ] {
            arguments.extend([name.to_owned(), value]);
        }
        if let Some(token) = token {
            arguments.extend(["--token".to_owned(), token.display().to_string()]);
        }
        let mut load = Process::own("a client", arguments)?;
        let loaded = serde_json::from_str(&load.line()?)?;
        process.check()?;
        Ok(loaded)
    }

    /// The words that a program of calls gets: where the host is, what it may and what it trusts.
    pub(crate) fn of_calls(&mut self, language: &str, size: usize, times: usize) -> Fallible<Vec<OsString>> {
        let Self::Host { host, folder, runtime } = self else { return Err("an echo has no local calls".into()) };
        runtime.check()?;
        let outcomes = folder.join(format!("outcomes-{language}-{size}"));
        Ok([
            ("--address", host.address.clone().into()),
            ("--token", host.caller_token.clone().into()),
            ("--log-key", folder.join("data/audit/log.vkey").into()),
            ("--outcomes", outcomes.into()),
            ("--size", size.to_string().into()),
            ("--times", times.to_string().into()),
        ]
        .into_iter()
        .flat_map(|(name, value): (_, OsString)| [name.into(), value])
        .collect())
    }
}

/// The contract of the echo, which the grants are for, and that of the calls.
fn manifest() -> Fallible<String> {
    let mut manifest: serde_json::Value = serde_json::from_str(MANIFEST)?;
    let payload = json!({
        "name": "payload", "version": "1.0.0", "effect": "pure", "timeout": "10s", "required_roles": ["bench"],
        "description": "The contract of the calls",
        "function_declarations": [{
            "name": "bench_payload",
            "description": "Answers with its own argument",
            "parameters": {"type": "OBJECT", "properties": {"text": {"type": "STRING"}}, "required": ["text"]}
        }]
    });
    let contracts = manifest.get_mut("contracts").and_then(serde_json::Value::as_array_mut);
    contracts.ok_or("the manifest has no contracts")?.push(payload);
    Ok(manifest.to_string())
}
