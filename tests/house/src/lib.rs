//! What the house rules are checked with: the repository's files, what cargo says of its crates, and a place to
//! collect every breach before the test fails once with all of them.

use std::{
    fmt::{self, Write as _},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The top folder of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Every file that is kept under version control or could be: relative to [`root`], with `/`, sorted.
///
/// # Errors
/// Where the folder cannot be read.
pub fn files() -> Result<Vec<String>, String> {
    let mut files = match tracked() {
        Some(files) => files,
        None => walk(&root())?,
    };
    files.retain(|file| root().join(file).is_file());
    files.sort_unstable();
    files.dedup();
    Ok(files)
}

/// What git knows and does not ignore; nothing where there is no git, as in an unpacked archive.
fn tracked() -> Option<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let output = git.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().map(str::to_owned).collect())
}

fn walk(from: &Path) -> Result<Vec<String>, String> {
    const SKIPPED: [&str; 7] = ["target", ".git", ".run", ".venv", "__pycache__", "corpus", "artifacts"];
    let mut found = Vec::new();
    for entry in fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !SKIPPED.contains(&name) {
                found.extend(walk(&path)?);
            }
        } else if let Some(file) = path.strip_prefix(root()).ok().and_then(|file| file.to_str()) {
            found.push(file.to_owned());
        }
    }
    Ok(found)
}

/// A file as text; `None` where it is not text.
#[must_use]
pub fn text(file: &str) -> Option<String> {
    fs::read_to_string(root().join(file)).ok()
}

/// A TOML file.
///
/// # Errors
/// Where it cannot be read or is no TOML.
pub fn toml(file: &str) -> Result<toml::Table, String> {
    let text = text(file).ok_or_else(|| format!("`{file}` cannot be read"))?;
    text.parse().map_err(|error| format!("`{file}`: {error}"))
}

/// The packages of the workspace, each with what it declares to depend on.
///
/// # Errors
/// Where cargo refuses.
pub fn packages() -> Result<Vec<Package>, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(root());
    let output = command.output().map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    Ok(list(&metadata, "packages").iter().map(Package::read).collect())
}

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub struct Package {
    /// As other crates name it.
    pub name: String,
    /// One line of what it is.
    pub description: String,
    /// Its folder, relative to [`root`].
    pub folder: String,
    /// What it declares.
    pub dependencies: Vec<Dependency>,
}

/// What a crate declares to depend on.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// As it is published.
    pub name: String,
    /// For tests, benches and examples only.
    pub dev: bool,
    /// Asked for by name.
    pub features: Vec<String>,
    /// The dependency's own default features are on.
    pub default_features: bool,
}

impl Package {
    fn read(value: &Value) -> Self {
        let manifest = PathBuf::from(string(value, "manifest_path"));
        let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root()).ok()).map(Path::to_path_buf);
        Self {
            name: string(value, "name"),
            description: string(value, "description"),
            folder: folder.unwrap_or_default().to_string_lossy().into_owned(),
            dependencies: list(value, "dependencies").iter().map(Dependency::read).collect(),
        }
    }

    /// What it needs to be built and run; build scripts count, tests do not.
    pub fn needs(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(|dependency| !dependency.dev)
    }
}

impl Dependency {
    fn read(value: &Value) -> Self {
        let features = list(value, "features").iter().filter_map(Value::as_str);
        Self {
            name: string(value, "name"),
            dev: value.get("kind").and_then(Value::as_str) == Some("dev"),
            features: features.map(str::to_owned).collect(),
            default_features: value.get("uses_default_features").and_then(Value::as_bool).unwrap_or(true),
        }
    }
}

fn string(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Everything that breaks a rule, told at once.
#[derive(Debug, Default)]
pub struct Breaches(Vec<String>);

impl Breaches {
    /// One more.
    pub fn add(&mut self, breach: impl Into<String>) {
        self.0.push(breach.into());
    }

    /// One more, unless `holds`.
    pub fn unless(&mut self, holds: bool, breach: impl FnOnce() -> String) {
        if !holds {
            self.0.push(breach());
        }
    }

    /// Nothing broken, or a text with all of it.
    ///
    /// # Errors
    /// The breaches.
    pub fn result(self) -> Result<(), Told> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for breach in &self.0 {
            let _ = write!(text, "\n  - {breach}");
        }
        Err(Told(text))
    }
}

/// Breaches as a test shows them.
pub struct Told(String);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Told {
    fn from(text: String) -> Self {
        Self(text)
    }
}
