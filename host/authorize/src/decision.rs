//! Evidence that a call was permitted, with the decision that says so.

use std::{sync::Arc, time::Duration};

use grid_contract::{Approval, ContractedCall};
use grid_core::event::{Event, Sha256};

/// A decision that permits, perhaps with a person's consent. Only this crate makes one.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Decision {
    /// The rule that decided.
    pub rule: Arc<str>,
    /// Policy epoch under which it was made.
    pub epoch: u64,
    /// How old it was; absent where it was made for this call.
    pub age: Option<Duration>,
    /// Digest of the policy set that decided; absent where roles alone did.
    pub policy: Option<Sha256>,
    /// A person has to say yes.
    pub needs: Option<Arc<Needs>>,
}

impl Decision {
    /// What a record of the call says of it.
    #[must_use]
    pub fn told(&self, event: Event) -> Event {
        Event {
            rule: Some(Arc::clone(&self.rule)),
            epoch: Some(self.epoch),
            cache_age_ms: self.age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
            policy: self.policy,
            ..event
        }
    }
}

/// The rule of a contract that asks for consent of its own.
pub(crate) const OWN: &str = "contract";

/// Whose consent a call needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// For people: the role, or the roles, of whoever may say yes. [`Needs::roles`] decides.
    pub role: String,
    /// The rule that asks.
    pub rule: String,
    /// For the caller: what is waited for.
    pub message: String,
    /// How long the call waits at most; the host's default where absent.
    pub within: Option<Duration>,
    roles: Vec<String>,
}

impl Needs {
    /// What a contract asks of its own, and what a policy asks; both where both do: then one person needs both roles.
    pub(crate) fn of(contract: Option<&Approval>, asked: Option<(&str, &str, &str)>) -> Option<Self> {
        let own = contract.map(|approval| Self {
            role: approval.role.clone(),
            rule: OWN.to_owned(),
            message: format!("its contract wants a person with the role `{}` to say yes", approval.role),
            within: approval.within,
            roles: vec![approval.role.clone()],
        });
        let asked = asked.map(|(rule, role, message)| Self {
            role: role.to_owned(),
            rule: rule.to_owned(),
            message: message.to_owned(),
            within: None,
            roles: vec![role.to_owned()],
        });
        match (own, asked) {
            (Some(own), Some(asked)) if own.role == asked.role => Some(Self { within: own.within, ..asked }),
            (Some(own), Some(asked)) => Some(Self {
                role: format!("{}+{}", own.role, asked.role),
                rule: format!("{}+{}", own.rule, asked.rule),
                message: format!("{}; {}", asked.message, own.message),
                within: own.within,
                roles: vec![own.role, asked.role],
            }),
            (own, asked) => own.or(asked),
        }
    }

    /// What two decisions ask for: one person needs the roles of both, and the shorter time counts.
    pub(crate) fn both(one: &Self, other: &Self) -> Self {
        let mut roles = one.roles.clone();
        roles.extend(other.roles.iter().filter(|role| !one.roles.contains(role)).cloned());
        let within = [one.within, other.within].into_iter().flatten().min();
        let rule = if one.rule == other.rule { one.rule.clone() } else { format!("{}+{}", one.rule, other.rule) };
        Self { role: roles.join("+"), rule, message: format!("{}; {}", one.message, other.message), within, roles }
    }

    /// All roles that one person needs to say yes.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }
}

/// A permitted call. Only this crate makes one.
#[derive(Debug)]
pub struct PermittedCall {
    call: ContractedCall,
    local: bool,
    decision: Decision,
}

impl PermittedCall {
    pub(crate) fn new(call: ContractedCall, local: bool, decision: Decision) -> Self {
        Self { call, local, decision }
    }

    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &ContractedCall {
        &self.call
    }

    /// The evidence before this one, to take what is carried along.
    #[must_use]
    pub fn call_mut(&mut self) -> &mut ContractedCall {
        &mut self.call
    }

    /// Its caller wants to run it itself.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.local
    }

    /// Why it is permitted, as far as its arguments do not matter. What is on record is the decision of
    /// [`Authorize::judge`](crate::Authorize::judge).
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}
