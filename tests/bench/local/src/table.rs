//! The summary for people.

use std::fmt::Write as _;

use grid_bench::goal;

use crate::figures::Summary;

/// Figures, ratios, calls, goals.
pub(crate) fn text(summary: &Summary) -> String {
    let mut out =
        format!("\n{}\n{} rounds of {} s a figure, in turns\n", summary.machine, summary.rounds, summary.seconds);
    // Writing to a String cannot fail.
    let _ = figures(summary, &mut out)
        .and_then(|()| ratios(summary, &mut out))
        .and_then(|()| reports(summary, &mut out))
        .and_then(|()| calls(summary, &mut out))
        .and_then(|()| served(summary, &mut out));
    out + &goal::text(&summary.goals)
}

fn figures(summary: &Summary, out: &mut String) -> std::fmt::Result {
    let titles = ("in flight", "setup", "a second", "p50 µs", "p99 µs", "p999 µs", "a second a core");
    let (a, b, c, d, e, f, g) = titles;
    writeln!(out, "\n{a:>9}  {b:<18} {c:>9} {d:>9} {e:>9} {f:>9} {g:>16}")?;
    for figure in &summary.figures {
        let sample = &figure.median;
        writeln!(
            out,
            "{:>9}  {:<18} {:>9.0} {:>9.0} {:>9.0} {:>9.0} {:>16.0}",
            figure.in_flight,
            figure.setup.name(),
            sample.calls_per_second,
            sample.p50_us,
            sample.p99_us,
            sample.p999_us,
            figure.per_core
        )?;
    }
    Ok(())
}

fn ratios(summary: &Summary, out: &mut String) -> std::fmt::Result {
    let (a, b, c, d) = ("grants to echo", "a second", "p50", "CPU");
    writeln!(out, "\n{a:>15} {b:>17} {c:>17} {d:>17}   relaxed, STRICT")?;
    for at in &summary.ratios {
        writeln!(
            out,
            "{:>15} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2}",
            at.in_flight,
            at.relaxed_to_echo,
            at.strict_to_echo,
            at.p50_relaxed_to_echo,
            at.p50_strict_to_echo,
            at.cpu_relaxed_to_echo,
            at.cpu_strict_to_echo
        )?;
    }
    Ok(())
}

fn reports(summary: &Summary, out: &mut String) -> std::fmt::Result {
    let (a, b, c, d) = ("in flight", "reports taken", "a second", "a second a core");
    writeln!(out, "\n{a:>9}  {b:<18} {c:>9} {d:>16}")?;
    for figure in &summary.figures {
        let Some(reported) = &figure.reported else { continue };
        let (at, name) = (figure.in_flight, figure.setup.name().replace("grants", "reports"));
        let per_core = 1e3 / reported.single_cpu_seconds_per_1000;
        writeln!(out, "{at:>9}  {name:<18} {:>9.0} {per_core:>16.0}", reported.single_per_second)?;
        let per_core = 1e3 / reported.streamed_cpu_seconds_per_1000;
        writeln!(out, "{:>9}  {name:<18} {:>9.0} {per_core:>16.0}", "streamed", reported.streamed_per_second)?;
    }
    Ok(())
}

fn calls(summary: &Summary, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "\n{:<15} {:<7} {:>8} {:>9} {:>12} {:>9} {:>10} {:>19}",
        "p50 µs of a call", "in", "bytes", "function", "authorize", "local", "remote", "added to authorize"
    )?;
    for call in &summary.calls {
        let took = &call.took;
        writeln!(
            out,
            "{:<16} {:<7} {:>8} {:>9.1} {:>12.0} {:>9.0} {:>10.0} {:>19.2}",
            call.setup.name(),
            call.language,
            call.bytes,
            took.plain_us,
            took.authorize_us,
            took.local_us,
            took.remote_us,
            took.added_to_authorize
        )?;
    }
    Ok(())
}

fn served(summary: &Summary, out: &mut String) -> std::fmt::Result {
    for served in &summary.served {
        let (rate, spent) = (&served.calls_a_second, &served.processor_us_a_call);
        writeln!(
            out,
            "Python {:<10} {:.0} calls/s, bare {:.0}, ratio {:.2}; CPU µs a call {:.0}, bare {:.0}, ratio {:.2}",
            served.tool,
            rate.runtime,
            rate.bare,
            served.rate_to_bare,
            spent.runtime,
            spent.bare,
            served.processor_to_bare
        )?;
    }
    Ok(())
}
