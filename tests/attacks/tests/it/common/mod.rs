//! A host, an attacker, and a good client beside them.

mod host;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_sdk::{Client, Runtime, SessionOptions, State, tool};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use host::Host;
pub use wire::*;

/// What no attack may add to the host's memory.
const GROWTH: u64 = 64 << 20;
/// Calls of the good client that have to be answered during an attack, however short it is, and again after it.
pub const CALLS: usize = 20;

/// Whom an attack is aimed at.
#[derive(Debug, Clone)]
pub struct Target {
    pub callers: u16,
    pub operators: u16,
    /// A session that is open, of the attacker's own principal.
    pub session: String,
    /// The attacker's token, where they are somebody else than the good client.
    token: Option<String>,
    /// Counts the attacker's turns, so that each can be another one.
    turn: Arc<AtomicU64>,
    end: Instant,
}

impl Target {
    pub fn wire(&self) -> Wire {
        let wire = Wire::connect(self.callers);
        match &self.token {
            Some(token) => wire.by(token),
            None => wire,
        }
    }

    pub fn next(&self) -> u64 {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// The attack is to end.
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }
}

/// Adds two numbers.
#[tool]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// A runtime on a task of the test, for every tenant.
pub struct Serving(CancellationToken);

impl Serving {
    pub async fn start(host: &Host) -> Self {
        let token = host.token("calc", "*", "grid_runtime");
        let builder = Runtime::builder().tool(add).runtime_id("calc").token(token).endpoint(host.endpoint());
        let runtime = builder.build().unwrap();
        let (mut status, stop) = (runtime.status(), CancellationToken::new());
        TaskTracker::new().spawn(runtime.run_until(stop.clone().cancelled_owned()));
        soon("the runtime serves", status.wait_for(|status| status.state == State::Serving)).await.unwrap();
        Self(stop)
    }

    pub fn stop(self) {
        self.0.cancel();
    }
}

/// Runs `attack` again and again for as long as an attack lasts, and checks what has to hold meanwhile.
pub async fn survives(attack: impl Fn(&Target) + Send + Sync + 'static) {
    survives_with(&[], attack).await;
}

/// The same with settings of the host.
pub async fn survives_with(settings: &[&str], attack: impl Fn(&Target) + Send + Sync + 'static) {
    survives_from(None, settings, attack).await.stop().await;
}

/// The same by a principal of its own where one is named; gives the host to look at what it said.
pub async fn survives_from(
    attacker: Option<&str>,
    settings: &[&str],
    attack: impl Fn(&Target) + Send + Sync + 'static,
) -> Host {
    let mut host = Host::start(settings).await;
    let serving = Serving::start(&host).await;
    let client = Client::builder().endpoint(host.endpoint()).connect().await.unwrap();
    let session = client.open_session(SessionOptions::default()).await.unwrap();
    let token = attacker.map(|attacker| host.token(attacker, "elsewhere", "developer"));
    let bad = match &token {
        Some(token) => Client::builder().endpoint(host.endpoint()).token(token.clone()).connect().await.unwrap(),
        None => client.clone(),
    };
    let bad = bad.open_session(SessionOptions::default()).await.unwrap();
    for _ in 0..CALLS {
        serve(&session).await;
    }
    let seconds = std::env::var("ATTACK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let target = Target {
        callers: host.callers,
        operators: host.operators,
        session: bad.id().to_owned(),
        token,
        turn: Arc::default(),
        end: Instant::now() + Duration::from_secs(seconds),
    };
    let before = host.memory();
    let over = Arc::new(AtomicBool::new(false));
    let attacker = {
        let over = Arc::clone(&over);
        tokio::task::spawn_blocking(move || {
            while !target.is_over() {
                attack(&target);
            }
            over.store(true, Ordering::Release);
        })
    };
    let (mut served, mut most) = (0, before);
    while !over.load(Ordering::Acquire) && !attacker.is_finished() || served < CALLS {
        serve(&session).await;
        served += 1;
        most = most.max(host.memory());
        assert!(host.lives(), "the host ended: {}", host.said());
    }
    attacker.await.unwrap();
    for _ in 0..CALLS {
        serve(&session).await;
    }
    assert!(most <= before + GROWTH, "the host grew from {before} to {most} bytes");
    serving.stop();
    host
}

/// One call of a good client, and its answer.
pub async fn serve(session: &grid_sdk::Session) {
    let arguments = serde_json::json!({ "a": 2, "b": 40 });
    let answer = soon("the good client is served", session.call("add", &arguments)).await;
    let answer = answer.unwrap_or_else(|error| panic!("the good client was refused: {error}"));
    assert_eq!(answer.content.trim(), "42");
}

/// Fails the test instead of hanging it.
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.unwrap_or_else(|_| panic!("never: {what}"))
}
