//! The same load on hosts that differ in one number: runtimes, contracts or sessions. All hosts are up at the same time and
//! are measured in turns; what counts is the ratio to the smallest, in calls and in the host's processor time a call.

use std::path::Path;

use grid_bench::{
    Fallible,
    host::{self, Host, MANIFEST},
    process::Process,
    sample::median,
};
use serde::Serialize;
use serde_json::Value;

use crate::{load::Measured, run::Options, wire::tool};

/// Further settings of these hosts: many connections and sessions of one address and one caller.
pub(crate) const SETTINGS: &str = "server.max_connections_per_peer = 20000\n\
     session.max_per_principal = 1000000\n\
     limits.adaptive = false\n";

#[derive(Debug, Clone, Copy)]
struct Case {
    what: &'static str,
    runtimes: usize,
    contracts: usize,
    sessions: usize,
}

const fn case(what: &'static str, runtimes: usize, contracts: usize, sessions: usize) -> Case {
    Case { what, runtimes, contracts, sessions }
}

/// The first is what the others are compared with.
const CASES: [Case; 6] = [
    case("1 runtime, 1 contract, 1 session", 1, 1, 1),
    case("4 runtimes", 4, 1, 1),
    case("32 runtimes", 32, 1, 1),
    case("100 contracts", 1, 100, 1),
    case("32 runtimes, 10,000 contracts", 32, 10_000, 1),
    case("10,000 sessions", 1, 1, 10_000),
];

/// One case beside the first.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    /// Medians over the rounds.
    pub(crate) calls_per_second: f64,
    pub(crate) cpu_us_per_call: f64,
    /// Of the same round's first case, medians.
    pub(crate) calls_ratio: f64,
    pub(crate) cpu_ratio: f64,
    pub(crate) failed: u64,
}

struct Up {
    case: Case,
    /// Goes before its host, which it would miss.
    _crowd: Process,
    host: Host,
}

pub(crate) fn measure(options: &Options, data: &Path) -> Fallible<Vec<Row>> {
    let ups = CASES.iter().enumerate().map(|(at, case)| up(options, &data.join(at.to_string()), *case));
    let ups = ups.collect::<Fallible<Vec<_>>>()?;
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let mut measured = Vec::new();
        for up in &ups {
            measured.push(up.load(options)?);
        }
        let told = measured.iter().map(|one| format!("{:.0}", one.sample.calls_per_second)).collect::<Vec<_>>();
        eprintln!("growth, round {round} of {}, calls/s: {}", options.rounds, told.join("  "));
        rounds.push(measured);
    }
    Ok(CASES.iter().enumerate().map(|(at, case)| row(case.what, at, &rounds)).collect())
}

fn row(what: &'static str, at: usize, rounds: &[Vec<Measured>]) -> Row {
    let each = |of: fn(&Measured) -> f64| move |round: &Vec<Measured>| round.get(at).map_or(f64::NAN, of);
    let rate = |one: &Measured| one.sample.calls_per_second;
    let cpu = |one: &Measured| one.sample.cpu_seconds_per_1000_calls * 1e3;
    let ratio = |of: fn(&Measured) -> f64| {
        median(rounds.iter().filter_map(|round| Some(of(round.get(at)?) / of(round.first()?))))
    };
    Row {
        what,
        calls_per_second: median(rounds.iter().map(each(rate))),
        cpu_us_per_call: median(rounds.iter().map(each(cpu))),
        calls_ratio: ratio(rate),
        cpu_ratio: ratio(cpu),
        failed: rounds.iter().filter_map(|round| round.get(at)).map(|one| one.failed).sum(),
    }
}

fn up(options: &Options, folder: &Path, case: Case) -> Fallible<Up> {
    let host = host::start(&options.grid, folder, false, &manifest(case.contracts)?, SETTINGS)?;
    let crowd = crowd(&host, case.runtimes, case.contracts)?;
    Ok(Up { case, host, _crowd: crowd })
}

/// Runtimes, attached once this is given.
pub(crate) fn crowd(host: &Host, runtimes: usize, tools: usize) -> Fallible<Process> {
    let token = host.runtime_token.to_string_lossy().into_owned();
    let (runtimes, tools) = (runtimes.to_string(), tools.to_string());
    let arguments =
        ["crowd", "--address", &host.address, "--token", &token, "--runtimes", &runtimes, "--tools", &tools];
    let mut process = Process::own("the runtimes", arguments)?;
    process.line()?;
    Ok(process)
}

impl Up {
    fn load(&self, options: &Options) -> Fallible<Measured> {
        let mut load = load(&self.host, self.case.contracts, self.case.sessions, options.seconds, 0.0)?;
        load.line()?;
        Ok(serde_json::from_str(&load.line()?)?)
    }
}

/// A load; its first line says that it is measured, its second what came of it.
pub(crate) fn load(host: &Host, tools: usize, sessions: usize, seconds: f64, rate: f64) -> Fallible<Process> {
    let token = host.caller_token.to_string_lossy().into_owned();
    let numbers = [tools.to_string(), sessions.to_string(), seconds.to_string(), rate.to_string()];
    let [tools, sessions, seconds, rate] = numbers.each_ref();
    let pid = host.process.id().to_string();
    #[rustfmt::skip]
    let arguments = [
        "load", "--address", &host.address, "--token", &token, "--tools", tools, "--sessions", sessions,
        "--in-flight", "32", "--seconds", seconds, "--rate", rate, "--pid", &pid,
    ];
    Process::own("the load", arguments)
}

/// The manifest of the other benchmarks with more functions alike.
fn manifest(contracts: usize) -> Fallible<String> {
    let mut manifest: Value = serde_json::from_str(MANIFEST)?;
    let functions = manifest
        .pointer_mut("/contracts/0/function_declarations")
        .and_then(Value::as_array_mut)
        .ok_or("the manifest has no functions")?;
    let first = functions.first().cloned().ok_or("the manifest has no function")?;
    for number in 1..contracts {
        let mut function = first.clone();
        if let Some(fields) = function.as_object_mut() {
            fields.insert("name".to_owned(), Value::from(tool(number)));
        }
        functions.push(function);
    }
    Ok(manifest.to_string())
}
