//! Issuers that tests make: keys of each algorithm, their key sets, and hosts whose rules name them.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaEncoding,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grid_core::{clock::SharedClock, principal::Principal};
use grid_identity::{Beside, Identity, RuleFault, Rules};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::common::{FakeClock, Forge, ISSUER, NOW_S, bearer, shared};

pub const LOGIN: &str = "https://login.example/realms/acme";
pub const BESIDE: Beside<'static> = Beside { issuer: ISSUER, runtime_role: "grid_runtime" };

/// One key of an issuer.
pub enum Signer {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    pub fn ec() -> Self {
        let signing = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(signing, &SystemRandom::new()).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(signing, pkcs8.as_ref()).unwrap())
    }

    pub fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed(_) => "EdDSA",
            Self::Ec(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Ec(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Rsa(_) => self.rsa_signature(&RSA_PKCS1_SHA256, message),
        }
    }

    pub fn rsa_signature(&self, encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let Self::Rsa(pair) = self else { panic!("not an RSA key") };
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    /// The bytes of the public key in the form of its kind.
    pub fn public(&self) -> Vec<u8> {
        match self {
            Self::Ed(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    pub fn jwk(&self, kid: &str) -> Value {
        let public = self.public();
        match self {
            Self::Ed(_) => json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "x": base64(public)}),
            Self::Ec(_) => {
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": base64(&public[1..33]), "y": base64(&public[33..])})
            }
            // SEQUENCE { INTEGER n of 257 bytes, the first of them zero; INTEGER 65537 }.
            Self::Rsa(_) => {
                json!({"kty": "RSA", "kid": kid, "alg": "RS256", "n": base64(&public[9..265]), "e": "AQAB"})
            }
        }
    }

    pub fn token(&self, header: &Value, claims: &Value) -> String {
        self.sign(&header.to_string(), &claims.to_string())
    }

    pub fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", base64(header), base64(claims));
        format!("{message}.{}", base64(self.signature(message.as_bytes())))
    }
}

/// An issuer of three keys, `ed`, `ec` and `rsa`, and a folder for its rules.
pub struct Login {
    pub folder: TempDir,
    pub ed: Signer,
    pub ec: Signer,
    pub rsa: Signer,
}

impl Login {
    pub fn new() -> Self {
        let login =
            Self { folder: tempfile::tempdir().unwrap(), ed: Signer::ed(), ec: Signer::ec(), rsa: Signer::rsa() };
        login.publish(&login.keys());
        login
    }

    pub fn keys(&self) -> Value {
        json!({"keys": [self.ed.jwk("ed"), self.ec.jwk("ec"), self.rsa.jwk("rsa")]})
    }

    pub fn publish(&self, keys: &Value) {
        fs::write(self.folder.path().join("keys.json"), keys.to_string()).unwrap();
    }

    pub fn named(&self) -> [(&'static str, &Signer); 3] {
        [("ed", &self.ed), ("ec", &self.ec), ("rsa", &self.rsa)]
    }

    pub fn header(&self, kid: &str) -> Value {
        let signer = self.named().into_iter().find(|(name, _)| *name == kid).unwrap().1;
        json!({"typ": "JWT", "alg": signer.algorithm(), "kid": kid})
    }

    /// Signed by one of the three keys.
    pub fn token(&self, kid: &str, claims: &Value) -> String {
        let signer = self.named().into_iter().find(|(name, _)| *name == kid).unwrap().1;
        signer.token(&self.header(kid), claims)
    }

    /// The rule that tests change.
    pub fn rule(&self) -> String {
        format!(
            r#"
[[issuer]]
issuer = "{LOGIN}"
audience = ["grid-host", "grid"]
jwks = "keys.json"
tenant_claim = "org.name"
roles_claim = "realm_access.roles"
principal_prefix = "corp:"

[issuer.role_map]
readers = ["reader"]
staff = ["reader", "writer"]

[issuer.tenant_map]
acme-corp = "acme"

[issuer.claims]
department = "dept"
"#
        )
    }

    pub fn rules(&self, text: &str) -> Result<Rules, Vec<RuleFault>> {
        // Tests that share an issuer read rules at once.
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let name = format!("identity-{}.toml", FILES.fetch_add(1, Ordering::Relaxed));
        let path: PathBuf = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        Rules::load(&path, BESIDE)
    }

    /// A host of STRICT mode with these rules and a key of its own.
    pub fn host(&self, text: &str, clock: &Arc<FakeClock>) -> Identity {
        let rules = self.rules(text).unwrap_or_else(|faults| panic!("{faults:?}"));
        let clock: SharedClock = shared(clock);
        Identity::strict(Forge::new().verifier(), clock).ruled(rules).unwrap()
    }
}

/// Good claims of that issuer, an hour long.
pub fn login_claims() -> Value {
    json!({
        "iss": LOGIN,
        "aud": "grid-host",
        "sub": "alice",
        "org": {"name": "acme-corp"},
        "realm_access": {"roles": ["staff", "offline_access"]},
        "dept": "tills",
        "iat": NOW_S,
        "exp": NOW_S + 3600,
    })
}

pub fn proved(identity: &Identity, token: &str) -> Result<Arc<Principal>, String> {
    let proved = identity.prove(&bearer(token));
    proved.map(|caller| Arc::clone(caller.principal())).map_err(|refusal| refusal.internal().unwrap_or("").to_owned())
}
