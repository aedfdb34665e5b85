//! A bank of four tools, and directories of policies for it.

use grid_contract::Manifest;
use grid_policy::{Answer, PolicySet, Probe};

/// Roles that the tests' policies name.
pub const ROLES: &str = r#"
[roles]
viewer = {}
teller = { includes = ["viewer"] }
teller_lead = { includes = ["teller"] }
auditor = {}

[[binding]]
tenant = "acme"
principal = "lena"
roles = ["teller_lead"]

[[binding]]
tenant = "*"
claim = "department"
value = "branch"
roles = ["teller"]
"#;

/// A manifest of a bank.
pub fn bank() -> Manifest {
    grid_testkit::manifest(
        r#"{"manifest_version": "1.0.0", "contracts": [{
        "name": "bank", "description": "Accounts.", "required_roles": ["viewer"], "tags": ["money"],
        "function_declarations": [
            {"name": "balance", "description": "Reads.", "effect": "read", "parameters": {"type": "OBJECT", "properties":
                {"account": {"type": "STRING"}}, "required": ["account"]}},
            {"name": "transfer", "description": "Moves.", "classification": "secret", "parameters": {"type": "OBJECT",
                "properties": {"amount": {"type": "NUMBER"}, "count": {"type": "INTEGER"}, "to": {"type": "STRING"},
                "labels": {"type": "ARRAY", "items": {"type": "STRING"}}, "urgent": {"type": "BOOLEAN"},
                "origin": {"type": "OBJECT", "properties": {"branch": {"type": "INTEGER"}}, "required": ["branch"]}},
                "required": ["amount", "to"]}}
        ]}, {
        "name": "reports", "description": "Reports.", "required_roles": ["*"], "tags": ["paper"],
        "function_declarations": [
            {"name": "report", "description": "Writes.", "parameters": {"type": "OBJECT", "properties": {}}}]}]}"#,
    )
}

/// A directory of policies.
pub fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

/// A set without faults.
pub fn set(policies: &str) -> std::sync::Arc<PolicySet> {
    let dir = directory(&[("roles.toml", ROLES), ("p.cedar", policies)]);
    match PolicySet::load(dir.path(), &bank()) {
        Ok((set, _)) => set,
        Err(faults) => panic!("{}", faults.iter().map(|fault| format!("{fault}\n")).collect::<String>()),
    }
}

/// The faults of a policy, as they are shown.
pub fn faults(policies: &str) -> Vec<String> {
    let dir = directory(&[("roles.toml", ROLES), ("p.cedar", policies)]);
    PolicySet::load(dir.path(), &bank()).unwrap_err().iter().map(ToString::to_string).collect()
}

/// A teller of acme that calls a tool.
pub fn teller(tool: &str, args: Option<&str>) -> Probe {
    Probe {
        principal: "tom".to_owned(),
        tenant: "acme".to_owned(),
        roles: ["teller".to_owned()].into(),
        tool: tool.to_owned(),
        args: args.map(str::to_owned),
        now_ms: 1_800_000_000_000,
        ..Probe::default()
    }
}

/// The answer as `word rule`.
pub fn ask(set: &PolicySet, probe: &Probe) -> String {
    let answer: Answer = probe.ask(set, &bank()).unwrap();
    format!("{} {}", answer.word(), answer.rule())
}
