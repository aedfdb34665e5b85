//! The host of a history, and everybody who does something to it.

use std::{
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use grid_audit::{Driver, Ledger, MemoryStorage, Options};
use grid_config::{Config, Sources};
use grid_contract::Strict;
use grid_core::{
    envelope::Credentials,
    id::{PrincipalId, TenantId},
    revocation::Invalidate,
};
use grid_identity::{Claims, Identity, SigningKey, Verifier, mint};
use grid_server::Embedded;
use grid_testkit::{FakeClock, manifest};
use grid_tlog::Signer;
use tokio::{runtime::Handle, time::sleep};
use tokio_util::task::TaskTracker;

use crate::{
    approvals::{Asker, decide},
    grants::Holder,
    registry::{IDS, Seat, probe},
    sessions::Caller,
    world::{Doors, Revocation, Who, World, between},
};

/// `sum` is pure, `look` reads, `send` writes; a person has to say yes to `pay`.
const MANIFEST: &str = include_str!("../../tools.json");
const MANIFEST_PATH: &str = concat!("manifest.path=", env!("CARGO_MANIFEST_DIR"), "/tools.json");

/// Of the runtimes, in the order of their ids.
pub const TOOLS: [&str; 3] = ["sum", "look", "send"];

/// How long a grant is good, and how long a call waits for a yes.
pub const TTL: Duration = Duration::from_secs(1);
pub const WAIT: Duration = Duration::from_secs(5);

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());
static SIGNER: LazyLock<Arc<Signer>> = LazyLock::new(|| {
    const KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    Arc::new(Signer::parse(KEY).unwrap())
});
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let set = [
        "mode=strict",
        MANIFEST_PATH,
        "local.ttl=1s",
        "approval.timeout=5s",
        "approval.per_principal=1000",
        "session.max_per_principal=100000",
        "runtime.heartbeat=1s",
        "runtime.missed_heartbeats=2",
        // What they keep away is no matter of the registry.
        "breaker.enabled=false",
        "limits.adaptive=false",
        "data.dir=nowhere",
    ];
    let sources = Sources { set: set.iter().map(ToString::to_string).collect(), ..Sources::default() };
    grid_config::read(&sources).settle().unwrap()
});

/// What proves somebody, for longer than a history lasts.
pub fn token(name: &str, tenant: &str, role: &str) -> Credentials {
    let claims = Claims {
        principal: PrincipalId::parse(name).unwrap(),
        tenant: TenantId::parse(tenant).unwrap(),
        roles: std::iter::once(role.to_owned()).collect(),
        ttl: Duration::from_secs(1_000_000),
        issuer: "grid".to_owned(),
        audience: "grid-host".to_owned(),
    };
    Credentials { bearer: Some(mint(&KEY, &claims, &FakeClock::default()).unwrap()), ..Credentials::default() }
}

fn who(name: &'static str, role: &str) -> Who {
    Who { name, proof: token(name, "demo", role) }
}

/// Lives a whole history.
pub async fn live(world: World) {
    let mut options = Options::new("memory", Arc::clone(&SIGNER));
    options.queue = 4096;
    let log = MemoryStorage::default();
    let opened = Ledger::driven(log, &options, world.clock.clone(), Arc::new(()), &Handle::current());
    let (ledger, recovered, driver) = opened.unwrap();
    let verifier = Verifier::new(KEY.verifying_key(), "grid", "grid-host", Duration::ZERO);
    let identity = Identity::strict(verifier, world.clock.clone());
    let contracts = Strict::new(manifest(MANIFEST));
    let clock = world.clock.clone();
    let host = Embedded::compose(&CONFIG, contracts, identity, (ledger.clone(), &recovered), clock).unwrap();
    let host = Arc::new(host);
    let tasks = TaskTracker::new();
    let writing = tasks.spawn(write(world.clone(), driver));
    let (sweeping, swept) = (Arc::clone(&host), world.clone());
    let sweeping = tasks.spawn(async move {
        loop {
            sleep(swept.real(Duration::from_secs(1))).await;
            sweeping.sweep().await;
        }
    });
    let serving = serve(&world, &host.door());
    act(&world, &host.door()).await;
    world.stop();
    serving.wait().await;
    sweeping.abort();
    ledger.close().await.unwrap();
    writing.await.unwrap();
}

fn serve<D: Doors>(world: &World, door: &D) -> TaskTracker {
    let serving = TaskTracker::new();
    for at in 0..IDS.len() {
        for number in 0..2 {
            let dice = world.dice(10 + at as u64 * 2 + number);
            let number = usize::try_from(number).unwrap();
            serving.spawn(Seat { world: world.clone(), door: door.clone(), at, number, dice }.attend());
        }
    }
    serving.close();
    serving
}

/// Until as much was done as shall be.
async fn act<D: Doors>(world: &World, door: &D) {
    let acting = TaskTracker::new();
    let (world, door) = (world.clone(), door.clone());
    let callers = ["agent", "second"].map(|name| (who(name, "caller"), Arc::default()));
    for (at, number) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)] {
        let ((who, own), (_, others)) = (callers[at].clone(), callers[1 - at].clone());
        let (name, dice) = (format!("{}{number}", who.name), world.dice(100 + at as u64 * 10 + number));
        acting.spawn(Caller { world: world.clone(), door: door.clone(), name, who, own, others, dice }.live());
    }
    let owners: Arc<Mutex<Vec<(String, &'static str)>>> = Arc::default();
    let holders = ["holder", "keeper"].map(|name| (who(name, "caller"), Arc::default()));
    for number in 0..5 {
        let (who, held) = holders[usize::from(number > 2)].clone();
        let (name, dice, owners) = (format!("{}{number}", who.name), world.dice(200 + number), Arc::clone(&owners));
        let (world, door) = (world.clone(), door.clone());
        if number == 2 {
            acting.spawn(Asker { world, door, name, who, held, owners, dice }.live());
        } else {
            acting.spawn(Holder { world, door, name, who, held, owners, dice }.live());
        }
    }
    for number in 0..2 {
        let who = who(["boss", "deputy"][usize::try_from(number).unwrap()], "approver");
        acting.spawn(decide(world.clone(), door.clone(), who, number));
        let (caller, operator) = (self::who("prober", "caller"), self::who("operator", "grid_admin"));
        acting.spawn(probe(world.clone(), door.clone(), caller, operator, number));
    }
    acting.spawn(operate(world.clone(), door));
    acting.close();
    acting.wait().await;
    let owners = owners.lock().unwrap().clone();
    let owner = |session: &str| owners.iter().find(|(of, _)| of == session).map(|(_, owner)| *owner);
    crate::grants::add_ends(&world, owner);
    crate::approvals::add_ends(&world);
}

/// The log's disk takes its time, and sometimes a lot of it.
async fn write(world: World, mut driver: Driver<MemoryStorage>) {
    let mut dice = world.dice(1);
    while driver.place().await {
        match dice.below(20) {
            0 => world.rest(&mut dice, 20, 200).await,
            1..8 => {}
            _ => world.rest(&mut dice, 1, 8).await,
        }
        if !driver.store().await {
            return;
        }
    }
}

/// Rights end now and then.
async fn operate(world: World, door: impl Doors) {
    let mut dice = world.dice(2);
    let operator = token("operator", "demo", "grid_admin");
    loop {
        sleep(world.real(between(&mut dice, 300, 4000))).await;
        if !world.goes_on() {
            return;
        }
        let of = [None, Some("holder"), Some("keeper")][dice.below(3)];
        let mut request = Invalidate::everything("tried");
        if let Some(name) = of {
            (request.tenant, request.principal) = ("demo".to_owned(), name.to_owned());
        }
        let invoked = world.stamp();
        door.invalidate(operator.clone(), request).await.unwrap();
        let returned = world.stamp();
        world.memory.revocations.lock().unwrap().push(Revocation { of, invoked, returned });
    }
}
