//! One witness, asked over HTTP by a thread that may wait. It is a stranger: its answer is bounded in bytes and time,
//! no redirect is followed, and nothing is believed but a cosignature that its key verifies.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use grid_tlog::{Hash, Kind, Note, Signature, VerifyingKey};
use http::{StatusCode, Uri, header};
use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::ask::{Ask, Trouble};
use crate::wire::{ADD_CHECKPOINT, AddCheckpoint, LONGEST_BODY, SIZE_TYPE, size};

const LONGEST_HEAD: usize = 16 << 10;
/// Shorter than servers keep a silent connection, so that none is used that is just being closed.
const IDLE: Duration = Duration::from_secs(4);
/// Characters of a stranger's words that are passed on.
const CLIP: usize = 200;

/// Settings that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// A witness is not named as it must be. The text is not shown: somebody may have written a password into it.
    #[error("this names no witness: {0}; write its key, a blank and its URL")]
    Address(String),
    /// More must cosign than there are.
    #[error("{quorum} of {witnesses} witnesses cannot cosign; lower the quorum or name more witnesses")]
    Quorum {
        /// How many must.
        quorum: usize,
        /// How many are named.
        witnesses: usize,
    },
    /// One is named twice.
    #[error("the witness `{0}` is named twice")]
    Twice(String),
    /// The age that is allowed is over before a witness can be asked.
    #[error("the greatest age must be at least twice the interval at which witnesses are asked")]
    TooShort,
    /// The machine has no roots of trust, so that no `https` can be checked.
    #[error("no certificate authorities were found on this machine; install them, or set SSL_CERT_FILE")]
    NoRoots,
    /// The machine gives no thread.
    #[error("no thread can be started: {0}")]
    NoThread(String),
}

/// Where a witness listens and how its word is checked. Written `<key> <URL>`; the URL is the prefix under which it
/// has `/add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// As `grid witness init` prints it.
    pub key: VerifyingKey,
    /// Without a slash at its end.
    pub url: String,
}

impl FromStr for Address {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Unusable> {
        let wrong = |why: &str| Unusable::Address(why.to_owned());
        let (key, url) = text.trim().split_once(' ').ok_or_else(|| wrong("there is no blank in it"))?;
        let key: VerifyingKey = key.parse().map_err(|error| wrong(&format!("{error}")))?;
        if key.kind() != Kind::Cosignature {
            return Err(wrong("its key is one of a log"));
        }
        let url = url.trim().trim_end_matches('/');
        let uri: Uri = url.parse().map_err(|_| wrong("its URL cannot be read"))?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let is_plain = uri.query().is_none() && !uri.authority().is_some_and(|place| place.as_str().contains('@'));
        if !is_http || uri.host().is_none_or(str::is_empty) || !is_plain {
            return Err(wrong("its URL is not `http://` or `https://` with a host, without user and query"));
        }
        Ok(Self { key, url: url.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.url)
    }
}

/// What a witness says, where it says something that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It cosigned. The signature was verified with its key.
    Cosigned {
        /// To add to the note.
        line: Signature,
        /// When, by the witness's clock, in seconds since 1970.
        time: u64,
    },
    /// It last cosigned a tree of this size; ask again with a proof from there. Only its word.
    Conflict(u64),
}

/// A witness that can be asked. Clones share connections.
#[derive(Debug, Clone)]
pub struct Witness {
    address: Address,
    agent: Agent,
}

impl Witness {
    /// Makes ready to ask, each time for no longer than `timeout`.
    ///
    /// # Errors
    /// [`Unusable::NoRoots`].
    pub fn new(address: Address, timeout: Duration) -> Result<Self, Unusable> {
        let agent = agent(timeout, address.url.starts_with("https"))?;
        Ok(Self { address, agent })
    }

    /// Asks for a cosignature of `note`, with the proof that it continues the tree of `old` entries. Blocks.
    ///
    /// # Errors
    /// [`Trouble`].
    pub fn request(&self, old: u64, proof: &[Hash], note: &Note) -> Result<Answer, Trouble> {
        let text = note.to_string();
        let body = AddCheckpoint { old, proof: proof.to_vec(), note: &text }.write();
        let url = format!("{}{ADD_CHECKPOINT}", self.address.url);
        let sent = self.agent.post(&url).header(header::CONTENT_TYPE, "text/plain; charset=utf-8").send(&body);
        let mut response = sent.map_err(|error| Trouble::Unreachable(clip(&error.to_string())))?;
        let read = response.body_mut().with_config().limit(LONGEST_BODY as u64).read_to_vec();
        let body = read.map_err(|error| Trouble::Unreachable(clip(&error.to_string())))?;
        let body = String::from_utf8(body).map_err(|_| Trouble::Garbage("it is not UTF-8"))?;
        match response.status() {
            StatusCode::OK => self.cosigned(&body, note.text()),
            StatusCode::CONFLICT => {
                let kind = response.headers().get(header::CONTENT_TYPE);
                if kind.is_none_or(|kind| kind.as_bytes() != SIZE_TYPE.as_bytes()) {
                    // Version 1.0.0 of the specification for another root at the same size.
                    return Err(Trouble::Refused { status: 409, why: clip(&body) });
                }
                let told = body.strip_suffix('\n').and_then(size);
                told.map(Answer::Conflict).ok_or(Trouble::Garbage("its conflict tells no size"))
            }
            other => Err(Trouble::Refused { status: other.as_u16(), why: clip(&body) }),
        }
    }

    /// Finds the line of our witness among those of an answer; lines of others are nothing to us.
    fn cosigned(&self, body: &str, text: &str) -> Result<Answer, Trouble> {
        let key = &self.address.key;
        let lines = body.strip_suffix('\n').ok_or(Trouble::Garbage("its last line has no end"))?;
        let lines: Result<Vec<Signature>, _> = lines.split('\n').map(Signature::parse).collect();
        let lines = lines.map_err(|_| Trouble::Garbage("a line is no signature"))?;
        let ours = lines.into_iter().find(|line| line.id == key.id() && line.name == key.name());
        let line = ours.ok_or(Trouble::Garbage("no line is of the key that is configured for this witness"))?;
        let alone = Note::from_parts(text.to_owned(), vec![line.clone()]);
        let time = alone.cosigned(key).map_err(|_| Trouble::Garbage("its signature does not hold"))?.time;
        Ok(Answer::Cosigned { line, time })
    }
}

impl Ask for Witness {
    fn ask(&self, old: u64, proof: &[Hash], note: &Note) -> Result<Answer, Trouble> {
        self.request(old, proof, note)
    }
}

fn agent(timeout: Duration, is_tls: bool) -> Result<Agent, Unusable> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
    if is_tls {
        let found = rustls_native_certs::load_native_certs().certs;
        if found.is_empty() {
            return Err(Unusable::NoRoots);
        }
        tls = tls.root_certs(RootCerts::from(found.iter().map(|der| Certificate::from_der(der).to_owned())));
    }
    let config = Agent::config_builder()
        .tls_config(tls.build())
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .http_status_as_error(false)
        // What is asked and answered depends on the settings alone, never on the environment.
        .proxy(None)
        .user_agent("grid")
        .max_response_header_size(LONGEST_HEAD)
        .input_buffer_size(LONGEST_HEAD)
        .output_buffer_size(LONGEST_HEAD)
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .max_idle_age(IDLE);
    Ok(config.build().new_agent())
}

/// What is shown to people and logs of a stranger's words.
fn clip(text: &str) -> String {
    text.trim().chars().take(CLIP).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
