//! Calls that come when they come, whether the host keeps up or not: an open loop over many connections, each of which
//! has a bounded number of calls open, as clients have. A call that is due where all are taken is given up, as a user
//! would. Latency counts from when a call was due, and also from when it was handed to its connection: the first has in
//! it what this program itself was late. Prints one line of JSON.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, task::JoinSet, time::sleep_until};

use crate::{
    Fallible,
    clock::now,
    load::{Caller, Tried},
    sample::quantile,
};

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
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Calls that each of them has open at most
    #[arg(long, default_value_t = 32)]
    streams: usize,
}

/// What became of the calls that were due in the time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Flood {
    /// Calls a second that were due.
    pub(crate) offered: f64,
    /// Calls a second of these that were sent.
    pub(crate) sent: f64,
    /// Calls a second that were answered by the tool.
    pub(crate) goodput: f64,
    /// The latency of one in a hundred of these, in microseconds.
    pub(crate) accepted_p99_us: f64,
    /// The same from when they were sent.
    pub(crate) accepted_p99_sent_us: f64,
    /// Calls a second that were refused.
    pub(crate) refused: f64,
    /// The latency of one in a hundred of these, in microseconds.
    pub(crate) refused_p99_us: f64,
    /// The same from when they were sent.
    pub(crate) refused_p99_sent_us: f64,
    /// Refusals that did not say when to come again, though the same call can be good later.
    pub(crate) without_hint: u64,
    /// Calls that broke.
    pub(crate) broken: u64,
    /// Refusals without a hint, and what broke, by what was said of them.
    pub(crate) said: BTreeMap<String, u64>,
    /// Calls that were not sent, because every connection had all the calls open that it may have.
    pub(crate) given_up: u64,
    /// How late one in a hundred of the calls was sent, in microseconds: this program's own part.
    pub(crate) late_p99_us: f64,
}

/// One call.
struct Ended {
    due: Instant,
    sent: Instant,
    over: Instant,
    tried: Tried,
}

pub(crate) async fn flood(options: Options) -> Fallible<()> {
    let mut callers = Vec::new();
    for _ in 0..options.connections.max(1) {
        callers.push(Caller::at(&options.address, Some(&options.token), None).await?);
    }
    let (begin, mut tasks) = (now() + Duration::from_secs_f64(options.warm_up), JoinSet::new());
    let (start, end) = (now(), begin + Duration::from_secs_f64(options.seconds));
    let room = Arc::new(Semaphore::new(options.connections.max(1) * options.streams.max(1)));
    let (mut number, mut ended, mut given_up) = (0_u64, Vec::new(), 0);
    let mut tick = start;
    while tick < end {
        tick += TICK;
        sleep_until(tick.into()).await;
        let until = (tick - start).as_secs_f64() * options.rate;
        while (number as f64) < until {
            number += 1;
            let due = start + Duration::from_secs_f64(number as f64 / options.rate);
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                given_up += u64::from(due >= begin);
                continue;
            };
            let caller = callers.get(number as usize % callers.len()).ok_or("no connection")?.clone();
            tasks.spawn(async move {
                let sent = now();
                let tried = caller.tried(number).await;
                drop(place);
                Ended { due, sent, over: now(), tried }
            });
        }
        while let Some(one) = tasks.try_join_next() {
            ended.push(one?);
        }
    }
    while let Some(one) = tasks.join_next().await {
        ended.push(one?);
    }
    ended.retain(|one| one.due >= begin && one.due < end);
    let flood = Flood { given_up, ..tally(&ended, options.seconds, options.rate) };
    println!("{}", serde_json::to_string(&flood)?);
    Ok(())
}

fn tally(ended: &[Ended], seconds: f64, rate: f64) -> Flood {
    let mut flood = Flood { offered: rate, sent: ended.len() as f64 / seconds, ..Flood::default() };
    let (mut good, mut refused) = (Vec::new(), Vec::new());
    for one in ended {
        let took = (one.over - one.due, one.over - one.sent);
        match &one.tried {
            Tried::Good => good.push(took),
            Tried::Refused { without } => {
                refused.push(took);
                if let Some(said) = without {
                    flood.without_hint += 1;
                    *flood.said.entry(said.clone()).or_default() += 1;
                }
            }
            Tried::Broken { said } => {
                flood.broken += 1;
                *flood.said.entry(said.clone()).or_default() += 1;
            }
        }
    }
    flood.goodput = good.len() as f64 / seconds;
    flood.refused = refused.len() as f64 / seconds;
    flood.accepted_p99_us = p99(good.iter().map(|took| took.0));
    flood.accepted_p99_sent_us = p99(good.iter().map(|took| took.1));
    flood.refused_p99_us = p99(refused.iter().map(|took| took.0));
    flood.refused_p99_sent_us = p99(refused.iter().map(|took| took.1));
    flood.late_p99_us = p99(ended.iter().map(|one| one.sent - one.due));
    flood
}

/// In microseconds.
fn p99(took: impl Iterator<Item = Duration>) -> f64 {
    let mut nanos: Vec<u64> = took.map(|took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)).collect();
    nanos.sort_unstable();
    quantile(&nanos, 0.99) / 1e3
}
