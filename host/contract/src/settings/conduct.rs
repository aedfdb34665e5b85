//! Reads how calls are carried out: `queue`, `idle`, `total`, `retry`, `hedge`, `reuse`, `stateful`, `requires`.

use std::time::Duration;

use grid_adm::{Map, Value};

use super::{Bounds, Layers, parse_duration};
use crate::{Conduct, Effect, Requires, Retry};

/// No call is handed to more runtimes.
const MOST_ATTEMPTS: u32 = 10;
/// Of a retry that does not say.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Of a retry that does not say.
const MOST_WAIT: Duration = Duration::from_secs(10);

fn millis(time: Duration) -> Value {
    Value::from(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

impl Conduct {
    /// As the digest of a contract has it: what is not said keeps the digest that it had before it could be.
    pub(super) fn describe(&self, host: &mut Map) {
        let mut time = |key: &'static str, time: Option<Duration>| {
            if let Some(time) = time {
                host.insert(key, millis(time));
            }
        };
        time("queue_ms", (!self.queue.is_zero()).then_some(self.queue));
        time("idle_ms", self.idle);
        time("total_ms", self.total);
        time("hedge_ms", self.hedge);
        time("reuse_ms", self.reuse);
        if let Some(Retry { attempts, first, most }) = self.retry {
            let fields = [
                ("attempts", Value::from(i64::from(attempts))),
                ("first_ms", millis(first)),
                ("most_ms", millis(most)),
            ];
            host.insert("retry", Value::Object(fields.into_iter().collect()));
        }
        if self.stateful {
            host.insert("stateful", Value::from(true));
        }
        if !self.requires.capabilities.is_empty() {
            let words = self.requires.capabilities.iter().map(String::as_str).collect::<Value>();
            let fields = [("any", Value::from(self.requires.any)), ("capabilities", words)];
            host.insert("requires", Value::Object(fields.into_iter().collect()));
        }
    }
}

impl Layers<'_> {
    pub(super) fn conduct(&mut self, bounds: Bounds) -> Conduct {
        let effect = self.effect();
        let most = bounds.max_timeout;
        Conduct {
            queue: self.time("queue", most).unwrap_or_default(),
            idle: self.time("idle", most),
            total: self.time("total", most),
            retry: self.retry(effect),
            hedge: self.only("hedge", most, effect == Effect::Pure, "`pure`"),
            reuse: self.only("reuse", Duration::from_secs(86_400), effect != Effect::Write, "`pure` or `read`"),
            stateful: self.stateful(),
            requires: self.requires(),
        }
    }

    fn time(&mut self, key: &'static str, most: Duration) -> Option<Duration> {
        let (pointer, value) = self.find(key)?;
        let time = value.as_str().and_then(parse_duration).filter(|time| !time.is_zero() && *time <= most);
        if time.is_none() {
            let most = most.as_secs();
            let message =
                format!("`{key}` must be a time with its unit, such as `\"500ms\"` or `\"2s\"`, at most {most} s");
            self.fault(pointer, "setting.time", message);
        }
        time
    }

    fn only(&mut self, key: &'static str, most: Duration, fits: bool, whom: &str) -> Option<Duration> {
        let time = self.time(key, most)?;
        if !fits {
            let pointer = self.find(key).map_or_else(String::new, |(pointer, _)| pointer);
            let message =
                format!("`{key}` is for contracts whose effect is {whom}; leave it out, or correct the effect");
            self.fault(pointer, "setting.effect-of", message);
            return None;
        }
        Some(time)
    }

    fn retry(&mut self, effect: Effect) -> Option<Retry> {
        let (pointer, value) = self.find("retry")?;
        let read = value.as_object().and_then(|fields| {
            let wait = |key, fallback| match fields.get(key) {
                None => Some(fallback),
                Some(time) => time.as_str().and_then(parse_duration),
            };
            let known = fields.keys().all(|key| matches!(key, "attempts" | "first" | "most"));
            let attempts =
                fields.get("attempts").and_then(Value::as_i64).and_then(|attempts| u32::try_from(attempts).ok())?;
            let retry = Retry { attempts, first: wait("first", FIRST_WAIT)?, most: wait("most", MOST_WAIT)? };
            (known && (1..=MOST_ATTEMPTS).contains(&attempts) && retry.first <= retry.most).then_some(retry)
        });
        if read.is_none() {
            let message = format!(
                "`retry` must be `{{\"attempts\": 3}}`, at most {MOST_ATTEMPTS}, and may say `\"first\": \"100ms\"` and `\"most\": \"10s\"`"
            );
            self.fault(pointer, "setting.retry", message);
        } else if effect == Effect::Write && read.is_some_and(|retry| retry.attempts > 1) {
            let message =
                "`retry` is for contracts whose effect is `pure` or `read`: a `write` that was sent may have happened";
            self.fault(pointer, "setting.effect-of", message.to_owned());
            return None;
        }
        read
    }

    fn stateful(&mut self) -> bool {
        let Some((pointer, value)) = self.find("stateful") else { return false };
        value.as_bool().unwrap_or_else(|| {
            self.fault(pointer, "setting.stateful", "`stateful` must be `true` or `false`".to_owned());
            true
        })
    }

    fn requires(&mut self) -> Requires {
        let Some((pointer, value)) = self.find("requires") else { return Requires::default() };
        let read = value.as_object().filter(|fields| fields.len() == 1).and_then(|fields| {
            let words = |key| fields.get(key).and_then(Value::as_array);
            let (items, any) = match (words("all"), words("any")) {
                (Some(items), None) => (items, false),
                (None, Some(items)) => (items, true),
                _ => return None,
            };
            let word = |item: &Value| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            Some(Requires { capabilities: items.iter().map(word).collect::<Option<_>>()?, any })
        });
        read.unwrap_or_else(|| {
            let message = "`requires` must be `{\"all\": [\"…\"]}` or `{\"any\": [\"…\"]}`, lists of non-empty texts";
            self.fault(pointer, "setting.requires", message.to_owned());
            Requires::default()
        })
    }
}
