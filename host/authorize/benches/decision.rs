//! A decision from the cache, and one that has to be made; and what an invalidation takes to return where another thread
//! asks without pause: no permit of the old epoch comes after that.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use criterion::{Criterion, criterion_group, criterion_main};
use grid_authorize::{Authorize, Disclosure, Roles, Settings};
use grid_contract::{Manifest, Options};
use grid_core::{clock::SystemClock, principal::SecurityContext};
use grid_testkit::{Scene, Strict, principal};

const MANIFEST: &str = r#"{"manifest_version": "1.0.0", "contracts": [{
    "name": "bench", "required_roles": ["user", "auditor"], "function_declarations": [{
        "name": "sum", "description": "Adds", "parameters": {"type": "OBJECT"}}]}]}"#;

fn settings(cache: bool) -> Settings {
    Settings {
        cache,
        ttl: Duration::from_secs(60),
        deny_ttl: Duration::from_secs(5),
        entries: 10_000,
        timeout: Duration::from_millis(100),
        disclosure: Disclosure::Full,
    }
}

fn options() -> Options {
    Options {
        extra_args: grid_adm::ExtraArgs::Reject,
        timeout: Duration::from_secs(30),
        max_timeout: Duration::from_secs(300),
        max_approval: Duration::from_secs(300),
    }
}

fn decision(c: &mut Criterion) {
    let Ok(loaded) = Manifest::read(MANIFEST, options()) else { return };
    let Some(contract) = loaded.manifest.get("sum") else { return };
    let scene = Scene::new(Strict::new(loaded.manifest));
    let session = scene.session("agent", "demo", &["user", "auditor"]);
    let context = SecurityContext { principal: principal("agent", "demo", &["user", "auditor"]), claim: None };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    for (name, cache) in [("decision/hit", true), ("decision/miss", false)] {
        let stage = Authorize::new(Arc::new(Roles), settings(cache), SystemClock::shared());
        c.bench_function(name, |b| {
            b.iter(|| runtime.block_on(stage.lists(black_box(&context), &session, black_box(&contract), false)));
        });
    }
}

fn revocation(c: &mut Criterion) {
    let Ok(loaded) = Manifest::read(MANIFEST, options()) else { return };
    let Some(contract) = loaded.manifest.get("sum") else { return };
    let scene = Scene::new(Strict::new(loaded.manifest));
    let session = scene.session("agent", "demo", &["user", "auditor"]);
    let context = SecurityContext { principal: principal("agent", "demo", &["user", "auditor"]), claim: None };
    let stage = Authorize::new(Arc::new(Roles), settings(true), SystemClock::shared());
    let over = AtomicBool::new(false);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    let ask = || {
        while !over.load(Ordering::Relaxed) {
            black_box(runtime.block_on(stage.lists(&context, &session, &contract, false)));
        }
    };
    thread::scope(|scope| {
        scope.spawn(ask);
        c.bench_function("invalidation/to its return", |b| b.iter(|| black_box(stage.invalidate())));
        over.store(true, Ordering::Relaxed);
    });
}

criterion_group!(benches, decision, revocation);
criterion_main!(benches);
