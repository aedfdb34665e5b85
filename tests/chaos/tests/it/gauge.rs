//! What a process holds, sample by sample, and the lines through it.

use std::{fmt::Write as _, fs, time::Duration};

/// At one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub at: Duration,
    pub rss_mib: f64,
    pub descriptors: f64,
    pub threads: f64,
}

impl Sample {
    /// Of the process, as the kernel counts it.
    pub fn of(pid: u32, at: Duration) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| -> f64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as f64;
        Self { at, rss_mib: field("VmRSS:") / 1024.0, descriptors, threads: field("Threads:") }
    }
}

/// Processor time of a process so far, in seconds.
pub fn worked(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap());
    // USER_HZ, which is 100 wherever Linux runs.
    ticks.sum::<f64>() / 100.0
}

/// How much a value grows an hour: the slope of the line with the least squares.
pub fn per_hour(points: &[(Duration, f64)]) -> f64 {
    let count = points.len() as f64;
    let hours: Vec<f64> = points.iter().map(|(at, _)| at.as_secs_f64() / 3600.0).collect();
    let (x, y) = (hours.iter().sum::<f64>() / count, points.iter().map(|(_, value)| value).sum::<f64>() / count);
    let both: f64 = hours.iter().zip(points).map(|(hour, (_, value))| (hour - x) * (value - y)).sum();
    let alone: f64 = hours.iter().map(|hour| (hour - x).powi(2)).sum();
    if alone > 0.0 { both / alone } else { 0.0 }
}

/// The value below which so many of a hundred are.
pub fn percentile(mut values: Vec<f64>, percent: usize) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get((values.len() * percent / 100).min(values.len().checked_sub(1)?)).copied()
}

/// A picture with one row a value.
pub fn plot(rows: &[(&str, Vec<(Duration, f64)>)], faults: &[(Duration, &str)]) -> String {
    const WIDE: f64 = 900.0;
    const HIGH: f64 = 150.0;
    let end = rows.iter().flat_map(|(_, points)| points).map(|(at, _)| at.as_secs_f64()).fold(1.0, f64::max);
    let x = |at: &Duration| 60.0 + at.as_secs_f64() / end * WIDE;
    let mut svg = String::new();
    let height = HIGH * rows.len() as f64 + 40.0;
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{height}" font-family="sans-serif" font-size="11">"#,
        WIDE + 80.0
    );
    for (at, what) in faults {
        let x = x(at);
        let _ = writeln!(
            svg,
            r##"<line x1="{x:.1}" y1="10" x2="{x:.1}" y2="{height}" stroke="#ddd"><title>{what}</title></line>"##
        );
    }
    for (number, (name, points)) in rows.iter().enumerate() {
        let top = HIGH * number as f64 + 30.0;
        let most = points.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
        let y = |value: f64| top + (HIGH - 40.0) * (1.0 - value / most);
        let line: String = points.iter().map(|(at, value)| format!("{:.1},{:.1} ", x(at), y(*value))).collect();
        let _ = writeln!(svg, r#"<text x="60" y="{}">{name}, at most {most:.1}</text>"#, top - 6.0);
        let _ = writeln!(svg, r##"<polyline fill="none" stroke="#246" points="{}"/>"##, line.trim());
    }
    svg + "</svg>\n"
}

#[test]
fn a_line_is_found_among_points() {
    let points: Vec<_> = (0..10).map(|at| (Duration::from_secs(360 * at), 5.0 + at as f64)).collect();
    assert!((per_hour(&points) - 10.0).abs() < 1e-9);
    let level: Vec<_> = points.iter().map(|(at, _)| (*at, 7.0)).collect();
    assert!(per_hour(&level).abs() < 1e-9);
    assert_eq!(percentile((0..100).map(f64::from).collect(), 99), Some(99.0));
    assert_eq!(percentile(Vec::new(), 99), None);
}
