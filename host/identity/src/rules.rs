//! The identity rules: a TOML file that says whose tokens, certificates and local users are believed, and whom they name.
//! It is read whole, and everything that is wrong is said at once, with its line and what would be right.

mod certificate;
mod issuer;
mod local;
mod read;

use std::{fmt, fs, path::Path, path::PathBuf};

use toml::de::DeTable;

pub(crate) use certificate::CertificateRule;
pub(crate) use issuer::IssuerRule;
pub(crate) use local::LocalRule;
use read::{Reader, Table};

/// The file is not longer.
const MAX_FILE: u64 = 1024 * 1024;
/// Rules of one kind at most; issuers have a thread each.
const MAX_ISSUERS: usize = 32;
const MAX_RULES: usize = 4_096;

/// What the rules stand beside: settings of the host.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// The issuer of the host's own tokens.
    pub issuer: &'a str,
    /// The role that may attach runtimes.
    pub runtime_role: &'a str,
}

/// Something that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// Counted from 1; absent where the file as a whole is meant.
    pub line: Option<usize>,
    /// The table and the member, for example `issuer.audience`.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.message),
            place => write!(f, "`{place}` {}", self.message),
        }
    }
}

/// The rules, each of them sound.
#[derive(Debug, Default)]
pub struct Rules {
    pub(crate) issuers: Vec<IssuerRule>,
    pub(crate) certificates: Vec<CertificateRule>,
    pub(crate) users: Vec<LocalRule>,
}

impl Rules {
    /// Reads the file. Key sets in files are read with it, those behind addresses are not.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file.
    pub fn load(path: &Path, beside: Beside<'_>) -> Result<Self, Vec<RuleFault>> {
        let whole = |message: String| vec![RuleFault { line: None, place: String::new(), message }];
        let length = fs::metadata(path).map(|file| file.len());
        let length = length.map_err(|error| whole(format!("cannot be read: {error}; check `identity.rules`")))?;
        if length > MAX_FILE {
            return Err(whole(format!("has {length} bytes, more than {MAX_FILE}; these are no identity rules")));
        }
        let text = fs::read_to_string(path).map_err(|error| whole(format!("cannot be read: {error}")))?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(&text, folder, beside)
    }

    fn parse(text: &str, folder: PathBuf, beside: Beside<'_>) -> Result<Self, Vec<RuleFault>> {
        let (table, faults) = DeTable::parse_recoverable(text);
        let mut reader = Reader::new(text, folder);
        for fault in faults {
            let at = fault.span().map(|span| span.start);
            reader.fault(at, "", format!("this is not TOML: {}", fault.message()));
        }
        if reader.is_sound() {
            let rules = Self::collect(&mut reader, table.get_ref(), beside);
            if reader.is_sound() {
                return Ok(rules);
            }
        }
        Err(reader.into_faults())
    }

    fn collect(reader: &mut Reader<'_>, root: &DeTable<'_>, beside: Beside<'_>) -> Self {
        let root = Table::new("", root, 0);
        let mut rules = Self::default();
        for table in root.tables(reader, "issuer", MAX_ISSUERS) {
            rules.issuers.extend(issuer::read(reader, &table));
        }
        for table in root.tables(reader, "certificate", MAX_RULES) {
            rules.certificates.extend(certificate::read(reader, &table, beside.runtime_role));
        }
        for table in root.tables(reader, "local_user", MAX_RULES) {
            rules.users.extend(local::read(reader, &table, beside.runtime_role));
        }
        root.only(reader, &["issuer", "certificate", "local_user"]);
        issuer::compare(reader, &rules.issuers, beside.issuer);
        certificate::compare(reader, &rules.certificates);
        local::compare(reader, &rules.users);
        rules
    }
}
