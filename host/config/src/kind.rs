//! What a setting can be, and the reading of a raw value as that. Every message says what was found and what
//! would be right.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use grid_core::id::PrincipalId;

use super::{
    raw::{Raw, clip},
    units::{ByteSize, parse_time, show_time},
    url::Url,
};

/// The kinds of settings.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Bool,
    Integer {
        min: u64,
        max: u64,
    },
    Time {
        min: Duration,
        max: Duration,
    },
    /// A greater value counts as `cap`, with a warning, whatever was written (Q12).
    Capped {
        min: Duration,
        cap: Duration,
    },
    Size {
        min: ByteSize,
        max: ByteSize,
    },
    Address,
    Path,
    /// Free text, not empty.
    Text,
    /// Printed without its user, password and query.
    Url,
    /// An id as `grid_core` defines it.
    Name,
    Names,
    /// Free texts, each not empty and without a comma.
    Texts,
    Choice(&'static [&'static str]),
}

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A setting that has no default was not given.
    Absent,
    Bool(bool),
    Integer(u64),
    Time(Duration),
    Size(ByteSize),
    Address(SocketAddr),
    Path(PathBuf),
    Text(String),
    Url(Url),
    List(Vec<String>),
}

/// A value, and what the operator should know of it.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) value: Value,
    pub(crate) warning: Option<String>,
}

impl Kind {
    pub(crate) fn check(self, raw: &Raw) -> Result<Checked, String> {
        if let Self::Capped { min, cap } = self {
            return capped(raw, min, cap);
        }
        let value = match self {
            Self::Bool => Value::Bool(bool_of(raw)?),
            Self::Integer { min, max } => Value::Integer(integer(raw, min, max)?),
            Self::Time { min, max } => Value::Time(time(raw, min, Some(max))?),
            Self::Capped { min, cap } => Value::Time(time(raw, min, None)?.min(cap)),
            Self::Text => Value::Text(text(raw, "a text")?),
            Self::Size { min, max } => Value::Size(size(raw, min, max)?),
            Self::Address => Value::Address(address(raw)?),
            Self::Path => Value::Path(PathBuf::from(text(raw, "a path")?)),
            Self::Url => Value::Url(url(raw)?),
            Self::Name => Value::Text(name(&text(raw, "a name")?)?),
            Self::Names => Value::List(names(raw)?),
            Self::Texts => Value::List(texts(raw)?),
            Self::Choice(names) => Value::Text(choice(raw, names)?),
        };
        Ok(Checked { value, warning: None })
    }
}

fn bool_of(raw: &Raw) -> Result<bool, String> {
    match raw {
        Raw::Bool(value) => Ok(*value),
        Raw::Loose(text) if text == "true" => Ok(true),
        Raw::Loose(text) if text == "false" => Ok(false),
        other => Err(format!("found {}; give `true` or `false`", other.found())),
    }
}

fn integer(raw: &Raw, min: u64, max: u64) -> Result<u64, String> {
    let number = match raw {
        Raw::Integer(value) => u64::try_from(*value).ok(),
        Raw::Loose(text) => text.parse().ok(),
        _ => None,
    };
    number
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| format!("found {}; give a whole number from {min} to {max}", raw.found()))
}

fn time(raw: &Raw, min: Duration, max: Option<Duration>) -> Result<Duration, String> {
    let (Raw::Text(text) | Raw::Loose(text)) = raw else {
        return Err(format!("found {}; give a time with its unit, for example `{}`", raw.found(), example(raw)));
    };
    let Some(time) = parse_time(text) else {
        return Err(format!(
            "`{}` is not a time; give a number with its unit (ms, s, m, h, d), for example `30s`",
            clip(text)
        ));
    };
    if time < min {
        return Err(format!("`{}` is too short; give at least `{}`", clip(text), show_time(min)));
    }
    match max {
        Some(max) if time > max => Err(format!("`{}` is too long; give at most `{}`", clip(text), show_time(max))),
        _ => Ok(time),
    }
}

/// A bare number was most likely meant as seconds.
fn example(raw: &Raw) -> String {
    match raw {
        Raw::Integer(number) if *number > 0 => format!("{number}s"),
        _ => "30s".to_owned(),
    }
}

fn capped(raw: &Raw, min: Duration, cap: Duration) -> Result<Checked, String> {
    let time = time(raw, min, None)?;
    let warning = (time > cap).then(|| {
        format!(
            "`{}` is more than the host allows and counts as `{}`; give at most that",
            show_time(time),
            show_time(cap)
        )
    });
    Ok(Checked { value: Value::Time(time.min(cap)), warning })
}

fn size(raw: &Raw, min: ByteSize, max: ByteSize) -> Result<ByteSize, String> {
    let (Raw::Text(text) | Raw::Loose(text)) = raw else {
        return Err(format!("found {}; give a size with its unit, for example `4MiB`", raw.found()));
    };
    let Some(size) = ByteSize::parse(text) else {
        return Err(format!(
            "`{}` is not a size; give a number with its unit (B, KiB, MiB, GiB), for example `4MiB`",
            clip(text)
        ));
    };
    if size < min {
        return Err(format!("`{size}` is too small; give at least `{min}`"));
    }
    if size > max {
        return Err(format!("`{size}` is too large; give at most `{max}`"));
    }
    Ok(size)
}

fn address(raw: &Raw) -> Result<SocketAddr, String> {
    let text = text(raw, "an address")?;
    let local = text
        .strip_prefix("localhost:")
        .and_then(|port| port.parse().ok())
        .map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    local.or_else(|| text.parse().ok()).ok_or_else(|| {
        format!(
            "`{}` is not an address; give an IP address and a port, for example `127.0.0.1:9090` or `[::1]:9090`",
            clip(&text)
        )
    })
}

fn text(raw: &Raw, what: &str) -> Result<String, String> {
    match raw {
        Raw::Text(text) | Raw::Loose(text) if text.trim().is_empty() => {
            Err(format!("is empty; give {what}, or leave the setting out"))
        }
        Raw::Text(text) | Raw::Loose(text) => Ok(text.clone()),
        other => Err(format!("found {}; give {what}", other.found())),
    }
}

fn url(raw: &Raw) -> Result<Url, String> {
    let text = text(raw, "a URL")?;
    let usable = text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    // Not quoted: it may hold a password.
    usable.then_some(Url::new(text)).ok_or_else(|| {
        "is not a URL; give one that begins with `http://` or `https://`, for example `http://127.0.0.1:4317`"
            .to_owned()
    })
}

fn name(text: &str) -> Result<String, String> {
    PrincipalId::parse(text)
        .map(|_| text.to_owned())
        .map_err(|_| format!("`{}` is not a name; give 1 to 128 printable ASCII characters", clip(text)))
}

fn names(raw: &Raw) -> Result<Vec<String>, String> {
    match raw {
        Raw::Loose(text) => text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(name).collect(),
        Raw::List(items) => items.iter().map(|item| name(&text(item, "a name")?)).collect(),
        other => Err(format!("found {}; give a list of names, for example `[\"developer\"]`", other.found())),
    }
}

fn texts(raw: &Raw) -> Result<Vec<String>, String> {
    match raw {
        Raw::Loose(text) => {
            Ok(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
        }
        Raw::List(items) => items.iter().map(|item| text(item, "a text")).collect(),
        other => Err(format!("found {}; give a list of texts, for example `[\"ca.pem\"]`", other.found())),
    }
}

fn choice(raw: &Raw, names: &'static [&'static str]) -> Result<String, String> {
    let wanted = match raw {
        Raw::Text(text) | Raw::Loose(text) => text.to_ascii_lowercase(),
        _ => String::new(),
    };
    names.iter().find(|name| **name == wanted).map(|name| (*name).to_owned()).ok_or_else(|| {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("found {}; give one of {}", raw.found(), names.join(", "))
    })
}

impl Value {
    /// As text for people; a URL without its user, password and query.
    pub(crate) fn show(&self) -> Option<String> {
        Some(match self {
            Self::Absent => return None,
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Time(value) => show_time(*value),
            Self::Size(value) => value.to_string(),
            Self::Address(value) => value.to_string(),
            Self::Path(value) => value.display().to_string(),
            Self::Url(value) => value.to_string(),
            Self::Text(value) => value.clone(),
            Self::List(value) => value.join(","),
        })
    }
}
