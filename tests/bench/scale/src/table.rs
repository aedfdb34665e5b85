//! The summary for people.

use std::fmt::Write as _;

use grid_bench::goal;

use crate::{
    growth::{Case, IN_FLIGHT},
    run::Summary,
    swap::Took,
};

/// Growth, swaps, idle runtimes, goals.
pub(crate) fn text(summary: &Summary) -> String {
    let mut out = format!("\n{}\n", summary.machine);
    // Writing to a String cannot fail.
    let _ = growth(summary, &mut out).and_then(|()| swap(summary, &mut out)).and_then(|()| idle(summary, &mut out));
    out + &goal::text(&summary.goals)
}

/// Runtimes, contracts and sessions in few letters.
pub(crate) fn short(case: Case) -> String {
    format!("{}, {}, {}", case.runtimes, case.contracts, case.sessions)
}

fn growth(summary: &Summary, out: &mut String) -> std::fmt::Result {
    if summary.growth.is_empty() {
        return Ok(());
    }
    let title = format!("{IN_FLIGHT} in flight");
    let counts = ("runtimes", "contracts", "sessions");
    write!(out, "\n{title:<12} {:>8} {:>9} {:>8}", counts.0, counts.1, counts.2)?;
    let figures = ("calls/s", "ratio", "p50 µs", "p99 µs", "host µs a call", "ratio", "failed");
    let (a, b, c, d, e, f, g) = figures;
    writeln!(out, " {a:>9} {b:>6} {c:>8} {d:>8} {e:>15} {f:>6} {g:>7}")?;
    for row in &summary.growth {
        writeln!(
            out,
            "{:<12} {:>8} {:>9} {:>8} {:>9.0} {:>6.2} {:>8.0} {:>8.0} {:>15.1} {:>6.2} {:>7}",
            row.mode.name(),
            row.case.runtimes,
            row.case.contracts,
            row.case.sessions,
            row.calls_per_second,
            row.calls_ratio,
            row.p50_us,
            row.p99_us,
            row.cpu_us_per_call,
            row.cpu_ratio,
            row.failed
        )?;
    }
    for row in &summary.growth {
        if let Some(failure) = &row.failure {
            writeln!(out, "with {}: {failure}", short(row.case))?;
        }
    }
    Ok(())
}

fn swap(summary: &Summary, out: &mut String) -> std::fmt::Result {
    if summary.swap.is_empty() {
        return Ok(());
    }
    let titles = ("swaps under load", "swaps", "p50 ms", "p99 ms", "calls/s", "p50 µs", "p99 µs", "p999 µs");
    let (a, b, c, d, e, f, g, h) = titles;
    writeln!(out, "\n{a:<27} {b:>6} {c:>7} {d:>7} {:>8} {e:>9} {f:>8} {g:>8} {h:>8} {:>7}", "", "failed")?;
    for row in &summary.swap {
        let asked = if row.rate > 0.0 {
            format!("{:.0} calls/s of {} ms", row.rate, row.takes_ms)
        } else {
            "the most".to_owned()
        };
        writeln!(out, "{asked:<27} {:>6} {:>7} {:>7} {} {:>7}", "", "", "", took("without", &row.quiet), "")?;
        let (swaps, p50, p99) = (row.swaps, row.swap_p50_ms, row.swap_p99_ms);
        let under = took("swapping", &row.swapping);
        writeln!(out, "{:<27} {swaps:>6} {p50:>7.1} {p99:>7.1} {under} {:>7}", "", row.failed)?;
        if let Some(failure) = &row.failure {
            writeln!(out, "{failure}")?;
        }
    }
    Ok(())
}

fn took(name: &str, took: &Took) -> String {
    let Took { calls_per_second, p50_us, p99_us, p999_us } = took;
    format!("{name:>8} {calls_per_second:>9.0} {p50_us:>8.0} {p99_us:>8.0} {p999_us:>8.0}")
}

fn idle(summary: &Summary, out: &mut String) -> std::fmt::Result {
    let Some(idle) = &summary.idle else { return Ok(()) };
    writeln!(
        out,
        "\n{} runtimes, connected and idle, STRICT: {:.0} MiB resident, {:.0} MiB before them, {:.1} KiB each; attached in {:.1} s \
         ({:.0} MiB then); heartbeats take {:.1} % of a core",
        idle.runtimes,
        idle.mib,
        idle.before_mib,
        idle.kib_a_runtime,
        idle.attaching_seconds,
        idle.attached_mib,
        idle.processor_percent
    )
}
