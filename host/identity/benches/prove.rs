//! What the stage costs: a token that is remembered, and one whose signature is checked.
#![expect(clippy::unwrap_used, reason = "a bench that cannot start shall stop")]

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use criterion::{Criterion, criterion_group, criterion_main};
use grid_core::{
    clock::{Clock, SystemClock},
    envelope::Credentials,
    id::{PrincipalId, TenantId},
};
use grid_identity::{Claims, Identity, SigningKey, Verifier, mint};

/// Every look is more than a minute after the last, so that nothing is ever remembered.
#[derive(Debug, Default)]
struct Forgetful(AtomicU64);

impl Clock for Forgetful {
    fn elapsed(&self) -> Duration {
        Duration::from_secs(61 * self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn unix_ms(&self) -> u64 {
        1_800_000_000_000
    }
}

fn credentials(key: &SigningKey, clock: &dyn Clock) -> Credentials {
    let claims = Claims {
        principal: PrincipalId::parse("alice").unwrap(),
        tenant: TenantId::parse("acme").unwrap(),
        roles: vec!["reader".to_owned(), "writer".to_owned()],
        ttl: Duration::from_secs(3600),
        issuer: "grid".to_owned(),
        audience: "grid-host".to_owned(),
    };
    Credentials { bearer: Some(mint(key, &claims, clock).unwrap()), loopback: false, ..Credentials::default() }
}

fn prove(criterion: &mut Criterion) {
    let key = SigningKey::generate().unwrap();
    let verifier = Verifier::new(key.verifying_key(), "grid", "grid-host", Duration::ZERO);

    let clock = SystemClock::shared();
    let known = credentials(&key, &*clock);
    let identity = Identity::strict(verifier.clone(), clock);
    criterion.bench_function("prove/hit", |bench| {
        bench.iter(|| identity.prove(black_box(&known)));
    });

    let clock = Arc::new(Forgetful::default());
    let unknown = credentials(&key, &*clock);
    let identity = Identity::strict(verifier, clock);
    criterion.bench_function("prove/miss", |bench| {
        bench.iter(|| identity.prove(black_box(&unknown)));
    });
}

criterion_group!(benches, prove);
criterion_main!(benches);
