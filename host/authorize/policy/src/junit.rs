//! Reports as build servers read them: JUnit XML, a suite for each file of tests.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::cases::Report;

/// The document.
#[must_use]
pub fn xml(reports: &[Report]) -> String {
    let mut files: BTreeMap<&str, Vec<&Report>> = BTreeMap::new();
    for report in reports {
        files.entry(&report.case.place.file).or_default().push(report);
    }
    let failures = |reports: &[&Report]| reports.iter().filter(|report| report.failure.is_some()).count();
    let all: Vec<&Report> = reports.iter().collect();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a text cannot fail.
    let _ = writeln!(text, "<testsuites tests=\"{}\" failures=\"{}\">", all.len(), failures(&all));
    for (file, reports) in files {
        let (name, count) = (escaped(file), reports.len());
        let _ = writeln!(text, "  <testsuite name=\"{name}\" tests=\"{count}\" failures=\"{}\">", failures(&reports));
        for report in reports {
            let (case, line) = (escaped(&report.case.name), report.case.place.line);
            let _ = write!(text, "    <testcase classname=\"{name}\" name=\"{case}\" file=\"{name}\" line=\"{line}\"");
            let _ = match &report.failure {
                None => writeln!(text, "/>"),
                Some(why) => writeln!(text, "><failure message=\"{}\"/></testcase>", escaped(why)),
            };
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// Text within quotes of XML 1.0, which has no control characters at all.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            other if other.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
