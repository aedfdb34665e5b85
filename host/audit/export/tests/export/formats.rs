//! Each format with values that would break a careless writer, and read back by readers that are not ours.

use grid_audit::Record;
use grid_audit_export::{COLUMNS, Counts, Filter, Format, export};
use grid_core::event::Kind;
use serde_json::{Value, json};

use crate::{
    common::{Random, hostile, record},
    parsers,
};

fn written(format: Format, records: &[Record]) -> String {
    let mut out = Vec::new();
    let all = records.iter().cloned().map(Ok);
    let counts = export(all, &Filter::default(), format, &mut out, |_| {}).unwrap();
    let all = records.len() as u64;
    assert_eq!(counts, Counts { written: all, read: all });
    String::from_utf8(out).unwrap()
}

/// What a format makes of characters that are no text.
fn plain(text: &str) -> String {
    let is_bad = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || matches!(c, '\u{2028}'..='\u{202e}' | '\u{feff}')
    };
    text.replace(is_bad, "\u{fffd}")
}

/// A field as a cell or a value should say it.
fn shown(value: &Value) -> String {
    plain(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[test]
fn jsonl_is_the_stored_line_with_its_index_in_front() {
    let hostile = hostile();
    let line = written(Format::Jsonl, std::slice::from_ref(&hostile));
    assert_eq!(line, format!("{{\"index\":7,{}\n", &hostile.line()[1..]));
    assert_eq!(written(Format::Jsonl, &[record(0, json!({}))]), "{\"index\":0}\n");
}

#[test]
fn csv_is_as_it_was_agreed() {
    let text = written(Format::Csv, &[hostile()]);
    let (head, line) = text.split_once("\r\n").unwrap();
    assert_eq!(head, COLUMNS.join(","));
    let expected = concat!(
        "7,2023-11-14T22:13:20.123Z,concluded,'@acme,'=cmd|' /C calc'!A0,token,<script>alert(1)</script>,failed,TIMEOUT,",
        "dispatch,''quoted',3,0,write,true,sha256:01,sha256:00ff,{path:string(12)},1700000030000,1234567,sha256:02,10,",
        "files/a,c-1,s-1,i-1,'-2+3,a|b\\c=d,\"[\"\"a,b\"\",\"\"c\\\"\"d\"\"]\",",
        "\"[{\"\"code\"\":\"\"UNSUPPORTED_TOOL\"\",\"\"name\"\":\"\"x\"\"}]\",,",
        "\"line one\r\nline \"\"two\"\", | = \\ \u{fffd}[2J\u{fffd}end\",",
        "\"{\"\"unheard_of\"\":{\"\"nested\"\":\"\"=1\"\"}}\"\r\n",
    );
    assert_eq!(line, expected);
}

#[test]
fn cef_is_as_it_was_agreed() {
    let version = env!("CARGO_PKG_VERSION");
    let expected = [
        &format!("CEF:0|GRID|host|{version}|concluded|concluded|5|rt=1700000000123 externalId=7 act=concluded"),
        "GridHostAccepted=[\"a,b\",\"c\\\\\"d\"] GridHostArgsDigest=sha256:00ff GridHostArgsShape={path:string(12)}",
        "GridHostCacheAgeMs=0 GridHostCallId=-2+3 reason=TIMEOUT GridHostConnection=c-1 GridHostContract=sha256:01",
        "cs5Label=correlation cs5=a|b\\\\c\\=d GridHostDeadlineMs=1700000030000",
        "msg=line one\\r\\nline \"two\", | \\= \\\\ \u{fffd}[2J\u{fffd}end cn1Label=duration_us cn1=1234567",
        "GridHostDynamic=true GridHostEffect=write GridHostEpoch=3 cs4Label=invocation cs4=i-1 outcome=failed",
        "suser=\\=cmd|' /C calc'!A0 GridHostProof=token",
        "GridHostRejected=[{\"code\":\"UNSUPPORTED_TOOL\",\"name\":\"x\"}] GridHostResultBytes=10",
        "GridHostResultDigest=sha256:02 cs6Label=rule cs6='quoted' destinationServiceName=files/a cs3Label=session",
        "cs3=s-1 cat=dispatch cs2Label=tenant cs2=@acme cs1Label=tool cs1=<script>alert(1)</script>",
        "GridHostUnheardOf={\"nested\":\"\\=1\"}",
    ];
    assert_eq!(written(Format::Cef, &[hostile()]), expected.join(" ") + "\n");
    let odd = written(Format::Cef, &[record(0, json!({"kind": "a|b\\c\nd_e=f", "at_ms": 1}))]);
    let (header, pairs) = parsers::cef(odd.trim_end());
    assert_eq!(header[4..6], ["a|b\\c\u{fffd}d_e=f", "a|b\\c\u{fffd}d e=f"]);
    assert_eq!(pairs["act"], "a|b\\c\nd_e=f");
}

#[test]
fn ocsf_is_as_it_was_agreed() {
    let hostile = hostile();
    let mut line: Value = serde_json::from_str(&written(Format::Ocsf, std::slice::from_ref(&hostile))).unwrap();
    assert_eq!(line["raw_data"], hostile.line());
    let unmapped = line["unmapped"].take();
    for (name, value) in hostile.fields() {
        let mapped = ["at_ms", "code", "correlation", "detail", "kind"].contains(&name.as_str());
        assert_eq!(unmapped.get(name), (!mapped).then_some(value), "{name}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let uid = line["metadata"]["uid"].as_str().unwrap().to_owned();
    assert_eq!(uid.len(), 64);
    let detail = hostile.detail().unwrap();
    let principal = hostile.principal().unwrap();
    let tool = hostile.tool().unwrap();
    let expected = json!({
        "activity_id": 99, "activity_name": "concluded",
        "actor": {
            "session": {"uid": "s-1"},
            "user": {"domain": "@acme", "name": principal, "uid": principal},
        },
        "api": {
            "group": "@acme",
            "operation": tool,
            "request": {"uid": "i-1"},
            "response": {"error": "TIMEOUT", "error_message": detail},
            "service": {"name": "GRID host"},
        },
        "category_name": "Application Activity", "category_uid": 6, "class_name": "API Activity", "class_uid": 6003,
        "dst_endpoint": {"svc_name": "files/a"},
        "duration": 1234,
        "message": format!("concluded {tool} failed TIMEOUT"),
        "metadata": {
            "correlation_uid": "a|b\\c=d", "event_code": "concluded", "log_name": "audit", "log_provider": "grid",
            "logged_time": 1_700_000_000_123_u64, "sequence": 7, "uid": uid, "version": "1.3.0",
            "product": {"name": "GRID host", "vendor_name": "GRID", "version": version},
        },
        "raw_data": hostile.line(),
        "resources": [{"name": "a,b", "type": "tool"}, {"name": "c\"d", "type": "tool"}],
        "severity": "Medium", "severity_id": 3,
        "src_endpoint": {"name": "not recorded"},
        "status": "Failure", "status_code": "TIMEOUT", "status_detail": detail, "status_id": 2,
        "time": 1_700_000_000_123_u64,
        "type_name": "API Activity: concluded", "type_uid": 600_399,
        "unmapped": null,
    });
    assert_eq!(line, expected);
}

/// What the schema requires of each class, for every kind of record and for one that it has never heard of.
#[test]
fn ocsf_events_have_what_their_class_requires() {
    let kinds = Kind::ALL.map(Kind::as_str).into_iter().chain(["gap", "key_rotated"]);
    for kind in kinds {
        for stage in ["identity", "authorize"] {
            let fields = json!({"kind": kind, "at_ms": 5, "stage": stage, "code": "PERMISSION_DENIED"});
            for fields in [fields.clone(), {
                let mut full = fields;
                let more = json!({"principal": "p", "tool": "t", "runtime": "r", "session": "s", "effect": "read"});
                full.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                full
            }] {
                let line = written(Format::Ocsf, &[record(1, fields)]);
                let event: Value = serde_json::from_str(&line).unwrap();
                let class = event["class_uid"].as_u64().unwrap();
                let activity = event["activity_id"].as_u64().unwrap();
                assert_eq!(event["type_uid"], class * 100 + activity);
                assert_eq!(event["category_uid"], class / 1000);
                for required in ["metadata", "severity_id", "status_id", "time"] {
                    assert!(!event[required].is_null(), "{kind}: {required}");
                }
                let present: &[&str] = match class {
                    3002 => &["user", "service"],
                    6002 => &["app"],
                    6003 => &["actor", "api", "src_endpoint"],
                    0 => &[],
                    other => panic!("{kind}: class {other}"),
                };
                for required in present {
                    assert!(event[*required].is_object(), "{kind}: {required}");
                }
            }
        }
    }
}

#[test]
fn whatever_the_fields_hold_is_read_back_from_csv_and_cef() {
    let mut random = Random::new(11);
    let fields = ["principal", "tool", "detail", "tenant", "correlation", "code", "call_id", "surprise"];
    let records: Vec<Record> = (0..3_000)
        .map(|index| {
            let mut object = json!({"kind": "refused", "at_ms": index});
            for field in fields {
                if random.below(4) > 0 {
                    object[field] = random.text().into();
                }
            }
            record(index, object)
        })
        .collect();
    let rows = parsers::csv(&written(Format::Csv, &records));
    let cef = written(Format::Cef, &records);
    let lines: Vec<&str> = cef.split_terminator('\n').collect();
    assert_eq!((rows.len(), lines.len()), (3_001, 3_000));
    for ((record, row), line) in records.iter().zip(&rows[1..]).zip(lines) {
        assert_eq!(row.len(), COLUMNS.len());
        for (column, cell) in COLUMNS.iter().zip(row) {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "a spreadsheet would run {cell:?}");
            if let Some(value) = record.fields().get(*column) {
                assert_eq!(cell.strip_prefix('\'').unwrap_or(cell), shown(value), "{column}");
            }
        }
        let other = record.text("surprise").map(|text| json!({"surprise": text}).to_string());
        assert_eq!(row.last().unwrap(), &plain(&other.unwrap_or_default()));
        let (header, pairs) = parsers::cef(line);
        assert_eq!(header[..3], ["0", "GRID", "host"]);
        let keys = [("suser", "principal"), ("cs1", "tool"), ("msg", "detail"), ("GridHostSurprise", "surprise")];
        for (key, field) in keys {
            assert_eq!(pairs.get(key), record.fields().get(field).map(shown).as_ref(), "{key}");
        }
    }
}

#[test]
fn a_line_format_has_one_line_a_record() {
    let records = [hostile(), hostile()];
    for format in [Format::Jsonl, Format::Ocsf, Format::Cef] {
        let text = written(format, &records);
        assert_eq!(text.split(['\n', '\r', '\u{85}']).count(), 3, "{format}");
        assert!(text.ends_with('\n'));
    }
}

#[test]
fn conditions_hold_all_at_once() {
    let fields = json!({
        "kind": "concluded", "at_ms": 1_000, "principal": "ann", "tool": "t", "tenant": "acme", "outcome": "success",
        "session": "s-1", "correlation": "c-1",
    });
    let record = record(0, fields);
    let text = |value: &str| Some(value.to_owned());
    let all = Filter {
        since_ms: Some(1_000),
        until_ms: Some(1_001),
        principal: text("ann"),
        tool: text("t"),
        tenant: text("acme"),
        outcome: text("success"),
        kind: text("concluded"),
        session: text("s-1"),
        correlation: text("c-1"),
    };
    assert!(all.matches(&record) && Filter::default().matches(&record));
    assert_eq!(all.conditions().len(), 9);
    for (at, miss) in [
        Filter { since_ms: Some(1_001), ..all.clone() },
        Filter { until_ms: Some(1_000), ..all.clone() },
        Filter { principal: text("an"), ..all.clone() },
        Filter { tool: text("T"), ..all.clone() },
        Filter { tenant: text(""), ..all.clone() },
        Filter { outcome: text("failed"), ..all.clone() },
        Filter { kind: text("admitted"), ..all.clone() },
        Filter { session: text("s-2"), ..all.clone() },
        Filter { correlation: text("c-2"), ..all.clone() },
    ]
    .into_iter()
    .enumerate()
    {
        assert!(!miss.matches(&record), "condition {at}");
    }
    let bare = crate::common::record(0, json!({"kind": "gap", "at_ms": 1_000}));
    assert!(!Filter { principal: text("-"), ..Filter::default() }.matches(&bare), "nobody is not a name");
}

#[test]
fn an_export_says_how_many_of_how_many_and_holds_one_record() {
    let filter = Filter { principal: Some("p3".into()), ..Filter::default() };
    let records =
        (0..10_000).map(|at| Ok(record(at, json!({"kind": "refused", "principal": format!("p{}", at % 10)}))));
    let mut told = Vec::new();
    let counts = export(records, &filter, Format::Jsonl, &mut std::io::sink(), |counts| told.push(counts)).unwrap();
    assert_eq!(counts, Counts { written: 1_000, read: 10_000 });
    assert!(told.len() >= 5 && told.is_sorted_by_key(|counts| counts.read));
}

#[test]
fn an_export_stops_where_the_log_is_damaged_or_nobody_reads() {
    let damaged = || Err(grid_audit::Error::Options("damaged here".into()));
    let records = [Ok(hostile()), damaged(), Ok(hostile())];
    let mut out = Vec::new();
    let stopped = export(records.into_iter(), &Filter::default(), Format::Jsonl, &mut out, |_| {});
    assert_eq!(stopped.unwrap_err().to_string(), "damaged here");
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1, "what was good is there");
    let mut full: &mut [u8] = &mut [0; 10];
    let stopped = export([Ok(hostile())].into_iter(), &Filter::default(), Format::Cef, &mut full, |_| {});
    assert!(stopped.unwrap_err().to_string().starts_with("cannot write the export: "));
}
