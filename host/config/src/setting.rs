//! One row of the table of settings, and how a row becomes a field of the typed configuration.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use grid_core::id::{PrincipalId, TenantId};

use super::{
    choice::{
        ClientAuth, DeniedTools, Disclosure, Durability, ExtraArgs, LogFormat, LogLevel, Mode, Scheduler, SocketMode,
        Stale, TlsVersion,
    },
    kind::{Kind, Value},
    units::ByteSize,
    url::Url,
};

/// A setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// `section.key`; `mode` alone has no section.
    pub(crate) key: &'static str,
    pub(crate) kind: Kind,
    pub(crate) fallback: Fallback,
    doc: &'static str,
}

/// What holds where nothing was written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fallback {
    /// As `--set` would write it.
    Is(&'static str),
    /// Nothing.
    Absent,
    /// A name within the folder that another setting says.
    Under(&'static str, &'static str),
    /// Another value in each mode.
    ByMode { strict: &'static str, development: &'static str },
}

impl Setting {
    pub(crate) const fn new(key: &'static str, kind: Kind, fallback: Fallback, doc: &'static str) -> Self {
        Self { key, kind, fallback, doc }
    }

    /// One sentence.
    pub(crate) fn doc(&self) -> &'static str {
        self.doc.trim()
    }

    /// Section and name; the section of `mode` is empty.
    pub(crate) fn parts(&self) -> (&'static str, &'static str) {
        self.key.split_once('.').unwrap_or(("", self.key))
    }

    /// The environment variable that overrides it.
    pub(crate) fn env(&self) -> String {
        format!("GRID_{}", self.key.replace('.', "__").to_ascii_uppercase())
    }
}

/// A section of the file.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    doc: &'static str,
}

impl Section {
    pub(crate) const fn new(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc }
    }

    pub(crate) fn doc(&self) -> &'static str {
        self.doc.trim()
    }
}

/// Checked values by key.
pub(crate) type Values = BTreeMap<&'static str, Value>;

/// How a field of the typed configuration is read from its checked value.
pub(crate) trait Field: Sized {
    /// `None` where the table says another kind than the field; a test excludes it.
    fn of(value: &Value) -> Option<Self>;
}

macro_rules! fields {
    ($($type:ty: $pattern:pat => $field:expr;)+) => {
        $(impl Field for $type {
            fn of(value: &Value) -> Option<Self> {
                match value { $pattern => $field, _ => None }
            }
        })+
    };
}

fields! {
    bool: Value::Bool(value) => Some(*value);
    u32: Value::Integer(value) => u32::try_from(*value).ok();
    usize: Value::Integer(value) => usize::try_from(*value).ok();
    Duration: Value::Time(value) => Some(*value);
    ByteSize: Value::Size(value) => Some(*value);
    SocketAddr: Value::Address(value) => Some(*value);
    PathBuf: Value::Path(value) => Some(value.clone());
    String: Value::Text(value) => Some(value.clone());
    Vec<String>: Value::List(value) => Some(value.clone());
    Url: Value::Url(value) => Some(value.clone());
    PrincipalId: Value::Text(value) => Self::parse(value).ok();
    TenantId: Value::Text(value) => Self::parse(value).ok();
    Mode: Value::Text(value) => Self::parse(value);
    Scheduler: Value::Text(value) => Self::parse(value);
    ClientAuth: Value::Text(value) => Self::parse(value);
    TlsVersion: Value::Text(value) => Self::parse(value);
    SocketMode: Value::Text(value) => Self::parse(value);
    Stale: Value::Text(value) => Self::parse(value);
    Disclosure: Value::Text(value) => Self::parse(value);
    DeniedTools: Value::Text(value) => Self::parse(value);
    ExtraArgs: Value::Text(value) => Self::parse(value);
    Durability: Value::Text(value) => Self::parse(value);
    LogLevel: Value::Text(value) => Self::parse(value);
    LogFormat: Value::Text(value) => Self::parse(value);
}

impl<T: Field> Field for Option<T> {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Absent => Some(None),
            given => T::of(given).map(Some),
        }
    }
}

/// Makes, of a list of rows: the typed section with its documentation, and the part of the table that checks, dumps and
/// describes it.
macro_rules! section {
    ($section:ident: $Section:ident {
        $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $kind:expr, $fallback:expr;)+
    }) => {
        #[doc = concat!("The settings of `", stringify!($section), "`.")]
        #[derive(Debug, Clone)]
        pub struct $Section { $($(#[doc = $doc])+ pub $field: $type,)+ }

        impl $Section {
            pub(crate) const SETTINGS: &[crate::setting::Setting] = &[$(crate::setting::Setting::new(
                concat!(stringify!($section), ".", stringify!($field)),
                $kind,
                $fallback,
                concat!($($doc),+),
            ),)+];

            /// `None` where a value is missing or of another kind than its field.
            pub(crate) fn from_values(values: &crate::setting::Values) -> Option<Self> {
                Some(Self {
                    $($field: crate::setting::Field::of(
                        values.get(concat!(stringify!($section), ".", stringify!($field)))?,
                    )?,)+
                })
            }
        }
    };
}

/// Makes, of the list of sections, the typed configuration and the whole table.
macro_rules! config {
    (
        $(#[doc = $mode_doc:literal])+
        mode: $Mode:ty = $mode_kind:expr, $mode_fallback:expr;
        $($(#[doc = $section_doc:literal])+ $section:ident: $Section:ident;)+
    ) => {
        /// Everything that can be set, checked.
        #[derive(Debug, Clone)]
        pub struct Config {
            $(#[doc = $mode_doc])+
            pub mode: $Mode,
            $($(#[doc = $section_doc])+ pub $section: $Section,)+
            /// Breakers that have settings of their own.
            pub own: Own,
        }

        const MODE: &[Setting] = &[Setting::new("mode", $mode_kind, $mode_fallback, concat!($($mode_doc),+))];

        pub(crate) const SECTIONS: &[Section] =
            &[$(Section::new(stringify!($section), concat!($($section_doc),+)),)+];

        /// Every setting, in the order of the table.
        pub(crate) fn settings() -> impl Iterator<Item = &'static Setting> {
            [MODE, $($Section::SETTINGS,)+].into_iter().flatten()
        }

        impl Config {
            /// `None` where a value is missing or of another kind than its field.
            pub(crate) fn from_values(values: &crate::setting::Values, own: Own) -> Option<Self> {
                Some(Self {
                    mode: crate::setting::Field::of(values.get("mode")?)?,
                    $($section: $Section::from_values(values)?,)+
                    own,
                })
            }
        }
    };
}

pub(crate) use {config, section};
