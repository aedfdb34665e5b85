//! What a process promised of its files, against what it asked of the operating system: when it says that files are
//! durable, their bytes were synced, and their names with the directories that they are in. The process is this very
//! executable with one test of it, under strace.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const FOLDER: &str = "GRID_PROMISE_FOLDER";
const CALLS: &str = "write,pwrite64,?writev,?pwritev,fsync,fdatasync,?open,openat,?rename,renameat,?renameat2,?unlink,\
                     unlinkat,ftruncate,?mkdir,mkdirat,?link,linkat";
/// What is opened to say a promise. Nothing else is named so.
const PROMISED: &str = "promised";

/// The folder of a process that is watched; none where a test was started by itself.
pub fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Says that all whose path in `folder` begins with `what` is durable now.
pub fn promised(folder: &Path, what: &str) {
    // There is no such file; the asking is seen.
    let _ = fs::File::open(folder.join(PROMISED).join(what));
}

/// Runs the ignored test `name` in `folder` and holds it to its promises, of which there must be `least`.
pub fn assert_kept(name: &str, folder: &Path, least: usize) {
    let folder = folder.canonicalize().unwrap();
    let trace = tempfile::NamedTempFile::new().unwrap();
    let mut disk = Disk::new(&folder);
    let strace = Command::new("strace")
        .args(["-f", "-y", "-qq", "-e", "signal=none", "-e", &format!("trace={CALLS}"), "-s", "400", "-o"])
        .arg(trace.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", name, "--test-threads=1"])
        .env(FOLDER, &folder)
        .output();
    let output = strace.unwrap_or_else(|error| panic!("cannot start strace: {error}; install it"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let text = String::from_utf8_lossy(&fs::read(trace.path()).unwrap()).into_owned();
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        // Another thread's call was shown in between.
        if let Some(call) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, call);
        } else if let Some(rest) = call.strip_prefix("<... ") {
            let first = begun.remove(thread).unwrap_or_default();
            disk.call(&format!("{first}{}", rest.split_once("resumed>").unwrap().1));
        } else {
            disk.call(call);
        }
    }
    assert!(disk.promises >= least, "{} promises of {least} were made", disk.promises);
}

/// What a loss of power could take.
struct Disk {
    folder: PathBuf,
    there: BTreeSet<PathBuf>,
    /// Files with bytes, or a length, that no sync has covered.
    bytes: BTreeSet<PathBuf>,
    /// Names that no sync of their directory has covered.
    names: BTreeSet<PathBuf>,
    /// Durable names whose file got another one, which no sync has covered.
    moved: BTreeSet<PathBuf>,
    promises: usize,
}

impl Disk {
    fn new(folder: &Path) -> Self {
        let mut there = BTreeSet::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                folders.extend(path.is_dir().then(|| path.clone()));
                there.insert(path);
            }
        }
        let none = BTreeSet::new;
        Self { folder: folder.to_owned(), there, bytes: none(), names: none(), moved: none(), promises: 0 }
    }

    fn call(&mut self, call: &str) {
        let (name, _) = call.split_once('(').unwrap();
        let (arguments, result) = call.rsplit_once(" = ").unwrap();
        let quoted: Vec<PathBuf> = arguments.split('"').skip(1).step_by(2).map(PathBuf::from).collect();
        let open = arguments.split(['<', '>']).nth(1).map(PathBuf::from).unwrap_or_default();
        if let Some(what) = quoted.first().and_then(|path| path.strip_prefix(self.folder.join(PROMISED)).ok()) {
            return self.promise(&self.folder.join(what));
        }
        if result.starts_with('-') {
            return;
        }
        match (name, quoted.as_slice()) {
            ("open" | "openat", [path, ..]) if self.is_ours(path) => {
                if arguments.contains("O_CREAT") && !self.there.contains(path) {
                    self.make(path.clone());
                } else if arguments.contains("O_TRUNC") {
                    self.bytes.insert(path.clone());
                }
            }
            ("mkdir" | "mkdirat", [path, ..]) if self.is_ours(path) => self.make(path.clone()),
            ("rename" | "renameat" | "renameat2", [from, to]) if self.is_ours(from) => self.rename(from, to),
            ("link" | "linkat", [from, to]) if self.is_ours(from) => {
                assert!(!self.bytes.contains(from), "`{}` gets a name before its sync", from.display());
                self.make(to.clone());
            }
            ("unlink" | "unlinkat", [path]) if self.is_ours(path) => {
                for set in [&mut self.there, &mut self.bytes, &mut self.names] {
                    set.remove(path);
                }
            }
            ("fsync" | "fdatasync", _) if open.is_dir() => {
                let within = |path: &PathBuf| path.parent() == Some(&open);
                self.names.retain(|path| !within(path));
                self.moved.retain(|path| !within(path));
            }
            ("fsync" | "fdatasync", _) => drop(self.bytes.remove(&open)),
            ("write" | "pwrite64" | "writev" | "pwritev" | "ftruncate", _) if self.is_ours(&open) => {
                self.bytes.insert(open);
            }
            _ => {}
        }
    }

    fn is_ours(&self, path: &Path) -> bool {
        path.starts_with(&self.folder)
    }

    fn make(&mut self, path: PathBuf) {
        // Power could leave the new file and take the other name of the old one.
        let taken = self.moved.contains(&path);
        assert!(!taken, "`{}` is made before the name of what was there is durable", path.display());
        self.there.insert(path.clone());
        self.names.insert(path);
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        assert!(!self.bytes.contains(from), "`{}` is renamed before its sync", from.display());
        self.there.remove(from);
        if !self.names.remove(from) {
            self.moved.insert(from.to_owned());
        }
        self.make(to.to_owned());
    }

    fn promise(&mut self, what: &Path) {
        self.promises += 1;
        let begins = what.to_str().unwrap();
        let meant = |path: &&PathBuf| path.to_str().unwrap().starts_with(begins) || what.starts_with(path);
        let bytes = self.bytes.iter().find(meant);
        assert_eq!(bytes, None, "`{begins}` was promised, and these bytes were not synced");
        let name = self.names.iter().chain(&self.moved).find(meant);
        assert_eq!(name, None, "`{begins}` was promised, and this name was not synced");
    }
}
