//! Keys as C2SP signed-note writes them. A key is known by a name and an id that is made of name, kind and public
//! key, so a signature cannot be taken for that of another name.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    digest::{Context, SHA256},
    rand::{SecureRandom as _, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use zeroize::Zeroizing;

use crate::Malformed;

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Notes, as the keeper of a log does (1).
    Note,
    /// A witness's word that a checkpoint continues those before it (4, C2SP tlog-cosignature).
    Cosignature,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Note => 1,
            Self::Cosignature => 4,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Note, Self::Cosignature].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Whether `name` may name a key: not empty, no white space, no plus.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '+')
}

fn id(name: &str, kind: Kind, public: &[u8]) -> u32 {
    let mut context = Context::new(&SHA256);
    context.update(name.as_bytes());
    context.update(&[b'\n', kind.byte()]);
    context.update(public);
    let digest = context.finish();
    digest.as_ref().first_chunk().map_or(0, |first| u32::from_be_bytes(*first))
}

/// The public half, in one line: `<name>+<id>+<kind and key in base64>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VerifyingKey {
    name: String,
    kind: Kind,
    id: u32,
    public: [u8; 32],
}

impl VerifyingKey {
    /// A key by its parts.
    ///
    /// # Errors
    /// [`Malformed`] where no key can have that name.
    pub fn new(name: &str, kind: Kind, public: [u8; 32]) -> Result<Self, Malformed> {
        if !is_name(name) {
            return Err(Malformed::new("key", "its name is empty or has white space or a plus in it"));
        }
        Ok(Self { name: name.to_owned(), kind, id: id(name, kind, &public), public })
    }

    /// For a log's key its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Made of name, kind and key.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether whoever can sign for one can sign for the other, whatever they are called.
    pub(crate) fn is_same_pair(&self, other: &Self) -> bool {
        self.public == other.public
    }

    /// Whether `signature` is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.id, tagged(self.kind, &self.public))
    }
}

impl FromStr for VerifyingKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (name, given, key) = parts(text.trim_end_matches('\n'), "key")?;
        let (kind, public) = untagged(key, "key")?;
        let key = Self::new(name, kind, *public)?;
        if key.id != given {
            return Err(Malformed::new("key", "its id does not belong to its name and key"));
        }
        Ok(key)
    }
}

/// A private key cannot be read or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoKey {
    /// The text is no private key. It is not shown.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The operating system gives no random bytes.
    #[error("the operating system gave no random bytes; try again")]
    NoRandom,
}

/// The private half. Prints its name only.
pub struct Signer {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: VerifyingKey,
}

impl Signer {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`NoKey`].
    pub fn generate(name: &str, kind: Kind) -> Result<Self, NoKey> {
        let mut seed = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(&mut *seed).map_err(|_| NoKey::NoRandom)?;
        Self::from_seed(name, kind, seed)
    }

    /// Reads `PRIVATE+KEY+<name>+<id>+<kind and seed in base64>`, as [`Signer::secret`] writes it.
    ///
    /// # Errors
    /// [`NoKey::Malformed`].
    pub fn parse(text: &str) -> Result<Self, NoKey> {
        let what = "private key";
        let rest = text.trim().strip_prefix("PRIVATE+KEY+");
        let rest = rest.ok_or_else(|| Malformed::new(what, "it does not begin with `PRIVATE+KEY+`"))?;
        let (name, given, key) = parts(rest, what)?;
        let (kind, seed) = untagged(key, what)?;
        let signer = Self::from_seed(name, kind, seed)?;
        if signer.public.id != given {
            return Err(Malformed::new(what, "its id does not belong to its name and key").into());
        }
        Ok(signer)
    }

    fn from_seed(name: &str, kind: Kind, seed: Zeroizing<[u8; 32]>) -> Result<Self, NoKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed);
        let pair = pair.map_err(|_| Malformed::new("private key", "its seed cannot be used"))?;
        let public = pair.public_key().as_ref().try_into();
        let public = public.map_err(|_| Malformed::new("private key", "its public half is not 32 bytes"))?;
        Ok(Self { seed, pair, public: VerifyingKey::new(name, kind, public)? })
    }

    /// The line to keep, for its owner alone.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<String> {
        let key = Zeroizing::new(tagged(self.public.kind, &self.seed));
        Zeroizing::new(format!("PRIVATE+KEY+{}+{:08x}+{}", self.public.name, self.public.id, *key))
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// 64 bytes of Ed25519 (RFC 8032) over `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (to, from) in bytes.iter_mut().zip(self.pair.sign(message).as_ref()) {
            *to = *from;
        }
        bytes
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public.name)
    }
}

fn tagged(kind: Kind, bytes: &[u8; 32]) -> String {
    let mut tagged = Zeroizing::new([kind.byte(); 33]);
    for (to, from) in tagged.iter_mut().skip(1).zip(bytes) {
        *to = *from;
    }
    BASE64_STANDARD.encode(*tagged)
}

fn untagged(text: &str, what: &'static str) -> Result<(Kind, Zeroizing<[u8; 32]>), Malformed> {
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(text).unwrap_or_default());
    let parts = bytes.split_first().map(|(kind, key)| (Kind::from_byte(*kind), <[u8; 32]>::try_from(key)));
    match parts {
        Some((Some(kind), Ok(key))) => Ok((kind, Zeroizing::new(key))),
        Some((None, Ok(_))) => Err(Malformed::new(what, "it is of a kind that is not known here")),
        _ => Err(Malformed::new(what, "its last part is not 33 bytes in base64")),
    }
}

/// Name, id and the rest, which may hold pluses itself.
fn parts<'a>(text: &'a str, what: &'static str) -> Result<(&'a str, u32, &'a str), Malformed> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Malformed::new(what, "it does not have three parts with `+` between them"));
    };
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let id = Some(id).filter(|id| id.len() == 8 && id.bytes().all(lower));
    let id = id.and_then(|id| u32::from_str_radix(id, 16).ok());
    let id = id.ok_or_else(|| Malformed::new(what, "its second part is not 8 hexadecimal digits"))?;
    Ok((name, id, key))
}
