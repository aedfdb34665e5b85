//! A clock that tests move, a key that signs anything, and hosts that believe it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grid_core::{
    Code, Refusal, Stage,
    clock::{Clock, SharedClock},
    envelope::Credentials,
    id::{PrincipalId, TenantId},
};
use grid_identity::{Claims, Development, Identity, SigningKey, Verifier};
use serde_json::{Value, json};

pub const NOW_S: u64 = 1_800_000_000;
pub const ISSUER: &str = "grid";
pub const AUDIENCE: &str = "grid-host";

#[derive(Debug)]
pub struct FakeClock {
    unix_ms: AtomicU64,
    elapsed_ms: AtomicU64,
}

impl FakeClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { unix_ms: AtomicU64::new(NOW_S * 1000), elapsed_ms: AtomicU64::new(0) })
    }

    pub fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap();
        self.unix_ms.fetch_add(ms, Ordering::Relaxed);
        self.elapsed_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::Relaxed))
    }

    fn unix_ms(&self) -> u64 {
        self.unix_ms.load(Ordering::Relaxed)
    }
}

/// Signs whatever it is given, as an attacker with a key, or a careless issuer, would.
pub struct Forge {
    pair: Ed25519KeyPair,
    pub key: SigningKey,
}

impl Forge {
    pub fn new() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let pkcs8 = pair.to_pkcs8v1().unwrap();
        let pem = pem::encode(&pem::Pem::new("PRIVATE KEY", pkcs8.as_ref()));
        Self { key: SigningKey::from_pem(&pem).unwrap(), pair }
    }

    /// Signs two texts that need not be JSON.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        self.sign_message(&message)
    }

    pub fn sign_message(&self, message: &str) -> String {
        let signature = self.pair.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// Signs a good header and these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&header().to_string(), &claims.to_string())
    }

    pub fn verifier(&self) -> Verifier {
        Verifier::new(self.key.verifying_key(), ISSUER, AUDIENCE, Duration::from_secs(30))
    }

    pub fn strict(&self, clock: &Arc<FakeClock>) -> Identity {
        Identity::strict(self.verifier(), shared(clock))
    }
}

pub fn shared(clock: &Arc<FakeClock>) -> SharedClock {
    let clock: SharedClock = Arc::<FakeClock>::clone(clock);
    clock
}

pub fn header() -> Value {
    json!({"typ": "JWT", "alg": "EdDSA"})
}

/// Good claims, an hour long.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "tenant": "acme",
        "roles": ["reader", "writer"],
        "iat": NOW_S,
        "exp": NOW_S + 3600,
        "jti": "1",
    })
}

/// What a token of `grid token new` says.
pub fn claims_of(principal: &str, ttl: u64) -> Claims {
    Claims {
        principal: PrincipalId::parse(principal).unwrap(),
        tenant: TenantId::parse("acme").unwrap(),
        roles: vec!["writer".to_owned(), "reader".to_owned()],
        ttl: Duration::from_secs(ttl),
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
    }
}

pub fn bearer(token: &str) -> Credentials {
    Credentials { bearer: Some(token.to_owned()), loopback: true, ..Credentials::default() }
}

pub fn developer() -> Development {
    Development {
        principal: PrincipalId::parse("developer").unwrap(),
        tenant: TenantId::parse("dev").unwrap(),
        roles: [Arc::from("grid_admin")].into(),
    }
}

/// The refusal of this stage, with nothing of the token in either message.
pub fn assert_refused(refusal: &Refusal, token: &str) {
    assert_eq!(refusal.code(), Code::InvalidCredentials);
    assert_eq!(refusal.stage(), Stage::Identity);
    assert!(refusal.message().contains("`grid token new`"), "{refusal}");
    assert!(refusal.internal().is_some_and(|why| !why.is_empty()));
    if token.len() > 40 {
        assert!(!format!("{refusal:?}").contains(token), "a token was printed");
    }
}
