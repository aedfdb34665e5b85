//! The probe as a process: started, heard, told to go on, killed.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

/// What has not happened by then does not happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A line of the probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Opened { records: u64, closed: usize, took: Duration },
    Acknowledged { kind: String, index: u64, invocation: String, size: u64, root: String },
    Refused { what: String, took: Duration, why: String },
    Waiting,
    Taken { after: Duration },
    Failed { records: u64, why: String },
    Closed { records: u64 },
}

impl Said {
    /// A line that is not whole was cut by a kill; it says nothing.
    fn parse(line: &str) -> Option<Self> {
        let line = line.strip_suffix(" .")?;
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("the probe said `{line}`"));
        Some(match words[..] {
            ["opened", records, _cut, rest] => {
                let (closed, took) = rest.split_once(' ').unwrap();
                let took = Duration::from_millis(number(took));
                Self::Opened { records: number(records), closed: number(closed) as usize, took }
            }
            [kind @ ("admitted" | "concluded" | "recorded"), index, invocation, tree] => {
                let (size, root) = tree.split_once(' ').unwrap();
                let (kind, invocation, root) = (kind.into(), invocation.into(), root.into());
                Self::Acknowledged { kind, index: number(index), invocation, size: number(size), root }
            }
            ["refused", what, took, why] => {
                Self::Refused { what: what.into(), took: Duration::from_micros(number(took)), why: why.into() }
            }
            ["waiting"] => Self::Waiting,
            ["taken", after] => Self::Taken { after: Duration::from_millis(number(after)) },
            ["failed", records, ..] => Self::Failed { records: number(records), why: words[2..].join(" ") },
            ["closed", records] => Self::Closed { records: number(records) },
            _ => panic!("the probe said `{line}`"),
        })
    }
}

/// How a probe is started.
#[derive(Debug, Clone)]
pub struct Run {
    pub directory: PathBuf,
    pub segment: u64,
    /// Between two looks of the publisher.
    pub publish: Duration,
    /// What is put before the command; strace, or nothing.
    pub under: Vec<String>,
    pub steps: Vec<String>,
}

impl Run {
    pub fn of(directory: &Path, steps: &[&str]) -> Self {
        let steps = steps.iter().map(|&step| step.to_owned()).collect();
        let publish = Duration::from_millis(20);
        Self { directory: directory.to_owned(), segment: 64 << 10, publish, under: Vec::new(), steps }
    }

    pub fn start(&self) -> Probe {
        let probe = env!("CARGO_BIN_EXE_grid-ledger-probe").to_owned();
        let mut words = self.under.clone();
        words.push(probe);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("--dir").arg(&self.directory).arg("--segment").arg(self.segment.to_string());
        command.arg("--publish").arg(self.publish.as_millis().to_string());
        command.args(&self.steps).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Probe::new(command.spawn().unwrap_or_else(|error| panic!("cannot start `{}`: {error}", words[0])))
    }

    /// Starts it and waits for its end.
    pub fn finish(&self) -> End {
        self.start().end()
    }
}

/// A running probe. It is killed when it is dropped.
#[derive(Debug)]
pub struct Probe {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    said: Vec<Said>,
    began: Instant,
}

/// How a probe ended, and everything it said.
#[derive(Debug)]
pub struct End {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub said: Vec<Said>,
    pub errors: String,
    /// From its start.
    pub took: Duration,
}

impl Probe {
    fn new(mut child: Child) -> Self {
        let (send, lines) = sync_channel(1 << 12);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let stdin = child.stdin.take();
        Self { child, stdin, lines, said: Vec::new(), began: now() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line; nothing at the end.
    pub fn hear(&mut self) -> Option<Said> {
        self.hear_for(PATIENCE).unwrap_or_else(|()| panic!("the probe says nothing more: {:?}", self.said))
    }

    fn hear_for(&mut self, patience: Duration) -> Result<Option<Said>, ()> {
        loop {
            match self.lines.recv_timeout(patience) {
                Ok(line) => {
                    if let Some(said) = Said::parse(&line) {
                        self.said.push(said.clone());
                        return Ok(Some(said));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => return Err(()),
            }
        }
    }

    /// Hears what there is to hear, without waiting.
    pub fn catch_up(&mut self) {
        while matches!(self.hear_for(Duration::ZERO), Ok(Some(_))) {}
    }

    /// Hears until it waits for [`Probe::go`].
    pub fn until_waiting(&mut self) {
        loop {
            match self.hear() {
                Some(Said::Waiting) => return,
                Some(_) => {}
                None => {
                    let errors = self.errors();
                    panic!("the probe ended: {:?} {errors}", self.said)
                }
            }
        }
    }

    pub fn go(&mut self) {
        self.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    pub fn said(&self) -> &[Said] {
        &self.said
    }

    /// SIGKILL, and what it had said by then.
    pub fn kill(mut self) -> End {
        self.child.kill().unwrap();
        self.end()
    }

    /// Hears until it ends.
    pub fn end(self) -> End {
        self.end_within(PATIENCE)
    }

    /// The same, and it has to end by itself in so much time.
    pub fn end_within(mut self, time: Duration) -> End {
        let until = now() + time;
        loop {
            match self.hear_for(until.saturating_duration_since(now())) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(()) => panic!("the probe has not ended after {time:?}: {:?}", self.said.last()),
            }
        }
        let status = self.child.wait().unwrap();
        let errors = self.errors();
        let said = std::mem::take(&mut self.said);
        End { code: status.code(), signal: status.signal(), said, errors, took: self.began.elapsed() }
    }

    fn errors(&mut self) -> String {
        let mut errors = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut errors).unwrap();
        }
        errors
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl End {
    /// It opened the log, did its steps and closed it.
    pub fn done(self) -> Self {
        let closed = matches!(self.said.last(), Some(Said::Closed { .. }));
        assert!(self.code == Some(0) && closed, "the probe did not end in order: {self:?}");
        self
    }

    pub fn killed(self) -> Self {
        assert_eq!(self.signal, Some(9), "the probe was not killed: {self:?}");
        self
    }

    /// What opening took and how many calls it closed.
    pub fn opened(&self) -> (Duration, usize) {
        let opened = self.said.iter().find_map(|said| match said {
            Said::Opened { took, closed, .. } => Some((*took, *closed)),
            _ => None,
        });
        opened.unwrap_or_else(|| panic!("the log was not opened: {self:?}"))
    }

    /// How many records were durable when the log failed.
    pub fn failed(&self) -> Option<(u64, &str)> {
        self.said.iter().find_map(|said| match said {
            Said::Failed { records, why } => Some((*records, why.as_str())),
            _ => None,
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits for processes, which no clock of its own can move")]
fn now() -> Instant {
    Instant::now()
}
