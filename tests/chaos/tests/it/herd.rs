//! Runtimes as processes, and what is done to them.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::common::{Host, signal};

/// The same seed gives the same numbers (`SplitMix64`).
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }
}

/// How many serve at once.
const SIZE: usize = 4;

/// What is done to one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// SIGKILL, and another with its id.
    Kill,
    /// SIGSTOP.
    Stop,
    /// SIGCONT.
    Resume,
    /// Another takes its place before it is asked to go.
    Replace,
}

const DEEDS: [Deed; 6] = [Deed::Kill, Deed::Kill, Deed::Stop, Deed::Resume, Deed::Resume, Deed::Replace];

#[derive(Debug)]
struct One {
    id: String,
    process: Child,
    stopped: bool,
}

/// All of them. They are killed when this is dropped.
#[derive(Debug)]
pub struct Herd {
    endpoint: String,
    tokens: PathBuf,
    folder: PathBuf,
    members: Vec<One>,
    gone: Vec<Child>,
    born: usize,
    pub deeds: usize,
}

impl Herd {
    pub fn of(host: &Host) -> Self {
        let tokens = host.folder().join("tokens");
        fs::create_dir(&tokens).unwrap();
        for provider in ["worker", "other"] {
            fs::write(tokens.join(provider), host.runtime_token(provider)).unwrap();
        }
        let folder = host.folder().join("journals");
        fs::create_dir(&folder).unwrap();
        let (members, gone) = (Vec::new(), Vec::new());
        let mut herd = Self { endpoint: host.endpoint(), tokens, folder, members, gone, born: 0, deeds: 0 };
        herd.join("worker", SIZE);
        herd
    }

    /// So many more, of that provider.
    pub fn join(&mut self, provider: &str, count: usize) {
        for at in 0..count {
            let one = self.spawn(format!("{provider}/{at}"));
            self.members.push(one);
        }
    }

    /// Kills one and puts another with its id in its place.
    pub fn kill(&mut self, at: usize) {
        let one = &mut self.members[at];
        one.process.kill().unwrap();
        one.process.wait().unwrap();
        let id = one.id.clone();
        self.members[at] = self.spawn(id);
    }

    /// SIGSTOP.
    pub fn stop(&mut self, at: usize) {
        signal("STOP", self.members[at].process.id());
        self.members[at].stopped = true;
    }

    fn spawn(&mut self, id: String) -> One {
        self.born += 1;
        let at = |end: &str| self.folder.join(format!("{}.{end}", self.born));
        let mut command = Command::new(env!("CARGO_BIN_EXE_grid-chaos-runtime"));
        let token = self.tokens.join(id.split('/').next().unwrap());
        command.env_clear().arg(&self.endpoint).arg(token).arg(&id).arg(at("journal"));
        let errors = File::create(at("err")).unwrap();
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn().unwrap();
        One { id, process, stopped: false }
    }

    /// Does something to somebody.
    pub fn disturb(&mut self, dice: &mut Dice) {
        let (at, deed) = (dice.below(self.members.len()), DEEDS[dice.below(DEEDS.len())]);
        self.deeds += 1;
        match deed {
            Deed::Kill => self.kill(at),
            // One at least goes on, or nothing would be seen but waiting.
            Deed::Stop if self.members.iter().filter(|one| !one.stopped).count() > 1 => self.stop(at),
            Deed::Stop | Deed::Resume => self.resume(at),
            Deed::Replace => {
                let id = format!("worker/{}", SIZE + self.born);
                let mut next = self.spawn(id);
                std::mem::swap(&mut next, &mut self.members[at]);
                signal("CONT", next.process.id());
                signal("TERM", next.process.id());
                self.gone.push(next.process);
            }
        }
    }

    /// SIGCONT.
    pub fn resume(&mut self, at: usize) {
        signal("CONT", self.members[at].process.id());
        self.members[at].stopped = false;
    }

    /// All go on: what they still have in their sockets they run now.
    pub fn resume_all(&mut self) {
        (0..self.members.len()).for_each(|at| self.resume(at));
    }

    /// What all of them wrote down, as tool and text.
    pub fn journals(&self) -> Vec<(String, String)> {
        let journals = (1..=self.born).map(|one| fs::read_to_string(self.journal(one)).unwrap_or_default());
        let lines: Vec<String> =
            journals.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        let split = |line: String| {
            let (tool, text) = line.split_once(' ').unwrap();
            (tool.to_owned(), text.to_owned())
        };
        lines.into_iter().map(split).collect()
    }

    fn journal(&self, one: usize) -> PathBuf {
        Path::new(&self.folder).join(format!("{one}.journal"))
    }
}

impl Drop for Herd {
    fn drop(&mut self) {
        let members = self.members.iter_mut().map(|one| &mut one.process);
        for process in members.chain(&mut self.gone) {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
