//! Contracts that a runtime was built against. A function whose contract is another one here is not used: the runtime
//! would do what nobody reviewed for these arguments, or refuse them.

use std::{collections::BTreeMap, sync::Arc};

use grid_adm::Digest;
use grid_core::{Code, Refusal, Stage};

use crate::Contract;

/// Moves contracts whose digest the runtime does not share to those that are rejected.
pub fn sift(
    contracts: &mut Vec<Arc<Contract>>,
    rejected: &mut Vec<(String, Refusal)>,
    told: &BTreeMap<String, String>,
    required: bool,
) {
    contracts.retain(|contract| match judge(contract, told.get(&**contract.name()).map(String::as_str), required) {
        Ok(()) => true,
        Err(refusal) => {
            rejected.push((contract.name().to_string(), refusal));
            false
        }
    });
}

fn judge(contract: &Contract, told: Option<&str>, required: bool) -> Result<(), Refusal> {
    let own = contract.digest();
    let message = match told.map(str::parse::<Digest>) {
        Some(Ok(digest)) if digest == own => return Ok(()),
        None if !required => return Ok(()),
        Some(Ok(_)) => "the runtime was built against another contract of this name",
        Some(Err(_)) => "what the runtime says it was built against is not `sha256:` and 64 hexadecimal digits",
        None => "this host uses runtimes that say which contract they were built against, and this one does not",
    };
    let message = format!(
        "{message}; build it with the `grid.lock` that `grid manifest lock` writes for this host's manifest, which has sha256:{own}"
    );
    let refusal =
        Refusal::new(Code::VersionMismatch, Stage::Link, message).with("contract_digest", format!("sha256:{own}"));
    Err(match told {
        Some(_) => refusal.because("the announced digest differs"),
        None => refusal,
    })
}
