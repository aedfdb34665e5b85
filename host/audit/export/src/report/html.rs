//! A report as one page: nothing is fetched, nothing runs, every value is escaped, and each plot stands beside a
//! table of the same numbers. Light or dark as the reader's system is.

use super::{Others, Ranking, Row, Summary, Tally, Times, period::bars, svg};
use crate::text::{duration, number, time};
use svg::{CLASSES, escape};

/// Columns of the plot over time.
const BARS: usize = 366;

const STYLE: &str = "
:root{color-scheme:light dark;--bg:#fff;--fg:#1d2127;--soft:#5d6673;--line:#dde1e6;--card:#f6f7f9;
--ok:#2f7d4f;--te:#c79a1b;--fa:#d1622a;--un:#8b5cc2;--re:#b3303e}
@media(prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e6e9ed;--soft:#9aa4b1;--line:#30363d;--card:#1c2026;
--ok:#4fae77;--te:#dfb844;--fa:#e8834c;--un:#ad86dd;--re:#e05c69}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.5rem 4rem;max-width:64rem;background:var(--bg);color:var(--fg);
font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2.5rem 0 .5rem}
p,dl{margin:.25rem 0;color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:1.5rem 0;padding:0}
.tiles div{background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.6rem .8rem}
.tiles dt{font-size:.8rem}.tiles dd{margin:0;font-size:1.4rem;color:var(--fg);font-variant-numeric:tabular-nums}
svg{width:100%;height:auto;display:block;margin:.5rem 0}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.5rem 0;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{color:var(--soft);font-weight:600}td.n,th.n{text-align:right;white-space:nowrap}
.scroll{overflow-x:auto}summary{color:var(--soft);cursor:pointer}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;padding:0;margin:.25rem 0;font-size:.85rem}
.key i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}
.ok{fill:var(--ok);background:var(--ok)}.te{fill:var(--te);background:var(--te)}.fa{fill:var(--fa);background:var(--fa)}
.un{fill:var(--un);background:var(--un)}.re{fill:var(--re);background:var(--re)}
.grid{stroke:var(--line)}.mark{stroke:var(--fg);stroke-dasharray:4 3}
.axis,.name{fill:var(--soft);font:12px system-ui,sans-serif}.name{fill:var(--fg)}
@media print{body{max-width:none;padding:0}details{display:none}}
";

pub(super) fn page(summary: &Summary) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>Audit report</title><style>{STYLE}</style></head><body>"
    );
    page.push_str(&head(summary));
    page.push_str(&over_time(summary));
    page.push_str(&took(summary));
    page.push_str(&tools(summary));
    page.push_str(&named(summary, "principals", "Principals", "principal", &summary.principals));
    page.push_str(&named(summary, "tenants", "Tenants", "tenant", &summary.tenants));
    let pair = |pair: &super::Pair| vec![escape(&pair.principal), escape(&pair.tool)];
    page.push_str(&section("Who used what", &tally_table(&["principal", "tool"], &summary.pairs, pair)));
    let denial = |denial: &super::Denial| [&denial.principal, &denial.tool, &denial.code].map(|it| escape(it)).to_vec();
    let denials = times_table(&["principal", "tool", "code"], &summary.denials, denial);
    page.push_str(&section("Who was denied what", &denials));
    let name = |name: &super::Name| vec![escape(&name.name)];
    page.push_str(&section("Refusals by code", &times_table(&["code"], &summary.refusals, name)));
    page.push_str(&section("Failed calls by code", &times_table(&["code"], &summary.failures, name)));
    page.push_str(&open_calls(summary));
    let kinds: Vec<_> = summary.kinds.iter().map(|(kind, count)| vec![escape(kind), number(*count)]).collect();
    page.push_str(&section("Records by kind", &table(&["kind", "records"], 1, &kinds)));
    page.push_str("</body></html>\n");
    page
}

fn head(summary: &Summary) -> String {
    let span = match (summary.span.first.zip(summary.span.last), summary.span.from_ms.zip(summary.span.to_ms)) {
        (Some((first, last)), Some((from, to))) => {
            format!("Records {first} to {last} of the log, {} to {}.", time(from), time(to))
        }
        _ => "The log is empty.".to_owned(),
    };
    let conditions: Vec<String> =
        summary.filter.conditions().iter().map(|(name, value)| format!("{name} <b>{}</b>", escape(value))).collect();
    let of = if conditions.is_empty() { String::new() } else { format!(" Only {}.", conditions.join(", ")) };
    let open = summary.open.as_ref().map(|open| {
        let least = if open.capped { "≥ " } else { "" };
        ("open calls", format!("{least}{}", number(open.count as u64)))
    });
    let total = &summary.total;
    let tiles = [("calls", number(total.calls())), ("refused", number(total.refused))]
        .into_iter()
        .chain([("tool errors", number(total.tool_error)), ("failed", number(total.failed))])
        .chain([("unknown outcome", number(total.outcome_unknown))])
        .chain([("unreported", number(total.unreported)), ("revoked", number(total.revoked))])
        .chain(open)
        .chain([
            ("violations", number(summary.kind("violation"))),
            ("reports rejected", number(summary.kind("rejected_result"))),
            ("late results", number(summary.kind("late_result"))),
        ])
        .chain([("records lost", number(summary.lost))]);
    let tiles: String = tiles.map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>")).collect();
    format!(
        "<h1>Audit report</h1><p>{span} Made {}.</p><p>{} of {} records count.{of}</p><dl class=\"tiles\">{tiles}</dl>",
        time(summary.made_at_ms),
        number(summary.matched),
        number(summary.read)
    )
}

fn key() -> String {
    let parts = Tally::default().parts();
    let items = CLASSES.iter().zip(parts).map(|(class, (name, _))| format!("<li><i class=\"{class}\"></i>{name}</li>"));
    format!("<ul class=\"key\" aria-hidden=\"true\">{}</ul>", items.collect::<String>())
}

fn over_time(summary: &Summary) -> String {
    let (together, bars) = bars(&summary.periods, summary.period, BARS);
    if bars.is_empty() {
        return String::new();
    }
    let each = if together == 1 { summary.period.to_string() } else { format!("{together} {}s", summary.period) };
    let title = format!("Requests by {each}");
    let mut body = key() + &svg::over_time(&bars, &title);
    if summary.period != summary.asked_period {
        body.push_str("<p>The periods that were asked for would be too many.</p>");
    }
    if let Some(outside) = &summary.outside {
        let requests = number(outside.requests());
        body.push_str(&format!("<p>{requests} requests were in periods for which there was no room.</p>"));
    }
    let rows: Vec<_> =
        bars.iter().map(|bar| [time(bar.start_ms)].into_iter().chain(counts(&bar.tally)).collect::<Vec<_>>()).collect();
    let heads = ["from (UTC)", "calls", "success", "tool error", "failed", "unknown", "refused"];
    body.push_str(&format!("<details><summary>As a table</summary>{}</details>", table(&heads, 1, &rows)));
    section(&title, &body)
}

fn took(summary: &Summary) -> String {
    let took = &summary.durations;
    if took.count == 0 {
        return String::new();
    }
    let [p50, p95, p99, mean, max] = [took.p50_us, took.p95_us, took.p99_us, took.mean_us, took.max_us].map(duration);
    let words =
        format!("<p>p50 {p50}, p95 {p95}, p99 {p99}, mean {mean}, longest {max}; percentiles to about 3 %.</p>");
    let rows = took.doublings.iter();
    let rows: Vec<_> = rows.map(|it| vec![duration(it.from_us), duration(it.below_us), number(it.count)]).collect();
    let table = table(&["from", "below", "calls"], 0, &rows);
    let table = format!("<details><summary>As a table</summary>{table}</details>");
    section("How long calls took", &(words + &svg::durations(took) + &table))
}

fn tools(summary: &Summary) -> String {
    let ranking = &summary.tools;
    let row = |name: String, tally: &Tally, took: &super::Durations| {
        let percentiles = [took.p50_us, took.p95_us, took.p99_us];
        let times = percentiles.map(|us| if took.count > 0 { duration(us) } else { "-".to_owned() });
        [name].into_iter().chain(counts(tally)).chain(times).collect::<Vec<_>>()
    };
    let mut rows: Vec<_> = ranking
        .rows
        .iter()
        .map(|Row { name, value }| row(escape(&name.name), &value.tally, &value.durations))
        .collect();
    rows.extend(
        ranking
            .others
            .iter()
            .map(|others| row(other_names(others, ranking.capped), &others.value.tally, &others.value.durations)),
    );
    let bars: Vec<_> = ranking.rows.iter().map(|row| (row.name.name.clone(), row.value.tally)).collect();
    let heads = ["tool", "calls", "success", "tool error", "failed", "unknown", "refused", "p50", "p95", "p99"];
    let plot = if bars.is_empty() { String::new() } else { key() + &svg::by_name("tools", "Tools", &bars) };
    section("Tools", &(plot + &table(&heads, 1, &rows) + &capped(ranking.capped, ranking.distinct)))
}

fn named(summary: &Summary, id: &str, title: &str, head: &str, ranking: &Ranking<super::Name, Tally>) -> String {
    if summary.total.requests() == 0 {
        return String::new();
    }
    let bars: Vec<_> = ranking.rows.iter().map(|row| (row.name.name.clone(), row.value)).collect();
    let table = tally_table(&[head], ranking, |name: &super::Name| vec![escape(&name.name)]);
    section(title, &(key() + &svg::by_name(id, title, &bars) + &table))
}

fn tally_table<K>(heads: &[&str], ranking: &Ranking<K, Tally>, names: impl Fn(&K) -> Vec<String>) -> String {
    let row = |names: Vec<String>, tally: &Tally| names.into_iter().chain(counts(tally)).collect::<Vec<_>>();
    let mut rows: Vec<_> = ranking.rows.iter().map(|Row { name, value }| row(names(name), value)).collect();
    rows.extend(ranking.others.iter().map(|it| row(other_cells(it, ranking.capped, heads.len()), &it.value)));
    let counts = ["calls", "success", "tool error", "failed", "unknown", "refused"];
    let all: Vec<&str> = heads.iter().copied().chain(counts).collect();
    table(&all, heads.len(), &rows) + &capped(ranking.capped, ranking.distinct)
}

fn times_table<K>(heads: &[&str], ranking: &Ranking<K, Times>, names: impl Fn(&K) -> Vec<String>) -> String {
    let row = |names: Vec<String>, times: &Times| names.into_iter().chain([number(times.count)]).collect::<Vec<_>>();
    let mut rows: Vec<_> = ranking.rows.iter().map(|Row { name, value }| row(names(name), value)).collect();
    rows.extend(ranking.others.iter().map(|it| row(other_cells(it, ranking.capped, heads.len()), &it.value)));
    let all: Vec<&str> = heads.iter().copied().chain(["times"]).collect();
    table(&all, heads.len(), &rows) + &capped(ranking.capped, ranking.distinct)
}

fn open_calls(summary: &Summary) -> String {
    let rows = summary.open.iter().flat_map(|open| &open.oldest);
    let rows: Vec<_> = rows
        .map(|call| {
            let names = [&call.principal, &call.tool].map(|name| escape(name));
            let place = [time(call.at_ms), escape(&call.invocation), number(call.index)];
            names.into_iter().chain(place).collect::<Vec<_>>()
        })
        .collect();
    let heads = ["principal", "tool", "admitted", "invocation", "record"];
    section("Open calls, oldest first", &table(&heads, 4, &rows))
}

fn counts(tally: &Tally) -> impl Iterator<Item = String> {
    [tally.calls()].into_iter().chain(tally.parts().map(|(_, count)| count)).map(number)
}

fn other_names<T>(others: &Others<T>, capped: bool) -> String {
    format!("({} others{})", number(others.names as u64), if capped { " and more" } else { "" })
}

fn other_cells<T>(others: &Others<T>, capped: bool, columns: usize) -> Vec<String> {
    let mut cells = vec![other_names(others, capped)];
    cells.resize(columns, String::new());
    cells
}

fn capped(capped: bool, distinct: usize) -> String {
    let count = number(distinct as u64);
    let told = format!("<p>Only the first {count} names are told apart; what came later is in the last row.</p>");
    if capped { told } else { String::new() }
}

/// Nothing where there is nothing to show.
fn section(title: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("<section><h2>{title}</h2>{body}</section>") }
}

/// Cells are HTML; columns from `numbers` on stand to the right. Nothing where there are no rows.
fn table(heads: &[&str], numbers: usize, rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let class = |at: usize| if at >= numbers { " class=\"n\"" } else { "" };
    let head: String =
        heads.iter().enumerate().map(|(at, head)| format!("<th scope=\"col\"{}>{head}</th>", class(at))).collect();
    let row = |cells: &Vec<String>| {
        let cells = cells.iter().enumerate().map(|(at, cell)| format!("<td{}>{cell}</td>", class(at)));
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    let body: String = rows.iter().map(row).collect();
    format!("<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")
}
