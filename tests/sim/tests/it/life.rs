//! One life of the host: it opens the log that the one before left, everybody does what they do, and it is killed, or
//! everybody goes home and it must hold nothing any more.

use std::{
    sync::{Arc, LazyLock, atomic::Ordering},
    time::Duration,
};

use grid_audit::{Driver, Ledger, Options};
use grid_config::{Config, Sources};
use grid_contract::Strict;
use grid_core::{
    clock::Clock,
    envelope::Credentials,
    id::{PrincipalId, TenantId},
    port::{AdminDoor, FrontDoor, LocalDoor, ProviderDoor, RuntimeDoor},
};
use grid_identity::{Claims, Identity, SigningKey, Verifier, mint};
use grid_server::{Embedded, Held};
use grid_testkit::{FakeClock, manifest};
use grid_tlog::Signer;
use tokio::{runtime::Handle, time::sleep};
use tokio_util::task::TaskTracker;

use crate::{
    callers,
    disk::Disk,
    operators, runtimes,
    script::{Weather, between, dice},
    world::{SimClock, World},
};

/// `sum` is pure, `look` reads, `send` writes, `scan` is pure and given to two where one is silent.
const MANIFEST: &str = include_str!("../../tools.json");
const MANIFEST_PATH: &str = concat!("manifest.path=", env!("CARGO_MANIFEST_DIR"), "/tools.json");

pub const TOOLS: [&str; 4] = ["sum", "send", "scan", "look"];
/// Calls of these wait where every runtime is full.
pub const PATIENT: [&str; 3] = ["sum", "send", "scan"];

/// Longer than anything lasts here once everybody has gone.
const PATIENCE: usize = 240;

/// What everybody may knock at.
pub trait Doors: FrontDoor + LocalDoor + RuntimeDoor + AdminDoor + ProviderDoor + Clone {}
impl<D: FrontDoor + LocalDoor + RuntimeDoor + AdminDoor + ProviderDoor + Clone> Doors for D {}

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The process is gone after a while.
    Killed(Duration),
    /// So it is, and its disk fails before, after so many commits.
    Broken(Duration, usize),
    /// Everybody has gone home.
    Empty,
}

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());
static SIGNER: LazyLock<Arc<Signer>> = LazyLock::new(|| {
    const KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    Arc::new(Signer::parse(KEY).unwrap())
});
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let set = [
        "mode=strict",
        MANIFEST_PATH,
        "session.ttl=90s",
        "runtime.max_in_flight=4",
        "runtime.queue=8",
        "local.ttl=10s",
        "data.dir=nowhere",
    ];
    let sources = Sources { set: set.iter().map(ToString::to_string).collect(), ..Sources::default() };
    grid_config::read(&sources).settle().unwrap()
});

/// What proves somebody. Made when the world begins, and good for longer than it lasts.
pub fn token(name: &str, tenant: &str, roles: &[&str]) -> Credentials {
    token_at(name, tenant, roles, &FakeClock::default())
}

/// The same, made now.
pub fn token_at(name: &str, tenant: &str, roles: &[&str], clock: &dyn Clock) -> Credentials {
    let claims = Claims {
        principal: PrincipalId::parse(name).unwrap(),
        tenant: TenantId::parse(tenant).unwrap(),
        roles: roles.iter().map(ToString::to_string).collect(),
        ttl: Duration::from_secs(1_000_000),
        issuer: "grid".to_owned(),
        audience: "grid-host".to_owned(),
    };
    Credentials { bearer: Some(mint(&KEY, &claims, clock).unwrap()), ..Credentials::default() }
}

/// Opens the log once more and gives what was found in it.
pub fn open(disk: &Disk, clock: grid_core::clock::SharedClock) -> (Ledger, grid_audit::Recovered, Driver<Disk>) {
    let mut options = Options::new("memory", Arc::clone(&SIGNER));
    options.queue = 64;
    Ledger::driven(disk.clone(), &options, clock, Arc::new(()), &Handle::current()).unwrap()
}

/// Lives it. When this returns, the runtime that it ran on is thrown away with all that is left on it.
pub async fn live(world: World, number: usize, before: Duration, end: End) -> Duration {
    let clock = SimClock::after(before, &world.wall);
    world.begin(number, clock.clone());
    world.tell(&format!("host {number} starts"));
    let (ledger, recovered, driver) = open(&world.disk, clock.clone());
    let verifier = Verifier::new(KEY.verifying_key(), "grid", "grid-host", Duration::ZERO);
    let identity = Identity::strict(verifier, clock.clone());
    let contracts = Strict::new(manifest(MANIFEST));
    let host = Embedded::compose(&CONFIG, contracts, identity, (ledger.clone(), &recovered), clock).unwrap();
    let host = Arc::new(host);
    let tasks = TaskTracker::new();
    if let End::Broken(_, commits) = end {
        world.disk.breaks_after(commits);
    }
    tasks.spawn(write(world.clone(), driver, Arc::clone(&host)));
    if world.weather == Weather::Skewed {
        tasks.spawn(skew(world.clone()));
    }
    let sweeping = Arc::clone(&host);
    tasks.spawn(async move {
        loop {
            sleep(Duration::from_secs(1)).await;
            sweeping.sweep().await;
        }
    });
    let serving = runtimes::start(&world, &host.door());
    let calling = callers::start(&world, &host.door());
    calling.spawn(operators::revoke(world.clone(), host.door()));
    calling.spawn(operators::rearrange(world.clone(), host.door()));
    calling.close();
    match end {
        End::Killed(after) | End::Broken(after, _) => sleep(after).await,
        End::Empty => {
            calling.wait().await;
            world.stop();
            serving.wait().await;
            empty(&world, &host).await;
            ledger.close().await.unwrap();
        }
    }
    world.tell(&format!("host {number} ends: {end:?}"));
    world.now()
}

/// Somebody sets the clock on the wall, forwards and back.
async fn skew(world: World) {
    let mut dice = dice(world.seed, 4 + 1000 * world.life() as u64);
    loop {
        sleep(between(&mut dice, 500, 15_000)).await;
        let most = [2_000, 100_000][dice.below(2)];
        let jump = i64::try_from(dice.roll() % most).unwrap() - i64::try_from(most / 2).unwrap();
        world.wall.fetch_add(jump, Ordering::Relaxed);
        world.tell(&format!("the clock on the wall jumps by {jump} ms"));
    }
}

/// The log's disk takes its time, and sometimes a lot of it.
async fn write(world: World, mut driver: Driver<Disk>, host: Arc<Embedded<Strict>>) {
    let mut dice = dice(world.seed, 1 + 1000 * world.life() as u64);
    while driver.place().await {
        world.disk.placed(host.epoch());
        world.placed.notify_waiters();
        match dice.below(20) {
            0 if !world.is_fair() => sleep(between(&mut dice, 100, 2000)).await,
            1..4 => {}
            _ => sleep(between(&mut dice, 1, 20)).await,
        }
        // Where this fails, it answers whoever comes, and the process is to be ended.
        if !driver.store().await {
            return;
        }
        world.disk.stored(world.unix_ms());
    }
}

/// Nobody is there any more, and after a while nothing is.
async fn empty(world: &World, host: &Embedded<Strict>) {
    for _ in 0..PATIENCE {
        if host.held() == Held::default() {
            return;
        }
        sleep(Duration::from_secs(1)).await;
    }
    world.fault(format!("nobody is left, and the host holds {:?}", host.held()));
}
