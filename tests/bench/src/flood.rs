//! Calls that come when they come, whether the host keeps up or not: an open loop, as many connections as users would
//! have. A call's latency counts from when it was due. Prints one line of JSON.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{task::JoinSet, time::sleep_until};

use crate::{
    Fallible,
    clock::now,
    load::{Caller, Tried},
    sample::quantile,
};

/// Calls that wait here at most; what is due beyond is counted as given up, as a user would.
const OUTSTANDING: usize = 20_000;
const TICK: Duration = Duration::from_millis(2);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the host is, such as `127.0.0.1:9090`
    #[arg(long)]
    address: String,
    /// The file that holds the token
    #[arg(long)]
    token: PathBuf,
    /// Calls a second
    #[arg(long)]
    rate: f64,
    /// How long it is measured
    #[arg(long)]
    seconds: f64,
    /// How long it runs before that
    #[arg(long)]
    warm_up: f64,
    /// Connections over which the calls are spread
    #[arg(long, default_value_t = 8)]
    connections: usize,
}

/// What became of the calls that were due in the time.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Flood {
    /// Calls a second that were due.
    pub(crate) offered: f64,
    /// Calls a second that were answered by the tool.
    pub(crate) goodput: f64,
    /// The latency of one in a hundred of these, in microseconds.
    pub(crate) accepted_p99_us: f64,
    /// Calls a second that were refused.
    pub(crate) refused: f64,
    /// The latency of one in a hundred of these, in microseconds.
    pub(crate) refused_p99_us: f64,
    /// Refusals that did not say when to come again.
    pub(crate) without_hint: u64,
    /// Calls that broke.
    pub(crate) broken: u64,
    /// Calls that were not sent, because too many were waiting.
    pub(crate) given_up: u64,
}

pub(crate) async fn flood(options: Options) -> Fallible<()> {
    let mut callers = Vec::new();
    for _ in 0..options.connections.max(1) {
        callers.push(Caller::at(&options.address, Some(&options.token), None).await?);
    }
    let (begin, mut tasks) = (now() + Duration::from_secs_f64(options.warm_up), JoinSet::new());
    let (start, end) = (now(), begin + Duration::from_secs_f64(options.seconds));
    let (mut sent, mut ended, mut given_up) = (0_u64, Vec::new(), 0);
    let mut tick = start;
    while tick < end {
        tick += TICK;
        sleep_until(tick.into()).await;
        let due = (tick - start).as_secs_f64() * options.rate;
        while (sent as f64) < due {
            sent += 1;
            let at = start + Duration::from_secs_f64(sent as f64 / options.rate);
            if tasks.len() >= OUTSTANDING {
                given_up += u64::from(at >= begin);
                continue;
            }
            let caller = callers.get(sent as usize % callers.len()).ok_or("no connection")?.clone();
            let number = sent;
            tasks.spawn(async move { (at, caller.tried(number).await, now()) });
        }
        while let Some(one) = tasks.try_join_next() {
            ended.push(one?);
        }
    }
    while let Some(one) = tasks.join_next().await {
        ended.push(one?);
    }
    let counted = |(at, _, _): &&(Instant, Tried, Instant)| *at >= begin && *at < end;
    let flood = Flood { given_up, ..tally(ended.iter().filter(counted), options.seconds, options.rate) };
    println!("{}", serde_json::to_string(&flood)?);
    Ok(())
}

fn tally<'a>(ended: impl Iterator<Item = &'a (Instant, Tried, Instant)>, seconds: f64, rate: f64) -> Flood {
    let mut flood = Flood { offered: rate, ..Flood::default() };
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for (at, tried, over) in ended {
        let took = u64::try_from((*over - *at).as_nanos()).unwrap_or(u64::MAX);
        match tried {
            Tried::Good => good.push(took),
            Tried::Refused { hint } => {
                refused.push(took);
                flood.without_hint += u64::from(!hint);
            }
            Tried::Broken => flood.broken += 1,
        }
    }
    good.sort_unstable();
    refused.sort_unstable();
    flood.goodput = good.len() as f64 / seconds;
    flood.refused = refused.len() as f64 / seconds;
    flood.accepted_p99_us = quantile(&good, 0.99) / 1e3;
    flood.refused_p99_us = quantile(&refused, 0.99) / 1e3;
    flood
}
