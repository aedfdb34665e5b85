//! Values as their source has them, before the table of settings has said what they must be.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

/// One value, or a table of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    /// From the environment, a flag or the table of defaults, where everything is text.
    Loose(String),
    Text(String),
    Bool(bool),
    Integer(i64),
    List(Vec<Raw>),
    Table(Vec<Member>),
    /// What no setting can be: a fraction, a date, nothing. With its name for the message.
    Other(&'static str),
}

/// One name in a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) value: Raw,
    pub(crate) line: Option<usize>,
}

impl Raw {
    /// For messages: what was found.
    pub(crate) fn found(&self) -> String {
        match self {
            Self::Loose(text) | Self::Text(text) => format!("the text `{}`", clip(text)),
            Self::Bool(value) => format!("`{value}`"),
            Self::Integer(value) => format!("the number `{value}`"),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Other(name) => (*name).to_owned(),
        }
    }
}

/// Long input is quoted in part.
pub(crate) fn clip(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

/// YAML and JSON; TOML is read with its lines.
impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(i64::try_from(value).unwrap_or(i64::MAX)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Other("a fraction"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Other("nothing"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut table: Vec<Member> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Raw>()? {
            if table.iter().any(|member| member.name == name) {
                return Err(A::Error::custom(format!("`{}` is there twice", clip(&name))));
            }
            table.push(Member { name, value, line: None });
        }
        Ok(Raw::Table(table))
    }
}
