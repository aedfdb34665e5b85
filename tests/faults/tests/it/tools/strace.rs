//! strace as a tool: which system calls a thread made on a log, and one of them killed or failed. It counts calls
//! by thread, so a thread alone is traced: the log's writer by its name, or the main thread from the start on.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{Run, skip};

/// Whatever can change a file or make a change durable. Names that a machine lacks are left out by the `?`.
pub const WRITES: &str = "write,pwrite64,?writev,?pwritev,?pwritev2,fsync,fdatasync,?sync_file_range,?syncfs,?open,\
                          openat,?openat2,?creat,?rename,renameat,?renameat2,?unlink,unlinkat,?truncate,ftruncate,\
                          fallocate,?mkdir,mkdirat,?link,linkat,flock";

/// One system call on a log.
#[derive(Debug, Clone)]
pub struct Call {
    pub name: String,
    /// Which call of that name it is in its thread, from 1.
    pub nth: usize,
    /// As strace shows it.
    pub line: String,
}

/// The calls in a trace that name something in `directory`.
pub fn calls(trace: &Path, directory: &Path) -> Vec<Call> {
    let text = fs::read_to_string(trace).unwrap();
    let directory = directory.to_str().unwrap();
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    let mut found = Vec::new();
    for line in text.lines() {
        // A number in front names the thread, where there are several.
        let (thread, line) = line.split_at(line.find(|c: char| !c.is_ascii_digit()).unwrap_or(0));
        let line = line.trim_start();
        let Some((name, _)) = line.split_once('(').filter(|(name, _)| is_name(name)) else { continue };
        let nth = counts.entry((thread, name)).or_default();
        *nth += 1;
        if line.contains(directory) {
            found.push(Call { name: name.to_owned(), nth: *nth, line: line.to_owned() });
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// strace around or beside a probe.
#[derive(Debug, Clone)]
pub struct Strace {
    pub trace: PathBuf,
    names: String,
    inject: Option<String>,
    /// Other threads too, on these paths alone.
    only: Option<PathBuf>,
    times: bool,
}

impl Strace {
    /// Whether processes may be traced here.
    pub fn is_allowed() -> bool {
        let output = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
        let why = match output {
            Ok(output) if output.status.success() => return true,
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            // That one is missing is no reason.
            Err(error) => panic!("cannot start strace: {error}; run tests/faults/setup.sh"),
        };
        skip("strace", &why);
        false
    }

    /// Writes to `trace` which of the calls `names` are made.
    pub fn new(trace: &Path, names: &str) -> Self {
        Self { trace: trace.to_owned(), names: names.to_owned(), inject: None, only: None, times: false }
    }

    /// Does `what` to the call, such as `error=EIO` or `signal=KILL`.
    #[must_use]
    pub fn inject(mut self, call: &Call, what: &str) -> Self {
        self.inject = Some(format!("inject={}:{what}:when={}", call.name, call.nth));
        self
    }

    /// Does `what` to every call of that name.
    #[must_use]
    pub fn inject_all(mut self, name: &str, what: &str) -> Self {
        self.inject = Some(format!("inject={name}:{what}"));
        self
    }

    /// All threads, and calls that meet this path alone.
    #[must_use]
    pub fn only(mut self, path: PathBuf) -> Self {
        self.only = Some(path);
        self
    }

    /// Each line begins with seconds since 1970. [`calls`] does not read such a trace.
    #[must_use]
    pub fn with_times(mut self) -> Self {
        self.times = true;
        self
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["-y".to_owned(), "-o".to_owned(), self.trace.display().to_string()];
        arguments.extend(["-e".to_owned(), format!("trace={}", self.names)]);
        arguments.extend(["-e".to_owned(), "signal=none".to_owned()]);
        if self.times {
            arguments.push("-ttt".to_owned());
        }
        if let Some(inject) = &self.inject {
            arguments.extend(["-e".to_owned(), inject.clone()]);
        }
        if let Some(path) = &self.only {
            arguments.extend(["-f".to_owned(), "-P".to_owned(), path.display().to_string()]);
        }
        arguments
    }

    /// Starts the probe out of strace: its main thread is traced from the first call on.
    pub fn around(&self, run: &Run) -> Run {
        let mut run = run.clone();
        run.under = vec!["strace".to_owned()];
        run.under.extend(self.arguments());
        run
    }

    /// Traces one thread that runs already. It ends with that thread.
    pub fn beside(&self, thread: u32) -> Beside {
        let mut command = Command::new("strace");
        command.args(self.arguments()).arg("-p").arg(thread.to_string());
        let strace = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut strace = strace.unwrap_or_else(|error| panic!("cannot start strace: {error}; see setup.sh"));
        let mut said = BufReader::new(strace.stderr.take().unwrap()).lines();
        let first = said.next().and_then(Result::ok).unwrap_or_default();
        assert!(first.ends_with("attached"), "strace cannot trace thread {thread}: {first}");
        // Whatever else it says must not block it.
        std::thread::spawn(move || said.for_each(drop));
        Beside { strace }
    }
}

/// strace beside a running process.
#[derive(Debug)]
pub struct Beside {
    strace: Child,
}

impl Beside {
    /// Waits until its thread has ended, so that the trace is complete.
    pub fn end(mut self) {
        let _ = self.strace.wait();
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// The thread of that name in a process. It gets its name a moment after it was started.
pub fn thread_named(name: &str, process: u32) -> u32 {
    for _ in 0..1000 {
        for task in fs::read_dir(format!("/proc/{process}/task")).unwrap() {
            let task = task.unwrap().path();
            if fs::read_to_string(task.join("comm")).unwrap_or_default().trim() == name {
                return task.file_name().unwrap().to_str().unwrap().parse().unwrap();
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("process {process} has no thread named `{name}`")
}
