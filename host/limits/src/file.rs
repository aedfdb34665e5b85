//! The limits' file, TOML: `[[limit]]` as often as needed. Every fault at once, each with its line.

use std::{
    collections::HashSet,
    fmt, io,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    rate::Pace,
    rules::{Crowd, Pattern, Per, Rule, TAKEN},
};

/// A file has no more limits: each call is compared with all of them.
pub const MOST: usize = 1_000;
/// No file is larger.
pub const LARGEST: u64 = 1 << 20;
/// Where a limit with `concurrency` says nothing.
const WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const MILLION: u64 = 1_000_000;
const MOST_UNITS: u64 = 1 << 47;
const KEYS: [&str; 11] =
    ["name", "tenant", "principal", "tool", "per", "rate", "burst", "concurrency", "queue", "wait", "budget"];

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

/// The bytes of a file of reasonable size.
pub(crate) fn bytes(path: &Path) -> io::Result<String> {
    if std::fs::metadata(path)?.len() > LARGEST {
        return Err(io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    std::fs::read_to_string(path)
}

/// Reads a file of limits.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path) -> Result<Vec<Rule>, Unusable> {
    let unusable = |faults| Unusable { path: path.to_owned(), faults };
    let text = bytes(path).map_err(|error| {
        let message = format!("cannot read the file of limits: {error}; check `limits.file`");
        unusable(vec![Fault { line: None, message }])
    })?;
    read(&text).map_err(unusable)
}

/// Reads the text of such a file.
///
/// # Errors
/// Every fault, by line.
pub fn read(text: &str) -> Result<Vec<Rule>, Vec<Fault>> {
    let mut reader = Reader { text, faults: Vec::new() };
    let (table, faults) = DeTable::parse_recoverable(text);
    for fault in faults {
        reader.fault(fault.span().map(|span| span.start), format!("cannot read TOML: {}", fault.message()));
    }
    let mut rules: Vec<Rule> = Vec::new();
    let mut names = HashSet::new();
    for (key, value) in table.get_ref() {
        let at = Some(key.span().start);
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("limit", DeValue::Array(items)) => {
                for item in items.iter() {
                    let at = Some(item.span().start);
                    let DeValue::Table(table) = item.get_ref() else {
                        reader.fault(at, "`limit` must be tables: write `[[limit]]` above each".to_owned());
                        continue;
                    };
                    let rule = reader.rule(at, table);
                    if !names.insert(Arc::clone(&rule.name)) {
                        reader.fault(at, format!("there is another limit with the name `{}`", rule.name));
                    }
                    rules.push(rule);
                }
            }
            ("limit", _) => reader.fault(at, "`limit` must be tables: write `[[limit]]` above each".to_owned()),
            (other, _) => reader.fault(at, format!("`{other}` means nothing here; write `[[limit]]` above each limit")),
        }
    }
    if rules.len() > MOST {
        reader.fault(None, format!("there are {} limits; a file may have {MOST}", rules.len()));
    }
    if reader.faults.is_empty() {
        return Ok(rules);
    }
    reader.faults.sort_by_key(|fault| fault.line);
    Err(reader.faults)
}

struct Reader<'a> {
    text: &'a str,
    faults: Vec<Fault>,
}

type Cell<'t, 'i> = Option<&'t Spanned<DeValue<'i>>>;

impl Reader<'_> {
    fn fault(&mut self, at: Option<usize>, message: String) {
        let line = at.map(|at| self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1);
        self.faults.push(Fault { line, message });
    }

    fn rule(&mut self, at: Option<usize>, table: &DeTable<'_>) -> Rule {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !KEYS.contains(&name) {
                self.fault(
                    Some(key.span().start),
                    format!("`{name}` is no part of a limit; there are: {}", KEYS.join(", ")),
                );
            }
        }
        let cell = |name: &str| table.get(name);
        let name = self.name(at, cell("name"));
        let rate = self.rate(cell("rate"));
        let burst = self.whole("burst", cell("burst"), 1, MILLION);
        let concurrency = self.whole("concurrency", cell("concurrency"), 1, MILLION);
        let queue = self.whole("queue", cell("queue"), 0, MILLION);
        let wait = self.wait(cell("wait"));
        let budget = self.whole("budget", cell("budget"), 0, MOST_UNITS);
        if cell("rate").is_none() && cell("concurrency").is_none() && cell("budget").is_none() {
            self.fault(at, format!("limit `{name}` limits nothing; give it `rate`, `concurrency` or `budget`"));
        }
        for (given, needed) in [("burst", "rate"), ("queue", "concurrency"), ("wait", "concurrency")] {
            if let (Some(value), None) = (cell(given), cell(needed)) {
                self.fault(
                    Some(value.span().start),
                    format!("`{given}` says something of `{needed}`, which is not there"),
                );
            }
        }
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let pace = rate.map(|pace| match burst.map(small).and_then(NonZeroU32::new) {
            Some(burst) => Pace { burst, ..pace },
            None => pace,
        });
        let crowd = concurrency.map(|places| Crowd {
            places: small(places),
            queue: queue.map_or(0, small),
            wait: wait.unwrap_or(WAIT),
        });
        Rule {
            name: Arc::from(name),
            tenant: self.pattern("tenant", cell("tenant")),
            principal: self.pattern("principal", cell("principal")),
            tool: self.pattern("tool", cell("tool")),
            per: self.per(cell("per")),
            pace,
            crowd,
            budget,
        }
    }

    fn name(&mut self, at: Option<usize>, cell: Cell<'_, '_>) -> String {
        let plain = |name: &str| {
            (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let name = cell.and_then(|cell| cell.get_ref().as_str()).unwrap_or_default();
        let at = cell.map(|cell| cell.span().start).or(at);
        if !plain(name) {
            self.fault(at, "a limit needs a `name` of 1 to 64 letters, digits, `-`, `_` and `.`".to_owned());
        } else if TAKEN.contains(&name) {
            self.fault(at, format!("the name `{name}` belongs to a limit of the settings; choose another"));
        }
        name.to_owned()
    }

    fn pattern(&mut self, what: &str, cell: Cell<'_, '_>) -> Pattern {
        let Some(cell) = cell else { return Pattern::any() };
        cell.get_ref().as_str().and_then(Pattern::parse).unwrap_or_else(|| {
            self.fault(
                Some(cell.span().start),
                format!("`{what}` must be a name; `*` may stand at its end for any rest"),
            );
            Pattern::any()
        })
    }

    fn per(&mut self, cell: Cell<'_, '_>) -> Per {
        let Some(cell) = cell else { return Per::default() };
        let mut per = Per::default();
        let words = cell.get_ref().as_array().map(|items| items.iter().map(|item| item.get_ref().as_str()));
        for word in words.into_iter().flatten() {
            match word {
                Some("tenant") => per.tenant = true,
                // Names of principals mean something within their tenant alone.
                Some("principal") => (per.tenant, per.principal) = (true, true),
                Some("tool") => per.tool = true,
                _ => self.per_fault(cell.span().start),
            }
        }
        if cell.get_ref().as_array().is_none() {
            self.per_fault(cell.span().start);
        }
        per
    }

    fn per_fault(&mut self, at: usize) {
        self.fault(Some(at), "`per` must be a list of `tenant`, `principal` and `tool`".to_owned());
    }

    fn rate(&mut self, cell: Cell<'_, '_>) -> Option<Pace> {
        let cell = cell?;
        let pace = cell.get_ref().as_str().and_then(pace);
        if pace.is_none() {
            let message =
                "`rate` must be calls in a time, 1 to 1000000, such as `\"100/s\"`, `\"600/m\"` or `\"1000/h\"`";
            self.fault(Some(cell.span().start), message.to_owned());
        }
        pace
    }

    fn whole(&mut self, what: &str, cell: Cell<'_, '_>, least: u64, most: u64) -> Option<u64> {
        let cell = cell?;
        let number = number(cell.get_ref());
        if number.is_none_or(|number| number < least || number > most) {
            self.fault(Some(cell.span().start), format!("`{what}` must be a whole number from {least} to {most}"));
            return None;
        }
        number
    }

    fn wait(&mut self, cell: Cell<'_, '_>) -> Option<Duration> {
        let cell = cell?;
        let wait = cell.get_ref().as_str().and_then(time).filter(|wait| *wait <= LONGEST_WAIT);
        if wait.is_none() {
            let message = "`wait` must be a time with its unit, at most 300 s, such as `\"500ms\"` or `\"2s\"`";
            self.fault(Some(cell.span().start), message.to_owned());
        }
        wait
    }
}

fn number(value: &DeValue<'_>) -> Option<u64> {
    match value {
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    }
}

/// As many at once as come in a second, and at least one.
fn pace(text: &str) -> Option<Pace> {
    let (calls, unit) = text.split_once('/')?;
    let seconds: u32 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return None,
    };
    let plain = !calls.is_empty() && calls.bytes().all(|byte| byte.is_ascii_digit());
    let calls = calls.parse::<u32>().ok().filter(|calls| plain && u64::from(*calls) <= MILLION)?;
    let burst = NonZeroU32::new(calls / seconds).unwrap_or(NonZeroU32::MIN);
    Some(Pace { calls: NonZeroU32::new(calls)?, within: Duration::from_secs(seconds.into()), burst })
}

fn time(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(split)?;
    let number: u64 = digits.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
