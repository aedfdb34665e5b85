//! Processor time of another process, from `/proc`: by thread in nanoseconds where the kernel keeps that, else
//! `utime + stime` in ticks of 10 ms.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
};

use crate::Fallible;

/// What a process had used at one moment.
#[derive(Debug)]
pub enum Used {
    /// Name and nanoseconds of each thread.
    Threads(HashMap<String, (String, u64)>),
    /// Ticks of the whole process.
    Ticks(u64),
}

impl Used {
    /// Of the process `pid`, now.
    ///
    /// # Errors
    /// There is no such process.
    pub fn by(pid: u32) -> Fallible<Self> {
        match threads(pid) {
            Some(threads) => Ok(Self::Threads(threads)),
            None => ticks(pid).map(Self::Ticks),
        }
    }

    /// Of the process `pid`, now, threads that have ended too: in ticks.
    ///
    /// # Errors
    /// There is no such process.
    pub fn whole(pid: u32) -> Fallible<Self> {
        ticks(pid).map(Self::Ticks)
    }

    /// Seconds used since `before`.
    pub fn seconds_since(&self, before: &Self) -> f64 {
        match (self, before) {
            (Self::Ticks(after), Self::Ticks(before)) => after.saturating_sub(*before) as f64 / 100.0,
            _ => self.seconds_by_thread(before).values().sum(),
        }
    }

    /// The same by the threads' names; nothing where the kernel does not keep that. A thread that has ended since
    /// is left out.
    pub fn seconds_by_thread(&self, before: &Self) -> BTreeMap<String, f64> {
        let mut spent = BTreeMap::new();
        if let (Self::Threads(after), Self::Threads(before)) = (self, before) {
            for (id, (name, nanos)) in after {
                let nanos = nanos.saturating_sub(before.get(id).map_or(0, |(_, nanos)| *nanos));
                *spent.entry(name.clone()).or_default() += nanos as f64 / 1e9;
            }
        }
        spent
    }
}

fn threads(pid: u32) -> Option<HashMap<String, (String, u64)>> {
    let mut all = HashMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let task = task.ok()?;
        // A thread that ends meanwhile has no file any more.
        let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else {
            continue;
        };
        let nanos = text.split_whitespace().next()?.parse().ok()?;
        let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        all.insert(task.file_name().to_string_lossy().into_owned(), (name.trim().to_owned(), nanos));
    }
    (!all.is_empty()).then_some(all)
}

fn ticks(pid: u32) -> Fallible<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold spaces; everything after its bracket does not.
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next().and_then(|field| field.parse::<u64>().ok());
    match (next(), next()) {
        (Some(user), Some(system)) => Ok(user + system),
        _ => Err("`/proc/<pid>/stat` has another form than known".into()),
    }
}
