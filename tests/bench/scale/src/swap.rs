//! What callers see of swaps: a load over two providers of two runtimes each, for a while without swaps and for as long
//! while one provider takes the other's place again and again. A call that fails is counted; none may.

use std::{path::Path, thread, time::Duration};

use grid_bench::{
    Fallible,
    calls::{TOOL, authorized, bearer, connect},
    clock::now,
    host::{self, Host, MANIFEST},
    process::Process,
    sample::{median, quantile},
};
use grid_proto::v1::{SwapProviderRequest, provider_service_client::ProviderServiceClient};
use serde::Serialize;
use tokio::runtime::Runtime;
use tonic::{
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

use crate::{
    growth::{Crowd, Load, SETTINGS},
    load::Measured,
    run::Options,
};

const PROVIDERS: [&str; 2] = ["alpha", "beta"];
const REPLICAS: usize = 2;
/// Between the end of a swap and the next.
const PAUSE: Duration = Duration::from_millis(50);
/// Calls a second, and milliseconds that each takes at its runtime, so that some are always under way; 0 for as many calls
/// as there can be.
const RATES: [(f64, u64); 2] = [(200.0, 20), (0.0, 0)];

/// Calls of one rate, in STRICT.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Calls a second that were asked for; 0 for as many as there can be.
    pub(crate) rate: f64,
    /// What a call takes at its runtime.
    pub(crate) takes_ms: u64,
    /// Swaps, all of them committed.
    pub(crate) swaps: usize,
    /// Of a swap, from the request to the answer: activation, health, flip, the end of calls in flight, cleanup.
    pub(crate) swap_p50_ms: f64,
    pub(crate) swap_p99_ms: f64,
    /// Calls that were measured, with and without swaps.
    pub(crate) calls: u64,
    pub(crate) failed: u64,
    /// The first of them.
    pub(crate) failure: Option<String>,
    /// Medians over the rounds.
    pub(crate) quiet: Took,
    pub(crate) swapping: Took,
}

/// What calls took.
#[derive(Debug, Serialize)]
pub(crate) struct Took {
    pub(crate) calls_per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
}

struct Operator {
    runtime: Runtime,
    service: ProviderServiceClient<Channel>,
    token: MetadataValue<Ascii>,
    /// Nanoseconds of every swap.
    swaps: Vec<u64>,
    /// Of the providers, whoever is to serve next.
    next: usize,
}

pub(crate) fn measure(options: &Options, data: &Path) -> Fallible<Vec<Row>> {
    let mut rows = Vec::new();
    for (at, (rate, takes)) in RATES.into_iter().enumerate() {
        rows.push(at_rate(options, &data.join(format!("swap-{at}")), rate, takes)?);
    }
    Ok(rows)
}

fn at_rate(options: &Options, folder: &Path, rate: f64, takes_ms: u64) -> Fallible<Row> {
    let host = host::start(&options.grid, folder, true, MANIFEST, SETTINGS)?;
    let mut crowds = Vec::new();
    for principal in PROVIDERS {
        let token = host::runtime_token(&options.grid, folder, principal)?;
        let crowd = Crowd { principal, token: &token, runtimes: REPLICAS, takes: takes_ms, ..Crowd::of(&host) };
        crowds.push(crowd.attach()?);
    }
    let mut operator = Operator::at(&host)?;
    operator.swap()?;
    operator.swaps.clear();
    let kept = folder.join("sessions");
    let load = Load { rate, ..Load::of(&host, &kept, options.swap_seconds) };
    let (mut quiet, mut swapping) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        quiet.push(ended(&mut load.begin()?)?);
        let mut process = load.begin()?;
        let end = now() + Duration::from_secs_f64(options.swap_seconds);
        while now() < end {
            operator.swap()?;
        }
        swapping.push(ended(&mut process)?);
        let failed: u64 = quiet.iter().chain(&swapping).map(|one| one.failed).sum();
        let (rounds, swaps) = (options.rounds, operator.swaps.len());
        let asked = if rate > 0.0 { format!("{rate:.0} calls/s") } else { "all calls there can be".to_owned() };
        eprintln!("swap, {asked}, round {round} of {rounds}: {swaps} swaps, {failed} failed calls");
    }
    drop(crowds);
    Ok(Row::new(rate, takes_ms, operator.swaps, &quiet, &swapping))
}

fn ended(load: &mut Process) -> Fallible<Measured> {
    Ok(serde_json::from_str(&load.line()?)?)
}

impl Row {
    fn new(rate: f64, takes_ms: u64, mut swaps: Vec<u64>, quiet: &[Measured], swapping: &[Measured]) -> Self {
        swaps.sort_unstable();
        let all = || quiet.iter().chain(swapping);
        Self {
            rate,
            takes_ms,
            swaps: swaps.len(),
            swap_p50_ms: quantile(&swaps, 0.5) / 1e6,
            swap_p99_ms: quantile(&swaps, 0.99) / 1e6,
            calls: all().map(|one| one.sample.calls).sum(),
            failed: all().map(|one| one.failed).sum(),
            failure: all().find_map(|one| one.failure.clone()),
            quiet: Took::of(quiet),
            swapping: Took::of(swapping),
        }
    }
}

impl Took {
    fn of(rounds: &[Measured]) -> Self {
        let middle = |of: fn(&Measured) -> f64| median(rounds.iter().map(of));
        Self {
            calls_per_second: middle(|one| one.sample.calls_per_second),
            p50_us: middle(|one| one.sample.p50_us),
            p99_us: middle(|one| one.sample.p99_us),
            p999_us: middle(|one| one.sample.p999_us),
        }
    }
}

impl Operator {
    fn at(host: &Host) -> Fallible<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let service = ProviderServiceClient::new(runtime.block_on(connect(&host.admin, None))?);
        Ok(Self { runtime, service, token: bearer(&host.operator_token)?, swaps: Vec::new(), next: 0 })
    }

    /// Whoever does not serve takes the place of the other. As `grid swap` does, without a program's start.
    fn swap(&mut self) -> Fallible<()> {
        let provider = PROVIDERS.get(self.next % PROVIDERS.len()).copied().unwrap_or_default();
        self.next += 1;
        let request =
            SwapProviderRequest { tool: TOOL.to_owned(), provider: provider.to_owned(), ..Default::default() };
        let begin = now();
        let asked = self.service.swap_provider(authorized(request, &self.token));
        let done = self.runtime.block_on(asked)?.into_inner();
        self.swaps.push(u64::try_from(begin.elapsed().as_nanos())?);
        if let Some(error) = done.error {
            return Err(format!("no swap: {} {}", error.r#type, error.message).into());
        }
        if done.outcome != "committed" || done.serving != provider {
            return Err(
                format!("a swap to {provider} was {}, by {}: {}", done.outcome, done.serving, done.reason).into()
            );
        }
        thread::sleep(PAUSE);
        Ok(())
    }
}
