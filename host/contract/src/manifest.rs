//! The manifest: read once, checked as a whole, every fault at once with its place.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, io,
    path::Path,
    sync::Arc,
    time::Duration,
};

use grid_adm::{
    ArgumentChecker, Digest, ExtraArgs, FunctionDeclaration, Map, Severity, ToolContract, ToolManifest, Value, json,
};

use grid_session::Session;
use grid_supply::names::Taken;

use crate::{
    Contract, foreign,
    settings::{Bounds, Layers, Settings},
    shadow,
};

/// How a manifest is read.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What becomes of arguments that a contract does not declare.
    pub extra_args: ExtraArgs,
    /// Where a contract says nothing.
    pub timeout: Duration,
    /// No contract may ask for more.
    pub max_timeout: Duration,
    /// No contract may let a call wait longer for a person.
    pub max_approval: Duration,
}

impl Options {
    pub(crate) fn bounds(self) -> Bounds {
        Bounds { timeout: self.timeout, max_timeout: self.max_timeout, max_approval: self.max_approval }
    }
}

/// Something wrong, or worth saying, at one place of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer; empty for the whole.
    pub pointer: String,
    /// Short and stable.
    pub rule: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
    /// It does not stop the host.
    pub warning: bool,
}

impl Fault {
    pub(crate) fn error(pointer: impl Into<String>, rule: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), rule, message: message.into(), warning: false }
    }

    pub(crate) fn warning(pointer: impl Into<String>, rule: &'static str, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::error(pointer, rule, message) }
    }
}

impl From<grid_adm::Problem> for Fault {
    fn from(problem: grid_adm::Problem) -> Self {
        Self {
            warning: problem.severity == Severity::Warning,
            pointer: problem.pointer,
            rule: problem.rule,
            message: problem.message,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{pointer}: {} [{}]", self.message, self.rule)
    }
}

/// The contracts of a manifest.
#[derive(Debug, Default)]
pub struct Manifest {
    version: String,
    digest: Option<Digest>,
    by_name: HashMap<Arc<str>, Arc<Contract>>,
    groups: BTreeMap<String, Vec<Arc<str>>>,
    in_order: Vec<Arc<Contract>>,
    names: Taken,
}

/// A manifest, and what is worth saying about it.
#[derive(Debug)]
pub struct Loaded {
    /// What the host serves.
    pub manifest: Manifest,
    /// None of them stops it.
    pub warnings: Vec<Fault>,
}

impl Manifest {
    /// Reads a file.
    ///
    /// # Errors
    /// Of the file itself; or, inside, every fault.
    pub fn load(path: &Path, options: Options) -> io::Result<Result<Loaded, Vec<Fault>>> {
        std::fs::read_to_string(path).map(|text| Self::read(&text, options))
    }

    /// Reads JSON text.
    ///
    /// # Errors
    /// Every fault, warnings among them.
    pub fn read(text: &str, options: Options) -> Result<Loaded, Vec<Fault>> {
        let (manifest, warnings) = match ToolManifest::read(text) {
            Ok((manifest, warnings)) => (manifest, warnings),
            Err(problems) => {
                let mut faults = problems.into_iter().map(Fault::from).collect();
                settings_of_unreadable(text, options, &mut faults);
                return Err(faults);
            }
        };
        let mut faults: Vec<Fault> = warnings.into_iter().map(Fault::from).collect();
        let mut loaded = Self { version: manifest.manifest_version.clone(), ..Self::default() };
        loaded.digest = Some(Digest::of_bytes(text.as_bytes()));
        loaded.names = shadow::names(&manifest, &mut faults);
        for (at, group) in manifest.contracts.iter().enumerate() {
            loaded.add_group(at, group, options, &mut faults);
        }
        if faults.iter().all(|fault| fault.warning) {
            return Ok(Loaded { manifest: loaded, warnings: faults });
        }
        Err(faults)
    }

    fn add_group(&mut self, at: usize, group: &ToolContract, options: Options, faults: &mut Vec<Fault>) {
        let pointer = format!("/contracts/{at}");
        let mut names = Vec::new();
        for (index, declaration) in group.function_declarations.iter().enumerate() {
            let own = format!("{pointer}/function_declarations/{index}");
            let layers = [(own.clone(), &declaration.extra), (pointer.clone(), &group.extra)];
            let settings = settings(&declaration.name, layers, options, faults);
            foreign::keywords(&format!("{own}/parameters"), &declaration.parameters, faults);
            match compile(&group.name, declaration, settings, options.extra_args, false) {
                Ok(contract) => {
                    let contract = Arc::new(contract);
                    names.push(Arc::clone(&contract.name));
                    self.by_name.insert(Arc::clone(&contract.name), Arc::clone(&contract));
                    self.in_order.push(contract);
                }
                Err(problems) => faults.extend(problems.into_iter().map(|problem| {
                    let fault = Fault::from(problem);
                    Fault { pointer: format!("{own}/parameters{}", fault.pointer), ..fault }
                })),
            }
        }
        self.groups.insert(group.name.clone(), names);
    }

    /// `manifest_version` of the file; empty where there is none.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Over the bytes of the file.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The names that are taken by contracts and their functions.
    pub(crate) fn names(&self) -> &Taken {
        &self.names
    }

    /// A contract by function name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Contract>> {
        self.by_name.get(name).cloned()
    }

    /// A contract by function name, where it exists for the session's tenant.
    pub(crate) fn known(&self, session: &Session, name: &str) -> Option<Arc<Contract>> {
        self.by_name.get(name).filter(|contract| contract.is_for(session.principal().tenant.as_str())).cloned()
    }

    /// Every contract that exists for the session's tenant, in the order of the file.
    pub(crate) fn known_all(&self, session: &Session) -> Vec<Arc<Contract>> {
        let tenant = session.principal().tenant.as_str();
        self.in_order.iter().filter(|contract| contract.is_for(tenant)).cloned().collect()
    }

    /// Every contract, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Arc<Contract>> {
        self.in_order.iter()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.in_order.len()
    }

    /// None at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    /// The functions that a name of a fulfilment means: a contract's first, then a function's own (Q30).
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<Arc<Contract>> {
        match self.groups.get(name) {
            Some(functions) => functions.iter().filter_map(|function| self.get(function)).collect(),
            None => self.get(name).into_iter().collect(),
        }
    }
}

/// Reads the settings of one function, its own fields first, then its contract's.
fn settings(name: &str, layers: [(String, &Map); 2], options: Options, faults: &mut Vec<Fault>) -> Settings {
    let [(own, _), _] = &layers;
    let own = own.clone();
    let settings = Layers { layers: layers.into(), faults }.settings(options.bounds());
    if settings.required_roles.is_empty() {
        let message = format!(
            "`{name}` names no `required_roles`, so nobody may call it; name some, or `[\"*\"]` for any proved principal"
        );
        faults.push(Fault::warning(own, "setting.required-roles", message));
    }
    settings
}

/// A manifest that is not one has settings all the same; who mends it wants to know about them too.
fn settings_of_unreadable(text: &str, options: Options, faults: &mut Vec<Fault>) {
    let Ok(manifest) = json::parse_within(text, json::Limits::MANIFEST) else { return };
    let list = |of: Option<&Value>| of.and_then(Value::as_array).map(<[Value]>::to_vec).unwrap_or_default();
    for (at, group) in list(manifest.get("contracts")).iter().enumerate() {
        let Some(fields) = group.as_object() else { continue };
        for (index, declaration) in list(group.get("function_declarations")).iter().enumerate() {
            let Some(own) = declaration.as_object() else { continue };
            let name = declaration.get("name").and_then(Value::as_str).unwrap_or("?");
            let pointer = format!("/contracts/{at}");
            let layers = [(format!("{pointer}/function_declarations/{index}"), own), (pointer, fields)];
            settings(name, layers, options, faults);
        }
    }
}

/// Makes a contract of a declaration; `dynamic` ones are told apart in their digest too.
pub(crate) fn compile(
    group: &str,
    declaration: &FunctionDeclaration,
    settings: Settings,
    extra_args: ExtraArgs,
    dynamic: bool,
) -> Result<Contract, Vec<grid_adm::Problem>> {
    let host = settings.to_value(group, dynamic);
    Ok(Contract {
        name: Arc::from(declaration.name.as_str()),
        group: group.to_owned(),
        description: declaration.description.clone(),
        parameters: declaration.parameters.to_value().to_text(),
        settings,
        digest: grid_adm::contract_digest(declaration, &host),
        checker: ArgumentChecker::compile(&declaration.parameters, extra_args)?,
        dynamic,
    })
}
