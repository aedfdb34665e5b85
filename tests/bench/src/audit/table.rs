//! The summary for people.

use std::fmt::Write as _;

use super::{
    proving::{Proving, Times},
    summary::Summary,
    verifying::{Pass, Verifying},
};
use crate::goal;

/// Figures, ratios, where the processor's time went, goals.
pub(super) fn text(summary: &Summary) -> String {
    let mut out = format!("\n{}\n{}\n", summary.machine(), summary.method());
    // Writing to a String cannot fail.
    let _ = figures(summary, &mut out)
        .and_then(|()| ratios(summary, &mut out))
        .and_then(|()| shares(summary, &mut out))
        .and_then(|()| summary.verifying.iter().try_for_each(|verifying| verified(verifying, &mut out)))
        .and_then(|()| summary.proving.iter().try_for_each(|proving| proved(proving, &mut out)));
    out + &goal::text(&summary.goals)
}

fn figures(summary: &Summary, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n{:>81}   CPU µs a record", "")?;
    writeln!(
        out,
        "{:>7}  {:<20} {:>9} {:>8} {:>8} {:>8} {:>6} {:>9} {:>7} {:>7} {:>9}",
        "callers",
        "setup",
        "records/s",
        "p50 µs",
        "p99 µs",
        "p999 µs",
        "batch",
        "commit µs",
        "callers",
        "writer",
        "publisher"
    )?;
    let mut last = None;
    for figure in &summary.figures {
        if last.replace(figure.callers).is_some_and(|last| last != figure.callers) {
            writeln!(out)?;
        }
        let sample = &figure.median;
        let cpu = &sample.cpu_us_per_record;
        writeln!(
            out,
            "{:>7}  {:<20} {:>9.0} {:>8.0} {:>8.0} {:>8.0} {:>6.1} {:>9.0} {:>7.2} {:>7.2} {:>9.2}",
            figure.callers,
            figure.setup.name(),
            sample.records_per_second,
            sample.p50_us,
            sample.p99_us,
            sample.p999_us,
            sample.batch,
            sample.commit_us,
            cpu.callers,
            cpu.writer,
            cpu.publisher
        )?;
    }
    Ok(())
}

fn ratios(summary: &Summary, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "\n{:>7} {:>14} {:>11} {:>11} {:>22}",
        "callers", "records/bare", "p50/bare", "p99/bare", "records/unpublished"
    )?;
    for at in &summary.ratios {
        let published = at.published.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        writeln!(out, "{:>7} {:>14.2} {:>11.2} {:>11.2} {:>22}", at.callers, at.records, at.p50, at.p99, published)?;
    }
    Ok(())
}

fn shares(summary: &Summary, out: &mut String) -> std::fmt::Result {
    let parts = &summary.parts;
    writeln!(
        out,
        "\nby itself: encode {:.2} µs and hash {:.2} µs a record, sign {:.1} µs a batch; of the CPU of a record:",
        parts.encode_us, parts.hash_us, parts.sign_us
    )?;
    writeln!(
        out,
        "{:>7} {:>9} {:>9} {:>9} {:>20} {:>11} {:>9}",
        "callers", "encoding", "hashing", "signing", "write, sync, wakes", "publishing", "callers"
    )?;
    for at in &summary.shares {
        let [encoding, hashing, signing, writing, publishing, calling] =
            [at.encoding, at.hashing, at.signing, at.writing, at.publishing, at.calling].map(percent);
        writeln!(
            out,
            "{:>7} {encoding:>9} {hashing:>9} {signing:>9} {writing:>20} {publishing:>11} {calling:>9}",
            at.callers
        )?;
    }
    Ok(())
}

fn verified(verifying: &Verifying, out: &mut String) -> std::fmt::Result {
    let Verifying { entries, entry_bytes, batch, whole, unsigned, bare, to_bare } = verifying;
    writeln!(out, "\nverify: {entries} entries of {entry_bytes} bytes, a signature for every {batch}")?;
    writeln!(out, "{:<44} {:>17} {:>11}", "", "entries/s a core", "entries/s")?;
    let rows = [("all of it", whole), ("without the signatures", unsigned), ("reading and hashing alone", bare)];
    for (name, Pass { per_core, per_second }) in rows {
        writeln!(out, "{name:<44} {per_core:>17.0} {per_second:>11.0}")?;
    }
    writeln!(out, "CPU of all of it to that of reading and hashing: {to_bare:.2}")
}

fn proved(proving: &Proving, out: &mut String) -> std::fmt::Result {
    let Proving { entries, alone, kept_open, bare, to_bare } = proving;
    writeln!(out, "\nproofs of single entries of {entries}, files in the page cache")?;
    writeln!(out, "{:<44} {:>8} {:>8} {:>8}", "", "p50 µs", "p99 µs", "most µs")?;
    let rows = [
        ("opens the log, proves, checks the proof", alone),
        ("the same in a log that stays open", kept_open),
        ("reading the files alone", bare),
    ];
    for (name, Times { p50_us, p99_us, most_us }) in rows {
        writeln!(out, "{name:<44} {p50_us:>8.0} {p99_us:>8.0} {most_us:>8.0}")?;
    }
    writeln!(out, "p99 with the opening to that of reading: {to_bare:.2}")
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}
