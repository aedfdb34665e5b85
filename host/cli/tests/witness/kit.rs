//! The program with its folder, requests from outside, and a log whose owner would sign anything.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use grid_tlog::{Checkpoint, Frontier, Hash, Kind, Note, Signature, Signer, VerifyingKey};
use serde_json::Value;
use tempfile::TempDir;

pub const ORIGIN: &str = "example.org/log";

/// A witness's folder, with its key, its memory and the key of the log.
pub struct Home {
    pub folder: TempDir,
    pub key: VerifyingKey,
    pub log: Signer,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = Signer::generate(ORIGIN, Kind::Note).unwrap();
        std::fs::write(folder.path().join("log.vkey"), format!("{}\n", log.verifying_key())).unwrap();
        let made = grid(&folder, &[]).args(["witness", "init", "--name", "witness.example/w1"]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let key = String::from_utf8(made.stdout).unwrap().parse().unwrap();
        Self { folder, key, log }
    }

    /// The command that serves, under the program `under` if there is one.
    pub fn command(&self, under: &[&str]) -> Command {
        let mut command = grid(&self.folder, under);
        command.args(["--set", "log.format=json", "witness", "serve", "--listen", "127.0.0.1:0", "--log", "log.vkey"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
        command
    }

    pub fn start(&self, under: &[&str]) -> Process {
        Process::new(self.command(under).spawn().unwrap())
    }

    pub fn note(&self, edge: &Frontier) -> Note {
        Checkpoint { origin: ORIGIN.into(), size: edge.size(), root: edge.root() }.sign(&self.log)
    }

    /// Asks for a cosignature of the tree under `edge`, which has one entry more than `old` or as many.
    pub fn ask(&self, address: SocketAddr, old: &Frontier, edge: &Frontier) -> io::Result<Answer> {
        let note = self.note(edge);
        let body = format!("old {}\n{}\n{note}", old.size(), one_more(old, edge));
        let (status, body) = post(address, &body)?;
        Ok(match status {
            200 => {
                let line = Signature::parse(body.strip_suffix('\n').unwrap()).unwrap();
                let time = Note::from_parts(note.text().to_owned(), vec![line]).cosigned(&self.key).unwrap().time;
                Answer::Cosigned(time)
            }
            409 => Answer::Conflict(body.strip_suffix('\n').unwrap().parse().unwrap()),
            other => Answer::Refused(other),
        })
    }
}

fn grid(folder: &TempDir, under: &[&str]) -> Command {
    let mut words = under.iter().copied().chain([env!("CARGO_BIN_EXE_grid")]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).current_dir(folder.path());
    command
}

/// The proof that a tree with one entry more continues `old`: the new leaf, and the subtrees that are not joined to it
/// (RFC 6962 section 2.1.2). The new entry is the last subtree of the new edge, or was joined with the last of the old.
fn one_more(old: &Frontier, edge: &Frontier) -> String {
    if old.size() == 0 || old.size() == edge.size() {
        return String::new();
    }
    assert_eq!(old.size() + 1, edge.size());
    let mut tree = Subtrees(BTreeMap::new());
    let mut from = 0;
    for (level, hash) in (0..64).rev().filter(|level| old.size() >> level & 1 == 1).zip(old.subtrees()) {
        tree.0.insert((level, from >> level), *hash);
        from += 1 << level;
    }
    let leaf = LEAVES.with_borrow(|leaves| leaves[&edge.root()]);
    tree.0.insert((0, old.size()), leaf);
    let proof = grid_tlog::consistency(&tree, old.size(), edge.size()).unwrap();
    proof.iter().map(|hash| format!("{hash}\n")).collect()
}

struct Subtrees(BTreeMap<(u32, u64), Hash>);

impl grid_tlog::Nodes for Subtrees {
    type Error = std::convert::Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
        if let Some(hash) = self.0.get(&(level, index)) {
            return Ok(*hash);
        }
        Ok(Hash::node(&self.node(level - 1, index * 2)?, &self.node(level - 1, index * 2 + 1)?))
    }
}

thread_local! {
    /// The last leaf of each tree, by its root.
    static LEAVES: std::cell::RefCell<BTreeMap<Hash, Hash>> = std::cell::RefCell::default();
}

/// The same tree with one entry more.
pub fn grown(edge: &Frontier, entry: &str) -> Frontier {
    let (leaf, mut edge) = (Hash::leaf(entry.as_bytes()), edge.clone());
    edge.push(leaf);
    LEAVES.with_borrow_mut(|leaves| leaves.insert(edge.root(), leaf));
    edge
}

#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// With the time of the cosignature.
    Cosigned(u64),
    Conflict(u64),
    Refused(u16),
}

/// A witness that serves, or did.
pub struct Process {
    pub child: Child,
    pub address: SocketAddr,
    pub err: BufReader<std::process::ChildStderr>,
}

impl Process {
    fn new(mut child: Child) -> Self {
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(err.read_line(&mut line).unwrap() > 0, "it did not serve: {all}");
            all.push_str(&line);
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if event["message"] == "serving" {
                let address = event["address"].as_str().unwrap().parse().unwrap();
                return Self { child, address, err };
            }
        }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and waits.
    pub fn stop(mut self) -> (Option<i32>, String) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        let mut said = String::new();
        self.err.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What strace follows goes on when strace is killed, so the whole group is.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn post(address: SocketAddr, body: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let length = body.len();
    let head = "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\n";
    stream.write_all(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    if length.parse() != Ok(body.len()) {
        return Err(cut());
    }
    Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
}
