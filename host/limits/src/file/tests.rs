use super::*;

const GOOD: &str = r#"
[[limit]]
name = "reports"
tenant = "acme"
principal = "batch-*"
tool = "report.*"
per = ["principal"]
rate = "10/s"
burst = 20
concurrency = 4
queue = 16
wait = "500ms"
budget = 100000000000

[[limit]]
name = "hourly"
rate = "600/m"
"#;

#[test]
fn a_limit_is_read_as_it_is_written() {
    let rules = read(GOOD).unwrap();
    let [reports, hourly] = rules.as_slice() else { panic!("{rules:?}") };
    assert_eq!(reports.per, Per { tenant: true, principal: true, tool: false });
    let pace = reports.pace.unwrap();
    assert_eq!((pace.calls.get(), pace.within, pace.burst.get()), (10, Duration::from_secs(1), 20));
    let crowd = reports.crowd.unwrap();
    assert_eq!((crowd.places, crowd.queue, crowd.wait), (4, 16, Duration::from_millis(500)));
    assert_eq!(reports.budget, Some(100_000_000_000));
    assert!(reports.fits("acme", "batch-7", "report.daily"));
    assert!(!reports.fits("acme", "alice", "report.daily"));
    assert!(!reports.fits("acmes", "batch-7", "report.daily"));
    assert_eq!(hourly.pace.unwrap().burst.get(), 10);
    assert!(hourly.fits("anybody", "anyone", "anything"));
    assert!(read("").unwrap().is_empty());
}

#[test]
fn every_fault_is_told_at_once_with_its_line() {
    let text = r#"
[[limit]]
name = "one"
rate = "10 per second"
concurency = 3

[[limit]]
name = "one"
tenant = "a*b"
burst = 0
queue = -1
budget = 1.5
per = ["host"]
wait = "1h"

[[limits]]
name = "tenant"
"#;
    let faults = read(text).unwrap_err();
    let lines: Vec<_> = faults.iter().map(|fault| fault.line.unwrap()).collect();
    assert!(lines.is_sorted(), "{faults:?}");
    for (line, words) in [
        (4, "`rate` must be calls in a time"),
        (5, "`concurency` is no part of a limit"),
        (7, "another limit with the name `one`"),
        (9, "`tenant` must be a name"),
        (10, "`burst` must be a whole number from 1"),
        (10, "`burst` says something of `rate`"),
        (11, "`queue` must be a whole number from 0"),
        (12, "`budget` must be a whole number"),
        (13, "`per` must be a list of"),
        (14, "`wait` must be a time"),
        (16, "`limits` means nothing here"),
    ] {
        let found = faults.iter().any(|fault| fault.line == Some(line) && fault.message.contains(words));
        assert!(found, "line {line}: {words}: {faults:#?}");
    }
}

#[test]
fn a_limit_that_limits_nothing_or_takes_a_name_of_the_settings_is_refused() {
    let message = |text: &str| read(text).unwrap_err().remove(0).message;
    assert!(message("[[limit]]\nname = \"idle\"\n").contains("limits nothing"));
    assert!(message("[[limit]]\nname = \"tenant\"\nrate = \"1/s\"\n").contains("belongs to a limit of the settings"));
    assert!(message("[[limit]]\nrate = \"1/s\"\n").contains("needs a `name`"));
    assert!(message("limit = 3").contains("write `[[limit]]`"));
    assert!(message("[[limit]\n").contains("cannot read TOML"));
    for rate in ["0/s", "1000001/s", "1/d", "1", "/s", "+1/s", "1.5/s"] {
        assert!(read(&format!("[[limit]]\nname = \"a\"\nrate = \"{rate}\"\n")).is_err(), "{rate}");
    }
    for (rate, good) in [("1/s", true), ("1000000/s", true)] {
        assert_eq!(read(&format!("[[limit]]\nname = \"a\"\nrate = \"{rate}\"\n")).is_ok(), good, "{rate}");
    }
}

#[test]
fn a_file_has_so_many_limits_and_not_one_more() {
    let of = |count: usize| {
        (0..count).map(|at| format!("[[limit]]\nname = \"n{at}\"\nrate = \"1/s\"\n")).collect::<String>()
    };
    assert_eq!(read(&of(MOST)).unwrap().len(), MOST);
    assert!(read(&of(MOST + 1)).unwrap_err().remove(0).message.contains("a file may have 1000"));
}
