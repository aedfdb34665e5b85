//! Loading of manifests, and of every other document through the engine of `grid adm check`.
//! Besides crashes it looks for a manifest that is read but not written back as it was, and for an answer that is no JSON.

#![no_main]

use grid_adm::{ArgumentChecker, ExtraArgs, Mode, ToolManifest, contract_digest, lint};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let answer = lint::line(input, Mode::Strict);
    assert!(serde_json::from_str::<serde_json::Value>(&answer).is_ok() || answer.contains("\"id\":"), "{answer}");
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let report = lint::document(None, text, Mode::Strict);
    assert!(report.valid() || !report.problems.is_empty());
    match ToolManifest::read(text) {
        Ok((manifest, warnings)) => {
            assert!(warnings.iter().all(|warning| !warning.is_error()));
            loaded(&manifest);
        }
        Err(problems) => assert!(problems.iter().any(grid_adm::Problem::is_error)),
    }
});

fn loaded(manifest: &ToolManifest) {
    let (again, _) = ToolManifest::read(&manifest.to_text()).expect("what is written is read");
    assert_eq!(&again, manifest);
    for function in manifest.contracts.iter().flat_map(|contract| &contract.function_declarations) {
        ArgumentChecker::compile(&function.parameters, ExtraArgs::Reject).expect("parameters that were read compile");
        let _ = contract_digest(function, &function.extra.clone().into());
    }
}
