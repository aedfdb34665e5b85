//! AUD-4: on a full disk nothing is admitted that could not be concluded. What is open still gets its conclusion,
//! refusals come at once, and work goes on by itself when there is room again.

use std::{
    fs,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::tools::{Ballast, Disk, End, Log, Probe, Random, Run, Said, alone, size};

/// 99 of 100 refusals take at most so long.
const REFUSAL: Duration = Duration::from_millis(50);
/// From the first request after there is room again.
const RESUMED: Duration = Duration::from_secs(5);
/// More than a log of these sizes ever takes, so that some levels leave it enough.
const MOST: u64 = 1 << 20;
/// At once.
const DISKS: usize = 3;

/// What became of all levels of a disk.
#[derive(Debug, Default)]
struct Sum {
    calls: u64,
    refusals: Vec<Duration>,
    resumed: Vec<Duration>,
    not_begun: usize,
}

#[test]
fn ext4_that_is_full_costs_no_call_its_conclusion() {
    let _alone = alone();
    all_levels(Disk::ext4, "ext4");
}

#[test]
fn tmpfs_that_is_full_costs_no_call_its_conclusion() {
    let _alone = alone();
    all_levels(Disk::tmpfs, "tmpfs");
}

/// The room that a process kept for conclusions is still there when the next one has to write them, whoever wants it.
#[test]
fn what_was_kept_for_conclusions_is_there_for_the_next_process() {
    let _alone = alone();
    let Some(disk) = Disk::tmpfs() else { return };
    // Large, so that there is time to take something from it.
    let segment = 1 << 20;
    let mut log = Log::at(&disk.path, "log").with_open_calls(40, segment);
    let ballast = Ballast::leaving(&disk, 0);
    let end = Run { segment, ..Run::of(&log.directory, &[]) }.finish().done();
    assert_eq!(end.opened().1, 40);
    assert_eq!(log.receipts.check_settled(&log.directory).unknown, 40);
    ballast.remove();
}

/// A log mostly waits until it asks a full disk again, so several disks are filled at once.
fn all_levels(disk: fn() -> Option<Disk>, name: &str) {
    let levels = size("GRID_FAULTS_LEVELS", 200);
    let randoms = Random::seeded(name).several(DISKS);
    let Some(disks) = (0..DISKS).map(|_| disk()).collect::<Option<Vec<Disk>>>() else { return };
    let is_done = AtomicBool::new(false);
    let (sums, lag) = thread::scope(|scope| {
        let lag = scope.spawn(|| lag_until(&is_done));
        let fill = |(first, (disk, random))| scope.spawn(move || some_levels(disk, random, first..levels));
        let filled: Vec<_> = (0..).zip(disks.iter().zip(randoms)).map(fill).collect();
        let sums = filled.into_iter().map(thread::ScopedJoinHandle::join).collect::<Result<_, _>>();
        is_done.store(true, Ordering::Relaxed);
        (sums.unwrap(), lag.join().unwrap())
    });
    are_as_promised(sums, lag, levels, name);
}

/// By how much this machine lets a thread wait beyond its time (p99): what is too late by that is not the log's fault.
#[expect(clippy::disallowed_methods, reason = "the machine is measured, which no clock of its own can show")]
fn lag_until(is_done: &AtomicBool) -> Duration {
    const NAP: Duration = Duration::from_millis(2);
    let mut late = Vec::new();
    while !is_done.load(Ordering::Relaxed) {
        let began = Instant::now();
        thread::sleep(NAP);
        late.push(began.elapsed().saturating_sub(NAP));
    }
    late.sort();
    late[late.len() * 99 / 100]
}

/// Every [`DISKS`]th level.
fn some_levels(disk: &Disk, mut random: Random, levels: Range<u64>) -> Sum {
    let mut sum = Sum::default();
    for level in levels.step_by(DISKS) {
        let free = random.below(MOST) * u64::from(level / 3 % 4 > 0);
        match level % 3 {
            0 => fills_while_it_works(disk, free, &mut random, &mut sum),
            1 => is_full_when_it_begins(disk, free, &mut random, &mut sum),
            _ => is_full_when_it_comes_back(disk, free, &mut random, &mut sum),
        }
    }
    sum
}

fn are_as_promised(sums: Vec<Sum>, lag: Duration, levels: u64, name: &str) {
    let mut sum = Sum::default();
    for part in sums {
        sum.calls += part.calls;
        sum.not_begun += part.not_begun;
        sum.refusals.extend(part.refusals);
        sum.resumed.extend(part.resumed);
    }
    sum.refusals.sort();
    sum.resumed.sort();
    let p99 = sum.refusals[sum.refusals.len() * 99 / 100];
    let (refusals, slowest) = (sum.refusals.len(), sum.refusals.last().unwrap());
    println!(
        "{name}: {levels} levels, {} calls, {refusals} refusals (p99 {p99:?}, longest {slowest:?}, the machine late by {lag:?}), resumed after at \
         most {:?}, {} logs not begun",
        sum.calls,
        sum.resumed.last().unwrap(),
        sum.not_begun
    );
    assert!(p99 <= REFUSAL + lag, "{p99:?}, and the machine was late by {lag:?}");
    assert!(*sum.resumed.last().unwrap() <= RESUMED, "{:?}", sum.resumed);
}

/// A log with calls open meets a disk that fills up.
fn fills_while_it_works(disk: &Disk, free: u64, random: &mut Random, sum: &mut Sum) {
    let log = Log::at(&disk.path, "log");
    let steps = ["wait".to_owned(), open(random), "wait".to_owned()];
    let mut probe = start(&log, &[&steps[..], &until_full(random), &afterwards()].concat());
    probe.until_waiting();
    probe.go();
    probe.until_waiting();
    let ballast = Ballast::leaving(disk, free);
    probe.go();
    is_full(log, probe, ballast, sum);
}

/// A log is begun on a disk that is nearly full: it begins and works as far as it can, or says that it cannot.
fn is_full_when_it_begins(disk: &Disk, free: u64, random: &mut Random, sum: &mut Sum) {
    let log = Log::at(&disk.path, "log");
    let ballast = Ballast::leaving(disk, free);
    let mut probe = start(&log, &[vec!["wait".to_owned()], until_full(random), afterwards()].concat());
    match probe.hear() {
        Some(Said::Opened { .. }) => {
            probe.until_waiting();
            probe.go();
            is_full(log, probe, ballast, sum);
        }
        None => {
            sum.not_begun += 1;
            not_begun(log, probe.end(), ballast);
        }
        other => panic!("the probe said {other:?}"),
    }
}

/// A process is killed with calls open, the disk is full, and the next process has to close them.
fn is_full_when_it_comes_back(disk: &Disk, free: u64, random: &mut Random, sum: &mut Sum) {
    let mut log = Log::at(&disk.path, "log");
    let mut probe = start(&log, &["calls:1:2:100".to_owned(), open(random), "wait".to_owned()]);
    probe.until_waiting();
    log.receipts.take(&probe.kill().killed().said);
    let ballast = Ballast::leaving(disk, free);
    let open = log.receipts.check(&log.directory).open;
    assert!(open > 0);
    let mut probe = start(&log, &[vec!["wait".to_owned()], until_full(random), afterwards()].concat());
    let said = probe.hear();
    assert!(
        matches!(said, Some(Said::Opened { closed, .. }) if closed as u64 == open),
        "{open} calls are not closed: {:?}",
        probe.end()
    );
    probe.until_waiting();
    log.receipts.take(probe.said());
    assert_eq!(log.receipts.check_settled(&log.directory).unknown, open);
    probe.go();
    is_full(log, probe, ballast, sum);
}

fn start(log: &Log, steps: &[String]) -> Probe {
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    Run::of(&log.directory, &steps).start()
}

/// Calls that stay open, fewer or more than there is room for.
fn open(random: &mut Random) -> String {
    format!("open:{}:{}", 1 + random.below(40), random.one_of(&[0, 500, 4000]))
}

/// Calls until they are refused, then the conclusions of those that are open, some of them long.
fn until_full(random: &mut Random) -> Vec<String> {
    let (workers, bytes) = (random.one_of(&[1, 4, 16]), random.one_of(&[0, 700, 3000, 12_000]));
    let end = random.one_of(&[0, 1000, 12_000]);
    vec![format!("refused:{workers}:5:{bytes}"), format!("end:{end}"), "wait".to_owned()]
}

fn afterwards() -> Vec<String> {
    ["taken", "calls:4:10:500"].map(str::to_owned).to_vec()
}

/// The probe finds the disk full, says so, and goes on when the ballast is gone.
fn is_full(mut log: Log, mut probe: Probe, ballast: Ballast, sum: &mut Sum) {
    probe.until_waiting();
    let so_far = probe.said().to_vec();
    let mut receipts = log.receipts.clone();
    receipts.take(&so_far);
    receipts.check_settled(&log.directory);
    for said in &so_far {
        if let Said::Refused { what, took, why } = said {
            assert_eq!(what, "admission", "a call was admitted and not concluded: {why}");
            assert!(why.contains("no room"), "{why}");
            sum.refusals.push(*took);
        }
    }
    ballast.remove();
    probe.go();
    let end = probe.end().done();
    let resumed = end.said.iter().find_map(|said| match said {
        Said::Taken { after } => Some(*after),
        _ => None,
    });
    sum.resumed.push(resumed.unwrap());
    log.receipts.take(&end.said);
    opens_again(log, sum);
}

/// It says why it cannot begin, and begins when there is room.
fn not_begun(log: Log, end: End, ballast: Ballast) {
    assert_eq!(end.code, Some(5), "{end:?}");
    assert!(end.errors.contains("No space left on device"), "{end:?}");
    assert!(end.errors.contains("free some space"), "it does not say what to do: {end:?}");
    ballast.remove();
    opens_again(log, &mut Sum::default());
}

fn opens_again(mut log: Log, sum: &mut Sum) {
    let end = Run::of(&log.directory, &["calls:1:1:0"]).finish().done();
    log.receipts.take(&end.said);
    sum.calls += log.receipts.check_closed(&log.directory).calls;
    fs::remove_dir_all(&log.directory).unwrap();
}
