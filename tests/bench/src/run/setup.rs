//! The six setups: which processes each is made of, and one measurement of it.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Serialize, Serializer};

use super::Options;
use crate::{
    Fallible,
    host::{self, MANIFEST},
    mtls,
    process::Process,
    sample::Sample,
};

/// Which of the six.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// A bare tonic unary echo
    A,
    /// A bare relay
    B,
    /// The governed call, audit durability off
    C,
    /// The governed call as shipped, STRICT
    D,
    /// (c) over mTLS
    E,
    /// (d) over mTLS
    F,
}

impl Which {
    pub(super) fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
            Self::C => 'c',
            Self::D => 'd',
            Self::E => 'e',
            Self::F => 'f',
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::A => "bare tonic echo",
            Self::B => "bare relay",
            Self::C => "governed, relaxed",
            Self::D => "governed, STRICT",
            Self::E => "relaxed, mTLS",
            Self::F => "STRICT, mTLS",
        }
    }

    fn strict(self) -> bool {
        matches!(self, Self::D | Self::F)
    }

    fn secured(self) -> bool {
        matches!(self, Self::E | Self::F)
    }
}

impl Serialize for Which {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_char(self.letter())
    }
}

/// A setup that runs.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) which: Which,
    address: String,
    /// Of the caller, where the setup looks at it.
    token: Option<PathBuf>,
    /// The folder of certificates, where it is met over mTLS.
    tls: Option<PathBuf>,
    /// Ends before the other, whose end would be a fault to it.
    runtime: Option<Process>,
    /// Whoever answers the client: its processor time counts.
    middle: Process,
}

impl Setup {
    pub(super) fn start(which: Which, options: &Options, data: &Path) -> Fallible<Self> {
        match which {
            Which::A => {
                let mut middle = Process::own("the echo", ["echo"])?;
                Ok(Self { which, address: middle.line()?, token: None, tls: None, middle, runtime: None })
            }
            Which::B => {
                let mut middle = Process::own("the relay", ["relay", "--served", options.relay.as_str()])?;
                let address = middle.line()?;
                let runtime = Some(runtime(&address, None, None)?);
                Ok(Self { which, address, token: None, tls: None, middle, runtime })
            }
            Which::C | Which::D | Which::E | Which::F => {
                let folder = data.join(which.letter().to_string());
                let tls = which.secured().then(|| mtls::make(&options.grid, &folder)).transpose()?;
                let settings = if tls.is_some() { mtls::SETTINGS } else { "" };
                let host = host::start(&options.grid, &folder, which.strict(), MANIFEST, settings)?;
                let runtime = Some(runtime(&host.address, Some(&host.runtime_token), tls.as_deref())?);
                let (address, token) = (host.address, Some(host.caller_token));
                Ok(Self { which, address, token, tls, middle: host.process, runtime })
            }
        }
    }

    /// One measurement by a client of its own.
    pub(super) fn measure(&mut self, in_flight: usize, options: &Options) -> Fallible<Sample> {
        let mut arguments: Vec<String> = [
            ("--address", self.address.clone()),
            ("--in-flight", in_flight.to_string()),
            ("--seconds", options.seconds.to_string()),
            ("--warm-up", options.warm_up.to_string()),
            ("--pid", self.middle.id().to_string()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect();
        arguments.insert(0, "load".to_owned());
        if let Some(token) = &self.token {
            arguments.extend(["--token".to_owned(), token.display().to_string()]);
        }
        if let Some(tls) = &self.tls {
            arguments.extend(["--tls".to_owned(), tls.display().to_string()]);
        }
        let mut load = Process::own(&format!("the client of ({})", self.which.letter()), arguments)?;
        let sample = serde_json::from_str(&load.line()?)?;
        self.middle.check()?;
        self.runtime.as_mut().map_or(Ok(()), Process::check)?;
        Ok(sample)
    }
}

/// Attached, once it is given.
fn runtime(address: &str, token: Option<&Path>, tls: Option<&Path>) -> Fallible<Process> {
    let mut arguments = vec!["runtime".to_owned(), "--address".to_owned(), address.to_owned()];
    if let Some(token) = token {
        arguments.extend(["--token".to_owned(), token.display().to_string()]);
    }
    if let Some(tls) = tls {
        arguments.extend(["--tls".to_owned(), tls.display().to_string()]);
    }
    let mut process = Process::own("the runtime", arguments)?;
    process.line()?;
    Ok(process)
}
