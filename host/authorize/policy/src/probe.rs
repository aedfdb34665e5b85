//! A question that nobody asked: for tests of policies, for explanations, and to ask again what a log recorded.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use grid_adm::Digest;
use grid_contract::{Contract, Manifest};
use grid_core::{
    id::{PrincipalId, SessionId, TenantId},
    port::{Question, SessionFacts, Undecided, Verdict},
    principal::{ClaimsDigest, Principal, Proof, SecurityContext},
};

use crate::{schema::REGISTERED, set::PolicySet};

/// Who calls what, how and when. Tools that the manifest does not have are such that a session brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// The principal's name.
    pub principal: String,
    /// Its tenant.
    pub tenant: String,
    /// Its roles, as proved; bindings add to them.
    pub roles: BTreeSet<String>,
    /// Its claims.
    pub claims: BTreeMap<String, String>,
    /// How it was proved; absent is by a token.
    pub proof: Option<String>,
    /// The function.
    pub tool: String,
    /// JSON text; absent where the arguments are not known.
    pub args: Option<String>,
    /// The caller runs it.
    pub local: bool,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// As the session's opener gave it.
    pub metadata: BTreeMap<String, String>,
    /// When the session was opened, in milliseconds since 1970; absent is now.
    pub opened_ms: Option<u64>,
}

/// The answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The policies answered.
    Decided(Verdict),
    /// They could not, which denies.
    Failed(String),
}

impl Answer {
    /// allow, deny or ask.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Decided(Verdict::Allow { .. }) => "allow",
            Self::Decided(Verdict::Ask { .. }) => "ask",
            Self::Decided(Verdict::Deny { .. }) | Self::Failed(_) => "deny",
        }
    }

    /// The rule that decided, or what failed.
    #[must_use]
    pub fn rule(&self) -> String {
        match self {
            Self::Decided(Verdict::Allow { rule } | Verdict::Deny { rule, .. } | Verdict::Ask { rule, .. }) => {
                rule.clone()
            }
            Self::Failed(why) => format!("error: {why}"),
        }
    }

    /// What the caller is told, and the role that is asked.
    #[must_use]
    pub fn told(&self) -> Option<&str> {
        match self {
            Self::Decided(Verdict::Deny { message, .. } | Verdict::Ask { message, .. }) => Some(message),
            _ => None,
        }
    }
}

impl From<Result<Verdict, Undecided>> for Answer {
    fn from(answer: Result<Verdict, Undecided>) -> Self {
        answer.map_or_else(|why| Self::Failed(why.0), Self::Decided)
    }
}

/// A probe that cannot be asked: a name that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAQuestion(pub String);

impl Probe {
    /// The principal of the probe.
    ///
    /// # Errors
    /// A name that is none.
    pub fn principal(&self) -> Result<Principal, NotAQuestion> {
        let bad = |what: &str, name: &str| NotAQuestion(format!("`{name}` is no name of a {what}"));
        let proof = match &self.proof {
            None => Proof::Token,
            Some(proof) => Proof::ALL.into_iter().find(|known| known.as_str() == proof).ok_or_else(|| {
                NotAQuestion(format!(
                    "`{proof}` is no proof; use token, certificate, local_user, development or shared_secret"
                ))
            })?,
        };
        Ok(Principal {
            id: PrincipalId::parse(&self.principal).map_err(|_| bad("principal", &self.principal))?,
            tenant: TenantId::parse(&self.tenant).map_err(|_| bad("tenant", &self.tenant))?,
            roles: self.roles.iter().map(|role| Arc::from(role.as_str())).collect(),
            claims: self.claims.clone(),
            proof,
            digest: ClaimsDigest([0; 32]),
            credential: None,
            runtime: None,
            issued_at_ms: None,
            expires_at_ms: None,
        })
    }

    /// Asks `then` about the question; the contract is the manifest's.
    ///
    /// # Errors
    /// A name that is none.
    pub fn with<T>(&self, manifest: &Manifest, then: impl FnOnce(&Question<'_>) -> T) -> Result<T, NotAQuestion> {
        let context = SecurityContext { principal: Arc::new(self.principal()?), claim: None };
        let session = SessionFacts {
            id: SessionId::mint(),
            created_at_ms: self.opened_ms.unwrap_or(self.now_ms),
            metadata: &self.metadata,
        };
        let contract = manifest.get(&self.tool);
        Ok(then(&self.question(&context, session, contract.as_deref())))
    }

    fn question<'a>(
        &'a self,
        context: &'a SecurityContext,
        session: SessionFacts<'a>,
        contract: Option<&'a Contract>,
    ) -> Question<'a> {
        let name = || Digest::of_bytes(self.tool.as_bytes());
        Question {
            context,
            tool: &self.tool,
            group: contract.map_or(REGISTERED, Contract::group),
            contract: *contract.map_or_else(name, Contract::digest).as_bytes(),
            version: contract.map_or("", Contract::version),
            required_roles: contract.map_or(&[], Contract::required_roles),
            effect: contract.map_or("write", |contract| contract.effect().as_str()),
            tags: contract.map_or(&[], Contract::tags),
            classification: contract.map_or("", Contract::classification),
            providers: contract.and_then(Contract::providers),
            dynamic: contract.is_none(),
            session,
            local: self.local,
            now_ms: self.now_ms,
            args: self.args.as_deref(),
        }
    }

    /// The answer of a set.
    ///
    /// # Errors
    /// A name that is none.
    pub fn ask(&self, set: &PolicySet, manifest: &Manifest) -> Result<Answer, NotAQuestion> {
        self.with(manifest, |question| set.answer(question).into())
    }
}
