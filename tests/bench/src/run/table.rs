//! The summary for people.

use std::fmt::Write as _;

use super::summary::Summary;
use crate::goal;

/// A sync that takes longer than this is a slow disk or a busy one.
const SLOW_US: f64 = 500.0;

/// Figures, ratios, goals.
pub(super) fn text(summary: &Summary) -> String {
    let mut out = format!("\n{}\n{}\n", summary.machine(), summary.method());
    // Writing to a String cannot fail.
    let _ = figures(summary, &mut out).and_then(|()| ratios(summary, &mut out));
    out + &goal::text(&summary.goals)
}

fn figures(summary: &Summary, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "\n{:>9}  {:<22} {:>9} {:>9} {:>9} {:>9} {:>17}",
        "in flight", "setup", "calls/s", "p50 µs", "p99 µs", "p999 µs", "CPU s/1000 calls"
    )?;
    let mut last = None;
    for figure in &summary.figures {
        if last.replace(figure.in_flight).is_some_and(|last| last != figure.in_flight) {
            writeln!(out)?;
        }
        let sample = &figure.median;
        writeln!(
            out,
            "{:>9}  ({}) {:<18} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>17.4}",
            figure.in_flight,
            figure.setup.letter(),
            figure.name,
            sample.calls_per_second,
            sample.p50_us,
            sample.p99_us,
            sample.p999_us,
            sample.cpu_seconds_per_1000_calls
        )?;
    }
    Ok(())
}

fn ratios(summary: &Summary, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "\n{:>9} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9} {:>20}",
        "in flight", "b/a", "c/b", "d/b", "d/c", "CPU c/b", "CPU d/b", "CPU d/c", "append + sync p50 µs"
    )?;
    for at in &summary.ratios {
        writeln!(
            out,
            "{:>9} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9} {:>20.0}",
            at.in_flight,
            show(at.b_to_a),
            show(at.c_to_b),
            show(at.d_to_b),
            show(at.d_to_c),
            show(at.cpu_c_to_b),
            show(at.cpu_d_to_b),
            show(at.cpu_d_to_c),
            at.sync_p50_us
        )?;
    }
    writeln!(out, "d/c is what durability costs: the same governed call with it and without")?;
    over_mtls(summary, out)?;
    if summary.ratios.iter().any(|at| at.sync_p50_us > SLOW_US) {
        writeln!(out, "the disk was slow: d says more about it than about the host; measure again when it is idle")?;
    }
    Ok(())
}

/// Nothing where no setup of it was measured.
fn over_mtls(summary: &Summary, out: &mut String) -> std::fmt::Result {
    if summary.ratios.iter().all(|at| at.e_to_c.is_none() && at.f_to_d.is_none()) {
        return Ok(());
    }
    writeln!(out, "\n{:>9} {:>8} {:>8} {:>9} {:>9}", "in flight", "e/c", "f/d", "CPU e/c", "CPU f/d")?;
    for at in &summary.ratios {
        writeln!(
            out,
            "{:>9} {:>8} {:>8} {:>9} {:>9}",
            at.in_flight,
            show(at.e_to_c),
            show(at.f_to_d),
            show(at.cpu_e_to_c),
            show(at.cpu_f_to_d)
        )?;
    }
    writeln!(out, "e/c and f/d are what mTLS costs: the same governed call over it and in plain text")
}

fn show(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
}
