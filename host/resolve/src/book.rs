//! What outlives runtimes and restarts: in which order the providers of a tool were first seen, whom operators selected,
//! and what they paused. It is on the disk before anybody is told; a host that cannot read it does not start.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use grid_core::{id::TenantId, provider::Serving};
use serde::{Deserialize, Serialize};

use crate::rank::{Choices, Selection, Whose};

/// Of the file; a host reads no other.
const FORM: u32 = 1;
const MAX_FILE: u64 = 256 * 1024 * 1024;
const MAX_NAME: usize = 256;

/// A tool or a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Whoever serves it.
    Tool(Arc<str>),
    /// Whatever it serves.
    Provider(Arc<str>),
}

/// A provider of a tool in the order in which they were first seen.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) provider: Arc<str>,
    /// It served every session at least once, and is remembered over restarts.
    pub(crate) lasting: bool,
}

/// The book itself. One is written for a host, under a lock.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) order: HashMap<Arc<str>, Vec<Seen>>,
    /// Of operators; those of sessions are not kept.
    pub(crate) choices: HashMap<Arc<str>, Choices>,
    /// What takes no calls, and an operator's words.
    pub(crate) serving: BTreeMap<What, (Serving, String)>,
    /// Raised by each change that has to be kept.
    pub(crate) version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    /// For each tool its providers, first seen first.
    order: BTreeMap<String, Vec<String>>,
    selected: Vec<StoredSelection>,
    serving: Vec<StoredServing>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSelection {
    tool: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    provider: String,
    #[serde(default)]
    fallback: bool,
    #[serde(default)]
    note: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredServing {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    state: Word,
    #[serde(default)]
    note: String,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Word {
    Paused,
    Draining,
}

impl Book {
    /// The number of a provider at a tool, from 1; it keeps it for ever.
    pub(crate) fn number(&mut self, tool: &Arc<str>, provider: &Arc<str>, lasting: bool) -> u64 {
        let seen = self.order.entry(Arc::clone(tool)).or_default();
        let at = seen.iter().position(|one| one.provider == *provider).unwrap_or_else(|| {
            seen.push(Seen { provider: Arc::clone(provider), lasting: false });
            seen.len() - 1
        });
        if let Some(one) = seen.get_mut(at)
            && lasting
            && !one.lasting
        {
            one.lasting = true;
            self.version += 1;
        }
        u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// What the file says; an empty book where there is none.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let length = match fs::metadata(path) {
            Ok(file) => file.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
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
        let mut book = Self::default();
        for (tool, providers) in stored.order {
            let tool = name(&tool)?;
            for provider in providers {
                let provider = name(&provider)?;
                let before = book.order.get(&tool).map_or(0, Vec::len);
                book.number(&tool, &provider, true);
                if book.order.get(&tool).map_or(0, Vec::len) == before {
                    return Err(format!("`{provider}` is there twice for `{tool}`"));
                }
            }
        }
        for StoredSelection { tool, tenant, provider, fallback, note } in stored.selected {
            let whose = match tenant {
                None => Whose::Host,
                Some(tenant) => {
                    Whose::Tenant(TenantId::parse(&tenant).map_err(|_| format!("`{tenant}` is no tenant's name"))?)
                }
            };
            let selection = Selection { provider: name(&provider)?, fallback, note: note.into() };
            let choices = book.choices.entry(name(&tool)?).or_default();
            if choices.set(whose, Some(selection)).is_some() {
                return Err(format!("a selection for `{tool}` is there twice"));
            }
        }
        for StoredServing { tool, provider, state, note } in stored.serving {
            let what = match (tool, provider) {
                (Some(tool), None) => What::Tool(name(&tool)?),
                (None, Some(provider)) => What::Provider(name(&provider)?),
                _ => return Err("what is paused has to be a `tool` or a `provider`".to_owned()),
            };
            let serving = match state {
                Word::Paused => Serving::Paused,
                Word::Draining => Serving::Draining,
            };
            book.serving.insert(what, (serving, note));
        }
        book.version = 0;
        Ok(book)
    }

    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let lasting = |seen: &[Seen]| -> Vec<String> {
            seen.iter().filter(|one| one.lasting).map(|one| one.provider.to_string()).collect()
        };
        let order = self.order.iter().map(|(tool, seen)| (tool.to_string(), lasting(seen)));
        let mut selected: Vec<StoredSelection> = Vec::new();
        for (tool, choices) in &self.choices {
            let stored = |tenant: Option<&TenantId>, selection: &Selection| StoredSelection {
                tool: tool.to_string(),
                tenant: tenant.map(ToString::to_string),
                provider: selection.provider.to_string(),
                fallback: selection.fallback,
                note: selection.note.to_string(),
            };
            selected.extend(choices.host.iter().map(|selection| stored(None, selection)));
            selected.extend(choices.tenants.iter().map(|(tenant, selection)| stored(Some(tenant), selection)));
        }
        selected.sort_by(|one, other| (&one.tool, &one.tenant).cmp(&(&other.tool, &other.tenant)));
        let serving = self.serving.iter().filter_map(|(what, (serving, note))| {
            let state = match serving {
                Serving::Serving => return None,
                Serving::Paused => Word::Paused,
                Serving::Draining => Word::Draining,
            };
            let (tool, provider) = match what {
                What::Tool(tool) => (Some(tool.to_string()), None),
                What::Provider(provider) => (None, Some(provider.to_string())),
            };
            Some(StoredServing { tool, provider, state, note: note.clone() })
        });
        let stored = Stored {
            version: FORM,
            order: order.filter(|(_, seen)| !seen.is_empty()).collect(),
            selected,
            serving: serving.collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&stored)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn name(text: &str) -> Result<Arc<str>, String> {
    match text.is_empty() || text.len() > MAX_NAME || text.chars().any(char::is_control) {
        true => Err(format!("`{}` is no name", text.escape_debug())),
        false => Ok(Arc::from(text)),
    }
}

/// The file is whole, old or new, whenever the power fails.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = folder.join(".providers.new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}
