//! Small disks of their own, and what fills them. Mounting needs root.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tempfile::TempDir;

use super::skip;

const SIZE: u64 = 8 << 20;

/// A mounted disk of 8 MiB. It is gone when this is dropped.
#[derive(Debug)]
pub struct Disk {
    pub path: PathBuf,
    /// Between two attempts to take what is given back. ext4 writes its journal at each, which nobody else should
    /// have to wait for.
    pause: Duration,
    /// What it is made of; dropped behind it.
    below: Option<Box<Disk>>,
    _folder: TempDir,
}

impl Disk {
    /// ext4 without room that only root may use, in a file in memory: how long things take is not to depend on what
    /// else the machine's disk has to do.
    pub fn ext4() -> Option<Self> {
        let memory = Self::memory(2 * SIZE)?;
        let image = memory.path.join("image");
        File::create(&image).unwrap().set_len(SIZE).unwrap();
        let mut disk = Self::mounted(|at| {
            run("mkfs.ext4", &["-q", "-m", "0", path(&image)])?;
            run("mount", &["-o", "loop", path(&image), path(at)])
        })?;
        disk.below = Some(Box::new(memory));
        disk.pause = Duration::from_millis(2);
        Some(disk)
    }

    pub fn tmpfs() -> Option<Self> {
        Self::memory(SIZE)
    }

    fn memory(size: u64) -> Option<Self> {
        Self::mounted(|at| run("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", path(at)]))
    }

    /// `None` where nothing may be mounted here.
    fn mounted(mount: impl FnOnce(&Path) -> Result<(), String>) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("disk");
        fs::create_dir(&at).unwrap();
        match mount(&at) {
            Ok(()) => Some(Self { path: at, pause: Duration::from_micros(20), below: None, _folder: folder }),
            Err(why) => {
                skip("a disk of its own", &why);
                None
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A process that a failed test left behind must not keep it.
        let _ = run("umount", &["--lazy", path(&self.path)]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let ended = Command::new(program).args(arguments).output();
    let ended = ended.map_err(|error| format!("cannot run `{program}`: {error}"))?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ended.status.success().then_some(()).ok_or_else(|| format!("`{program} {}`: {}", arguments.join(" "), said.trim()))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Somebody else's file, which takes the room.
#[derive(Debug)]
pub struct Ballast {
    path: PathBuf,
    ends: Arc<AtomicBool>,
    greedy: Option<JoinHandle<()>>,
}

impl Ballast {
    /// Leaves about so many bytes. Where it leaves none, it also takes whatever is given back later.
    pub fn leaving(disk: &Disk, free: u64) -> Self {
        let path = disk.path.join("ballast");
        let mut file = File::create(&path).unwrap();
        let mut taken = fill(&mut file);
        let ends = Arc::new(AtomicBool::new(false));
        let mut greedy = None;
        if free > 0 {
            // Where there is less than that, all of it.
            taken = taken.saturating_sub(free);
            file.set_len(taken).unwrap();
            file.sync_all().unwrap();
        } else {
            let (ends, pause) = (Arc::clone(&ends), disk.pause);
            greedy = Some(thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    fill(&mut file);
                    thread::sleep(pause);
                }
            }));
        }
        Self { path, ends, greedy }
    }

    /// Gives the room back.
    pub fn remove(mut self) {
        self.stop();
        fs::remove_file(&self.path).unwrap();
    }

    fn stop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(greedy) = self.greedy.take() {
            greedy.join().unwrap();
        }
    }
}

impl Drop for Ballast {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes until there is no room, and gives the bytes that were taken.
fn fill(file: &mut File) -> u64 {
    let block = [0xba; 4096];
    let mut taken = 0;
    loop {
        match file.write(&block) {
            Ok(written) => taken += written as u64,
            Err(_) => return taken,
        }
    }
}
