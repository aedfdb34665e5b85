//! Logs that can be forked, a witness on a port, and raw requests.

use std::{
    convert::Infallible,
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use grid_audit_witness::{Cosigner, Limits, create, load_key, serve};
use grid_core::clock::SystemClock;
use grid_tlog::{Checkpoint, Frontier, Hash, Kind, Nodes, Note, Signer, VerifyingKey, consistency};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub const ORIGIN: &str = "example.org/log";

/// A log whose entries are numbers under a seed; from `fork` on another seed makes another history.
pub struct Log {
    pub signer: Arc<Signer>,
    leaves: Vec<Hash>,
}

impl Log {
    pub fn new(size: u64) -> Self {
        let signer = Arc::new(Signer::generate(ORIGIN, Kind::Note).unwrap());
        Self { signer, leaves: (0..size).map(|at| Hash::leaf(format!("{at}").as_bytes())).collect() }
    }

    /// The same key and the same first `at` entries, then others.
    pub fn fork(&self, at: u64) -> Self {
        let mut leaves = self.leaves.clone();
        for (place, leaf) in leaves.iter_mut().enumerate().skip(usize::try_from(at).unwrap()) {
            *leaf = Hash::leaf(format!("other {place}").as_bytes());
        }
        Self { signer: Arc::clone(&self.signer), leaves }
    }

    pub fn key(&self) -> VerifyingKey {
        self.signer.verifying_key().clone()
    }

    pub fn checkpoint(&self, size: u64) -> Checkpoint {
        let mut edge = Frontier::new();
        self.leaves[..usize::try_from(size).unwrap()].iter().for_each(|leaf| edge.push(*leaf));
        Checkpoint { origin: self.signer.verifying_key().name().to_owned(), size, root: edge.root() }
    }

    pub fn note(&self, size: u64) -> Note {
        self.checkpoint(size).sign(&self.signer)
    }

    pub fn proof(&self, old: u64, new: u64) -> Vec<Hash> {
        consistency(self, old, new).unwrap()
    }

    /// A request that is in order.
    pub fn request(&self, old: u64, new: u64) -> String {
        body(old, &self.proof(old, new), &self.note(new).to_string())
    }
}

impl Nodes for Log {
    type Error = Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        let width = 1_u64 << level;
        let from = usize::try_from(index * width).unwrap();
        let mut edge = Frontier::new();
        self.leaves[from..from + usize::try_from(width).unwrap()].iter().for_each(|leaf| edge.push(*leaf));
        Ok(edge.root())
    }
}

pub fn body(old: u64, proof: &[Hash], note: &str) -> String {
    let mut body = format!("old {old}\n");
    proof.iter().for_each(|hash| writeln!(body, "{hash}").unwrap());
    format!("{body}\n{note}")
}

/// A witness's folder and key.
pub struct Home {
    folder: TempDir,
    pub key: VerifyingKey,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = create("witness.example/w1", &folder.path().join("key"), &folder.path().join("memory")).unwrap();
        Self { folder, key }
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    pub fn memory(&self) -> PathBuf {
        self.folder.path().join("memory")
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn open(&self, keys: &[VerifyingKey]) -> Cosigner {
        let signer = load_key(&self.key_file()).unwrap();
        Cosigner::open(signer, &self.memory(), keys.to_vec(), SystemClock::shared()).unwrap()
    }
}

/// A witness that listens.
pub struct Server {
    pub address: SocketAddr,
    pub cosigner: Arc<Cosigner>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(cosigner: Cosigner, limits: Limits) -> Self {
        Self::start_at(cosigner, limits, "127.0.0.1:0".parse().unwrap())
    }

    pub fn start_at(cosigner: Cosigner, limits: Limits, address: SocketAddr) -> Self {
        let (cosigner, stop) = (Arc::new(cosigner), CancellationToken::new());
        let (token, shared) = (stop.clone(), Arc::clone(&cosigner));
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind(address).await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let _ = serve(listener, shared, limits, token.cancelled()).await;
            });
        });
        Self { address: told.recv().unwrap(), cosigner, stop, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn post(&self, body: impl AsRef<[u8]>) -> Reply {
        post(self.address, body.as_ref())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// An answer as it came.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

pub fn post(address: SocketAddr, body: &[u8]) -> Reply {
    let length = body.len();
    let head =
        format!("POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    raw(address, &[head.as_bytes(), body].concat())
}

/// Sends bytes, and reads until the other end closes.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    reply(&String::from_utf8(text).unwrap())
}

pub fn reply(text: &str) -> Reply {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.replace("\r\n", "\n"), body: body.to_owned() }
}
