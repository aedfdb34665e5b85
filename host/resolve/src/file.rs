//! The file of providers, TOML: their ranks, who is selected, and the programs around swaps. Every fault at once, each
//! with its line.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use grid_core::id::TenantId;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::rank::{Facts, Hooks, Ranks, Selection, Whose};

/// No file is larger.
pub const LARGEST: u64 = 4 << 20;
/// The lowest and the highest priority.
pub const PRIORITY: (i32, i32) = (-1000, 1000);
/// The lowest and the highest stack level.
pub const STACK: (i32, i32) = (-100, 100);
/// Words in one list.
const MOST_WORDS: usize = 10_000;
/// Programs on one side of a swap.
const MOST_HOOKS: usize = 16;

/// Something wrong in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1; none for the file as a whole.
    pub line: Option<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A file that cannot be used: all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// As it was given.
    pub path: PathBuf,
    /// In the order of their lines.
    pub faults: Vec<Fault>,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            let lead = if at == 0 { "" } else { "\n" };
            match fault.line {
                Some(line) => write!(f, "{lead}{}:{line}: {}", self.path.display(), fault.message)?,
                None => write!(f, "{lead}{}: {}", self.path.display(), fault.message)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Unusable {}

/// The text of a file of providers.
///
/// # Errors
/// It cannot be read, or is larger than [`LARGEST`].
pub fn text(path: &Path) -> Result<String, Unusable> {
    let read = || match std::fs::metadata(path)?.len() {
        length if length > LARGEST => Err(std::io::Error::other(format!("it is larger than {LARGEST} bytes"))),
        _ => std::fs::read_to_string(path),
    };
    read().map_err(|error| {
        let message = format!("cannot read the file of providers: {error}; check `providers.file`");
        Unusable { path: path.to_owned(), faults: vec![Fault { line: None, message }] }
    })
}

/// Reads a file of providers. `is_tool` knows the functions of the manifest.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path, is_tool: &dyn Fn(&str) -> bool) -> Result<Ranks, Unusable> {
    read(&text(path)?, is_tool).map_err(|faults| Unusable { path: path.to_owned(), faults })
}

/// Reads the text of such a file.
///
/// # Errors
/// Every fault, by line.
pub fn read(text: &str, is_tool: &dyn Fn(&str) -> bool) -> Result<Ranks, Vec<Fault>> {
    let mut reader = Reader { text, is_tool, faults: Vec::new(), ranks: Ranks::default() };
    let (table, faults) = DeTable::parse_recoverable(text);
    for fault in faults {
        reader.fault(fault.span().map(|span| span.start), format!("cannot read TOML: {}", fault.message()));
    }
    for (key, value) in table.get_ref() {
        match key.get_ref().as_ref() {
            "providers" => reader.each("providers", value, Reader::provider),
            "select" => reader.select(&Whose::Host, value),
            "tenants" => reader.each("tenants", value, Reader::tenant),
            "hooks" => reader.each("hooks", value, Reader::hooks),
            other => reader.fault(
                Some(key.span().start),
                format!("`{other}` means nothing here; there are: providers, select, tenants, hooks"),
            ),
        }
    }
    match reader.faults.is_empty() {
        true => Ok(reader.ranks),
        false => {
            reader.faults.sort_by_key(|fault| fault.line);
            Err(reader.faults)
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    is_tool: &'a dyn Fn(&str) -> bool,
    faults: Vec<Fault>,
    ranks: Ranks,
}

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;
type Cell<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    fn fault(&mut self, at: Option<usize>, message: String) {
        let line = at.map(|at| self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1);
        self.faults.push(Fault { line, message });
    }

    /// A table of tables.
    fn each(&mut self, what: &str, cell: &Cell<'_>, read: impl Fn(&mut Self, &Key<'_>, &DeTable<'_>)) {
        let Some(table) = cell.get_ref().as_table() else {
            self.fault(Some(cell.span().start), format!("`{what}` must be tables: write `[{what}.NAME]` above each"));
            return;
        };
        for (key, value) in table {
            match value.get_ref() {
                DeValue::Table(table) => read(self, key, table),
                _ => self.fault(
                    Some(key.span().start),
                    format!("`{what}.{}` must be a table: write `[{what}.NAME]` above it", key.get_ref()),
                ),
            }
        }
    }

    fn only(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for key in table.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                let message = format!("`{}` means nothing here; there are: {}", key.get_ref(), known.join(", "));
                self.fault(Some(key.span().start), message);
            }
        }
    }

    fn provider(&mut self, key: &Key<'_>, table: &DeTable<'_>) {
        self.only(table, &["priority", "stack_level", "capabilities", "fulfils", "tenants"]);
        let name = self.provider_name(key.get_ref(), key.span().start);
        let fulfils = table.get("fulfils").map(|cell| self.tools(cell));
        let tenants = table.get("tenants").map(|cell| self.tenants(cell));
        let facts = Facts {
            priority: self.within("priority", table.get("priority"), PRIORITY),
            stack_level: self.within("stack_level", table.get("stack_level"), STACK),
            capabilities: table.get("capabilities").map_or_else(Vec::new, |cell| self.words("capabilities", cell)),
            fulfils,
            tenants,
            listed: true,
        };
        self.ranks.facts.insert(name, Arc::new(facts));
    }

    fn provider_name(&mut self, name: &str, at: usize) -> Arc<str> {
        let plain = (1..=128).contains(&name.len()) && name.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        if !plain || name.contains('/') {
            let message = format!(
                "`{}` is no provider: it is the part of a runtime's id before the first `/`, 1 to 128 printable characters",
                name.escape_debug()
            );
            self.fault(Some(at), message);
        }
        Arc::from(name)
    }

    fn within(&mut self, what: &str, cell: Option<&Cell<'_>>, (least, most): (i32, i32)) -> i32 {
        let Some(cell) = cell else { return 0 };
        let number = match cell.get_ref() {
            DeValue::Integer(number) => i32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        number.filter(|number| (least..=most).contains(number)).unwrap_or_else(|| {
            self.fault(Some(cell.span().start), format!("`{what}` must be a whole number from {least} to {most}"));
            0
        })
    }

    fn words(&mut self, what: &str, cell: &Cell<'_>) -> Vec<Box<str>> {
        let message = || format!("`{what}` must be a list of at most {MOST_WORDS} names, each there once");
        let Some(items) = cell.get_ref().as_array().filter(|items| items.len() <= MOST_WORDS) else {
            self.fault(Some(cell.span().start), message());
            return Vec::new();
        };
        let mut words: Vec<Box<str>> = Vec::new();
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(word) if !word.trim().is_empty() && !words.iter().any(|other| **other == *word) => {
                    words.push(Box::from(word));
                }
                _ => self.fault(Some(item.span().start), message()),
            }
        }
        words
    }

    fn tools(&mut self, cell: &Cell<'_>) -> Vec<Box<str>> {
        let words = self.words("fulfils", cell);
        for word in &words {
            self.known(word, cell.span().start);
        }
        words
    }

    fn known(&mut self, tool: &str, at: usize) {
        if !(self.is_tool)(tool) {
            self.fault(Some(at), format!("there is no function `{}` in the manifest", tool.escape_debug()));
        }
    }

    fn tenants(&mut self, cell: &Cell<'_>) -> Vec<TenantId> {
        let words = self.words("tenants", cell);
        let mut tenants = Vec::new();
        for word in words {
            match TenantId::parse(&word) {
                Ok(tenant) => tenants.push(tenant),
                Err(_) => self.fault(Some(cell.span().start), format!("`{}` is no tenant's name", word.escape_debug())),
            }
        }
        tenants
    }

    fn tenant(&mut self, key: &Key<'_>, table: &DeTable<'_>) {
        self.only(table, &["select"]);
        let Ok(tenant) = TenantId::parse(key.get_ref()) else {
            let message = format!("`{}` is no tenant's name", key.get_ref().escape_debug());
            return self.fault(Some(key.span().start), message);
        };
        if let Some(cell) = table.get("select") {
            self.select(&Whose::Tenant(tenant), cell);
        }
    }

    fn select(&mut self, whose: &Whose, cell: &Cell<'_>) {
        let Some(table) = cell.get_ref().as_table() else {
            let message = "`select` must be a table: a function, and the provider for it, on each line";
            return self.fault(Some(cell.span().start), message.to_owned());
        };
        for (key, value) in table {
            self.known(key.get_ref(), key.span().start);
            if let Some(selection) = self.selection(value) {
                let choices = self.ranks.choices.entry(Arc::from(key.get_ref().as_ref())).or_default();
                choices.set(whose.clone(), Some(selection));
            }
        }
    }

    fn selection(&mut self, cell: &Cell<'_>) -> Option<Selection> {
        let note = Arc::from("");
        match cell.get_ref() {
            DeValue::String(name) => {
                let provider = self.provider_name(name, cell.span().start);
                return Some(Selection { provider, fallback: false, note });
            }
            DeValue::Table(table) => {
                self.only(table, &["provider", "fallback"]);
                let provider = table.get("provider").and_then(|cell| cell.get_ref().as_str());
                let fallback = match table.get("fallback").map(Spanned::get_ref) {
                    None => Some(false),
                    Some(DeValue::Boolean(fallback)) => Some(*fallback),
                    Some(_) => None,
                };
                if let (Some(name), Some(fallback)) = (provider, fallback) {
                    return Some(Selection { provider: self.provider_name(name, cell.span().start), fallback, note });
                }
            }
            _ => {}
        }
        let message = "a selection is a provider's name, or `{ provider = \"NAME\", fallback = true }`";
        self.fault(Some(cell.span().start), message.to_owned());
        None
    }

    fn hooks(&mut self, key: &Key<'_>, table: &DeTable<'_>) {
        self.only(table, &["before", "after"]);
        self.known(key.get_ref(), key.span().start);
        let hooks = Hooks { before: self.programs(table.get("before")), after: self.programs(table.get("after")) };
        self.ranks.hooks.insert(Arc::from(key.get_ref().as_ref()), hooks);
    }

    fn programs(&mut self, cell: Option<&Cell<'_>>) -> Vec<Vec<String>> {
        let Some(cell) = cell else { return Vec::new() };
        let argument = |item: &Cell<'_>| item.get_ref().as_str().map(str::to_owned);
        let program = |item: &Cell<'_>| -> Option<Vec<String>> {
            let words: Option<Vec<String>> = item.get_ref().as_array()?.iter().map(argument).collect();
            words.filter(|words| words.first().is_some_and(|name| !name.is_empty()))
        };
        let programs: Option<Vec<Vec<String>>> = cell
            .get_ref()
            .as_array()
            .filter(|items| items.len() <= MOST_HOOKS)
            .and_then(|items| items.iter().map(program).collect());
        programs.unwrap_or_else(|| {
            let message = format!(
                "programs are a list of at most {MOST_HOOKS}, each a list of texts: the program, then its arguments, such as \
                 `[[\"./warm\", \"x\"]]`"
            );
            self.fault(Some(cell.span().start), message);
            Vec::new()
        })
    }
}

#[cfg(test)]
mod tests;
