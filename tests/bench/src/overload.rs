//! SV-3: what the host is worth when five times more is asked of it than it can do. Its capacity is measured first, with
//! as many calls in flight as serve it best; then calls come in an open loop, at 80% of that, at five times as much, and
//! at 80% again, because a host has to come back. Goals are said, not asserted.
//!
//! The host has the first core for itself and everything else the second, where `taskset` is there; otherwise those who
//! call take from the host what it is measured by, and five times is a contest of the two for the processor. What one
//! core cannot send is not sent: `sent` says how much of what was due was, and `late_p99_us` how late.

use std::{fs, path::PathBuf};

use serde::Serialize;

use crate::{
    Fallible,
    flood::Flood,
    goal::{self, Bound, Goal},
    host::{self, MANIFEST},
    process::Process,
    sample::{Sample, median},
};

const HOST_CORE: usize = 0;
const OTHER_CORE: usize = 1;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The `grid` program
    #[arg(long)]
    grid: PathBuf,
    /// Where overload.json goes, and the data of the run
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// How long each part takes
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// How often the whole is done
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Further lines of the host's configuration, to compare with
    #[arg(long, default_value = "")]
    settings: String,
    /// One short round, to see that it works
    #[arg(long)]
    quick: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Round {
    peak: f64,
    light: Flood,
    overload: Flood,
    after: Flood,
}

#[derive(Debug, Serialize)]
struct Summary {
    /// Host and callers had a core each.
    pinned: bool,
    rounds: Vec<Round>,
    goals: Vec<Goal>,
}

pub(crate) fn run(options: &Options) -> Fallible<()> {
    let (seconds, rounds) = if options.quick { (2.0, 1) } else { (options.seconds, options.rounds) };
    let folder = options.out.join("data").join("overload");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let host = host::start(&options.grid, &folder, true, MANIFEST, &options.settings)?;
    let token = host.runtime_token.to_string_lossy().into_owned();
    let mut runtime = Process::own("the runtime", ["runtime", "--address", &host.address, "--token", &token])?;
    // Attached, once it says so.
    runtime.line()?;
    let pinned = host.process.pin(HOST_CORE) && runtime.pin(OTHER_CORE);
    let mut done = Vec::new();
    for round in 1..=rounds {
        let peak = peak(&host, seconds.min(4.0))?;
        let at = |rate: f64| flood(&host, rate, seconds);
        let one = Round { peak, light: at(peak * 0.8)?, overload: at(peak * 5.0)?, after: at(peak * 0.8)? };
        eprintln!(
            "overload, round {round} of {rounds}: peak {peak:.0}/s; 80%: p99 {:.1} ms; 5 times: {:.0}/s sent, {:.0}/s good, \
             p99 {:.1} ms ({:.1} from when it was due), {:.0}/s refused, p99 {:.1} ms ({:.1})",
            one.light.accepted_p99_sent_us / 1e3,
            one.overload.sent,
            one.overload.goodput,
            one.overload.accepted_p99_sent_us / 1e3,
            one.overload.accepted_p99_us / 1e3,
            one.overload.refused,
            one.overload.refused_p99_sent_us / 1e3,
            one.overload.refused_p99_us / 1e3
        );
        done.push(one);
    }
    let summary = Summary { pinned, goals: goals(&done), rounds: done };
    let text = serde_json::to_string_pretty(&summary)? + "\n";
    let file = options.out.join("overload.json");
    fs::write(&file, &text)?;
    if options.json {
        print!("{text}");
    } else {
        print!("{}", goal::text(&summary.goals));
        println!("\nwritten to {}", file.display());
    }
    // First the runtime: one whose host goes away says so.
    drop(runtime);
    drop(host);
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Calls a second that the host does at its best.
fn peak(host: &host::Host, seconds: f64) -> Fallible<f64> {
    let mut best = 0.0_f64;
    for in_flight in ["16", "64", "256"] {
        let (seconds, pid) = (seconds.to_string(), host.process.id().to_string());
        let token = host.caller_token.to_string_lossy().into_owned();
        let mut load = Process::own(
            "the load",
            [
                "load",
                "--address",
                &host.address,
                "--token",
                &token,
                "--in-flight",
                in_flight,
                "--seconds",
                &seconds,
                "--warm-up",
                "0.5",
                "--pid",
                &pid,
                "--patient",
            ],
        )?;
        let _ = load.pin(OTHER_CORE);
        let sample: Sample = serde_json::from_str(&load.line()?)?;
        best = best.max(sample.calls_per_second);
    }
    Ok(best)
}

fn flood(host: &host::Host, rate: f64, seconds: f64) -> Fallible<Flood> {
    let (rate, seconds) = (rate.to_string(), seconds.to_string());
    let token = host.caller_token.to_string_lossy().into_owned();
    let mut flood = Process::own(
        "the flood",
        [
            "flood",
            "--address",
            &host.address,
            "--token",
            &token,
            "--rate",
            &rate,
            "--seconds",
            &seconds,
            "--warm-up",
            "1",
        ],
    )?;
    let _ = flood.pin(OTHER_CORE);
    Ok(serde_json::from_str(&flood.line()?)?)
}

fn goals(rounds: &[Round]) -> Vec<Goal> {
    let middle = |of: fn(&Round) -> f64| median(rounds.iter().map(of));
    let goal = |what, bound, goal, measured| Goal::new(what, None, bound, goal, measured, None);
    vec![
        goal("5x: goodput of peak", Bound::AtLeast, 0.9, middle(|round| round.overload.goodput / round.peak)),
        goal(
            "5x: sent of 5 times the peak",
            Bound::AtLeast,
            0.9,
            middle(|round| round.overload.sent / round.overload.offered),
        ),
        goal(
            "5x: accepted p99 of that at 80%, from sent",
            Bound::AtMost,
            2.0,
            middle(|round| round.overload.accepted_p99_sent_us / round.light.accepted_p99_sent_us),
        ),
        goal(
            "5x: accepted p99 of that at 80%, from due",
            Bound::AtMost,
            2.0,
            middle(|round| round.overload.accepted_p99_us / round.light.accepted_p99_us),
        ),
        goal(
            "5x: refused p99, ms, from sent",
            Bound::AtMost,
            10.0,
            middle(|round| round.overload.refused_p99_sent_us / 1e3),
        ),
        goal("5x: refused without a hint", Bound::AtMost, 0.0, middle(|round| round.overload.without_hint as f64)),
        goal("after: goodput of 80%", Bound::AtLeast, 0.99, middle(|round| round.after.goodput / round.after.offered)),
    ]
}
