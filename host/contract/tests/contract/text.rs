//! Manifests as text.

/// One function in one contract, each with further fields (`"effect":"pure",`) or none.
pub fn one(contract: &str, function: &str) -> String {
    manifest(&[("calc", contract, &[("sum", function)])])
}

/// A name, and further fields.
type Function<'a> = (&'a str, &'a str);
/// A name, further fields, and its functions.
type Contract<'a> = (&'a str, &'a str, &'a [Function<'a>]);

/// A manifest of these contracts.
pub fn manifest(contracts: &[Contract<'_>]) -> String {
    let contracts: Vec<String> = contracts
        .iter()
        .map(|(name, fields, functions)| {
            let functions: Vec<String> = functions.iter().map(|(name, fields)| function(name, fields)).collect();
            format!(r#"{{"name":"{name}",{fields}"function_declarations":[{}]}}"#, functions.join(","))
        })
        .collect();
    format!(r#"{{"manifest_version":"1.0.0","contracts":[{}]}}"#, contracts.join(","))
}

fn function(name: &str, fields: &str) -> String {
    format!(
        r#"{{"name":"{name}","description":"Adds.",{fields}"parameters":{{"type":"OBJECT","properties":{{"a":{{"type":"INTEGER"}}}}}}}}"#
    )
}
