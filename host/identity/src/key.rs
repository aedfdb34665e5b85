//! Ed25519 keys and their files. A private key lives in a PKCS#8 PEM file that only its owner may read, is never
//! printed, and leaves no copy in freed memory.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::AsDer,
    signature::{Ed25519KeyPair, KeyPair},
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use thiserror::Error;
use uuid::Uuid;
use zeroize::Zeroizing;

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";
const MAX_FILE: u64 = 16 * 1024;
/// What precedes the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key that cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read key file `{}`: {source}", path.display())]
    Read {
        /// Of the file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write key file `{}`: {source}", path.display())]
    Write {
        /// Of the file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read or write it.
    #[error("key file `{path}` has mode {mode:o}, so that others may use the key; run `chmod 600 {path}`", path = path.display())]
    Exposed {
        /// Of the file.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// It is not such a key.
    #[error("not an Ed25519 {0} in PEM; make one with `openssl genpkey -algorithm ed25519`")]
    Malformed(&'static str),
    /// No key could be made.
    #[error("the machine gave no random bytes for a new key; try again")]
    Randomness,
}

/// Signs tokens.
#[derive(Clone)]
pub struct SigningKey {
    pkcs8: Zeroizing<Vec<u8>>,
    encoding: EncodingKey,
    public: VerifyingKey,
}

impl SigningKey {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate() -> Result<Self, Error> {
        let pair = Ed25519KeyPair::generate().map_err(|_| Error::Randomness)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| Error::Randomness)?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    /// Reads the text of a PKCS#8 PEM file.
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let block = pem::parse(text).map_err(|_| Error::Malformed("private key"))?;
        let tag = block.tag() == PRIVATE;
        let pkcs8 = Zeroizing::new(block.into_contents());
        if !tag {
            return Err(Error::Malformed("private key"));
        }
        Self::from_pkcs8(&pkcs8)
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Exposed`] where group or others have any right to it, [`Error::Malformed`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(read)?;
        refuse_exposed(&file, path)?;
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE).read_to_string(&mut text).map_err(read)?;
        Self::from_pem(&text)
    }

    /// Reads the key file, or makes a key and its file (mode 600, folders mode 700) where there is none. Of
    /// several hosts that do this at once, one makes the key and all get it.
    ///
    /// # Errors
    /// As [`Self::load`], and [`Error::Write`].
    pub fn load_or_create(path: &Path) -> Result<Self, Error> {
        match Self::load(path) {
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::generate()?.save_new(path)?;
                Self::load(path)
            }
            other => other,
        }
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    pub(crate) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| Error::Malformed("private key"))?;
        let spki = pair.public_key().as_der().map_err(|_| Error::Malformed("private key"))?;
        Ok(Self {
            pkcs8: Zeroizing::new(pkcs8.to_vec()),
            encoding: EncodingKey::from_ed_der(pkcs8),
            public: VerifyingKey::from_spki(spki.as_ref())?,
        })
    }

    /// Writes a file that nobody ever sees half written, unless one is there.
    fn save_new(&self, path: &Path) -> Result<(), Error> {
        let write = |source| Error::Write { path: path.to_owned(), source };
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        create_private_folder(folder).map_err(write)?;
        let draft = folder.join(format!(".key-{}", Uuid::new_v4().as_simple()));
        let text = Zeroizing::new(pem::encode_config(
            &pem::Pem::new(PRIVATE, self.pkcs8.to_vec()),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        ));
        let written = write_private(&draft, text.as_bytes()).and_then(|()| {
            // A link, unlike a rename, never replaces a key that another host has just made.
            // File systems differ in what they answer when two do it at once; that the key is there is what counts.
            fs::hard_link(&draft, path).or_else(|fault| if path.exists() { Ok(()) } else { Err(fault) })
        });
        let removed = fs::remove_file(&draft);
        written.and(removed).map_err(write)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// Checks tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// Reads the text of a public key in PEM (`openssl pkey -pubout`).
    ///
    /// # Errors
    /// [`Error::Malformed`].
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let block = pem::parse(text).map_err(|_| Error::Malformed("public key"))?;
        if block.tag() != PUBLIC {
            return Err(Error::Malformed("public key"));
        }
        Self::from_spki(block.contents())
    }

    /// For hosts that check tokens and sign none.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let spki = [SPKI.as_slice(), self.0.as_slice()].concat();
        pem::encode_config(&pem::Pem::new(PUBLIC, spki), pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A short name for the key: 16 hex digits of its SHA-256.
    #[must_use]
    pub fn id(&self) -> String {
        let hash = digest(&SHA256, &self.0);
        hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn decoding(&self) -> DecodingKey {
        DecodingKey::from_ed_der(&self.0)
    }

    fn from_spki(spki: &[u8]) -> Result<Self, Error> {
        spki.strip_prefix(SPKI.as_slice())
            .and_then(|key| key.try_into().ok())
            .map(Self)
            .ok_or(Error::Malformed("public key"))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.id())
    }
}

/// Writes a new file that only its owner may read, and waits until it is on the disk.
///
/// # Errors
/// Where the file is there, or cannot be written.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(unix)]
fn refuse_exposed(file: &File, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        file.metadata().map_err(|source| Error::Read { path: path.to_owned(), source })?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(Error::Exposed { path: path.to_owned(), mode }) }
}

/// Other systems keep rights in lists that this crate does not read.
#[cfg(not(unix))]
fn refuse_exposed(_file: &File, _path: &Path) -> Result<(), Error> {
    Ok(())
}
