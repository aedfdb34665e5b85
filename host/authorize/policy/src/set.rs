//! A set of policies: read from a directory, checked as a whole, never changed. It decides as [`Authorizer`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::Arc,
};

use cedar_policy::{Entities, EntityUid, Schema};
use grid_contract::{Contract, Manifest};
use grid_core::{
    port::{Authorizer, Pending, Question, Reads, Undecided, Verdict, Written},
    principal::Principal,
};

use crate::{
    decide::Decider,
    fault::{Fault, Place, Warning},
    graph::RoleGraph,
    reads,
    request::{ToolFacts, Types},
    roles::Roles,
    rule::{self, Rule},
    schema::{self, DYNAMIC, Shape},
    slice::{self, Candidates, Slices},
    source::{ROLES, Source, Sources},
    validate::{self, Known},
};

/// A tool of the manifest, or all that sessions bring, as policies see it.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) number: usize,
    pub(crate) action: EntityUid,
    pub(crate) tool: Option<EntityUid>,
    /// The contract that it was made of.
    pub(crate) contract: Option<[u8; 32]>,
    pub(crate) shape: Shape,
    pub(crate) reads: Reads,
    pub(crate) candidates: Candidates,
    /// The tool and its action.
    pub(crate) base: Entities,
}

/// Policies and roles that were checked against a manifest.
pub struct PolicySet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) by_id: BTreeMap<String, usize>,
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) dynamic: Table,
    pub(crate) roles: RoleGraph,
    pub(crate) types: Types,
    pub(crate) slices: Slices,
    pub(crate) schema: Schema,
    pub(crate) authorizer: cedar_policy::Authorizer,
    digest: [u8; 32],
}

impl fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicySet")
            .field("rules", &self.rules.len())
            .field("tools", &self.tables.len())
            .finish_non_exhaustive()
    }
}

/// What [`PolicySet::load`] gives.
pub type Loaded = Result<(Arc<PolicySet>, Vec<Warning>), Vec<Fault>>;

impl PolicySet {
    /// Reads the policies and roles of a directory and checks them against the contracts.
    ///
    /// # Errors
    /// Every fault, with its place.
    pub fn load(dir: &Path, manifest: &Manifest) -> Loaded {
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        let sources = Sources::read(dir, &mut faults, &mut warnings);
        Self::of(&sources, manifest, faults, warnings)
    }

    /// The same of texts that are in no directory: policies by the names of their files, and roles.
    ///
    /// # Errors
    /// Every fault, with its place.
    pub fn read(policies: &[(&str, &str)], roles: Option<&str>, manifest: &Manifest) -> Loaded {
        let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
        let sources = Sources {
            policies: policies.iter().map(|(name, text)| source(name, text)).collect(),
            roles: roles.map(|text| source(ROLES, text)),
        };
        Self::of(&sources, manifest, Vec::new(), Vec::new())
    }

    pub(crate) fn of(
        sources: &Sources,
        manifest: &Manifest,
        mut faults: Vec<Fault>,
        mut warnings: Vec<Warning>,
    ) -> Loaded {
        let demanded: BTreeSet<String> = manifest
            .iter()
            .flat_map(|contract| contract.required_roles().iter().cloned())
            .filter(|role| role != "*")
            .collect();
        let roles = Roles::read(sources.roles.as_ref(), demanded, &mut faults);
        let mut rules = Vec::new();
        for source in &sources.policies {
            rules.extend(rule::of_file(source, &roles.known, &mut faults));
        }
        let shapes = schema::shapes(manifest);
        let json = schema::json(shapes.iter().map(|(name, shape)| (name.as_str(), shape)));
        let unfit = |why: String| Fault::new(Place::default(), "policy.schema", why);
        let schema = match Schema::from_json_str(&json) {
            Ok(schema) => schema,
            Err(error) => {
                faults.push(unfit(format!("the contracts have no schema for policies: {error}")));
                return Err(faults);
            }
        };
        let known = Known::of(manifest, &roles.known);
        validate::check(&rules, &sources.policies, schema.clone(), &known, &mut faults, &mut warnings);
        for name in shapes.keys().filter(|name| [DYNAMIC, schema::CALL].contains(&name.as_str())) {
            faults.push(unfit(format!("the tool `{name}` has the name of an action that is ours; rename it")));
        }
        let Some(types) = Types::new() else {
            faults.push(unfit("the names of the schema cannot be read".to_owned()));
            return Err(faults);
        };
        let tables = Tables { rules: &rules, types: &types }.all(manifest, shapes);
        match tables {
            Ok((tables, dynamic)) if faults.is_empty() => {
                let set = Self {
                    by_id: slice::by_id(&rules),
                    rules,
                    tables,
                    dynamic,
                    roles: roles.graph,
                    types,
                    slices: Slices::default(),
                    schema,
                    authorizer: cedar_policy::Authorizer::new(),
                    digest: sources.digest(),
                };
                Ok((Arc::new(set), warnings))
            }
            other => {
                faults.extend(other.err().map(unfit));
                faults.sort();
                faults.dedup();
                Err(faults)
            }
        }
    }

    /// The policies, file by file, in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A policy by the name that records have of it.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.by_id.get(id).and_then(|at| self.rules.get(*at))
    }

    /// The roles.
    #[must_use]
    pub fn roles(&self) -> &RoleGraph {
        &self.roles
    }

    /// The policies whose head admits a tool; of an unknown name, those of tools that sessions bring.
    #[must_use]
    pub fn about(&self, tool: &str) -> Vec<&Rule> {
        let mut rules: Vec<usize> = self.table(tool).candidates.all().collect();
        rules.sort_unstable();
        rules.into_iter().filter_map(|at| self.rules.get(at)).collect()
    }

    pub(crate) fn table(&self, tool: &str) -> &Table {
        self.tables.get(tool).unwrap_or(&self.dynamic)
    }

    /// The answer, at once.
    ///
    /// # Errors
    /// [`Undecided`], which denies.
    pub fn answer(&self, question: &Question<'_>) -> Result<Verdict, Undecided> {
        Decider { set: self }.decide(question)
    }

    /// The answer of all policies, whomever they mean: what [`PolicySet::answer`] must be the same as. For tests.
    ///
    /// # Errors
    /// [`Undecided`], which denies.
    pub fn answer_unsliced(&self, question: &Question<'_>) -> Result<Verdict, Undecided> {
        Decider { set: self }.decide_unsliced(question)
    }

    /// Holds a question with arguments, as policies see it, against the schema that they were checked with. Decisions rest
    /// on this being so for every question; tests ask it of many.
    ///
    /// # Errors
    /// What does not fit.
    pub fn fits(&self, question: &Question<'_>) -> Result<(), String> {
        let decider = Decider { set: self };
        let table = decider.table(question).map_err(|why| why.0)?;
        let held = self.roles.effective(&question.context.principal);
        let caller = self.types.caller(&question.context.principal, &held);
        let asked = decider.ask_of(question, table, &caller, (reads::ALL, Some(&self.schema)));
        let (_, entities) = asked.map_err(|why| why.0)?;
        let own = entities.into_iter();
        Entities::from_entities(own, Some(&self.schema)).map(drop).map_err(|error| error.to_string())
    }
}

impl Authorizer for PolicySet {
    fn decide<'a>(&'a self, question: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        let answer = self.answer(&question);
        Box::pin(std::future::ready(answer))
    }

    fn reads(&self, tool: &str) -> Reads {
        self.table(tool).reads
    }

    fn digest(&self) -> Option<[u8; 32]> {
        Some(self.digest)
    }

    fn written(&self, rule: &str) -> Option<Written> {
        let rule = self.rule(rule)?;
        let Place { file, line, .. } = rule.place();
        Some(Written { place: format!("{file}:{line}"), text: rule.text().to_owned() })
    }

    fn holds(&self, principal: &Principal, role: &str) -> bool {
        self.roles.effective(principal).contains(role)
    }
}

struct Tables<'a> {
    rules: &'a [Rule],
    types: &'a Types,
}

impl Tables<'_> {
    fn all(
        &self,
        manifest: &Manifest,
        mut shapes: BTreeMap<String, Shape>,
    ) -> Result<(BTreeMap<String, Table>, Table), String> {
        let mut tables = BTreeMap::new();
        for (at, contract) in manifest.iter().enumerate() {
            let shape = shapes.remove(&**contract.name()).unwrap_or_else(Shape::empty);
            tables.insert(contract.name().to_string(), self.tool(at + 1, contract, shape)?);
        }
        Ok((tables, self.dynamic()))
    }

    fn tool(&self, number: usize, contract: &Contract, shape: Shape) -> Result<Table, String> {
        let facts = ToolFacts {
            name: contract.name(),
            group: contract.group(),
            version: contract.version(),
            effect: contract.effect().as_str(),
            tags: contract.tags(),
            classification: contract.classification(),
            providers: contract.providers(),
            dynamic: false,
        };
        let own = self.types.tool_uid(facts.name);
        let mut within = self.types.tool_parents(&facts);
        within.insert(own.clone());
        let candidates = Candidates::of(self.rules, |rule| {
            let action = rule.scope.actions.as_ref().is_none_or(|actions| actions.contains(facts.name));
            action && rule.scope.resource.as_ref().is_none_or(|uid| within.contains(uid))
        });
        let action = self.types.action(facts.name);
        let base = self.types.tool(&facts, &action).map_err(|unfit| unfit.0)?;
        let base = Entities::from_entities(base, None).map_err(|error| error.to_string())?;
        Ok(Table {
            number,
            tool: Some(own),
            contract: Some(*contract.digest().as_bytes()),
            reads: self.reads(&candidates),
            action,
            shape,
            candidates,
            base,
        })
    }

    /// What sessions bring is not known yet, so that only the action tells policies apart.
    fn dynamic(&self) -> Table {
        let candidates = Candidates::of(self.rules, |rule| {
            rule.scope.actions.as_ref().is_none_or(|actions| actions.contains(DYNAMIC))
        });
        Table {
            number: 0,
            action: self.types.action(DYNAMIC),
            tool: None,
            contract: None,
            shape: Shape::empty(),
            reads: self.reads(&candidates),
            candidates,
            base: Entities::empty(),
        }
    }

    fn reads(&self, candidates: &Candidates) -> Reads {
        let rules = candidates.all().filter_map(|at| self.rules.get(at));
        rules.fold(Reads::default(), |so_far, rule| reads::and(so_far, rule.reads))
    }
}
