//! What the host reads beside the ADM fields of a contract: `version`, `effect`, `local`, `timeout`, `required_roles`,
//! `tags`, `providers`, `classification`, `cost`, `approval`, `tenants`,
//! `max_args`, and [how calls are carried out](crate::Conduct). A function's own value goes before its contract's.

use std::time::Duration;

use grid_adm::{Map, Value};

use crate::{Approval, Conduct, Effect, Local, manifest::Fault};

mod conduct;

/// The host's side of a contract.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) version: String,
    pub(crate) effect: Effect,
    pub(crate) local: Local,
    pub(crate) timeout: Duration,
    pub(crate) required_roles: Vec<String>,
    pub(crate) tags: Vec<String>,
    /// Absent: any.
    pub(crate) providers: Option<Vec<String>>,
    pub(crate) classification: String,
    pub(crate) cost: u64,
    /// Bytes.
    pub(crate) max_args: usize,
    pub(crate) approval: Option<Approval>,
    /// Absent: any.
    pub(crate) tenants: Option<Vec<String>>,
    /// How calls are carried out.
    pub(crate) conduct: Conduct,
}

/// Bytes of arguments that a contract takes where it does not say.
pub(crate) const MAX_ARGS: usize = 1 << 20;
/// No contract takes more.
const MOST_ARGS: usize = 4 << 20;

impl Settings {
    /// As the digest of a contract has them.
    pub(crate) fn to_value(&self, group: &str, dynamic: bool) -> Value {
        let texts = |texts: &[String]| texts.iter().map(String::as_str).collect::<Value>();
        let timeout_ms = i64::try_from(self.timeout.as_millis()).unwrap_or(i64::MAX);
        let mut host: Map = [
            ("contract", Value::from(group)),
            ("dynamic", Value::from(dynamic)),
            ("effect", Value::from(self.effect.as_str())),
            ("providers", self.providers.as_deref().map_or(Value::Null, texts)),
            ("required_roles", texts(&self.required_roles)),
            ("tags", texts(&self.tags)),
            ("timeout_ms", Value::from(timeout_ms)),
            ("version", Value::from(self.version.as_str())),
        ]
        .into_iter()
        .collect();
        // What says nothing of the following keeps the digest that it had before they could be spoken of.
        if !self.classification.is_empty() {
            host.insert("classification", Value::from(self.classification.as_str()));
        }
        if self.max_args != MAX_ARGS {
            host.insert("max_args", Value::from(i64::try_from(self.max_args).unwrap_or(i64::MAX)));
        }
        if self.cost != 1 {
            host.insert("cost", Value::from(i64::try_from(self.cost).unwrap_or(i64::MAX)));
        }
        if let Some(approval) = &self.approval {
            let within = approval.within.map_or(0, |within| i64::try_from(within.as_millis()).unwrap_or(i64::MAX));
            let fields = [("role", Value::from(approval.role.as_str())), ("within_ms", Value::from(within))];
            host.insert("approval", Value::Object(fields.into_iter().collect()));
        }
        if let Some(tenants) = &self.tenants {
            host.insert("tenants", texts(tenants));
        }
        self.conduct.describe(&mut host);
        match self.local {
            Local::Checked => {}
            Local::Never => drop(host.insert("local", Value::from("never"))),
            Local::Unseen => drop(host.insert("local", Value::from("args_digest_only"))),
        }
        Value::Object(host)
    }
}

/// No contract may cost more units.
const MAX_COST: u64 = 1_000_000;

/// Bounds that the configuration sets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) timeout: Duration,
    pub(crate) max_timeout: Duration,
    pub(crate) max_approval: Duration,
}

/// Reads settings from the layers of one function, nearest first, collecting every fault.
pub(crate) struct Layers<'a> {
    /// Pointer into the manifest, and the fields there that the ADM does not know.
    pub(crate) layers: Vec<(String, &'a Map)>,
    pub(crate) faults: &'a mut Vec<Fault>,
}

impl Layers<'_> {
    pub(crate) fn settings(&mut self, bounds: Bounds) -> Settings {
        Settings {
            version: self.text("version").unwrap_or_default(),
            effect: self.effect(),
            local: self.local(),
            timeout: self.timeout(bounds),
            required_roles: self.texts("required_roles").unwrap_or_default(),
            tags: self.texts("tags").unwrap_or_default(),
            providers: self.texts("providers"),
            classification: self.text("classification").unwrap_or_default(),
            cost: self.cost(),
            max_args: self.max_args(),
            approval: self.approval(bounds),
            tenants: self.texts("tenants"),
            conduct: self.conduct(bounds),
        }
    }

    fn find(&self, key: &str) -> Option<(String, Value)> {
        self.layers
            .iter()
            .find_map(|(pointer, fields)| fields.get(key).map(|value| (format!("{pointer}/{key}"), value.clone())))
    }

    fn fault(&mut self, pointer: String, rule: &'static str, message: String) {
        let fault = Fault::error(pointer, rule, message);
        // A contract's own setting is read once for each of its functions and reported once.
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn text(&mut self, key: &'static str) -> Option<String> {
        let (pointer, value) = self.find(key)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.fault(pointer, "setting.text", format!("`{key}` must be text"));
        }
        text
    }

    fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let (pointer, value) = self.find(key)?;
        let texts = value.as_array().and_then(|items| {
            items.iter().map(|item| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned)).collect()
        });
        if texts.is_none() {
            self.fault(pointer, "setting.texts", format!("`{key}` must be a list of non-empty texts"));
        }
        // A list that cannot be read admits nobody.
        Some(texts.unwrap_or_default())
    }

    fn effect(&mut self) -> Effect {
        let Some((pointer, value)) = self.find("effect") else { return Effect::Write };
        value.as_str().and_then(Effect::parse).unwrap_or_else(|| {
            self.fault(pointer, "setting.effect", "`effect` must be `pure`, `read` or `write`".to_owned());
            Effect::Write
        })
    }

    fn local(&mut self) -> Local {
        let Some((pointer, value)) = self.find("local") else { return Local::Checked };
        let unseen = |fields: &Map| match fields.get("args_digest_only").and_then(Value::as_bool) {
            Some(unseen) if fields.len() == 1 => Some(if unseen { Local::Unseen } else { Local::Checked }),
            _ => None,
        };
        let read = match value.as_bool() {
            Some(true) => Some(Local::Checked),
            Some(false) => Some(Local::Never),
            None => value.as_object().and_then(unseen),
        };
        read.unwrap_or_else(|| {
            let message = "`local` must be `true`, `false` or `{\"args_digest_only\": true}`";
            self.fault(pointer, "setting.local", message.to_owned());
            Local::Never
        })
    }

    fn cost(&mut self) -> u64 {
        let Some((pointer, value)) = self.find("cost") else { return 1 };
        value.as_i64().and_then(|cost| u64::try_from(cost).ok()).filter(|cost| *cost <= MAX_COST).unwrap_or_else(|| {
            let message = format!("`cost` must be a whole number of units from 0 to {MAX_COST}");
            self.fault(pointer, "setting.cost", message);
            MAX_COST
        })
    }

    fn max_args(&mut self) -> usize {
        let Some((pointer, value)) = self.find("max_args") else { return MAX_ARGS };
        let bytes = value.as_str().and_then(parse_size).filter(|bytes| (1..=MOST_ARGS).contains(bytes));
        bytes.unwrap_or_else(|| {
            let message =
                "`max_args` must be a size with its unit, at most `\"4MiB\"`, such as `\"64KiB\"` or `\"2MiB\"`";
            self.fault(pointer, "setting.max-args", message.to_owned());
            MAX_ARGS
        })
    }

    fn approval(&mut self, bounds: Bounds) -> Option<Approval> {
        let (pointer, value) = self.find("approval")?;
        let fields = value.as_object();
        let role = fields.and_then(|fields| fields.get("role")).and_then(Value::as_str).unwrap_or_default();
        let within = match fields.and_then(|fields| fields.get("within")) {
            None => Some(None),
            Some(within) => within.as_str().and_then(parse_duration).map(Some),
        };
        let known = fields.is_some_and(|fields| fields.keys().all(|key| key == "role" || key == "within"));
        match within {
            Some(within) if known && !role.is_empty() && within.is_none_or(|within| within <= bounds.max_approval) => {
                Some(Approval { role: role.to_owned(), within })
            }
            _ => {
                let message = format!(
                    "`approval` must be `{{\"role\": \"…\"}}`, and may say `\"within\": \"5m\"`, at most {} s",
                    bounds.max_approval.as_secs()
                );
                self.fault(pointer, "setting.approval", message);
                Some(Approval { role: role.to_owned(), within: None })
            }
        }
    }

    fn timeout(&mut self, bounds: Bounds) -> Duration {
        let Some((pointer, value)) = self.find("timeout") else { return bounds.timeout };
        let Some(timeout) = value.as_str().and_then(parse_duration).filter(|timeout| !timeout.is_zero()) else {
            let message = "`timeout` must be a time with its unit, such as `\"500ms\"`, `\"2s\"` or `\"1m\"`";
            self.fault(pointer, "setting.timeout", message.to_owned());
            return bounds.timeout;
        };
        if timeout > bounds.max_timeout {
            let message = format!(
                "`timeout` is longer than the {} s that `call.max_timeout` allows; lower it or raise that",
                bounds.max_timeout.as_secs()
            );
            self.fault(pointer, "setting.timeout-max", message);
        }
        timeout
    }
}

fn parse_size(text: &str) -> Option<usize> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let number: usize = number.parse().ok()?;
    match unit {
        "B" => Some(number),
        "KiB" => number.checked_mul(1 << 10),
        "MiB" => number.checked_mul(1 << 20),
        _ => None,
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_their_unit() {
        assert_eq!(parse_size("1000B"), Some(1000));
        assert_eq!(parse_size("64KiB"), Some(65_536));
        assert_eq!(parse_size("4MiB"), Some(MOST_ARGS));
        for bad in ["", "5", "MiB", "-1B", "1.5MiB", "1 MiB", "1MB", "99999999999999999999B", "99999999999999999MiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_need_their_unit() {
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Some(Duration::from_secs(120)));
        for bad in ["", "5", "s", "-1s", "1.5s", "5 s", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }
}
