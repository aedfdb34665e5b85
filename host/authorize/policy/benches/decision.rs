//! What a decision costs where none is remembered, with 1 to 1,000 policies loaded. Policies are spread as those of an
//! operator are: over 20 tools and 25 roles, so that a caller of two roles meets few of them.
#![expect(
    missing_docs,
    clippy::expect_used,
    reason = "criterion makes functions without them, and a bench that cannot begin should stop"
)]

use std::{fmt::Write as _, hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use grid_contract::Manifest;
use grid_policy::{PolicySet, Probe};

const TOOLS: usize = 20;
const ROLES: usize = 25;

fn manifest() -> Manifest {
    let tool = |at: usize| {
        format!(
            r#"{{"name":"tool_{at}","description":"d","parameters":{{"type":"OBJECT","properties":{{
            "amount":{{"type":"NUMBER"}},"to":{{"type":"STRING"}}}},"required":["amount","to"]}}}}"#
        )
    };
    let tools: Vec<String> = (0..TOOLS).map(tool).collect();
    grid_testkit::manifest(&format!(
        r#"{{"manifest_version":"1.0.0","contracts":[{{"name":"g","description":"d","required_roles":["role_0"],
        "tags":["all"],"function_declarations":[{}]}}]}}"#,
        tools.join(",")
    ))
}

/// `count` policies; with `args`, those about amounts read them.
fn set(count: usize, args: bool, manifest: &Manifest) -> Arc<PolicySet> {
    let dir = tempfile::tempdir().expect("a directory");
    let roles = (0..ROLES).fold("[roles]\n".to_owned(), |mut text, at| {
        let _ = writeln!(text, "role_{at} = {{}}");
        text
    });
    let mut text = String::new();
    for at in 0..count {
        let (role, tool) = (at % ROLES, at / ROLES % TOOLS);
        let effect = if at / (ROLES * TOOLS) == 0 { "permit" } else { "forbid" };
        let when = match (effect, args) {
            ("permit", true) => "when { context.args.to != \"nobody\" }",
            (_, true) => "when { context.args.amount.greaterThan(decimal(\"1000.0\")) }",
            ("permit", false) => "when { resource.effect == \"write\" }",
            (_, false) => "when { context.local }",
        };
        let head =
            format!("principal in Grid::Role::\"role_{role}\", action == Grid::Action::\"tool_{tool}\", resource");
        let _ = writeln!(text, "{effect} ({head}) {when};");
    }
    std::fs::write(dir.path().join("roles.toml"), roles).expect("roles");
    std::fs::write(dir.path().join("p.cedar"), text).expect("policies");
    PolicySet::load(dir.path(), manifest).expect("policies without faults").0
}

fn probe(args: bool) -> Probe {
    Probe {
        principal: "tom".to_owned(),
        tenant: "acme".to_owned(),
        roles: ["role_0".to_owned(), "role_1".to_owned()].into(),
        tool: "tool_0".to_owned(),
        args: args.then(|| r#"{"amount": 12.5, "to": "17"}"#.to_owned()),
        now_ms: 1_800_000_000_000,
        ..Probe::default()
    }
}

fn decision(c: &mut Criterion) {
    let manifest = manifest();
    let mut group = c.benchmark_group("policy/miss");
    for count in [1, 10, 100, 1_000] {
        for (name, args) in [("scope", false), ("arguments", true)] {
            let set = set(count, args, &manifest);
            let ask = |question: &grid_core::port::Question<'_>| {
                group.bench_function(BenchmarkId::new(name, count), |b| {
                    b.iter(|| black_box(set.answer(black_box(question))))
                });
            };
            probe(args).with(&manifest, ask).expect("names");
        }
    }
    let all = set(1_000, false, &manifest);
    let ask = |question: &grid_core::port::Question<'_>| {
        group.bench_function("unsliced/1000", |b| b.iter(|| black_box(all.answer_unsliced(black_box(question)))));
    };
    probe(false).with(&manifest, ask).expect("names");
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
