//! What a log is doing when something happens to it, and which system calls that takes. A scenario is run once to
//! record its calls, then again for each of them with a fault at that call.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{
    Call, End, Receipts, Run, Said,
    strace::{Strace, WRITES, calls, thread_named},
};

/// Not while a test runs.
const NEVER: Duration = Duration::from_secs(3600);

/// A log and what is known of it.
#[derive(Debug, Default, Clone)]
pub struct Log {
    pub directory: PathBuf,
    pub receipts: Receipts,
}

/// Which threads of the probe meet the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// The thread that opens the log, from its first call on.
    Opener,
    /// The thread that writes it, once the log is open.
    Writer,
    /// Whoever makes the segment that comes next.
    Maker,
    /// The thread that makes tiles and checkpoint, once, when everything is written.
    Publisher,
}

/// One thing that a log does.
#[derive(Debug)]
pub struct Scenario {
    pub name: &'static str,
    who: Who,
    /// What is there before; nothing where the log is begun.
    before: Log,
    steps: Vec<&'static str>,
    /// Names of calls without which it would not be what it says.
    pub makes: &'static [&'static str],
}

impl Log {
    pub fn at(folder: &Path, name: &str) -> Self {
        Self { directory: folder.join(name), receipts: Receipts::default() }
    }

    /// The same log somewhere else.
    fn copy(&self, to: PathBuf) -> Self {
        if to.exists() {
            fs::remove_dir_all(&to).unwrap();
        }
        if self.directory.exists() {
            let status = Command::new("cp").arg("-a").args([&self.directory, &to]).status().unwrap();
            assert!(status.success());
        }
        Self { directory: to, receipts: self.receipts.clone() }
    }

    /// Runs the probe over it.
    fn with(self, steps: &[&str]) -> Self {
        let run = Run::of(&self.directory, steps);
        self.after(&run)
    }

    fn after(mut self, run: &Run) -> Self {
        self.receipts.take(&run.finish().done().said);
        self
    }

    /// A log whose process was killed with so many calls open, and so little left of its segment that closing them
    /// begins the next one.
    pub fn with_open_calls(mut self, count: u64, segment: u64) -> Self {
        let run = |steps: &[&str]| Run { segment, ..Run::of(&self.directory, steps) };
        let open = run(&[&format!("open:{count}:0"), "wait"]);
        // Admissions and conclusions are between 400 and 600 bytes long; the first fit, with the others they do not.
        let full = segment - 700 * count;
        let small = run(&["calls:1:1:0"]);
        // Most of it by one process, since each leaves tiles of its own behind.
        let large = run(&[&format!("calls:1:{}:9000", full.saturating_sub(30_000) / 20_000)]);
        self = self.after(&large);
        while self.end() < full {
            self = self.after(&small);
        }
        let mut probe = open.start();
        probe.until_waiting();
        self.receipts.take(&probe.kill().killed().said);
        self
    }

    /// More than a tile of records that nobody has published, and several segments that can go then.
    fn unpublished(mut self) -> Self {
        let mut run = Run::of(&self.directory, &["calls:1:140:300", "wait"]);
        run.publish = NEVER;
        let mut probe = run.start();
        probe.until_waiting();
        self.receipts.take(&probe.kill().killed().said);
        self
    }

    /// The last frame was only begun.
    fn torn(self) -> Self {
        let last = self.segments().pop().unwrap();
        let file = fs::OpenOptions::new().write(true).open(&last).unwrap();
        file.write_all_at(&[0x55; 1000], self.end().next_multiple_of(8)).unwrap();
        self
    }

    /// Behind the last byte in its last segment that is not zero.
    pub fn end(&self) -> u64 {
        let Some(last) = self.segments().pop() else {
            return 0;
        };
        let bytes = fs::read(last).unwrap();
        bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1)
    }

    /// Its segments, oldest first.
    fn segments(&self) -> Vec<PathBuf> {
        let names = fs::read_dir(self.directory.join("wal")).into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut segments: Vec<PathBuf> = names.filter(|path| path.extension().is_some()).collect();
        segments.sort();
        segments
    }
}

/// Everything that a log does.
pub fn scenarios(folder: &Path) -> Vec<Scenario> {
    let writer: &[&str] = &["pwrite64", "fdatasync", "rename", "openat", "fsync"];
    vec![
        Scenario {
            name: "begin",
            who: Who::Opener,
            before: Log::at(folder, "nothing"),
            steps: vec!["calls:1:1:0"],
            makes: &["mkdir", "openat", "pwrite64", "fdatasync", "fsync", "rename"],
        },
        Scenario {
            name: "recovery",
            who: Who::Opener,
            before: Log::at(folder, "killed").with_open_calls(12, 64 << 10).torn(),
            steps: vec!["calls:1:1:0"],
            makes: writer,
        },
        Scenario {
            name: "commit and roll",
            who: Who::Writer,
            before: Log::at(folder, "nothing"),
            steps: vec!["wait", "calls:1:12:9000"],
            makes: writer,
        },
        Scenario {
            name: "next segment",
            who: Who::Maker,
            before: Log::at(folder, "short").with(&["calls:1:1:0"]),
            // Room is asked for until the segment is there, so that its maker is heard.
            steps: vec!["calls:1:4:9000"],
            makes: &["openat", "pwrite64", "fsync"],
        },
        Scenario {
            name: "publish",
            who: Who::Publisher,
            before: Log::at(folder, "published").with(&["calls:1:20:0"]).unpublished(),
            steps: vec!["wait", "calls:1:1:0"],
            makes: &["openat", "pwrite64", "rename", "unlink", "fdatasync", "fsync"],
        },
    ]
}

impl Scenario {
    /// Whether a call only makes what will be needed later. Header and name are given when it is needed.
    pub fn is_for_later(&self, call: &Call) -> bool {
        self.is_derived() || self.who == Who::Maker && !matches!(&*call.name, "fdatasync" | "rename")
    }

    /// Whether everything that it makes can be made again.
    pub fn is_derived(&self) -> bool {
        self.who == Who::Publisher
    }

    /// Runs it over a copy of what was there before, with `fault` at a call, and gives the calls that were made.
    pub fn run(&self, folder: &Path, fault: Option<(&Call, &str)>) -> (Log, End, Vec<Call>) {
        let mut log = self.before.copy(folder.join("log"));
        let trace = folder.join("trace");
        let mut strace = Strace::new(&trace, WRITES);
        if let Some((call, what)) = fault {
            strace = strace.inject(call, what);
        }
        let mut run = Run::of(&log.directory, &self.steps);
        if self.who == Who::Publisher {
            // The one look that it has is the one at the end.
            run.publish = NEVER;
        }
        let end = match self.who {
            Who::Opener => strace.around(&run).finish(),
            Who::Maker => strace.only(log.directory.join("wal/spare")).around(&run).finish(),
            Who::Writer | Who::Publisher => {
                let mut probe = run.start();
                probe.until_waiting();
                let name = if self.who == Who::Writer { "audit" } else { "audit-publish" };
                let beside = strace.beside(thread_named(name, probe.pid()));
                probe.go();
                let end = probe.end();
                beside.end();
                end
            }
        };
        log.receipts.take(&end.said);
        let calls = calls(&trace, &log.directory);
        (log, end, calls)
    }

    /// The calls that it makes where nothing happens to it.
    pub fn calls(&self, folder: &Path) -> Vec<Call> {
        let (mut log, end, calls) = self.run(folder, None);
        end.done();
        log.receipts.check_closed(&log.directory);
        for name in self.makes {
            assert!(calls.iter().any(|call| call.name == *name), "{} makes no `{name}`: {calls:#?}", self.name);
        }
        calls
    }
}

/// What was acknowledged while it ran.
pub fn acknowledged(end: &End) -> impl Iterator<Item = u64> + '_ {
    end.said.iter().filter_map(|said| match said {
        Said::Acknowledged { index, .. } => Some(*index),
        _ => None,
    })
}
