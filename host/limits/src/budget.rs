//! What was spent today, UTC, under each budget. Kept in one file, written behind: a host that is killed forgets what
//! was spent since the last write, a second at most while its disk takes files.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 86_400_000;
/// Units of one day are below this; the day stands above them, so that both change as one.
const UNITS: u32 = 48;

/// Whose budget. What is counted together is absent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) limit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) principal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<String>,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    /// Days since 1970.
    day: u64,
    spent: Vec<Line>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    account: Account,
    units: u64,
}

/// What one account has spent.
#[derive(Debug, Default)]
pub(crate) struct Spent(AtomicU64);

impl Spent {
    fn of(day: u64, units: u64) -> Self {
        Self(AtomicU64::new(pack(day, units)))
    }

    /// Takes units, or says that they are not there.
    pub(crate) fn take(&self, cost: u64, budget: u64, day: u64) -> Result<(), ()> {
        let more = |packed: u64| {
            let (then, units) = unpack(packed);
            // A clock that was put back begins no new day.
            let spent = if day > then { 0 } else { units };
            spent.checked_add(cost).filter(|sum| *sum <= budget).map(|sum| pack(day.max(then), sum))
        };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).map(|_| ()).map_err(|_| ())
    }

    pub(crate) fn give_back(&self, cost: u64) {
        let less = |packed: u64| {
            let (day, units) = unpack(packed);
            Some(pack(day, units.saturating_sub(cost)))
        };
        // The closure always gives a value.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
    }

    /// Units of that day.
    pub(crate) fn on(&self, day: u64) -> u64 {
        let (then, units) = unpack(self.0.load(Ordering::Acquire));
        if day > then { 0 } else { units }
    }
}

fn pack(day: u64, units: u64) -> u64 {
    day << UNITS | units.min((1 << UNITS) - 1)
}

fn unpack(packed: u64) -> (u64, u64) {
    (packed >> UNITS, packed & ((1 << UNITS) - 1))
}

/// The day, and how long it still is.
pub(crate) fn today(unix_ms: u64) -> (u64, Duration) {
    (unix_ms / DAY_MS, Duration::from_millis(DAY_MS - unix_ms % DAY_MS))
}

/// All accounts.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    path: Option<PathBuf>,
    open: DashMap<Account, Arc<Spent>>,
    changed: AtomicBool,
    writing: Mutex<()>,
}

impl Accounts {
    /// Goes on where the file of an earlier process says. None is as good as an empty one.
    pub(crate) fn load(path: PathBuf, unix_ms: u64) -> Result<Self, String> {
        let unusable = |error: String| {
            format!(
                "`{}` cannot be read: {error}; put a good copy back, or remove it to begin today's budgets anew",
                path.display()
            )
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unusable(error.to_string())),
        };
        let book: Option<Book> =
            text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| unusable(error.to_string()))?;
        let accounts = Self { path: Some(path), ..Self::default() };
        for line in book.iter().filter(|book| book.day >= today(unix_ms).0).flat_map(|book| &book.spent) {
            let day = book.as_ref().map_or(0, |book| book.day);
            accounts.open.insert(line.account.clone(), Arc::new(Spent::of(day, line.units)));
        }
        Ok(accounts)
    }

    pub(crate) fn of(&self, account: Account) -> Arc<Spent> {
        Arc::clone(&self.open.entry(account).or_default())
    }

    pub(crate) fn touched(&self) {
        self.changed.store(true, Ordering::Release);
    }

    /// Forgets accounts that spent nothing today.
    pub(crate) fn forget(&self, day: u64) {
        self.open.retain(|_, spent| Arc::strong_count(spent) > 1 || spent.on(day) > 0);
    }

    /// Writes the file where something changed since it was written.
    pub(crate) fn write(&self, unix_ms: u64) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.changed.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let day = today(unix_ms).0;
        let line = |entry: dashmap::mapref::multiple::RefMulti<'_, Account, Arc<Spent>>| Line {
            account: entry.key().clone(),
            units: entry.value().on(day),
        };
        let spent = self.open.iter().map(line).filter(|line| line.units > 0).collect();
        let written = write(path, &Book { day, spent });
        if written.is_err() {
            self.touched();
        }
        written
    }
}

/// The whole file or none of it.
fn write(path: &Path, book: &Book) -> io::Result<()> {
    let beside = path.with_extension("json.new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(&serde_json::to_vec(book)?)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests;
