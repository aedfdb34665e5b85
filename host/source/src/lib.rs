//! The manifest on its way in: read once, verified as those bytes, held against the lock and against the version that
//! was served before. Whatever is asked for and cannot be done stops the start.

#![deny(missing_docs)]

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use grid_adm::json::{self, Limits};
use grid_audit_wal::{Disk as _, OsDisk};
use grid_config::{Config, ExtraArgs, Mode};
use grid_contract::{Fault, Loaded, Manifest, Options};
use grid_core::Code;
use grid_lock::{Entry, FILE_NAME, Lock, changes};
use grid_supply::{
    lint::{Remark, Severity},
    signature::{self, Signed},
    version::Served,
};
use semver::Version;

/// In the host's own directory.
const VERSION_FILE: &str = "manifest.version";

/// Why a manifest cannot be served.
#[derive(Debug)]
pub struct Failure {
    /// As error pages know it.
    pub code: Code,
    /// One problem a line, each with what to do.
    pub message: String,
    /// The configuration or the manifest is at fault, as opposed to the machine.
    pub configuration: bool,
}

impl Failure {
    fn config(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), configuration: true }
    }

    fn machine(error: &io::Error, path: &Path) -> Self {
        let message = format!("`{}` cannot be written: {error}", path.display());
        Self { code: Code::EnvironmentError, message, configuration: false }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Failure {}

/// Every fault of a manifest, warnings among them, as this configuration reads it.
///
/// # Errors
/// The file cannot be read.
pub fn manifest_faults(path: &Path, config: &Config) -> io::Result<Vec<Fault>> {
    Manifest::load(path, manifest_options(config))
        .map(|read| read.map_or_else(|faults| faults, |loaded| loaded.warnings))
}

/// A manifest as this configuration reads it, or its faults.
///
/// # Errors
/// The file cannot be read.
pub fn read_manifest(path: &Path, config: &Config) -> io::Result<Result<Loaded, Vec<Fault>>> {
    Manifest::load(path, manifest_options(config))
}

/// What keeps a manifest from being served, or is worth saying about it, each at its JSON pointer.
#[must_use]
pub fn faults_of(config: &Config, text: &str) -> Vec<(String, Remark)> {
    let faults = Manifest::read(text, manifest_options(config));
    let faults = faults.map_or_else(|faults| faults, |loaded| loaded.warnings);
    let remark = |fault: Fault| {
        let severity = if fault.warning { Severity::Warning } else { Severity::Error };
        (fault.pointer, Remark { rule: fault.rule, severity, message: fault.message })
    };
    faults.into_iter().map(remark).collect()
}

/// How this configuration reads a manifest.
#[must_use]
pub fn manifest_options(config: &Config) -> Options {
    Options {
        extra_args: match config.manifest.extra_args {
            ExtraArgs::Reject => grid_adm::ExtraArgs::Reject,
            ExtraArgs::Ignore => grid_adm::ExtraArgs::Ignore,
            ExtraArgs::Pass => grid_adm::ExtraArgs::Pass,
        },
        timeout: config.call.timeout,
        max_timeout: config.call.max_timeout,
        max_approval: config.approval.timeout,
    }
}

/// What is known of a manifest that is served.
#[derive(Debug, Default)]
pub struct Provenance {
    signed_by: Option<String>,
    locked: bool,
    rolled_back: Option<Version>,
    /// What to remember, and where, once it is on record that it is served.
    served: Option<(PathBuf, Served)>,
}

impl fmt::Display for Provenance {
    /// As the record of the start goes on behind the manifest's digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.signed_by {
            write!(f, ", signed by {key}")?;
        }
        if self.locked {
            f.write_str(", as locked")?;
        }
        match &self.rolled_back {
            Some(version) => write!(f, ", rolled back from version {version}"),
            None => Ok(()),
        }
    }
}

impl Provenance {
    /// Remembers the version that is served from now on.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn keep(&self) -> Result<(), Failure> {
        let Some((path, served)) = &self.served else { return Ok(()) };
        keep(path, served).map_err(|error| Failure::machine(&error, path))
    }
}

fn keep(path: &Path, served: &Served) -> io::Result<()> {
    OsDisk.make_directories(path.parent().unwrap_or(Path::new(".")))?;
    OsDisk.replace(path, served.to_string().as_bytes())
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::config(Code::InvalidConfig, message)
}

/// The manifest that the configuration names. DEVELOPMENT may do without one.
///
/// # Errors
/// [`Failure`].
pub fn manifest(config: &Config) -> Result<(Manifest, Provenance), Failure> {
    let Some(path) = &config.manifest.path else {
        return match config.mode {
            Mode::Development => Ok((Manifest::default(), Provenance::default())),
            Mode::Strict => {
                let message = "strict mode serves the contracts of a manifest; set `manifest.path`";
                Err(Failure::config(Code::MissingManifest, message))
            }
        };
    };
    let (manifest, signed, lock) = checked(config, path, config.manifest.require_signature)?;
    let mut provenance = Provenance { locked: config.manifest.locked, ..Provenance::default() };
    if config.manifest.locked {
        compare(config, path, &lock)?;
    }
    if let Some(signed) = signed {
        let file = config.data.dir.join(VERSION_FILE);
        let now = now(&manifest)?;
        if let Some(before) = before(&file)? {
            before.admits(&now.version, now.digest).map_err(|back| {
                invalid(format!(
                    "`{}`: {back}; serve one with a higher version, or run `grid manifest accept-rollback` if this is meant",
                    path.display()
                ))
            })?;
            provenance.rolled_back = before.rolled_back;
        }
        provenance.served = Some((file, now));
        provenance.signed_by = Some(signed.by);
    }
    Ok((manifest, provenance))
}

/// Reads a manifest, with its signature where that is required, and what a lock of it would say. The file is read here
/// and never again.
fn checked(config: &Config, path: &Path, verify: bool) -> Result<(Manifest, Option<Signed>, Lock), Failure> {
    let unreadable = |error: &dyn fmt::Display| {
        let message = format!("`{}` cannot be read: {error}; check `manifest.path`", path.display());
        Failure::config(Code::MissingManifest, message)
    };
    let bytes = fs::read(path).map_err(|error| unreadable(&error))?;
    let signed = if verify { Some(verified(config, path, &bytes)?) } else { None };
    let text = str::from_utf8(&bytes).map_err(|error| unreadable(&error))?;
    let manifest = parsed(config, path, text)?;
    if let Some(signed) = &signed {
        signed.is_version(manifest.version()).map_err(|error| invalid(format!("`{}`: {error}", path.display())))?;
    }
    let lock = locked(&manifest, text);
    Ok((manifest, signed, lock))
}

fn verified(config: &Config, path: &Path, bytes: &[u8]) -> Result<Signed, Failure> {
    let signature = signature::path(path);
    let read = |of: &Path, remedy: &str| {
        fs::read_to_string(of).map_err(|error| invalid(format!("`{}` cannot be read: {error}; {remedy}", of.display())))
    };
    let file = config.manifest.keys.as_deref().unwrap_or(Path::new(""));
    let keys = read(file, "set `manifest.keys` to the file of the keys that may sign")?;
    let keys = signature::keys(&keys).map_err(|error| invalid(format!("`{}`: {error}", file.display())))?;
    let note = read(&signature, "the manifest must be signed; do it with `grid manifest sign`")?;
    signature::verify(&note, bytes, &keys).map_err(|error| {
        invalid(format!(
            "`{}`: {error}; review the manifest and sign it with `grid manifest sign`",
            signature.display()
        ))
    })
}

/// What a lock of this manifest says.
fn locked(manifest: &Manifest, text: &str) -> Lock {
    let value = json::parse_within(text, Limits::MANIFEST).unwrap_or(grid_adm::Value::Null);
    let entry = |contract: &std::sync::Arc<grid_contract::Contract>| {
        (contract.name().to_string(), Entry::of(contract.document()))
    };
    Lock {
        version: manifest.version().to_owned(),
        manifest: grid_adm::digest(&value),
        contracts: manifest.iter().map(entry).collect(),
    }
}

fn compare(config: &Config, manifest: &Path, now: &Lock) -> Result<(), Failure> {
    let path = lock_path(config, manifest);
    let text = fs::read_to_string(&path).map_err(|error| {
        let remedy = "write it with `grid manifest lock`, or set `manifest.lock`";
        invalid(format!("`{}` cannot be read: {error}; {remedy}", path.display()))
    })?;
    let lock: Lock = text.parse().map_err(|error| invalid(format!("`{}`: {error}", path.display())))?;
    let changes = changes(&lock, now);
    if changes.is_empty() {
        return Ok(());
    }
    let mut message = format!(
        "`{}` is not as `{}` says; review what changed, then run `grid manifest lock`",
        manifest.display(),
        path.display()
    );
    for change in changes {
        message.push_str(&format!("\n  {change}"));
    }
    Err(invalid(message))
}

fn now(manifest: &Manifest) -> Result<Served, Failure> {
    match (Version::parse(manifest.version()), manifest.digest()) {
        (Ok(version), Some(digest)) => Ok(Served { version, digest, rolled_back: None }),
        _ => Err(invalid("the manifest has no version")),
    }
}

/// What was served before; a file that cannot be read is not taken for none.
fn before(path: &Path) -> Result<Option<Served>, Failure> {
    let remedy = "restore it, or run `grid manifest accept-rollback` after a review of the manifest";
    match fs::read_to_string(path) {
        Ok(text) => match text.parse() {
            Ok(served) => Ok(Some(served)),
            Err(error) => Err(invalid(format!("`{}`: {error}; {remedy}", path.display()))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(invalid(format!("`{}` cannot be read: {error}; {remedy}", path.display()))),
    }
}

/// Where the lock of a manifest is: as configured, or `grid.lock` beside it.
#[must_use]
pub fn lock_path(config: &Config, manifest: &Path) -> PathBuf {
    config.manifest.lock.clone().unwrap_or_else(|| manifest.with_file_name(FILE_NAME))
}

/// What a lock of the manifest at `path` says, as this configuration reads it.
///
/// # Errors
/// [`Failure`], with everything that is wrong with the manifest.
pub fn lock_of(config: &Config, path: &Path) -> Result<Lock, Failure> {
    checked(config, path, false).map(|(_, _, lock)| lock)
}

/// The version of a manifest that a host could serve.
///
/// # Errors
/// [`Failure`], with everything that is wrong with the manifest.
pub fn version_of(config: &Config, path: &Path, text: &str) -> Result<String, Failure> {
    parsed(config, path, text).map(|manifest| manifest.version().to_owned())
}

fn parsed(config: &Config, path: &Path, text: &str) -> Result<Manifest, Failure> {
    let Loaded { manifest, warnings } = Manifest::read(text, manifest_options(config)).map_err(|faults| {
        let errors = faults.iter().filter(|fault| !fault.warning);
        let each: Vec<String> = errors.map(|fault| format!("{}: {fault}", path.display())).collect();
        invalid(each.join("\n"))
    })?;
    for warning in warnings {
        tracing::warn!("{}: {warning}", path.display());
    }
    Ok(manifest)
}

/// Why the configured manifest cannot be served: signature, version or lock, beside what is wrong with it as such.
#[must_use]
pub fn fault(config: &Config) -> Option<Failure> {
    manifest(config).err()
}

/// A rollback that an operator accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// Served before; absent where that could not be read.
    pub from: Option<String>,
    /// May be served now.
    pub to: String,
}

/// Lets the configured manifest, whose signature must hold, be served although a higher version was. The next start puts
/// it on record. `None` where there is nothing to accept.
///
/// # Errors
/// [`Failure`].
pub fn accept_rollback(config: &Config) -> Result<Option<Rollback>, Failure> {
    let Some(path) = config.manifest.path.as_ref().filter(|_| config.manifest.require_signature) else {
        let message = "versions are kept where signatures are required; set `manifest.require_signature`";
        return Err(invalid(message));
    };
    let (manifest, ..) = checked(config, path, true)?;
    let file = config.data.dir.join(VERSION_FILE);
    let now = now(&manifest)?;
    let from = match before(&file) {
        Ok(None) => return Ok(None),
        Ok(Some(before)) if before.admits(&now.version, now.digest).is_ok() => return Ok(None),
        Ok(Some(before)) => Some(before.version),
        Err(_) => None,
    };
    let to = now.version.clone();
    // A version that could not be read is told as the lowest there is.
    let rolled_back = Some(from.clone().unwrap_or(Version::new(0, 0, 0)));
    keep(&file, &Served { rolled_back, ..now }).map_err(|error| Failure::machine(&error, &file))?;
    Ok(Some(Rollback { from: from.map(|version| version.to_string()), to: to.to_string() }))
}

#[cfg(test)]
mod tests;
