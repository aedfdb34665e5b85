//! Results that are used again, on the path: looked for when it is known who would run the call, on record as what they
//! are, and kept once a conclusion is durable.

use grid_config::Config;
use grid_contract::Contracts;
use grid_core::{
    event::Event,
    id::InvocationId,
    outcome::{CallAnswer, ToolAnswer},
};
use grid_dispatch::RoutedCall;
use grid_reuse::{Found, Kept, Key, Reuse, Settings, Slot, Why};

use crate::host::Host;

/// What is known of earlier results for one call.
#[derive(Debug)]
pub(crate) enum Reusing {
    /// Its contract wants every call to run.
    Not,
    /// There is one.
    Found(Kept),
    /// There is none, and this call's own may be kept for so long.
    Missed(Why, Slot, std::time::Duration),
}

/// As the configuration says.
pub(crate) fn reuse(config: &Config) -> Reuse {
    let set = &config.reuse;
    Reuse::new(Settings { bytes: set.memory.as_usize(), entries: set.entries, largest: set.largest.as_usize() })
}

impl Reusing {
    /// Sessions that have a state, or a contract of their own, share nothing with others.
    pub(crate) fn look<C: Contracts>(host: &Host<C>, call: &RoutedCall) -> Self {
        let contract = call.contract();
        let Some(time) = contract.conduct().reuse else { return Self::Not };
        if contract.conduct().stateful || contract.is_dynamic() || !contract.effect().is_repeatable() {
            return Self::Not;
        }
        let key = Key {
            tenant: call.session().principal().tenant.clone(),
            contract: *contract.digest().as_bytes(),
            provider: call.runtime().card().provider().into(),
            args: *call.call().digest().as_bytes(),
        };
        match host.reuse.find(key, contract.name(), host.clock.elapsed()) {
            Found::Hit(kept) => Self::Found(kept),
            Found::Miss(why, slot) => Self::Missed(why, slot, time),
        }
    }

    pub(crate) fn is_found(&self) -> bool {
        matches!(self, Self::Found(_))
    }

    /// The execution that gave the result, and the result.
    pub(crate) fn found(&self) -> Option<(InvocationId, String)> {
        match self {
            Self::Found(kept) => Some((kept.invocation, kept.content.to_string())),
            Self::Not | Self::Missed(..) => None,
        }
    }

    /// What the admission says of it.
    pub(crate) fn told(&self, admission: Event) -> Event {
        match self {
            Self::Not => admission,
            Self::Found(kept) => Event {
                runtime: None,
                connection: None,
                provider: admission.runtime.as_ref().map(|runtime| runtime.provider().into()),
                reused: Some(kept.invocation),
                detail: Some(format!("a result of {} ms before is used again", kept.age.as_millis())),
                ..admission
            },
            Self::Missed(why, ..) => {
                Event { detail: Some(format!("no result is used again: {}", why.as_str())), ..admission }
            }
        }
    }

    /// The call has its answer, and its conclusion is durable. What another provider gave in the end is not kept for this.
    pub(crate) fn keep<C: Contracts>(self, host: &Host<C>, answer: &CallAnswer) {
        let Self::Missed(_, slot, time) = self else { return };
        if answer.carried.provider.as_deref() != Some(&*slot.key().provider) {
            return;
        }
        if let ToolAnswer::Success(content) = &answer.answer {
            host.reuse.keep(slot, content, answer.invocation_id, time, host.clock.elapsed());
        }
    }
}
