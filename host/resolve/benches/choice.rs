//! What choosing a provider and taking a place costs, among 1 to 32 runtimes of as many providers and 1 to 10,000
//! contracts that each of them serves, with ranks, capabilities and a selection for another tenant.
#![expect(clippy::expect_used, reason = "a bench that cannot begin should stop")]

use std::{fmt::Write as _, hint::black_box, sync::Arc};

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use grid_core::runtime::Runtime;
use grid_resolve::{Roster, Scope, file, route};
use grid_testkit::{FakeRuntime, Scene, Strict};

fn scene(contracts: usize) -> Scene<Strict> {
    let tool = |at: usize| {
        format!(
            r#"{{"name":"tool_{at}","description":"d","requires":{{"all":["lru"]}},"parameters":{{"type":"OBJECT"}}}}"#
        )
    };
    let tools: Vec<String> = (0..contracts).map(tool).collect();
    Scene::strict(&format!(
        r#"{{"manifest_version":"1.0.0","contracts":[{{"name":"g","required_roles":["*"],"effect":"read",
        "function_declarations":[{}]}}]}}"#,
        tools.join(",")
    ))
}

/// As many providers as runtimes, or all runtimes of one.
fn roster(runtimes: usize, contracts: usize, one: bool) -> Roster {
    let roster = Roster::default();
    let mut text = String::new();
    for at in 0..runtimes {
        let name = if one { "p".to_owned() } else { format!("p{at}") };
        if at == 0 || !one {
            let level = at % 7;
            let _ = writeln!(text, "[providers.{name}]\nstack_level = {level}\ncapabilities = [\"ttl\", \"lru\"]");
        }
        let runtime: Arc<dyn Runtime> = FakeRuntime::new(&format!("{name}/{at}"), "*", u32::MAX);
        for tool in 0..contracts {
            roster.seat(&Arc::from(format!("tool_{tool}")), &runtime, Scope::Every);
        }
    }
    let _ = writeln!(text, "[tenants.other.select]\ntool_0 = \"p0\"");
    roster.replace(file::read(&text, &|_| true).expect("a file without faults"));
    roster
}

fn choice(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut group = c.benchmark_group("resolve/route");
    for contracts in [1, 100, 10_000] {
        let scene = scene(contracts);
        let clock = scene.clock.shared();
        let session = scene.session("agent", "demo", &[]);
        let tool = format!("tool_{}", contracts / 2);
        for (name, runtimes, one) in
            [("providers", 1, false), ("providers", 4, false), ("providers", 32, false), ("replicas", 32, true)]
        {
            let roster = roster(runtimes, contracts, one);
            let id = BenchmarkId::new(format!("{runtimes} {name}"), contracts);
            group.bench_function(id, |b| {
                b.iter_batched(
                    || runtime.block_on(scene.approved(&session, scene.request(&tool, "{}"))),
                    |call| {
                        // Nobody is waited for: the first poll has the place.
                        let routed = runtime.block_on(route(&roster, &clock, call)).expect("there is room");
                        black_box(routed)
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

fn foreseen(c: &mut Criterion) {
    let mut group = c.benchmark_group("resolve/choose");
    for contracts in [1, 100, 10_000] {
        let scene = scene(contracts);
        let session = scene.session("agent", "demo", &[]);
        let contract = grid_testkit::Contracts::find(&scene.contracts, &session, &format!("tool_{}", contracts / 2));
        let contract = contract.expect("a contract");
        for runtimes in [1, 4, 32] {
            let roster = roster(runtimes, contracts, false);
            group.bench_function(BenchmarkId::new(format!("{runtimes} runtimes"), contracts), |b| {
                b.iter(|| black_box(roster.any(black_box(&contract), black_box(&session))));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, choice, foreseen);
criterion_main!(benches);
