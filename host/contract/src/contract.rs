//! One contract: a callable function as the host, and nobody else, defines it.

use std::{sync::Arc, time::Duration};

use grid_adm::{ArgumentChecker, Digest, Value, json};

use crate::Conduct;

/// What running a function does to the world. It decides whether a call may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing, and the same arguments give the same content.
    Pure,
    /// Nothing.
    Read,
    /// Something. What is not declared is taken for this.
    Write,
}

impl Effect {
    /// As manifests, wire and log write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Reads what [`Effect::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pure, Self::Read, Self::Write].into_iter().find(|effect| effect.as_str() == text)
    }

    /// Running it twice does no harm.
    #[must_use]
    pub fn is_repeatable(self) -> bool {
        !matches!(self, Self::Write)
    }
}

/// Whether a caller may run a function itself, under a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Local {
    /// No: `"local": false`.
    Never,
    /// With arguments that the host has checked. What is not declared is taken for this.
    Checked,
    /// Also with arguments that the host knows by digest and size alone: `"local": {"args_digest_only": true}` (Q17).
    Unseen,
}

/// A person has to say yes to each call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Approval {
    /// Whoever approves needs it, and is somebody else than the caller.
    pub role: String,
    /// How long the call waits; the host's default where absent. Then it is denied.
    pub within: Option<Duration>,
}

/// A callable function. It never changes; a changed function is another contract with another digest.
#[derive(Debug)]
pub struct Contract {
    pub(crate) name: Arc<str>,
    pub(crate) group: String,
    pub(crate) description: String,
    pub(crate) parameters: String,
    pub(crate) settings: crate::settings::Settings,
    pub(crate) digest: Digest,
    pub(crate) checker: ArgumentChecker,
    pub(crate) dynamic: bool,
}

impl Contract {
    /// Function name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The contract of the manifest that it belongs to.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// What it does.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// ADM Schema as JSON text.
    #[must_use]
    pub fn parameters(&self) -> &str {
        &self.parameters
    }

    /// As declared, or empty.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.settings.version
    }

    /// What running it does.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.settings.effect
    }

    /// How long a call may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// All of them are needed; `*` alone admits any proved principal; none admits nobody.
    #[must_use]
    pub fn required_roles(&self) -> &[String] {
        &self.settings.required_roles
    }

    /// As declared.
    #[must_use]
    pub fn tags(&self) -> &[String] {
        &self.settings.tags
    }

    /// Whether a runtime of this provider may fulfil it.
    #[must_use]
    pub fn admits_provider(&self, provider: &str) -> bool {
        self.settings.providers.as_ref().is_none_or(|allowed| allowed.iter().any(|name| name == provider))
    }

    /// How its data is classified, in the operator's own words; or empty. Policies read it.
    #[must_use]
    pub fn classification(&self) -> &str {
        &self.settings.classification
    }

    /// What a call costs of a daily budget, in the operator's own units.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.settings.cost
    }

    /// Bytes of arguments that a call may bring.
    #[must_use]
    pub fn max_args(&self) -> usize {
        self.settings.max_args
    }

    /// Whether each call needs a person's yes.
    #[must_use]
    pub fn approval(&self) -> Option<&Approval> {
        self.settings.approval.as_ref()
    }

    /// Whether principals of `tenant` may know of it; for all others it does not exist.
    #[must_use]
    pub fn is_for(&self, tenant: &str) -> bool {
        self.settings.tenants.as_ref().is_none_or(|tenants| tenants.iter().any(|name| name == tenant))
    }

    /// The same of whoever has to do with all tenants that `serves` says: with one that may know of it, at least.
    #[must_use]
    pub fn is_for_any(&self, serves: impl Fn(&str) -> bool) -> bool {
        self.settings.tenants.as_ref().is_none_or(|tenants| tenants.iter().any(|name| serves(name)))
    }

    /// How its calls are carried out.
    #[must_use]
    pub fn conduct(&self) -> &Conduct {
        &self.settings.conduct
    }

    /// Who may fulfil it; absent for anybody.
    #[must_use]
    pub fn providers(&self) -> Option<&[String]> {
        self.settings.providers.as_deref()
    }

    /// SHA-256 over the RFC 8785 form of everything above.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What [`Self::digest`] is over.
    #[must_use]
    pub fn document(&self) -> Value {
        let within = json::Limits::DEFINITION;
        let parameters = json::parse_within(&self.parameters, within).unwrap_or(Value::Null);
        let fields = [
            ("description", Value::from(self.description.as_str())),
            ("host", self.settings.to_value(&self.group, self.dynamic)),
            ("name", Value::from(&*self.name)),
            ("parameters", parameters),
        ];
        Value::Object(fields.into_iter().collect())
    }

    /// Compiled once.
    #[must_use]
    pub fn checker(&self) -> &ArgumentChecker {
        &self.checker
    }

    /// Whether a caller may run it itself.
    #[must_use]
    pub fn local(&self) -> Local {
        self.settings.local
    }

    /// A runtime registered it for one session.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.dynamic
    }
}
