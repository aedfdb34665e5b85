//! Open Cybersecurity Schema Framework 1.3: each kind of record in the class that says the same and no more. What
//! the schema has no word for is in `unmapped`, and `raw_data` is the line as it is stored.

use grid_audit::Record;
use serde_json::{Map, Value, json};

use crate::{Severity, leaf};

const SCHEMA: &str = "1.3.0";

/// Fields that are in every event under a name of the schema. All others are in `unmapped`, also those that some
/// classes have a place for, so that one rule finds them.
const MAPPED: [&str; 5] = ["at_ms", "code", "correlation", "detail", "kind"];

/// A class, and what in it happened.
struct Event {
    class: &'static Class,
    activity: u8,
    /// The caption of the activity; the record's kind where the schema has no word.
    activity_name: String,
    status: (u8, &'static str),
}

struct Class {
    uid: u32,
    name: &'static str,
    category: (u32, &'static str),
}

const BASE: Class = Class { uid: 0, name: "Base Event", category: (0, "Uncategorized") };
const AUTHENTICATION: Class =
    Class { uid: 3002, name: "Authentication", category: (3, "Identity & Access Management") };
const LIFECYCLE: Class = Class { uid: 6002, name: "Application Lifecycle", category: (6, "Application Activity") };
const API: Class = Class { uid: 6003, name: "API Activity", category: (6, "Application Activity") };

const UNKNOWN: (u8, &str) = (0, "Unknown");
const SUCCESS: (u8, &str) = (1, "Success");
const FAILURE: (u8, &str) = (2, "Failure");

pub(super) fn write(record: &Record, out: &mut Vec<u8>) {
    let event = classify(record);
    let (severity, severity_name) = Severity::of(record).ocsf();
    let mut object = json!({
        "activity_id": event.activity,
        "activity_name": event.activity_name,
        "category_name": event.class.category.1,
        "category_uid": event.class.category.0,
        "class_name": event.class.name,
        "class_uid": event.class.uid,
        "message": message(record),
        "metadata": metadata(record),
        "raw_data": record.line(),
        "severity": severity_name,
        "severity_id": severity,
        "status": event.status.1,
        "status_id": event.status.0,
        "time": record.at_ms(),
        "type_name": format!("{}: {}", event.class.name, event.activity_name),
        "type_uid": event.class.uid * 100 + u32::from(event.activity),
        "unmapped": unmapped(record),
    });
    if let Some(object) = object.as_object_mut() {
        optional(object, "status_code", record.code().or(record.outcome()));
        optional(object, "status_detail", record.detail());
        if let Some(us) = record.number("duration_us") {
            object.insert("duration".to_owned(), json!(us / 1000));
        }
        object.extend(match event.class.uid {
            3002 => authentication(record),
            6002 => lifecycle(record),
            6003 => api(record),
            _ => Map::new(),
        });
    }
    out.extend_from_slice(object.to_string().as_bytes());
    out.push(b'\n');
}

fn classify(record: &Record) -> Event {
    let kind = record.kind();
    let named = |class, activity, name: &str, status| Event { class, activity, activity_name: name.to_owned(), status };
    let other = |class, status| named(class, 99, kind, status);
    match kind {
        "host_started" => named(&LIFECYCLE, 3, "Start", SUCCESS),
        "host_stopped" => named(&LIFECYCLE, 4, "Stop", SUCCESS),
        "runtime_attached" | "runtime_detached" => other(&LIFECYCLE, SUCCESS),
        "session_opened" => named(&AUTHENTICATION, 1, "Logon", SUCCESS),
        "session_closed" | "session_expired" => named(&AUTHENTICATION, 2, "Logoff", SUCCESS),
        "refused" if record.stage() == Some("identity") => named(&AUTHENTICATION, 1, "Logon", FAILURE),
        "refused" | "violation" | "rejected_result" => other(&API, FAILURE),
        // What the call does is known at its admission, how it ended at its conclusion; neither is guessed.
        "admitted" => match record.text("effect") {
            Some("read") => named(&API, 2, "Read", UNKNOWN),
            // The schema divides what a contract does not: creating, updating and deleting.
            Some("write") => named(&API, 99, "Write", UNKNOWN),
            _ => other(&API, UNKNOWN),
        },
        "concluded" => match record.outcome() {
            Some("success") => other(&API, SUCCESS),
            Some("tool_error" | "failed" | "revoked") => other(&API, FAILURE),
            _ => other(&API, UNKNOWN),
        },
        "registered" => named(&API, 1, "Create", accepted_any(record)),
        "fulfilled" => other(&API, accepted_any(record)),
        "repeated" | "cancel_requested" | "late_result" | "invalidated" => other(&API, UNKNOWN),
        _ => other(&BASE, UNKNOWN),
    }
}

fn accepted_any(record: &Record) -> (u8, &'static str) {
    if record.fields().contains_key("accepted") { SUCCESS } else { FAILURE }
}

fn message(record: &Record) -> String {
    let parts = [Some(record.kind()), record.tool(), record.outcome(), record.code()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn metadata(record: &Record) -> Value {
    let mut metadata = json!({
        "event_code": record.kind(),
        "log_name": "audit",
        "log_provider": "grid",
        "logged_time": record.at_ms(),
        "product": { "name": "GRID host", "vendor_name": "GRID", "version": env!("CARGO_PKG_VERSION") },
        "sequence": record.index(),
        // The hash by which the record is a leaf of the log's tree.
        "uid": leaf::hex(record),
        "version": SCHEMA,
    });
    if let Some(metadata) = metadata.as_object_mut() {
        optional(metadata, "correlation_uid", record.correlation());
    }
    metadata
}

fn authentication(record: &Record) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("user".to_owned(), user(record));
    object.insert("service".to_owned(), json!({ "name": "GRID host" }));
    if let Some(proof) = record.proof() {
        object.insert("auth_protocol".to_owned(), json!(proof));
        object.insert("auth_protocol_id".to_owned(), json!(99));
    }
    if let Some(session) = record.session() {
        object.insert("session".to_owned(), json!({ "uid": session }));
    }
    object
}

fn lifecycle(record: &Record) -> Map<String, Value> {
    let app = match record.runtime() {
        Some(runtime) => json!({ "name": runtime, "vendor_name": "GRID runtime" }),
        None => json!({ "name": "GRID host", "vendor_name": "GRID", "version": env!("CARGO_PKG_VERSION") }),
    };
    let actor = record.principal().map(|_| ("actor".to_owned(), json!({ "user": user(record) })));
    Map::from_iter([("app".to_owned(), app)].into_iter().chain(actor))
}

fn api(record: &Record) -> Map<String, Value> {
    let mut actor = json!({ "user": user(record) });
    if let (Some(actor), Some(session)) = (actor.as_object_mut(), record.session()) {
        actor.insert("session".to_owned(), json!({ "uid": session }));
    }
    if let (Some(actor), Some(decision)) = (actor.as_object_mut(), decision(record)) {
        actor.insert("authorizations".to_owned(), json!([decision]));
    }
    let mut api = json!({ "operation": record.tool().unwrap_or(record.kind()), "service": { "name": "GRID host" } });
    if let Some(api) = api.as_object_mut() {
        let request = record.invocation().or(record.call_id());
        optional(api, "group", record.tenant());
        if let Some(uid) = request {
            api.insert("request".to_owned(), json!({ "uid": uid }));
        }
        if let Some(code) = record.code() {
            api.insert("response".to_owned(), json!({ "error": code, "error_message": record.detail().unwrap_or("") }));
        }
    }
    let mut object = Map::new();
    object.insert("actor".to_owned(), actor);
    object.insert("api".to_owned(), api);
    // Required by the class, and the log holds no address.
    object.insert("src_endpoint".to_owned(), json!({ "name": "not recorded" }));
    if let Some(runtime) = record.runtime() {
        object.insert("dst_endpoint".to_owned(), json!({ "svc_name": runtime }));
    }
    let named = |name: &Value| json!({ "name": name, "type": "tool" });
    if let Some(accepted) = record.fields().get("accepted").and_then(Value::as_array) {
        object.insert("resources".to_owned(), accepted.iter().map(named).collect());
    } else if let Some(tool) = record.tool() {
        object.insert("resources".to_owned(), json!([{ "name": tool, "type": "tool" }]));
    }
    object
}

/// Who, as the host proved it.
fn user(record: &Record) -> Value {
    let mut user = json!({ "name": record.principal().unwrap_or("not proved") });
    if let (Some(user), Some(principal)) = (user.as_object_mut(), record.principal()) {
        user.insert("uid".to_owned(), json!(principal));
        optional(user, "domain", record.tenant());
    }
    user
}

/// Of calls that were admitted, and of those that authorization refused.
fn decision(record: &Record) -> Option<Value> {
    let decision = match (record.kind(), record.stage()) {
        ("admitted", _) => "allowed",
        ("refused", Some("authorize")) => "denied",
        _ => return None,
    };
    let mut policy = Map::new();
    optional(&mut policy, "name", record.rule());
    if let Some(epoch) = record.number("epoch") {
        policy.insert("version".to_owned(), json!(epoch.to_string()));
    }
    Some(json!({ "decision": decision, "policy": policy }))
}

fn unmapped(record: &Record) -> Map<String, Value> {
    let has_no_place = |name: &str| !MAPPED.contains(&name);
    let rest = record.fields().iter().filter(|(name, _)| has_no_place(name));
    rest.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn optional(object: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}
