//! Recorded decisions, asked again of two sets of policies. The log holds who asked for what and when; it holds no
//! arguments, claims or roles, so that what rests on those cannot be asked again, and is said to be so.

use std::collections::{BTreeMap, BTreeSet};

use grid_contract::Manifest;
use grid_core::port::Authorizer as _;

use crate::{
    probe::{Answer, Probe},
    set::PolicySet,
};

/// What a policy may read and the log does not hold.
const ARGS: &str = "a policy reads arguments, and the log holds their digests only";
const SESSION: &str = "a policy reads the session, which the log does not hold";
const TAGS: &str = "a policy reads claims, which the log does not hold";
const CONTRACT: &str = "the contract was another then";
const ROLES: &str = "the log does not hold the roles of its proof; name them with --roles";
const NAMES: &str = "the record names no tool or no caller";

/// A record of the log.
pub trait Recorded {
    /// What happened, as the log writes it.
    fn kind(&self) -> &str;
    /// When, in milliseconds since 1970.
    fn at_ms(&self) -> u64;
    /// A field that is text.
    fn text(&self, field: &str) -> Option<&str>;
    /// Whether a field is there.
    fn has(&self, field: &str) -> bool;
}

/// Two sets, and what else is known.
#[derive(Debug)]
pub struct Replay<'a> {
    /// The set that decides now.
    pub old: &'a PolicySet,
    /// The set that shall decide.
    pub new: &'a PolicySet,
    /// The contracts.
    pub manifest: &'a Manifest,
    /// Roles of proofs, by `<tenant>/<principal>`.
    pub roles: &'a BTreeMap<String, BTreeSet<String>>,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// Both answer as before.
    Same,
    /// The new set answers otherwise.
    Flips {
        /// Of the set that decides now.
        old: Answer,
        /// Of the other.
        new: Answer,
    },
    /// It cannot be asked again.
    Cannot(&'static str),
}

impl Replay<'_> {
    /// Asks again what a record decided; none where it decided nothing.
    #[must_use]
    pub fn record(&self, record: &impl Recorded) -> Option<Replayed> {
        let asked = record.text("approval").is_some();
        let recorded = match (record.kind(), record.text("stage")) {
            ("admitted", _) | ("refused", Some("approve")) if asked => "ask",
            ("admitted", _) => "allow",
            ("refused", Some("authorize" | "approve")) => "deny",
            _ => return None,
        };
        Some(self.again(record, recorded).unwrap_or_else(Replayed::Cannot))
    }

    fn again(&self, record: &impl Recorded, recorded: &str) -> Result<Replayed, &'static str> {
        let mut probe = self.probe(record)?;
        let contract = self.manifest.get(&probe.tool);
        let digest = contract.as_ref().map(|contract| format!("sha256:{}", contract.digest()));
        let dynamic = record.has("dynamic");
        if !dynamic && record.text("contract").is_some_and(|then| digest.as_deref() != Some(then)) {
            return Err(CONTRACT);
        }
        for set in [self.old, self.new] {
            let reads = set.reads(&probe.tool);
            let tags = set.about(&probe.tool).iter().any(|rule| rule.reads_tags());
            match (reads.args, reads.session, tags) {
                (true, _, _) => return Err(ARGS),
                (_, true, _) => return Err(SESSION),
                (_, _, true) => return Err(TAGS),
                _ => {}
            }
        }
        if let Some(contract) = contract.filter(|_| recorded != "deny") {
            // Who was admitted held all of them.
            probe.roles.extend(contract.required_roles().iter().filter(|role| *role != "*").cloned());
        }
        let ask = |set| probe.ask(set, self.manifest).map_err(|_| NAMES);
        let (old, new) = (ask(self.old)?, ask(self.new)?);
        if old.word() != recorded || !names_rule(record, &old) {
            return Err(ROLES);
        }
        Ok(if old.word() == new.word() { Replayed::Same } else { Replayed::Flips { old, new } })
    }

    fn probe(&self, record: &impl Recorded) -> Result<Probe, &'static str> {
        let text = |field| record.text(field).map(str::to_owned).ok_or(NAMES);
        let (principal, tenant, tool) = (text("principal")?, text("tenant")?, text("tool")?);
        Ok(Probe {
            roles: self.roles.get(&format!("{tenant}/{principal}")).cloned().unwrap_or_default(),
            proof: record.text("proof").map(str::to_owned),
            local: record.has("local"),
            now_ms: record.at_ms(),
            principal,
            tenant,
            tool,
            ..Probe::default()
        })
    }
}

/// Whether the record was decided by the rule of the answer, as far as it says by which it was.
fn names_rule(record: &impl Recorded, answer: &Answer) -> bool {
    record.text("rule").is_none_or(|rule| rule == answer.rule() || !rule.starts_with("policy:"))
}
