//! A report for a terminal: aligned columns, bars of characters, no line that is much too long. Names come from callers, so
//! nothing of them reaches the terminal but what can be read.

use std::fmt::Write;

use super::{Others, Period, Ranking, Row, Summary, Tally, Times, period::bars};
use crate::text::{cut, duration, number, plain, time};

/// Rows of the plot over time.
const BARS: usize = 72;
const BAR_WIDTH: u64 = 48;
const NAME_WIDTH: usize = 28;
/// One sign for each part of a tally, in its order.
const SIGNS: [char; 5] = ['█', '▓', '▒', '?', '░'];

pub(super) fn page(summary: &Summary) -> String {
    let mut page = String::new();
    head(&mut page, summary);
    over_time(&mut page, summary);
    tools(&mut page, summary);
    tallies(&mut page, "Principals", &["principal"], &summary.principals, |name| vec![shown(&name.name)]);
    tallies(&mut page, "Tenants", &["tenant"], &summary.tenants, |name| vec![shown(&name.name)]);
    let pair = |pair: &super::Pair| vec![shown(&pair.principal), shown(&pair.tool)];
    tallies(&mut page, "Who used what", &["principal", "tool"], &summary.pairs, pair);
    let denial = |denial: &super::Denial| vec![shown(&denial.principal), shown(&denial.tool), shown(&denial.code)];
    times(&mut page, "Who was denied what", &["principal", "tool", "code"], &summary.denials, denial);
    times(&mut page, "Refusals by code", &["code"], &summary.refusals, |name| vec![shown(&name.name)]);
    times(&mut page, "Failed calls by code", &["code"], &summary.failures, |name| vec![shown(&name.name)]);
    open(&mut page, summary);
    page
}

/// Writing into a `String` cannot fail.
macro_rules! say {
    ($page:expr, $($what:tt)*) => { let _ = writeln!($page, $($what)*); };
}

fn head(page: &mut String, summary: &Summary) {
    say!(page, "Audit report, made {}", time(summary.made_at_ms));
    match (summary.span.first.zip(summary.span.last), summary.span.from_ms.zip(summary.span.to_ms)) {
        (Some((first, last)), Some((from, to))) => {
            say!(page, "  log        records {first} to {last}, {} to {}", time(from), time(to));
        }
        _ => {
            say!(page, "  log        empty");
        }
    }
    let conditions: Vec<String> =
        summary.filter.conditions().iter().map(|(name, value)| format!("{name} {}", shown(value))).collect();
    let of = if conditions.is_empty() { String::new() } else { format!(": {}", conditions.join(", ")) };
    say!(page, "  counted    {} of {} records{of}", number(summary.matched), number(summary.read));
    let parts = summary.total.parts();
    let ended: Vec<String> = parts.iter().take(4).map(|(name, count)| format!("{name} {}", number(*count))).collect();
    say!(page, "  calls      {} ended: {}", number(summary.total.calls()), ended.join(", "));
    say!(page, "  refusals   {}", number(summary.total.refused));
    let took = &summary.durations;
    if took.count > 0 {
        let [p50, p95, p99, max] = [took.p50_us, took.p95_us, took.p99_us, took.max_us].map(duration);
        say!(page, "  durations  p50 {p50}, p95 {p95}, p99 {p99}, longest {max}");
    }
    if let Some(open) = &summary.open {
        let least = if open.capped { "at least " } else { "" };
        say!(page, "  open       {least}{} calls are admitted and not concluded", number(open.count as u64));
    }
    say!(
        page,
        "  local      {} unreported, {} revoked, {} reports rejected",
        number(summary.total.unreported),
        number(summary.total.revoked),
        number(summary.kind("rejected_result"))
    );
    say!(
        page,
        "  look at    {} unknown outcomes, {} violations, {} late results, {} gaps ({} records lost)",
        number(summary.total.outcome_unknown),
        number(summary.kind("violation")),
        number(summary.kind("late_result")),
        number(summary.kind("gap")),
        number(summary.lost)
    );
}

fn over_time(page: &mut String, summary: &Summary) {
    let (together, bars) = bars(&summary.periods, summary.period, BARS);
    if bars.is_empty() {
        return;
    }
    let each = if together == 1 { summary.period.to_string() } else { format!("{together} {}s", summary.period) };
    let shorter = if summary.period == summary.asked_period { "" } else { ", the asked ones would be too many" };
    say!(page, "\nBy {each}, UTC{shorter}");
    let legend: Vec<String> =
        SIGNS.iter().zip(Tally::default().parts()).map(|(sign, (name, _))| format!("{sign} {name}")).collect();
    say!(page, "  {}", legend.join("  "));
    let most = bars.iter().map(|bar| bar.tally.requests()).max().unwrap_or(0);
    for bar in &bars {
        let start = time(bar.start_ms);
        let length = if summary.period == Period::Hour { 16 } else { 10 };
        let start = start.get(..length).unwrap_or(&start).replace('T', " ");
        let drawn = stacked(&bar.tally, most);
        let line = format!("  {start}  {drawn:<48}  {}", number(bar.tally.requests()));
        say!(page, "{}", line.trim_end());
    }
    if let Some(outside) = &summary.outside {
        say!(page, "  and {} requests in periods for which there was no room", number(outside.requests()));
    }
}

/// Each part as long as its share of `most`; what is there at all has one sign at least.
fn stacked(tally: &Tally, most: u64) -> String {
    let mut bar = String::new();
    let (mut sum, mut drawn) = (0_u128, 0_u128);
    for (sign, (_, count)) in SIGNS.iter().zip(tally.parts()) {
        sum += u128::from(count);
        let end = (sum * u128::from(BAR_WIDTH) / u128::from(most.max(1))).max(drawn + u128::from(count > 0));
        bar.extend((drawn..end).map(|_| *sign));
        drawn = end;
    }
    bar
}

fn tools(page: &mut String, summary: &Summary) {
    let row = |name: String, tally: &Tally, took: &super::Durations| {
        let mut cells = vec![name];
        cells.extend(counts(tally));
        let percentiles = [took.p50_us, took.p95_us, took.p99_us];
        cells.extend(percentiles.map(|us| if took.count > 0 { duration(us) } else { "-".to_owned() }));
        cells
    };
    let mut rows: Vec<Vec<String>> = summary
        .tools
        .rows
        .iter()
        .map(|Row { name, value }| row(shown(&name.name), &value.tally, &value.durations))
        .collect();
    rows.extend(
        summary
            .tools
            .others
            .iter()
            .map(|others| row(other_names(others, summary.tools.capped), &others.value.tally, &others.value.durations)),
    );
    let heads = ["tool", "calls", "success", "tool error", "failed", "unknown", "refused", "p50", "p95", "p99"];
    table(page, "Tools", &heads, 1, &rows);
}

fn tallies<K>(
    page: &mut String,
    title: &str,
    heads: &[&str],
    of: &Ranking<K, Tally>,
    names: impl Fn(&K) -> Vec<String>,
) {
    let row = |mut cells: Vec<String>, tally: &Tally| {
        cells.extend(counts(tally));
        cells
    };
    let mut rows: Vec<_> = of.rows.iter().map(|Row { name, value }| row(names(name), value)).collect();
    rows.extend(of.others.iter().map(|others| row(other_cells(others, of.capped, heads.len()), &others.value)));
    let heads: Vec<&str> =
        heads.iter().copied().chain(["calls", "success", "tool error", "failed", "unknown", "refused"]).collect();
    table(page, title, &heads, heads.len() - 6, &rows);
}

fn times<K>(page: &mut String, title: &str, heads: &[&str], of: &Ranking<K, Times>, names: impl Fn(&K) -> Vec<String>) {
    let most = of.rows.first().map_or(1, |row| row.value.count.max(1));
    let row = |mut cells: Vec<String>, times: &Times| {
        cells.push(number(times.count));
        let length = usize::try_from(times.count.saturating_mul(20) / most).unwrap_or(0).clamp(1, 20);
        cells.push("█".repeat(length));
        cells
    };
    let mut rows: Vec<_> = of.rows.iter().map(|Row { name, value }| row(names(name), value)).collect();
    rows.extend(of.others.iter().map(|others| {
        let mut cells = other_cells(others, of.capped, heads.len());
        cells.push(number(others.value.count));
        cells
    }));
    let numbers = heads.len();
    let heads: Vec<&str> = heads.iter().copied().chain(["times", ""]).collect();
    table(page, title, &heads, numbers, &rows);
}

fn open(page: &mut String, summary: &Summary) {
    let rows = summary.open.iter().flat_map(|open| &open.oldest);
    let rows: Vec<Vec<String>> = rows
        .map(|call| {
            let index = call.index.to_string();
            let invocation = cut(&plain(&call.invocation), 40).into_owned();
            vec![shown(&call.principal), shown(&call.tool), time(call.at_ms), invocation, index]
        })
        .collect();
    table(page, "Open calls, oldest first", &["principal", "tool", "admitted", "invocation", "record"], 4, &rows);
}

fn counts(tally: &Tally) -> impl Iterator<Item = String> {
    [tally.calls()].into_iter().chain(tally.parts().map(|(_, count)| count)).map(number)
}

fn other_names<T>(others: &Others<T>, capped: bool) -> String {
    let more = if capped { " and more" } else { "" };
    format!("({} others{more})", number(others.names as u64))
}

fn other_cells<T>(others: &Others<T>, capped: bool, columns: usize) -> Vec<String> {
    let mut cells = vec![other_names(others, capped)];
    cells.resize(columns, String::new());
    cells
}

fn shown(name: &str) -> String {
    cut(&plain(name), NAME_WIDTH).into_owned()
}

/// Columns from `numbers` on stand to the right. Nothing is written where there are no rows.
fn table(page: &mut String, title: &str, heads: &[&str], numbers: usize, rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    say!(page, "\n{title}");
    let head: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |at: usize| all().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    for row in all() {
        let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            let is_bar = cell.starts_with('█');
            if at >= numbers && !is_bar { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        say!(page, "  {}", line.trim_end());
    }
}
