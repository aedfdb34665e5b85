//! A host, a client and tools, set up as most tests want them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use grid_proto::{adm, v1};
use grid_sdk::{Backoff, Client, IntoTool, Retries, ToolError, VerifyingKey, tool};
use grid_sdk_local::{
    ExecutionMode, LocalClient, LocalClientBuilder, LocalSession, LocalSessionOptions, OutcomeLog, OutcomeSettings,
    Registry, Trust,
};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::host::{Host, PRINCIPAL, TENANT, contract};

/// Fails the test instead of hanging it.
pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.expect("it did not happen within ten seconds")
}

/// Adds two numbers.
#[tool]
pub fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Refuses in its own words.
#[tool]
pub async fn refuse() -> Result<(), ToolError> {
    Err(ToolError::new("BUSINESS_RULE_VIOLATION", "not today"))
}

/// Fails as programs do.
#[tool]
pub async fn fail() -> Result<(), std::fmt::Error> {
    Err(std::fmt::Error)
}

/// Panics.
#[tool]
pub fn crash() {
    panic!("secret in /home/someone/src/main.rs");
}

/// Never ends.
#[tool]
pub async fn hang() {
    std::future::pending().await
}

pub static HANGS: AtomicUsize = AtomicUsize::new(0);

/// Takes its time.
#[tool]
pub async fn slow() -> &'static str {
    HANGS.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(200)).await;
    "done"
}

pub static GATE: Semaphore = Semaphore::const_new(0);

/// Ends when the test lets it.
#[tool]
pub async fn gated() -> &'static str {
    GATE.acquire().await.unwrap().forget();
    "through"
}

pub static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Counts how often it ran, and takes small numbers only, which its schema cannot say.
#[tool]
pub fn count(by: u8) -> usize {
    RUNS.fetch_add(1, Ordering::SeqCst) + usize::from(by)
}

pub fn listing(tool: impl IntoTool, effect: &str, timeout_ms: u64) -> v1::ToolListing {
    let tool = tool.into_tool();
    v1::ToolListing {
        declaration: Some(adm::FunctionDeclaration {
            name: tool.name().into(),
            description: tool.description().into(),
            parameters: tool.parameters().into(),
        }),
        effect: effect.into(),
        timeout_ms,
        digest: contract(tool.name()),
        available: true,
        ..Default::default()
    }
}

pub struct Scene {
    pub host: Host,
    pub directory: TempDir,
    pub log: OutcomeLog,
    pub registry: Registry,
}

pub fn quick(directory: &TempDir) -> OutcomeSettings {
    OutcomeSettings {
        backoff: Backoff::new(Duration::from_millis(5), Duration::from_millis(20)),
        ..OutcomeSettings::at(directory.path().join("outcomes"))
    }
}

pub async fn connect(host: &Host) -> Client {
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
    let retries = Retries { backoff, ..Retries::up_to(1) };
    Client::builder().endpoint(&host.endpoint).retries(retries).connect().await.unwrap()
}

impl Scene {
    pub async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let log = OutcomeLog::open(quick(&directory)).unwrap();
        let scene = Self { host: Host::start().await, directory, log, registry: Registry::new() };
        for tool in [add.into_tool(), refuse.into_tool(), fail.into_tool(), crash.into_tool(), hang.into_tool()] {
            scene.registry.register(tool).unwrap();
        }
        scene.registry.register(count).unwrap();
        scene.registry.register(slow).unwrap();
        scene.registry.register(gated).unwrap();
        scene.list("write");
        scene
    }

    /// The host's contracts, all with this effect.
    pub fn list(&self, effect: &str) {
        let mut listings = vec![
            listing(add, effect, 5_000),
            listing(refuse, effect, 5_000),
            listing(fail, effect, 5_000),
            listing(crash, effect, 5_000),
            listing(hang, effect, 50),
            listing(count, effect, 5_000),
            listing(slow, effect, 5_000),
            listing(gated, effect, 9_000),
        ];
        // A schema cannot say a range, so this one suits as well.
        listings.push(v1::ToolListing {
            declaration: Some(adm::FunctionDeclaration {
                name: "elsewhere".into(),
                description: "Runs at a runtime only.".into(),
                parameters: "{\"type\":\"OBJECT\",\"properties\":{}}".into(),
            }),
            ..listing(add, effect, 5_000)
        });
        self.host.state().listings = listings;
    }

    pub fn key(&self) -> VerifyingKey {
        self.host.state().signer.verifying_key().clone()
    }

    pub async fn builder(&self, mode: ExecutionMode) -> LocalClientBuilder {
        let trust = Trust::log(vec![self.key()], PRINCIPAL, TENANT);
        let builder = LocalClient::builder(connect(&self.host).await, self.log.clone(), trust);
        builder.registry(self.registry.clone()).mode(mode)
    }

    pub async fn session(&self, mode: ExecutionMode) -> LocalSession {
        open(&self.builder(mode).await.build()).await
    }

    /// Waits until the host has heard of everything.
    pub async fn told(&self) {
        assert_eq!(self.log.flushed(Duration::from_secs(10)).await, 0, "outcomes are left");
    }
}

pub async fn open(client: &LocalClient) -> LocalSession {
    soon(client.open_session(LocalSessionOptions::default())).await.unwrap()
}
