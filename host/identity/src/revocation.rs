//! Whose proofs are void: by tenant and principal, everything that was issued until a moment. Kept in a file, which is
//! on the disk before a revocation is answered. A host that cannot read it does not start.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use grid_core::{
    id::{PrincipalId, TenantId},
    principal::Principal,
};

use crate::key::write_private;

/// Of the file; a host reads no other.
const FORM: u32 = 1;
const MAX_FILE: u64 = 64 * 1024 * 1024;
const MAX_REASON: usize = 256;

/// Somebody whose earlier proofs are void.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The tenant.
    pub tenant: TenantId,
    /// Of it.
    pub principal: PrincipalId,
    /// What was issued until then is void; milliseconds since 1970.
    pub issued_until_ms: u64,
    /// Why, in at most 256 characters.
    pub reason: String,
}

/// Why a revocation is not kept.
#[derive(Debug, Error)]
pub enum Error {
    /// The file is there and cannot be read.
    #[error("revocations in `{}` cannot be read: {why}; restore the file from a backup, or remove it where everybody that it names may be believed again", path.display())]
    Read {
        /// Of the file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The file cannot be written. What was revoked is so until the host stops, and no longer.
    #[error("revocations cannot be written to `{}`: {source}; they hold until the host stops and no longer", path.display())]
    Write {
        /// Of the file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are too many.
    #[error("{MAX} principals are revoked, which is the most; restore those whose credentials have ended", MAX = Revocations::MAX)]
    Full,
}

type Who = (TenantId, PrincipalId);

#[derive(Debug, Clone)]
struct Entry {
    issued_until_ms: u64,
    reason: String,
}

/// The table. Reading it costs one atomic load where nothing has changed since a proof was looked at.
#[derive(Debug)]
pub struct Revocations {
    path: Option<PathBuf>,
    table: RwLock<BTreeMap<Who, Entry>>,
    /// Raised by each change, before it is answered.
    version: AtomicU64,
    /// Held by whoever writes the file, so that the file never goes back.
    writing: Mutex<()>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    revocations: Vec<StoredEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredEntry {
    tenant: String,
    principal: String,
    issued_until_ms: u64,
    reason: String,
}

impl Revocations {
    /// A change of them is written to the disk.
    #[must_use]
    pub fn are_kept(&self) -> bool {
        self.path.is_some()
    }

    /// Revocations at most.
    pub const MAX: usize = 100_000;

    /// For tests and tools: nothing is kept.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { path: None, table: RwLock::default(), version: AtomicU64::new(1), writing: Mutex::default() }
    }

    /// Reads the file; none is there before the first revocation.
    ///
    /// # Errors
    /// [`Error::Read`] where the file is there and is not what this host wrote.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let table = read(path).map_err(|why| Error::Read { path: path.to_owned(), why })?;
        Ok(Self { path: Some(path.to_owned()), table: RwLock::new(table), ..Self::in_memory() })
    }

    /// Makes void what was issued to a principal until `now_ms`. It holds when this returns, also where the file could
    /// not be written; an earlier and wider revocation of the same principal stays.
    ///
    /// # Errors
    /// [`Error::Write`], [`Error::Full`].
    pub fn revoke(
        &self,
        tenant: &TenantId,
        principal: &PrincipalId,
        reason: &str,
        now_ms: u64,
    ) -> Result<Revocation, Error> {
        let who = (tenant.clone(), principal.clone());
        let entry = {
            let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
            if table.len() >= Self::MAX && !table.contains_key(&who) {
                return Err(Error::Full);
            }
            let until = table.get(&who).map_or(now_ms, |before| before.issued_until_ms.max(now_ms));
            let reason = reason.chars().take(MAX_REASON).collect();
            let entry = Entry { issued_until_ms: until, reason };
            table.insert(who.clone(), entry.clone());
            self.version.fetch_add(1, Ordering::Release);
            entry
        };
        self.keep()?;
        Ok(shown(&who, &entry))
    }

    /// Takes a revocation back; `None` where there was none. What it made void is believed again where it has not ended.
    ///
    /// # Errors
    /// [`Error::Write`]; the revocation then still holds.
    pub fn restore(&self, tenant: &TenantId, principal: &PrincipalId) -> Result<Option<Revocation>, Error> {
        let who = (tenant.clone(), principal.clone());
        let removed = self.table.write().unwrap_or_else(PoisonError::into_inner).remove(&who);
        let Some(entry) = removed else { return Ok(None) };
        if let Err(error) = self.keep() {
            let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
            // One that came meanwhile is later, and stays.
            table.entry(who).or_insert(entry);
            self.version.fetch_add(1, Ordering::Release);
            return Err(error);
        }
        self.version.fetch_add(1, Ordering::Release);
        Ok(Some(shown(&who, &entry)))
    }

    /// All of them, by tenant and principal.
    #[must_use]
    pub fn list(&self) -> Vec<Revocation> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.iter().map(|(who, entry)| shown(who, entry)).collect()
    }

    /// Another number after each change.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Whether what proved this principal was issued too early. `slack_ms` is how far its issuer's clock may be ahead:
    /// what it dates a little after the revocation may be older. What has no date is void as long as it is listed.
    pub(crate) fn voids(&self, principal: &Principal, slack_ms: u64) -> bool {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        if table.is_empty() {
            return false;
        }
        let entry = table.get(&(principal.tenant.clone(), principal.id.clone()));
        entry.is_some_and(|entry| {
            principal.issued_at_ms.is_none_or(|issued| issued.saturating_sub(slack_ms) <= entry.issued_until_ms)
        })
    }

    /// Writes the table as it is now; the file is whole, old or new, whenever the power fails.
    fn keep(&self) -> Result<(), Error> {
        let Some(path) = &self.path else { return Ok(()) };
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner).clone();
        write(path, &table).map_err(|source| Error::Write { path: path.clone(), source })
    }
}

fn shown((tenant, principal): &Who, entry: &Entry) -> Revocation {
    Revocation {
        tenant: tenant.clone(),
        principal: principal.clone(),
        issued_until_ms: entry.issued_until_ms,
        reason: entry.reason.clone(),
    }
}

fn read(path: &Path) -> Result<BTreeMap<Who, Entry>, String> {
    let length = match fs::metadata(path) {
        Ok(file) => file.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.to_string()),
    };
    if length > MAX_FILE {
        return Err(format!("it has {length} bytes, more than {MAX_FILE}"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if stored.version != FORM {
        return Err(format!("it is of version {}, and this host reads version {FORM}", stored.version));
    }
    let mut table = BTreeMap::new();
    for StoredEntry { tenant, principal, issued_until_ms, reason } in stored.revocations {
        let name = |what: &str| format!("`{what}` of entry {} is no name", table.len());
        let who = (
            TenantId::parse(&tenant).map_err(|_| name("tenant"))?,
            PrincipalId::parse(&principal).map_err(|_| name("principal"))?,
        );
        if table.insert(who, Entry { issued_until_ms, reason }).is_some() {
            return Err(format!("`{principal}` of `{tenant}` is there twice"));
        }
    }
    Ok(table)
}

fn write(path: &Path, table: &BTreeMap<Who, Entry>) -> io::Result<()> {
    let revocations = table.iter().map(|((tenant, principal), entry)| StoredEntry {
        tenant: tenant.to_string(),
        principal: principal.to_string(),
        issued_until_ms: entry.issued_until_ms,
        reason: entry.reason.clone(),
    });
    let stored = Stored { version: FORM, revocations: revocations.collect() };
    let mut bytes = serde_json::to_vec_pretty(&stored)?;
    bytes.push(b'\n');
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = folder.join(".revocations.new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write_private(&draft, &bytes)?;
    fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}
