//! A host at 60 of 100 of what it can do, and a fault every so often: what it holds must not grow (RL-6). In CI for a little
//! more than a minute, which shows what is left behind when everybody has gone; in `make soak-load` for SOAK_MINUTES, which
//! ends with the slopes.

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use grid_proto::v1::{DestroySession, call_tool_response::Outcome};
use grid_sdk::Admin;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::TaskTracker;

use crate::{
    chaos::seed,
    common::{Caller, Host, Setup, soon, until},
    gauge::{Sample, per_hour, percentile, plot},
    herd::{Dice, Herd},
    load::{callers, pour},
};

const SHORT: Duration = Duration::from_secs(60);
/// Between two faults.
const FAULTS: (Duration, Duration) = (Duration::from_secs(7), Duration::from_secs(30));
/// How long one lasts that ends by itself.
const LASTS: Duration = Duration::from_secs(4);
/// Of what the host does at its best.
const SHARE: f64 = 0.6;
/// What the host does at its best is tried so long, with so many calls in flight.
const PEAK: (Duration, usize) = (Duration::from_secs(4), 32);
/// Not more wait for an answer at once.
const WAITING: usize = 2000;

/// What is done, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A runtime is killed, and comes back.
    Kill,
    /// A runtime is stopped for a while.
    Stop,
    /// Somebody else keeps the log's disk busy for a while.
    Disk,
    /// Other policies.
    Policy,
    /// Every decision is void.
    Revoke,
    /// One provider in the place of another.
    Swap,
}

const ORDER: [Fault; 6] = [Fault::Kill, Fault::Stop, Fault::Disk, Fault::Policy, Fault::Revoke, Fault::Swap];

/// When a call was answered, and after how long; refusals do not count.
type Answers = Arc<Mutex<Vec<(Duration, f64)>>>;

struct Desk {
    host: Host,
    herd: Herd,
    admin: Admin,
    dice: Dice,
    faults: Vec<(Duration, &'static str)>,
}

impl Desk {
    async fn new() -> Self {
        let setup = Setup::strict().set("policy.dir=policies").set("runtime.heartbeat=1s");
        // Outcomes are kept for repeats; what is kept so is to be there before it is measured.
        let setup = setup.set("runtime.missed_heartbeats=2").set("audit.segment=16MiB");
        let mut host = setup.set("session.idempotency_window=20s").desk();
        fs::create_dir(host.folder().join("policies")).unwrap();
        write_policy(&host, 0);
        host.start().await;
        let mut herd = Herd::of(&host);
        herd.join("other", 2);
        host.serves("write").await;
        let admin = host.admin().await;
        let dice = Dice(seed());
        Self { host, herd, admin, dice, faults: Vec::new() }
    }

    async fn fault(&mut self, fault: Fault, begun: Instant) {
        let at = self.dice.below(4);
        let number = self.faults.len();
        match fault {
            Fault::Kill => self.herd.kill(at),
            Fault::Stop => {
                self.herd.stop(at);
                sleep(LASTS).await;
                self.herd.resume(at);
            }
            Fault::Disk => keep_busy(self.host.folder().to_owned()).await,
            Fault::Policy => {
                write_policy(&self.host, number);
                self.admin.reload_policies().await.unwrap();
            }
            Fault::Revoke => drop(self.admin.invalidate_authorizations("a fault").await.unwrap()),
            Fault::Swap => {
                let provider = ["other", "worker"][number / ORDER.len() % 2].to_owned();
                let swap =
                    grid_proto::v1::SwapProviderRequest { tool: "write".to_owned(), provider, ..Default::default() };
                // One that is taken back is an answer too.
                drop(self.admin.swap_provider(swap).await.unwrap());
            }
        }
        self.faults.push((
            begun.elapsed(),
            match fault {
                Fault::Kill => "killed",
                Fault::Stop => "stopped and resumed",
                Fault::Disk => "disk kept busy",
                Fault::Policy => "other policies",
                Fault::Revoke => "revoked",
                Fault::Swap => "swapped",
            },
        ));
    }
}

/// Everybody may everything, by a rule with another name each time.
fn write_policy(host: &Host, number: usize) {
    let text = format!("@id(\"everything-{number}\")\npermit (principal, action, resource);\n");
    fs::write(host.folder().join("policies/all.cedar"), text).unwrap();
}

/// Writes and syncs beside the log.
async fn keep_busy(folder: PathBuf) {
    let writing = thread::spawn(move || {
        let (path, begun) = (folder.join("noise"), Instant::now());
        while begun.elapsed() < LASTS {
            let mut file = fs::File::create(&path).unwrap();
            file.write_all(&[7; 1 << 20]).unwrap();
            file.sync_all().unwrap();
        }
        fs::remove_file(path).unwrap();
    });
    sleep(LASTS).await;
    until("the other writer ends", async || writing.is_finished().then_some(())).await;
    writing.join().unwrap();
}

async fn one(caller: Caller, number: u64, begun: Instant, answers: Answers) {
    let call_id = format!("s{number}");
    let tool = if number.is_multiple_of(2) { "write" } else { "echo" };
    let sent = Instant::now();
    let message = caller.message(&call_id, tool, &format!(r#"{{"text":"{call_id}"}}"#));
    // However long that takes: a machine that is too slow for the load is told by how much was not sent.
    let answer = caller.service().call_tool(caller.request(message)).await;
    if answer.is_ok_and(|answer| matches!(answer.into_inner().outcome, Some(Outcome::Result(_)))) {
        answers.lock().unwrap().push((begun.elapsed(), sent.elapsed().as_secs_f64() * 1e3));
    }
}

/// Calls a second that the host does at its best.
async fn peak(callers: &[Caller]) -> f64 {
    let (lasts, at_once) = PEAK;
    let (calls, answers, begun) = (TaskTracker::new(), Answers::default(), Instant::now());
    for task in 0..at_once {
        let (caller, answers) = (callers[task % callers.len()].clone(), Arc::clone(&answers));
        calls.spawn(async move {
            for at in 0.. {
                if begun.elapsed() >= lasts {
                    return;
                }
                let number = 1_000_000_000 + (task * 1_000_000 + at) as u64;
                one(caller.clone(), number, begun, Arc::clone(&answers)).await;
            }
        });
    }
    calls.close();
    calls.wait().await;
    answers.lock().unwrap().len() as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_under_load_and_faults_holds_no_more_in_the_end() {
    let minutes = env::var("SOAK_MINUTES").ok().map(|minutes| minutes.parse::<u64>().unwrap());
    let lasts = minutes.map_or(SHORT, |minutes| Duration::from_secs(60 * minutes));
    let every = if minutes.is_none() { FAULTS.0 } else { FAULTS.1 };
    let mut desk = Desk::new().await;
    let pid = desk.host.pid();
    let callers = callers(&desk.host).await;
    let best = peak(&callers).await;
    let rate = best * SHARE;
    let before = Sample::of(pid, Duration::ZERO);
    let (begun, answers, calls) = (Instant::now(), Answers::default(), TaskTracker::new());
    let end = begun + lasts;
    let load = calls.spawn({
        let (calls, answers, callers) = (calls.clone(), Arc::clone(&answers), callers.clone());
        async move {
            let one = |number: u64| {
                let caller = callers[usize::try_from(number).unwrap() % callers.len()].clone();
                one(caller, number, begun, Arc::clone(&answers))
            };
            pour(&calls, (Duration::from_secs_f64(1.0 / rate), WAITING), end, one).await
        }
    });
    let sampling = calls.spawn(async move {
        let mut samples = Vec::new();
        while begun.elapsed() < lasts {
            samples.push(Sample::of(pid, begun.elapsed()));
            sleep(Duration::from_secs(1)).await;
        }
        samples
    });
    for number in 1_u32.. {
        let due = begun + every * number;
        if due + LASTS >= end {
            break;
        }
        sleep_until(due).await;
        desk.fault(ORDER[(number as usize - 1) % ORDER.len()], begun).await;
    }
    let (poured, samples) = (load.await.unwrap(), sampling.await.unwrap());
    calls.close();
    calls.wait().await;
    let answers = answers.lock().unwrap().clone();
    println!(
        "{:.0} calls/s of {best:.0}: {} sent, {} not sent, {} answered; {} faults",
        rate,
        poured.sent,
        poured.held,
        answers.len(),
        desk.faults.len()
    );
    assert!(answers.len() > 100 && (minutes.is_some() || desk.faults.len() >= ORDER.len()), "nothing was tried");
    let mut verdict = minutes.map(|_| judge(&samples, &answers, &desk.faults, lasts));
    if let Some(faults) = verdict.as_mut().filter(|_| poured.held * 100 > poured.sent) {
        faults.insert(0, "the machine did not do the load that it did at first, so its slopes say little".to_owned());
    }
    let Desk { mut host, herd, .. } = desk;
    leave(&host, herd, callers, before).await;
    assert_eq!(host.stop().await, Some(0));
    if let Some(faults) = verdict {
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

/// Everybody goes, and the host holds no more than before anybody had called.
async fn leave(host: &Host, mut herd: Herd, callers: Vec<Caller>, before: Sample) {
    let first = &callers[0];
    let message = DestroySession { session_id: first.session.clone(), force: true, ..Default::default() };
    soon("the session ends", first.service().destroy_session(first.request(message))).await.unwrap();
    drop(callers);
    herd.resume_all();
    drop(herd);
    let admin = host.admin().await;
    until("no session and no runtime is left", async || {
        let (sessions, runtimes) = (admin.sessions().await.unwrap(), admin.runtimes().await.unwrap());
        (sessions.is_empty() && runtimes.is_empty()).then_some(())
    })
    .await;
    drop(admin);
    // Whatever had a connection then, and the runtimes: it may only be less.
    let held = async || {
        let now = Sample::of(host.pid(), Duration::ZERO);
        (now.descriptors < before.descriptors && now.threads <= before.threads).then_some(now)
    };
    let now = until("descriptors and threads are given back", held).await;
    println!(
        "descriptors {} before and {} after, threads {} and {}",
        before.descriptors, now.descriptors, before.threads, now.threads
    );
}

/// What a run of two hours is held to; a shorter one proves less, and is held to that.
struct Limits {
    rss_an_hour: f64,
    counts_an_hour: f64,
    /// Absent where too little was measured.
    drift: Option<f64>,
}

impl Limits {
    fn of(measured: Duration) -> Self {
        let hours = measured.as_secs_f64() / 3600.0;
        Self {
            // 1 MiB an hour, or 2 MiB in all where the time is too short to tell that from a buffer that was needed once.
            rss_an_hour: f64::max(1.0, 2.0 / hours),
            // None, which among those that come and go is: not one more by the end.
            counts_an_hour: 1.0 / hours,
            drift: (hours >= 0.15).then_some(if hours >= 1.0 { 0.1 } else { 0.5 }),
        }
    }
}

/// Writes down what was seen, prints its slopes, and gives what is over its limit.
fn judge(
    samples: &[Sample],
    answers: &[(Duration, f64)],
    faults: &[(Duration, &'static str)],
    lasts: Duration,
) -> Vec<String> {
    let warm = lasts / 4;
    let limits = Limits::of(lasts - warm);
    let of = |value: fn(&Sample) -> f64| samples.iter().map(|at| (at.at, value(at))).collect::<Vec<_>>();
    let p99 = by_minute(answers, lasts);
    let rows = [
        ("memory, MiB", of(|at| at.rss_mib)),
        ("descriptors", of(|at| at.descriptors)),
        ("threads", of(|at| at.threads)),
        ("p99 of answered calls by the minute, ms", p99.clone()),
    ];
    let file = out().join(format!("{}.svg", seed()));
    fs::write(&file, plot(&rows, faults)).unwrap();
    println!("drawn: {}", file.display());
    let mut over = Vec::new();
    let most = [limits.rss_an_hour, limits.counts_an_hour, limits.counts_an_hour];
    for ((name, points), most) in rows.iter().zip(most) {
        let points: Vec<_> = points.iter().filter(|(at, _)| *at >= warm).copied().collect();
        let slope = per_hour(&points);
        let (first, last) = (points[0].1, points[points.len() - 1].1);
        let told = format!("{name}: {first:.1} to {last:.1}, {slope:+.2} an hour, at most {most:.2}");
        println!("{told}");
        if slope > most {
            over.push(told);
        }
    }
    let half = warm + (lasts - warm) / 2;
    let middle = |from: Duration, to: Duration| {
        percentile(p99.iter().filter(|(at, _)| *at >= from && *at < to).map(|(_, value)| *value).collect(), 50)
    };
    if let (Some(first), Some(second)) = (middle(warm, half), middle(half, lasts)) {
        let drift = second / first - 1.0;
        let told = format!(
            "p99: {first:.1} ms, later {second:.1} ms, {:+.0} of 100, at most {:?}",
            drift * 100.0,
            limits.drift
        );
        println!("{told}");
        if limits.drift.is_some_and(|most| drift > most) {
            over.push(told);
        }
    }
    over
}

fn by_minute(answers: &[(Duration, f64)], lasts: Duration) -> Vec<(Duration, f64)> {
    let minute = Duration::from_secs(60);
    let of = |number: u64| {
        let from = minute * u32::try_from(number).unwrap();
        let within = answers.iter().filter(|(at, _)| *at >= from && *at < from + minute);
        Some((from, percentile(within.map(|(_, took)| *took).collect(), 99)?))
    };
    (0..lasts.as_secs().div_ceil(60)).filter_map(of).collect()
}

/// Beside the other soaks.
fn out() -> PathBuf {
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/soak-load");
    fs::create_dir_all(&out).unwrap();
    out
}
