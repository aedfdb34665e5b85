//! No contract passes for another. Names of a manifest are held apart as a person or a model sees them, and what a
//! runtime registers is held apart from them and from what others registered.

use grid_adm::ToolManifest;
use grid_core::{Code, Refusal, Stage};
use grid_supply::names::{Refused, Taken};

use crate::manifest::Fault;

/// The names of a manifest: those of functions, and those of contracts, which a runtime may name in place of their
/// functions (Q30). A contract may be called like a function of its own.
pub(crate) fn names(manifest: &ToolManifest, faults: &mut Vec<Fault>) -> Taken {
    let (mut functions, mut groups) = (Taken::default(), Taken::default());
    for (at, group) in manifest.contracts.iter().enumerate() {
        for (index, declaration) in group.function_declarations.iter().enumerate() {
            let pointer = format!("/contracts/{at}/function_declarations/{index}/name");
            take(&mut functions, &declaration.name, pointer, faults);
        }
    }
    for (at, group) in manifest.contracts.iter().enumerate() {
        let pointer = format!("/contracts/{at}/name");
        let of_another = functions
            .like(&group.name)
            .filter(|function| !group.function_declarations.iter().any(|declaration| declaration.name == *function));
        if let Some(function) = of_another {
            faults.push(fault(pointer.clone(), &group.name, &Refused::Taken(function.to_owned())));
        }
        take(&mut groups, &group.name, pointer, faults);
    }
    for group in &manifest.contracts {
        functions.take(&group.name);
    }
    functions
}

fn take(taken: &mut Taken, name: &str, pointer: String, faults: &mut Vec<Fault>) {
    match taken.check(name) {
        Ok(()) => taken.take(name),
        Err(refused) => faults.push(fault(pointer, name, &refused)),
    }
}

fn fault(pointer: String, name: &str, refused: &Refused) -> Fault {
    let rule = match refused {
        Refused::Taken(_) => "name.look-alike",
        Refused::Reserved(_) => "name.reserved",
        Refused::Hidden(_) => "name.hidden",
    };
    Fault::error(pointer, rule, format!("`{}`: {refused}", name.escape_default()))
}

/// Whether a runtime may register `name` beside a manifest and what is registered in the session already. Its own very
/// name it may register again.
///
/// # Errors
/// POLICY_VIOLATION.
pub(crate) fn free<'a>(
    name: &str,
    manifest: &Taken,
    registered: impl Iterator<Item = &'a String>,
) -> Result<(), Refusal> {
    let mut others = Taken::default();
    for other in registered.filter(|other| *other != name) {
        others.take(other);
    }
    manifest.check(name).and_then(|()| others.check(name)).map_err(|refused| {
        let message = format!("`{}` cannot be registered: {refused}", name.escape_default());
        Refusal::new(Code::PolicyViolation, Stage::Contract, message)
    })
}
