//! OpenTelemetry logs: what is sent is what the protocol says, and what a collector refuses is counted, noted and
//! not sent again.

use std::{fs, time::Duration};

use grid_audit_export::{Batch, Exporter, OtlpOptions, OtlpSink, Sink, Taken, WebOptions};
use grid_core::clock::SystemClock;
use serde_json::{Value, json};

use crate::{
    common::{Log, hostile, record, until_delivered},
    server::{Server, Turn, assert_all_delivered},
};

const LONG: Duration = Duration::from_secs(20);

fn otlp(server: &Server) -> OtlpSink {
    let web = WebOptions::new(format!("http://{}", server.address));
    let options = OtlpOptions { web, resource: vec![("service.instance.id".into(), "host-1".into())] };
    OtlpSink::new(options, SystemClock::shared()).unwrap()
}

#[test]
fn a_record_is_a_log_record_with_its_fields_as_attributes() {
    let server = Server::new();
    let mut batch = Batch::default();
    batch.push(hostile());
    batch.push(record(8, json!({"kind": "gap", "at_ms": 5, "lost": 3})));
    assert_eq!(otlp(&server).deliver(&batch), Ok(Taken::default()));
    let request = &server.requests()[0];
    assert_eq!((request.path.as_str(), request.headers["content-type"].as_str()), ("/v1/logs", "application/json"));
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let resource = &body["resourceLogs"][0];
    let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
    let text = |key: &str, value: &str| attribute(key, json!({"stringValue": value}));
    let version = env!("CARGO_PKG_VERSION");
    let expected =
        [text("service.name", "grid-host"), text("service.version", version), text("service.instance.id", "host-1")];
    assert_eq!(resource["resource"]["attributes"], json!(expected));
    assert_eq!(resource["scopeLogs"][0]["scope"]["name"], "grid.audit");
    let records = resource["scopeLogs"][0]["logRecords"].as_array().unwrap();
    let first = &records[0];
    assert_eq!(first["timeUnixNano"], "1700000000123000000");
    assert!(first["observedTimeUnixNano"].as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000_000_000_000);
    assert_eq!((&first["severityNumber"], &first["severityText"]), (&json!(13), &json!("WARN")));
    assert_eq!(first["eventName"], "grid.audit.concluded");
    assert_eq!(first["body"]["stringValue"], hostile().line());
    let attributes = first["attributes"].as_array().unwrap();
    // All fields but the time, and the index.
    assert_eq!(attributes.len(), hostile().fields().len());
    for expected in [
        attribute("grid.audit.index", json!({"intValue": "7"})),
        text("grid.audit.principal", "=cmd|' /C calc'!A0"),
        attribute("grid.audit.dynamic", json!({"boolValue": true})),
        attribute("grid.audit.duration_us", json!({"intValue": "1234567"})),
        attribute(
            "grid.audit.accepted",
            json!({"arrayValue": {"values": [{"stringValue": "a,b"}, {"stringValue": "c\"d"}]}}),
        ),
        text("grid.audit.unheard_of", "{\"nested\":\"=1\"}"),
    ] {
        assert!(attributes.contains(&expected), "{expected} is not among {attributes:#?}");
    }
    assert_eq!(records[1]["severityNumber"], 21);
}

#[test]
fn an_address_that_names_the_path_is_taken_as_it_is() {
    for (url, shown) in [
        ("http://localhost:4318", "otlp http://localhost:4318/v1/logs"),
        ("http://localhost:4318/", "otlp http://localhost:4318/v1/logs"),
        ("https://localhost/v1/logs", "otlp https://localhost/v1/logs"),
        ("http://localhost/a/?key=secret", "otlp http://localhost/a/v1/logs"),
    ] {
        let options = OtlpOptions { web: WebOptions::new(url), resource: Vec::new() };
        assert_eq!(OtlpSink::new(options, SystemClock::shared()).unwrap().describe(), shown);
    }
}

#[test]
fn what_a_collector_refuses_for_good_is_noted_and_not_sent_again() {
    let (mut log, server) = (Log::new(), Server::new());
    log.append(60);
    server.turns([
        Turn::Take,
        Turn::TakeAndSay(r#"{"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "too old\u001b[2J"}}"#),
        Turn::Refuse(503, "retry-after: 0\r\n", ""),
        Turn::TakeAndSay(r#"{"partialSuccess": {"rejectedLogRecords": 1}}"#),
        Turn::TakeAndSay("{\"partialSuccess\": {}}"),
    ]);
    let exporter = Exporter::start(log.following("otlp"), otlp(&server)).unwrap();
    let status = until_delivered(&exporter, log.len());
    assert_eq!((status.rejected, status.failures, status.last_error), (3, 1, None));
    exporter.stop(LONG);
    let requests = server.requests();
    assert_all_delivered(&requests, &log.lines());
    let sent: usize = requests.iter().filter(|it| it.taken).map(|request| request.indices().len()).sum();
    assert_eq!(sent as u64, log.len(), "each batch was taken once");
    let noted = fs::read_to_string(log.folder.path().join("exports/otlp.rejected")).unwrap();
    let noted: Vec<Value> = noted.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        json!({"first": 16, "last": 31, "rejected": 2, "message": "too old\u{fffd}[2J"}),
        json!({"first": 32, "last": 47, "rejected": 1, "message": null}),
    ];
    assert_eq!(noted, expected);
}

#[test]
fn a_collector_may_warn_and_its_words_are_kept() {
    let (mut log, server) = (Log::new(), Server::new());
    log.append(5);
    server.turns([Turn::TakeAndSay(r#"{"partialSuccess": {"errorMessage": "use gRPC"}}"#)]);
    let exporter = Exporter::start(log.following("otlp"), otlp(&server)).unwrap();
    let status = until_delivered(&exporter, log.len());
    assert_eq!((status.rejected, status.failures, status.last_error.as_deref()), (0, 0, Some("use gRPC")));
    log.append(5);
    assert_eq!(until_delivered(&exporter, log.len()).last_error, None);
}
