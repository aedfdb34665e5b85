//! OpenTelemetry logs over OTLP/HTTP in JSON: a record of the log is a `LogRecord` whose body is the stored line and
//! whose attributes are its fields. A part of a batch that a collector refuses for good is not sent again, as the
//! protocol asks; it is counted and noted instead.

use grid_audit::Record;
use grid_core::clock::SharedClock;
use serde_json::{Map, Value, json};

use super::{Batch, Failure, Sink, Taken, WebOptions, web::Web};
use crate::{Error, Severity, text};

const PATH: &str = "/v1/logs";

/// Where to send, and as whom.
#[derive(Debug, Clone)]
pub struct OtlpOptions {
    /// The collector; `/v1/logs` is put behind the address unless it ends so.
    pub web: WebOptions,
    /// Attributes of the resource beside `service.name` and `service.version`, such as `service.instance.id`.
    pub resource: Vec<(String, String)>,
}

/// See the [module](self).
#[derive(Debug)]
pub struct OtlpSink {
    web: Web,
    resource: Vec<(String, String)>,
    clock: SharedClock,
}

impl OtlpSink {
    /// Checks the options; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Options`], [`Error::Io`].
    pub fn new(options: OtlpOptions, clock: SharedClock) -> Result<Self, Error> {
        let web = Web::new(&options.web, PATH, clock.clone())?;
        Ok(Self { web, resource: options.resource, clock })
    }

    fn request(&self, batch: &Batch) -> Value {
        let observed = nanoseconds(self.clock.unix_ms());
        let named = [("service.name", "grid-host"), ("service.version", env!("CARGO_PKG_VERSION"))];
        let resource: Vec<Value> = named
            .into_iter()
            .chain(self.resource.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .map(|(name, value)| json!({ "key": name, "value": { "stringValue": value } }))
            .collect();
        let records: Vec<Value> = batch.records().iter().map(|record| log_record(record, &observed)).collect();
        json!({ "resourceLogs": [{
            "resource": { "attributes": resource },
            "scopeLogs": [{
                "scope": { "name": "grid.audit", "version": env!("CARGO_PKG_VERSION") },
                "logRecords": records,
            }],
        }]})
    }
}

impl Sink for OtlpSink {
    fn describe(&self) -> String {
        format!("otlp {}", self.web.shown())
    }

    fn deliver(&mut self, batch: &Batch) -> Result<Taken, Failure> {
        let body = self.request(batch).to_string();
        let answer = self.web.post("application/json", None, body.as_bytes())?;
        Ok(taken(&answer))
    }
}

fn log_record(record: &Record, observed: &str) -> Value {
    let (severity, severity_text) = Severity::of(record).otlp();
    let index = attribute("grid.audit.index", &json!(record.index()));
    let fields = record.fields().iter().filter(|(name, _)| *name != "at_ms");
    let fields = fields.map(|(name, value)| attribute(&format!("grid.audit.{name}"), value));
    let attributes: Vec<Value> = [index].into_iter().chain(fields).collect();
    json!({
        "timeUnixNano": nanoseconds(record.at_ms()),
        "observedTimeUnixNano": observed,
        "severityNumber": severity,
        "severityText": severity_text,
        "eventName": format!("grid.audit.{}", record.kind()),
        "body": { "stringValue": record.line() },
        "attributes": attributes,
    })
}

/// 64-bit numbers are strings in the JSON of protobuf; what is nested travels as JSON text.
fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Bool(truth) => json!({ "boolValue": truth }),
        Value::Number(number) if number.is_i64() => json!({ "intValue": number.to_string() }),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            let values: Vec<Value> = list.iter().map(|text| json!({ "stringValue": text })).collect();
            json!({ "arrayValue": { "values": values } })
        }
        other => json!({ "stringValue": other.to_string() }),
    };
    json!({ "key": key, "value": value })
}

fn nanoseconds(ms: u64) -> String {
    (u128::from(ms) * 1_000_000).min(u64::MAX.into()).to_string()
}

/// `partialSuccess`, where the answer has one. A collector that took all may answer anything.
fn taken(answer: &[u8]) -> Taken {
    let answer: Map<String, Value> = serde_json::from_slice(answer).unwrap_or_default();
    let Some(partial) = answer.get("partialSuccess") else {
        return Taken::default();
    };
    let rejected = partial.get("rejectedLogRecords").unwrap_or(&Value::Null);
    let rejected = rejected.as_u64().or_else(|| rejected.as_str().and_then(|text| text.parse().ok()));
    let message = partial.get("errorMessage").and_then(Value::as_str).filter(|text| !text.is_empty());
    Taken {
        rejected: rejected.unwrap_or(0),
        message: message.map(|text| text::cut(&text::plain(text), 200).into_owned()),
    }
}
