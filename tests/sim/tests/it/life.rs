//! One life of the host: it opens the log that the one before left, everybody does what they do, and it is killed, or
//! everybody goes home and it must hold nothing any more.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use grid_audit::{Driver, Ledger, Options};
use grid_config::{Config, Sources};
use grid_contract::Strict;
use grid_core::{
    clock::Clock,
    envelope::Credentials,
    id::{PrincipalId, TenantId},
    port::{AdminDoor, FrontDoor, RuntimeDoor},
    revocation::Invalidate,
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
    runtimes,
    script::{Order, between, dice},
    world::{Revoked, SimClock, World},
};

/// `sum` is pure, `look` reads, `send` writes.
const MANIFEST: &str = include_str!("../../tools.json");
const MANIFEST_PATH: &str = concat!("manifest.path=", env!("CARGO_MANIFEST_DIR"), "/tools.json");

pub const TOOLS: [&str; 3] = ["sum", "look", "send"];

/// Longer than anything lasts here once everybody has gone.
const PATIENCE: usize = 240;

/// What everybody may knock at.
pub trait Doors: FrontDoor + RuntimeDoor + AdminDoor + Clone {}
impl<D: FrontDoor + RuntimeDoor + AdminDoor + Clone> Doors for D {}

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The process is gone after a while.
    Killed(Duration),
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
        "data.dir=nowhere",
    ];
    let sources = Sources { set: set.iter().map(ToString::to_string).collect(), ..Sources::default() };
    grid_config::read(&sources).settle().unwrap()
});

/// What proves somebody. Made when the world begins, and good for longer than it lasts.
pub fn token(name: &str, tenant: &str, role: &str) -> Credentials {
    token_at(name, tenant, role, &FakeClock::default())
}

/// The same, made now.
pub fn token_at(name: &str, tenant: &str, role: &str, clock: &dyn Clock) -> Credentials {
    let claims = Claims {
        principal: PrincipalId::parse(name).unwrap(),
        tenant: TenantId::parse(tenant).unwrap(),
        roles: std::iter::once(role.to_owned()).collect(),
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
    let clock = SimClock::after(before);
    world.begin(number, clock.clone());
    world.tell(&format!("host {number} starts"));
    let (ledger, recovered, driver) = open(&world.disk, clock.clone());
    let verifier = Verifier::new(KEY.verifying_key(), "grid", "grid-host", Duration::ZERO);
    let identity = Identity::strict(verifier, clock.clone());
    let contracts = Strict::new(manifest(MANIFEST));
    let host = Embedded::compose(&CONFIG, contracts, identity, (ledger.clone(), &recovered), clock).unwrap();
    let host = Arc::new(host);
    let tasks = TaskTracker::new();
    tasks.spawn(write(world.clone(), driver));
    let sweeping = Arc::clone(&host);
    tasks.spawn(async move {
        loop {
            sleep(Duration::from_secs(1)).await;
            sweeping.sweep().await;
        }
    });
    let serving = runtimes::start(&world, &host.door());
    let calling = callers::start(&world, &host.door());
    calling.spawn(operate(world.clone(), host.door()));
    calling.close();
    match end {
        End::Killed(after) => sleep(after).await,
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

/// The log's disk takes its time, and sometimes a lot of it.
async fn write(world: World, mut driver: Driver<Disk>) {
    let mut dice = dice(world.seed, 1 + 1000 * world.life() as u64);
    while driver.place().await {
        world.placed.notify_waiters();
        match dice.below(20) {
            0 => sleep(between(&mut dice, 100, 2000)).await,
            1..4 => {}
            _ => sleep(between(&mut dice, 1, 20)).await,
        }
        if !driver.store().await {
            return;
        }
    }
}

/// Rights end now and then.
async fn operate(world: World, door: impl AdminDoor) {
    let mut dice = dice(world.seed, 2 + 1000 * world.life() as u64);
    let who = token("operator", "demo", "grid_admin");
    for at in 0..dice.below(6) {
        sleep(between(&mut dice, 10, 8000)).await;
        if dice.coin() {
            // Rights end while somebody's record is being written, or there is none for a while.
            let placed = world.placed.notified();
            tokio::select! {
                biased;
                () = placed => sleep(between(&mut dice, 0, 10)).await,
                () = sleep(Duration::from_secs(5)) => {}
            }
        }
        let order = Order::next(&mut dice);
        let mut request = Invalidate::everything("tried");
        match order {
            Order::Everything => {}
            Order::Principal => (request.tenant, request.principal) = ("demo".into(), callers::NAMES[0].0.into()),
            Order::Tool => request.tool = TOOLS[dice.below(3)].to_owned(),
            Order::Proofs => {
                (request.tenant, request.principal) = ("demo".into(), callers::NAMES[0].0.into());
                request.revoke_proofs = true;
            }
            Order::Twice => request.event_id = format!("event-{}-{at}", world.life()),
        }
        request.cancel_running = matches!(order, Order::Principal | Order::Tool);
        world.tell(&format!("operator: {order:?}"));
        for _ in 0..=usize::from(order == Order::Twice) {
            let asked = world.now();
            let ended = door.invalidate(who.clone(), request.clone()).await.unwrap();
            let unproved = (order == Order::Proofs).then_some(callers::NAMES[0].0);
            let revoked = Revoked { life: world.life(), asked, at: world.now(), epoch: ended.epoch, unproved };
            world.memory().revoked.push(revoked);
            world.tell(&format!("operator: epoch {}, {} cancelled", ended.epoch, ended.cancelled_calls));
        }
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
    world.memory().leaks.push(format!("{:?}", host.held()));
}
