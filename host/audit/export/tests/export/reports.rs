//! Reports: right sums, bounded memory, and pages that nothing in a log can break out of.

use std::collections::BTreeMap;

use grid_audit::Record;
use grid_audit_export::{
    Filter,
    report::{Name, Options, Pair, Period, Report, Row, Summary, Tally},
};
use serde_json::{Value, json};

use crate::common::{Random, record};

const DAY: u64 = 86_400_000;
const NOW: u64 = 1_700_000_000_000;

fn report(options: Options, records: &[Record]) -> Summary {
    let mut report = Report::new(options);
    for record in records {
        report.add(record);
    }
    report.finish(NOW)
}

fn by_name(rows: &[Row<Name, Tally>]) -> BTreeMap<&str, Tally> {
    rows.iter().map(|row| (row.name.name.as_str(), row.value)).collect()
}

/// A week of calls and refusals by few principals, in an order that a host would write.
fn week() -> Vec<Record> {
    let mut random = Random::new(5);
    let mut records = Vec::new();
    for call in 0..2_000_u64 {
        let at = NOW + call * 7 * DAY / 2_000;
        let principal = format!("p{}", random.below(5));
        let tool = format!("t{}", random.below(8));
        let mut fields = json!({"at_ms": at, "principal": principal, "tenant": "acme", "tool": tool});
        if random.below(5) == 0 {
            fields["kind"] = "refused".into();
            fields["code"] = ["PERMISSION_DENIED", "INVALID_TOOL_ARGS"][random.below(2) as usize].into();
            records.push(record(records.len() as u64, fields));
            continue;
        }
        fields["invocation"] = format!("i-{call}").into();
        fields["kind"] = "admitted".into();
        records.push(record(records.len() as u64, fields.clone()));
        if call > 1_990 {
            continue;
        }
        fields["kind"] = "concluded".into();
        fields["duration_us"] = (random.below(1_000_000) + 1).into();
        fields["outcome"] = ["success", "success", "tool_error", "failed", "outcome_unknown", "unreported", "revoked"]
            [random.below(7) as usize]
            .into();
        if fields["outcome"] == "failed" {
            fields["code"] = "TIMEOUT".into();
        }
        records.push(record(records.len() as u64, fields));
    }
    records
}

/// What the tables should say, counted in the plainest way.
fn tally(records: &[Record], wanted: impl Fn(&Record) -> bool) -> Tally {
    let count = |kind: &str, outcome: Option<&str>| {
        let is = |record: &&Record| record.kind() == kind && record.outcome() == outcome && wanted(record);
        records.iter().filter(is).count() as u64
    };
    Tally {
        success: count("concluded", Some("success")),
        tool_error: count("concluded", Some("tool_error")),
        failed: count("concluded", Some("failed")),
        outcome_unknown: count("concluded", Some("outcome_unknown")),
        unreported: count("concluded", Some("unreported")),
        revoked: count("concluded", Some("revoked")),
        refused: count("refused", None),
    }
}

#[test]
fn sums_are_right_in_every_table() {
    let records = week();
    let summary = report(Options::default(), &records);
    let total = tally(&records, |_| true);
    assert_eq!(summary.total, total);
    assert_eq!((summary.read, summary.matched), (records.len() as u64, records.len() as u64));
    assert_eq!((summary.span.first, summary.span.last), (Some(0), Some(records.len() as u64 - 1)));
    for (principal, found) in by_name(&summary.principals.rows) {
        assert_eq!(found, tally(&records, |record| record.principal() == Some(principal)));
    }
    for row in &summary.tools.rows {
        let is_its = |record: &Record| record.tool() == Some(row.name.name.as_str());
        assert_eq!(row.value.tally, tally(&records, is_its));
        let mut took: Vec<u64> =
            records.iter().filter(|it| is_its(it)).filter_map(|it| it.number("duration_us")).collect();
        took.sort_unstable();
        let median = took[took.len().div_ceil(2) - 1];
        assert!(row.value.durations.p50_us.abs_diff(median) * 25 < median, "{:?} of {median}", row.value.durations);
        assert_eq!(row.value.durations.max_us, *took.last().unwrap());
    }
    for row in &summary.pairs.rows {
        let Pair { principal, tool } = &row.name;
        let is_its = |record: &Record| record.principal() == Some(principal) && record.tool() == Some(tool);
        assert_eq!(row.value, tally(&records, is_its));
    }
    for row in &summary.denials.rows {
        let is_its = |record: &&Record| {
            record.kind() == "refused"
                && record.principal() == Some(&row.name.principal)
                && record.tool() == Some(&row.name.tool)
                && record.code() == Some(&row.name.code)
        };
        assert_eq!(row.value.count, records.iter().filter(is_its).count() as u64);
    }
    let refusals: u64 = summary.refusals.rows.iter().map(|row| row.value.count).sum();
    assert_eq!((refusals, summary.failures.rows[0].value.count), (total.refused, total.failed));
    for point in &summary.periods {
        let is_in = |record: &Record| (point.start_ms..point.start_ms + DAY).contains(&record.at_ms());
        assert_eq!(point.tally, tally(&records, is_in));
    }
    assert!((7..=8).contains(&summary.periods.len()));
    let open = summary.open.unwrap();
    let admitted = records.iter().filter(|record| record.kind() == "admitted").count();
    assert_eq!(open.count, admitted - total.calls() as usize);
    assert!(open.count > 0 && open.oldest.is_sorted_by_key(|call| call.index));
}

#[test]
fn a_filter_holds_for_everything_and_open_calls_stay_right() {
    let records = week();
    let filter = Filter { principal: Some("p1".into()), since_ms: Some(NOW + DAY), ..Filter::default() };
    let wanted = |record: &Record| record.principal() == Some("p1") && record.at_ms() >= NOW + DAY;
    let summary = report(Options { filter: filter.clone(), ..Options::default() }, &records);
    assert_eq!(summary.total, tally(&records, wanted));
    assert_eq!(summary.matched, records.iter().filter(|record| wanted(record)).count() as u64);
    assert!(summary.to_text().contains("principal p1"));
    let open = summary.open.unwrap();
    assert!(open.oldest.iter().all(|call| call.principal == "p1"));
    let outcome = Filter { outcome: Some("failed".into()), ..filter };
    let summary = report(Options { filter: outcome, ..Options::default() }, &records);
    assert_eq!(summary.total, Tally { failed: summary.total.failed, ..Tally::default() });
    assert_eq!(summary.open, None, "an admission has no outcome, so nothing is said of open calls");
}

#[test]
fn what_deserves_a_look_is_counted() {
    let records = [
        record(0, json!({"kind": "gap", "at_ms": NOW, "lost": 7})),
        record(1, json!({"kind": "violation", "at_ms": NOW})),
        record(2, json!({"kind": "late_result", "at_ms": NOW, "invocation": "i-1"})),
        record(3, json!({"kind": "concluded", "at_ms": NOW, "outcome": "never_heard_of"})),
    ];
    let summary = report(Options::default(), &records);
    assert_eq!((summary.lost, summary.kind("gap"), summary.kind("violation")), (7, 1, 1));
    assert_eq!(summary.total.outcome_unknown, 1, "an outcome that is not known is an unknown outcome");
    let text = summary.to_text();
    assert!(text.contains("1 unknown outcomes, 1 violations, 1 late results, 1 gaps (7 records lost)"), "{text}");
}

#[test]
fn names_beyond_the_cap_are_one_row_and_that_is_said() {
    let records: Vec<Record> = (0..5_000)
        .map(|at| {
            let fields = json!({"kind": "refused", "at_ms": NOW + at, "principal": format!("p{at}"), "code": "X"});
            record(at, fields)
        })
        .collect();
    let summary = report(Options { names: 100, top: 3, ..Options::default() }, &records);
    let others = summary.principals.others.as_ref().unwrap();
    assert_eq!((summary.principals.rows.len(), others.names, others.value.refused), (3, 97, 4_997));
    assert!(summary.principals.capped && summary.principals.distinct == 100);
    assert!(summary.to_text().contains("(97 others and more)"));
    assert!(summary.to_html().contains("Only the first 100 names are told apart"));
}

#[test]
fn open_calls_beyond_the_cap_are_at_least_so_many() {
    let admitted = |at: u64| record(at, json!({"kind": "admitted", "at_ms": NOW, "invocation": format!("i-{at}")}));
    let records: Vec<Record> = (0..10_001).map(admitted).collect();
    let open = report(Options::default(), &records).open.unwrap();
    assert_eq!((open.count, open.capped, open.oldest.len()), (10_000, true, 15));
}

#[test]
fn an_empty_log_has_a_report() {
    let summary = report(Options::default(), &[]);
    assert!(summary.to_text().contains("log        empty"));
    assert_well_formed(&summary.to_html());
}

#[test]
fn nothing_in_a_log_breaks_out_of_a_page() {
    let canaries = [
        "<script>alert('canary')</script>",
        "\"><img src=x onerror=canary>",
        "' onload='canary",
        "</title></svg><script>canary</script>",
        "&lt;script&gt;canary",
        "]]><!--canary-->",
        "{{canary}}\u{1b}[2J\r\n\u{202e}",
    ];
    let mut records = Vec::new();
    for canary in canaries {
        for kind in ["refused", "concluded", "admitted", canary] {
            let fields = json!({
                "kind": kind, "at_ms": NOW, "principal": canary, "tenant": canary, "tool": canary, "code": canary,
                "stage": canary, "invocation": canary, "outcome": if kind == "concluded" { "failed" } else { canary },
                "duration_us": 5, "detail": canary,
            });
            records.push(record(records.len() as u64, fields));
        }
    }
    let filter = Filter { tenant: Some(canaries[0].into()), ..Filter::default() };
    for options in [Options::default(), Options { filter, ..Options::default() }] {
        let summary = report(options, &records);
        let html = summary.to_html();
        assert!(html.contains("&lt;script&gt;alert(&#39;canary&#39;)"), "the names are shown");
        assert!(html.contains("&amp;lt;script&amp;gt;canary") || summary.filter.tenant.is_some());
        let tags = assert_well_formed(&html);
        for tag in tags {
            let name = tag.split_whitespace().next().unwrap();
            assert!(!["script", "img", "iframe", "link", "object", "use", "a", "base"].contains(&name), "<{tag}>");
            let attributes = tag[name.len()..].to_lowercase();
            assert!(!attributes.contains("canary") && !attributes.contains(" on"), "<{tag}>");
            assert!(
                !attributes.contains("src=") && !attributes.contains("href") && !attributes.contains("url("),
                "<{tag}>"
            );
        }
        assert!(!html.contains("://") && !html.contains("@import") && !html.contains('\u{1b}'));
        let text = summary.to_text();
        assert!(text.lines().all(|line| !line.contains(|c: char| c.is_control() || c == '\u{202e}')), "{text:?}");
    }
}

/// Every element that is opened is closed, in order; gives what stands between `<` and `>`.
fn assert_well_formed(html: &str) -> Vec<&str> {
    let (mut open, mut tags) = (Vec::new(), Vec::new());
    let mut rest = html.strip_prefix("<!doctype html>\n").unwrap();
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a `>` that is no end of a tag: {}", &rest[..at]);
        let end = rest[at..].find('>').unwrap() + at;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let name = tag.split_whitespace().next().unwrap().trim_end_matches('/');
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
        if name != "meta" && !tag.ends_with('/') {
            open.push(name);
        }
        tags.push(tag);
    }
    assert!(open.is_empty(), "{open:?} is not closed");
    tags
}

#[test]
fn a_page_is_for_those_who_do_not_see_plots_too() {
    let html = report(Options::default(), &week()).to_html();
    let tags = assert_well_formed(&html);
    let plots: Vec<_> = tags.iter().filter(|tag| tag.starts_with("svg ")).collect();
    assert_eq!(plots.len(), 5, "time, durations, tools, principals, tenants");
    for plot in plots {
        assert!(plot.contains("role=\"img\""));
        let named = plot.split("aria-labelledby=\"").nth(1).unwrap().split('"').next().unwrap();
        for id in named.split(' ') {
            assert_eq!(html.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
        }
    }
    assert!(html.contains("prefers-color-scheme:dark") && html.contains("default-src 'none'"));
    assert!(html.len() < 200_000, "{} bytes", html.len());
}

#[test]
fn numbers_in_text_stand_below_one_another() {
    let text = report(Options::default(), &week()).to_text();
    let tools: Vec<&str> = text.split("\nTools\n").nth(1).unwrap().split("\n\n").next().unwrap().lines().collect();
    let column = tools[0].find("calls").unwrap() + "calls".len();
    for line in &tools[1..] {
        assert!(line.as_bytes()[column - 1].is_ascii_digit(), "{text}");
        assert_eq!(line.as_bytes()[column], b' ');
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    assert!(text.contains("█"));
}

#[test]
fn json_has_names_for_everything() {
    let json = report(Options { period: Period::Hour, ..Options::default() }, &week()).to_json();
    assert_eq!(json["period"], "hour");
    assert!(json["periods"][0]["start_ms"].is_u64() && json["periods"][0]["success"].is_u64());
    assert!(json["tools"]["rows"][0]["name"].is_string() && json["tools"]["rows"][0]["durations"]["p99_us"].is_u64());
    assert!(json["denials"]["rows"][0]["code"].is_string() && json["denials"]["rows"][0]["count"].is_u64());
    assert_eq!(json["filter"], Value::Object(serde_json::Map::new()));
}

/// A clock that was wrong, or a log that was forged, must not cost memory or a panic.
#[test]
fn any_time_is_taken() {
    let mut random = Random::new(9);
    let records: Vec<Record> = (0..30_000)
        .map(|at| record(at, json!({"kind": "refused", "at_ms": random.below(1 << 53), "code": "X"})))
        .chain([record(30_000, json!({"kind": "refused", "at_ms": u64::MAX})), record(30_001, json!({"kind": 5}))])
        .collect();
    let summary = report(Options { period: Period::Hour, ..Options::default() }, &records);
    assert!(summary.periods.len() <= 20_000);
    let counted: u64 = summary.periods.iter().map(|point| point.tally.refused).sum();
    assert_eq!(counted + summary.outside.unwrap_or_default().refused, 30_001);
    assert_well_formed(&summary.to_html());
    assert!(summary.to_text().contains("the asked ones would be too many"));
}
