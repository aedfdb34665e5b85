//! DEVELOPMENT: the manifest, and tools that runtimes register for one session. They never
//! shadow the manifest, they belong to the runtime that brought them, and they go with their session.

use std::{collections::BTreeMap, sync::Arc};

use dashmap::DashMap;
use grid_adm::{FunctionDeclaration, Map, Value};
use grid_core::{Code, Refusal, Stage, frame::Declaration, id::SessionId};
use grid_session::Session;

use crate::{
    Conduct, Contract, Contracts, Effect, Local, Manifest, Options, foreign, manifest::compile, settings::Settings,
    shadow,
};

/// The contract name under which registered tools are listed.
const GROUP: &str = "registered";

/// How a batch of registrations went; every name is in exactly one of both.
#[derive(Debug, Default)]
pub struct Registration {
    /// Live now.
    pub accepted: Vec<Arc<Contract>>,
    /// Not live, each with its reason.
    pub rejected: Vec<(String, Refusal)>,
}

#[derive(Debug)]
struct Dynamic {
    contract: Arc<Contract>,
    provider: String,
}

/// The manifest, and what was registered beside it.
#[derive(Debug)]
pub struct Development {
    manifest: Manifest,
    options: Options,
    per_session: usize,
    takes_registrations: bool,
    sessions: DashMap<SessionId, BTreeMap<String, Dynamic>>,
}

impl Development {
    /// Serves the manifest and takes up to `per_session` tools in each session.
    #[must_use]
    pub fn new(manifest: Manifest, options: Options, per_session: usize) -> Self {
        let sessions = DashMap::new();
        Self { manifest, options, per_session, takes_registrations: true, sessions }
    }

    /// Serves the manifest and takes nothing besides, although it is DEVELOPMENT.
    #[must_use]
    pub fn closed(self) -> Self {
        Self { takes_registrations: false, ..self }
    }

    /// Registers the tools of one provider for one session. The same provider may replace its own.
    #[must_use]
    pub fn register(&self, session: SessionId, provider: &str, tools: &[Vec<Declaration>]) -> Registration {
        let mut registration = Registration::default();
        let mut held = self.sessions.entry(session).or_default();
        for tool in tools {
            for (at, declaration) in tool.iter().enumerate() {
                let twice = tool.iter().take(at).any(|earlier| earlier.name == declaration.name);
                let made = if twice {
                    Err(refuse(Code::SchemaViolation, "the name stands twice in its tool; names are unique".to_owned()))
                } else {
                    self.admit(&held, provider, declaration)
                };
                match made {
                    Ok(contract) => {
                        let dynamic = Dynamic { contract: Arc::clone(&contract), provider: provider.to_owned() };
                        held.insert(declaration.name.clone(), dynamic);
                        registration.accepted.push(contract);
                    }
                    Err(refusal) => registration.rejected.push((declaration.name.clone(), refusal)),
                }
            }
        }
        registration
    }

    /// Takes registrations back that could not be recorded.
    pub fn withdraw(&self, session: SessionId, names: &[String]) {
        if let Some(mut held) = self.sessions.get_mut(&session) {
            held.retain(|name, _| !names.contains(name));
        }
    }

    /// How many tools are registered for a session.
    #[must_use]
    pub fn registered(&self, session: SessionId) -> usize {
        self.sessions.get(&session).map_or(0, |held| held.len())
    }

    fn admit(
        &self,
        held: &BTreeMap<String, Dynamic>,
        provider: &str,
        declaration: &Declaration,
    ) -> Result<Arc<Contract>, Refusal> {
        if self.manifest.get(&declaration.name).is_some() {
            let message = "the name belongs to a contract of the manifest; register it under another".to_owned();
            return Err(refuse(Code::PolicyViolation, message));
        }
        shadow::free(&declaration.name, self.manifest.names(), held.keys())?;
        match held.get(&declaration.name) {
            Some(dynamic) if dynamic.provider != provider => {
                let message = "another runtime registered this name in the session; use another".to_owned();
                return Err(refuse(Code::PolicyViolation, message));
            }
            None if held.len() >= self.per_session => {
                let message = format!("the session has {} registered tools, which is the limit", held.len());
                return Err(refuse(Code::PolicyViolation, message));
            }
            _ => {}
        }
        self.compile(provider, declaration).map(Arc::new)
    }

    fn compile(&self, provider: &str, declaration: &Declaration) -> Result<Contract, Refusal> {
        let invalid = |problems: Vec<grid_adm::Problem>| {
            let each: Vec<String> = problems.iter().map(|p| format!("{}: {}", p.pointer, p.message)).collect();
            refuse(Code::SchemaViolation, format!("the declaration is not valid: {}", each.join("; ")))
        };
        let parameters = grid_adm::json::parse(&declaration.parameters)
            .map_err(|error| refuse(Code::SchemaViolation, format!("`parameters` is not strict JSON: {error}")))?;
        let document: Map = [
            ("name", Value::from(declaration.name.as_str())),
            ("description", Value::from(declaration.description.as_str())),
            ("parameters", parameters),
        ]
        .into_iter()
        .collect();
        let (declaration, _) = FunctionDeclaration::from_value(&Value::Object(document)).map_err(invalid)?;
        let mut faults = Vec::new();
        foreign::keywords("/parameters", &declaration.parameters, &mut faults);
        if faults.iter().any(|fault| !fault.warning) {
            let each: Vec<String> = faults.iter().filter(|fault| !fault.warning).map(ToString::to_string).collect();
            return Err(refuse(Code::SchemaViolation, format!("the declaration is not valid: {}", each.join("; "))));
        }
        let settings = Settings {
            version: String::new(),
            effect: Effect::Write,
            local: Local::Checked,
            timeout: self.options.timeout,
            required_roles: Vec::new(),
            tags: Vec::new(),
            providers: Some(vec![provider.to_owned()]),
            classification: String::new(),
            cost: 1,
            max_args: crate::settings::MAX_ARGS,
            approval: None,
            tenants: None,
            conduct: Conduct::default(),
        };
        compile(GROUP, &declaration, settings, self.options.extra_args, true).map_err(invalid)
    }
}

impl Contracts for Development {
    const MODE: &'static str = "development";

    fn find(&self, session: &Session, name: &str) -> Option<Arc<Contract>> {
        self.manifest.known(session, name).or_else(|| {
            let held = self.sessions.get(&session.id())?;
            held.get(name).map(|dynamic| Arc::clone(&dynamic.contract))
        })
    }

    fn visible(&self, session: &Session) -> Vec<Arc<Contract>> {
        let mut contracts = self.manifest.known_all(session);
        if let Some(held) = self.sessions.get(&session.id()) {
            contracts.extend(held.values().map(|dynamic| Arc::clone(&dynamic.contract)));
        }
        contracts
    }

    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn registrar(&self) -> Option<&Development> {
        self.takes_registrations.then_some(self)
    }

    fn forget(&self, session: SessionId) {
        self.sessions.remove(&session);
    }
}

fn refuse(code: Code, message: String) -> Refusal {
    Refusal::new(code, Stage::Contract, message)
}
