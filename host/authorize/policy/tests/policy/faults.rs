//! What is wrong with a directory is told at once, each with its place; such a directory does not load.

use crate::common::{ROLES, bank, directory, faults};
use grid_policy::PolicySet;

fn one(policy: &str) -> String {
    let faults = faults(policy);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults[0].clone()
}

#[test]
fn a_tool_that_is_not_there_is_named_with_the_nearest_one() {
    let fault = one("permit (principal,\n  action == Grid::Action::\"tranfer\", resource);");
    assert!(fault.starts_with("p.cedar:2:13: "), "{fault}");
    assert!(fault.contains("tranfer") && fault.contains("transfer"), "{fault}");
    let fault = one("permit (principal, action, resource == Grid::Tool::\"balanse\");");
    assert_eq!(
        fault,
        "p.cedar:1:40: there is no tool in the manifest called `balanse`; did you mean `balance`? [policy.unknown-name]"
    );
    let fault = one("permit (principal in Grid::Role::\"tellr\", action, resource);");
    assert!(fault.contains("did you mean `teller`?"), "{fault}");
    let fault = one("permit (principal, action, resource in Grid::Tag::\"mony\");");
    assert!(fault.contains("did you mean `money`?"), "{fault}");
}

#[test]
fn an_argument_that_is_not_there_is_a_fault() {
    let fault =
        one("permit (principal, action == Grid::Action::\"transfer\", resource)\nwhen { context.args.amont > 1 };");
    assert!(fault.starts_with("p.cedar:2:8: ") && fault.contains("amont"), "{fault}");
    let fault =
        one("permit (principal, action == Grid::Action::\"transfer\", resource) when { context.args.count > 1 };");
    assert!(fault.contains("count") && fault.contains("has"), "an optional argument has to be asked for: {fault}");
    let fault = one("permit (principal, action == Grid::Action::\"transfer\", resource) when { context.args.to > 1 };");
    assert!(fault.ends_with("[policy.invalid]"), "{fault}");
}

#[test]
fn a_policy_that_can_never_match_is_a_fault() {
    let fault = one("forbid (principal, action == Grid::Action::\"report\", resource) when { false };");
    assert!(fault.ends_with("[policy.impossible]"), "{fault}");
    let fault = one("forbid (principal is Grid::Tool, action == Grid::Action::\"report\", resource);");
    assert!(fault.ends_with("[policy.impossible]"), "{fault}");
}

#[test]
fn annotations_and_ids_are_checked() {
    assert!(one("@idd(\"a\") permit (principal, action, resource);").contains("did you mean `id`?"));
    assert!(one("@id(\"a b\") permit (principal, action, resource);").ends_with("[policy.id]"));
    let fault =
        one("@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);");
    assert_eq!(fault, "p.cedar:2:1: the policy at line 1 has the id `a` too; ids are unique [policy.id-twice]");
    assert!(one("@approval(\"teller\") permit (principal, action, resource);").ends_with("[policy.approval]"));
    assert!(one("@approval(\"boss\") forbid (principal, action, resource);").contains("no role `boss`"));
    assert!(one("permit (principal == ?principal, action, resource);").ends_with("[policy.template]"));
}

#[test]
fn every_fault_of_every_file_comes_at_once() {
    let dir = directory(&[
        ("roles.toml", "[roles]\nviewer = { includes = [\"vewer\"] }\n"),
        ("a.cedar", "permit (principal, action, resource"),
        (
            "b.cedar",
            "permit (principal, action == Grid::Action::\"no\", resource);\n@x permit (principal, action, resource);",
        ),
        ("notes.txt", "?"),
    ]);
    let faults = PolicySet::load(dir.path(), &bank()).unwrap_err();
    let places: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.place, fault.rule)).collect();
    assert_eq!(
        places,
        [
            "a.cedar:1:36 policy.parse",
            "b.cedar:1:30 policy.invalid",
            "b.cedar:2:1 policy.annotation",
            "roles.toml:2:24 roles.unknown"
        ]
    );
}

#[test]
fn a_ring_of_roles_is_a_fault() {
    let dir = directory(&[(
        "roles.toml",
        "[roles]\na = { includes = [\"b\"] }\nb = { includes = [\"c\"] }\nc = { includes = [\"a\"] }\n",
    )]);
    let faults = PolicySet::load(dir.path(), &bank()).unwrap_err();
    assert_eq!(
        faults[0].to_string(),
        "roles.toml:2:1: roles include each other in a ring: `a` → `b` → `c` → `a` [roles.ring]"
    );
}

#[test]
fn bindings_are_checked() {
    let binding = |text: &str| {
        let dir = directory(&[("roles.toml", &format!("[roles]\na = {{}}\n[[binding]]\n{text}\n"))]);
        PolicySet::load(dir.path(), &bank()).err().map(|faults| faults[0].to_string()).unwrap_or_default()
    };
    assert_eq!(binding("tenant = \"*\"\nprincipal = \"x\"\nroles = [\"a\"]"), "");
    assert!(binding("tenant = \"*\"\nroles = [\"a\"]").contains("either a `principal`"));
    assert!(
        binding("tenant = \"*\"\nprincipal = \"x\"\nclaim = \"y\"\nroles = [\"a\"]").contains("either a `principal`")
    );
    assert!(binding("tenant = \"\"\nprincipal = \"x\"\nroles = [\"a\"]").contains("`tenant`"));
    assert!(binding("principal = \"x\"\nroles = [\"a\"]").contains("[roles.parse]"));
    assert!(binding("tenant = \"*\"\nprincipal = \"x\"\nroles = [\"b\"]").contains("no role `b`"));
}

#[test]
#[cfg(unix)]
fn links_out_of_the_directory_and_files_that_cannot_be_read_are_faults() {
    let outside = directory(&[("x.cedar", "permit (principal, action, resource);")]);
    let dir = directory(&[("roles.toml", ROLES)]);
    std::os::unix::fs::symlink(outside.path().join("x.cedar"), dir.path().join("x.cedar")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("gone"), dir.path().join("y.cedar")).unwrap();
    std::fs::write(dir.path().join("z.cedar"), [0xff, 0xfe]).unwrap();
    let faults = PolicySet::load(dir.path(), &bank()).unwrap_err();
    let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(shown[0].contains("x.cedar: is a link to a place outside"), "{shown:?}");
    assert!(shown[1].contains("y.cedar: cannot be read"), "{shown:?}");
    assert!(shown[2].contains("z.cedar: is not UTF-8"), "{shown:?}");
    let gone = PolicySet::load(&dir.path().join("nowhere"), &bank()).unwrap_err();
    assert!(gone[0].to_string().contains("cannot be read"), "{gone:?}");
}

#[test]
fn the_digest_covers_names_and_bytes_and_roles() {
    let digest = |files: &[(&str, &str)]| {
        let dir = directory(files);
        grid_core::port::Authorizer::digest(&*PolicySet::load(dir.path(), &bank()).unwrap().0).unwrap()
    };
    let policy = "permit (principal, action, resource);";
    let own = digest(&[("a.cedar", policy), ("roles.toml", ROLES)]);
    assert_eq!(own, digest(&[("roles.toml", ROLES), ("a.cedar", policy), ("tests/t.toml", ""), ("README.md", "x")]));
    assert_ne!(own, digest(&[("b.cedar", policy), ("roles.toml", ROLES)]));
    assert_ne!(own, digest(&[("a.cedar", &format!("{policy} ")), ("roles.toml", ROLES)]));
    assert_ne!(own, digest(&[("a.cedar", policy), ("roles.toml", &format!("{ROLES} "))]));
}
