//! The same load on hosts that differ in their runtimes, contracts and sessions. All hosts of a mode are up at the same time
//! and are measured in turns; what counts is the ratio to the smallest, in calls and in the host's processor time a call.

use std::path::{Path, PathBuf};

use grid_bench::{
    Fallible,
    host::{self, Host, MANIFEST},
    process::Process,
    sample::median,
};
use serde::Serialize;
use serde_json::Value;

use crate::{load::Measured, run::Options, tool};

/// Further settings of these hosts: many connections and sessions of one address and one caller.
pub(crate) const SETTINGS: &str = "server.max_connections_per_peer = 1000000\n\
     session.max_per_principal = 1000000\n\
     limits.adaptive = false\n";
/// Calls in flight.
pub(crate) const IN_FLIGHT: usize = 32;

/// Whether calls wait for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    Relaxed,
    Strict,
}

impl Mode {
    pub(crate) const ALL: [Self; 2] = [Self::Relaxed, Self::Strict];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Relaxed => "relaxed",
            Self::Strict => "STRICT",
        }
    }
}

/// How large a host is.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Case {
    pub(crate) runtimes: usize,
    pub(crate) contracts: usize,
    pub(crate) sessions: usize,
}

/// One case beside the smallest of its mode.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) mode: Mode,
    #[serde(flatten)]
    pub(crate) case: Case,
    /// Medians over the rounds.
    pub(crate) calls_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) cpu_us_per_call: f64,
    /// Of the same round's first case, medians.
    pub(crate) calls_ratio: f64,
    pub(crate) cpu_ratio: f64,
    pub(crate) failed: u64,
    /// The first of them.
    pub(crate) failure: Option<String>,
}

struct Up {
    case: Case,
    folder: PathBuf,
    /// Goes before its host, which it would miss.
    _crowd: Process,
    host: Host,
}

/// The first is what the others are compared with.
fn cases(options: &Options) -> Vec<Case> {
    let mut cases = vec![Case { runtimes: 1, contracts: 1, sessions: 1 }];
    for &contracts in &options.contracts {
        for &runtimes in &options.runtimes {
            cases.push(Case { runtimes, contracts, sessions: options.sessions });
        }
    }
    cases
}

pub(crate) fn measure(options: &Options, data: &Path) -> Fallible<Vec<Row>> {
    let mut rows = Vec::new();
    for mode in Mode::ALL {
        rows.extend(of_mode(options, &data.join(mode.name()), mode)?);
    }
    Ok(rows)
}

fn of_mode(options: &Options, data: &Path, mode: Mode) -> Fallible<Vec<Row>> {
    let cases = cases(options);
    let mut ups = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        ups.push(Up::start(options, &data.join(at.to_string()), *case, mode)?);
        eprintln!("growth, {}: {} of {} hosts are up", mode.name(), at + 1, cases.len());
    }
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let mut measured = Vec::new();
        for up in &ups {
            measured.push(up.load(options)?);
        }
        let told = measured.iter().map(|one| format!("{:.0}", one.sample.calls_per_second)).collect::<Vec<_>>();
        let (mode, of, told) = (mode.name(), options.rounds, told.join("  "));
        eprintln!("growth, {mode}, round {round} of {of}, calls/s: {told}");
        rounds.push(measured);
    }
    Ok(cases.iter().enumerate().map(|(at, case)| Row::new(mode, *case, at, &rounds)).collect())
}

impl Row {
    fn new(mode: Mode, case: Case, at: usize, rounds: &[Vec<Measured>]) -> Self {
        let middle = |of: fn(&Measured) -> f64| median(rounds.iter().filter_map(|round| round.get(at)).map(of));
        let rate = |one: &Measured| one.sample.calls_per_second;
        let cpu = |one: &Measured| one.sample.cpu_seconds_per_1000_calls * 1e3;
        let ratio = |of: fn(&Measured) -> f64| {
            median(rounds.iter().filter_map(|round| Some(of(round.get(at)?) / of(round.first()?))))
        };
        let own = || rounds.iter().filter_map(|round| round.get(at));
        Self {
            mode,
            case,
            calls_per_second: middle(rate),
            p50_us: middle(|one| one.sample.p50_us),
            p99_us: middle(|one| one.sample.p99_us),
            cpu_us_per_call: middle(cpu),
            calls_ratio: ratio(rate),
            cpu_ratio: ratio(cpu),
            failed: own().map(|one| one.failed).sum(),
            failure: own().find_map(|one| one.failure.clone()),
        }
    }
}

impl Up {
    fn start(options: &Options, folder: &Path, case: Case, mode: Mode) -> Fallible<Self> {
        let manifest = manifest(case.contracts)?;
        let host = host::start(&options.grid, folder, mode == Mode::Strict, &manifest, SETTINGS)?;
        let crowd = Crowd { runtimes: case.runtimes, tools: case.contracts, ..Crowd::of(&host) }.attach()?;
        Ok(Self { case, folder: folder.to_owned(), host, _crowd: crowd })
    }

    fn load(&self, options: &Options) -> Fallible<Measured> {
        let Case { contracts, sessions, .. } = self.case;
        let kept = self.folder.join("sessions");
        let load = Load { tools: contracts, sessions, ..Load::of(&self.host, &kept, options.seconds) };
        let mut process = load.begin()?;
        Ok(serde_json::from_str(&process.line()?)?)
    }
}

/// Runtimes in one process.
pub(crate) struct Crowd<'a> {
    pub(crate) host: &'a Host,
    pub(crate) token: &'a Path,
    pub(crate) principal: &'a str,
    pub(crate) first: usize,
    pub(crate) runtimes: usize,
    pub(crate) tools: usize,
    /// Milliseconds of a call.
    pub(crate) takes: u64,
}

impl<'a> Crowd<'a> {
    pub(crate) fn of(host: &'a Host) -> Self {
        let (token, principal) = (&*host.runtime_token, "bench-runtime");
        Self { host, token, principal, first: 0, runtimes: 1, tools: 1, takes: 0 }
    }

    /// All of them serve, once this is given.
    pub(crate) fn attach(&self) -> Fallible<Process> {
        let token = self.token.to_string_lossy();
        let numbers = [self.runtimes, self.tools, self.first].map(|number| number.to_string());
        let ([runtimes, tools, first], takes) = (numbers.each_ref(), self.takes.to_string());
        #[rustfmt::skip]
        let arguments = [
            "crowd", "--address", &self.host.address, "--token", &token, "--principal", self.principal,
            "--runtimes", runtimes, "--tools", tools, "--first", first, "--takes", &takes,
        ];
        let mut process = Process::own("the runtimes", arguments)?;
        process.line()?;
        Ok(process)
    }
}

/// Calls for a while.
pub(crate) struct Load<'a> {
    pub(crate) host: &'a Host,
    pub(crate) tools: usize,
    pub(crate) sessions: usize,
    /// The file that sessions are kept in.
    pub(crate) kept: &'a Path,
    pub(crate) seconds: f64,
    /// Calls a second; 0 for as many as there can be.
    pub(crate) rate: f64,
}

impl<'a> Load<'a> {
    pub(crate) fn of(host: &'a Host, kept: &'a Path, seconds: f64) -> Self {
        Self { host, tools: 1, sessions: 1, kept, seconds, rate: 0.0 }
    }

    /// Is being measured, once this is given; its next line says what came of it.
    pub(crate) fn begin(&self) -> Fallible<Process> {
        let (token, kept) = (self.host.caller_token.to_string_lossy(), self.kept.to_string_lossy());
        let counts = [self.tools, self.sessions, IN_FLIGHT].map(|number| number.to_string());
        let [tools, sessions, in_flight] = counts.each_ref();
        let (seconds, rate) = (self.seconds.to_string(), self.rate.to_string());
        let pid = self.host.process.id().to_string();
        #[rustfmt::skip]
        let arguments = [
            "load", "--address", &self.host.address, "--token", &token, "--tools", tools, "--sessions", sessions,
            "--kept", &kept, "--in-flight", in_flight, "--seconds", &seconds, "--rate", &rate, "--pid", &pid,
        ];
        let mut process = Process::own("the load", arguments)?;
        process.line()?;
        Ok(process)
    }
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
