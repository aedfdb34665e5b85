//! Plots as inline SVG. They have names for those who hear a page, take their colours from the page's style, and
//! hold no script and no reference. Whatever comes from the log is escaped here.

use std::fmt::Write;

use super::{Doubling, Durations, Point, Tally};
use crate::text::{cut, duration, number, plain, time};

/// The class of each part of a tally, in its order.
pub(super) const CLASSES: [&str; 5] = ["ok", "te", "fa", "un", "re"];

const WIDTH: f64 = 900.0;
const LEFT: f64 = 56.0;
const HEIGHT: f64 = 220.0;
const BOTTOM: f64 = 26.0;
const TOP: f64 = 10.0;

/// Writing into a `String` cannot fail.
macro_rules! draw {
    ($out:expr, $($what:tt)*) => { let _ = write!($out, $($what)*); };
}

/// Text between tags and in attributes, on one line.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A plot with its name and what it says in words.
fn open(id: &str, height: f64, title: &str, description: &str) -> String {
    format!(
        "<svg role=\"img\" aria-labelledby=\"{id}-t {id}-d\" viewBox=\"0 0 {WIDTH} {height}\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
        escape(title),
        escape(description)
    )
}

/// A round number that is not below `value`, and a multiple of four from four on: that many lines are drawn.
fn round_up(value: u64) -> u64 {
    if value <= 2 {
        return value.max(1);
    }
    let quarter = value.div_ceil(4);
    let unit = 10_u64.pow(quarter.ilog10());
    let nice = [1, 2, 3, 4, 5, 6, 8, 10].map(|factor| unit.saturating_mul(factor));
    nice.into_iter().find(|nice| *nice >= quarter).unwrap_or(quarter).saturating_mul(4)
}

/// Lines across with their values, from 0 to `top`.
fn grid(out: &mut String, top: u64) {
    let plot = HEIGHT - TOP - BOTTOM;
    let lines: &[u64] = if top >= 4 { &[0, 1, 2, 3, 4] } else { &[0, 4] };
    for line in lines {
        let y = TOP + plot * (1.0 - *line as f64 / 4.0);
        draw!(out, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        let value = number(top / 4 * line + top % 4 * line / 4);
        draw!(
            out,
            "<text class=\"axis\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{value}</text>",
            LEFT - 6.0,
            y + 4.0
        );
    }
}

/// Stacked columns over time.
pub(super) fn over_time(bars: &[Point], title: &str) -> String {
    let most = bars.iter().map(|bar| bar.tally.requests()).max().unwrap_or(0);
    let top = round_up(most);
    let all: u64 = bars.iter().map(|bar| bar.tally.requests()).sum();
    let description = format!("{} requests in {} periods, {} in the busiest", number(all), bars.len(), number(most));
    let mut out = open("time", HEIGHT, title, &description);
    grid(&mut out, top);
    let plot = HEIGHT - TOP - BOTTOM;
    let step = (WIDTH - LEFT) / bars.len().max(1) as f64;
    let width = (step * 0.86).clamp(0.8, 40.0);
    let labels = (bars.len() / 8).max(1);
    for (at, bar) in bars.iter().enumerate() {
        let x = LEFT + step * at as f64 + (step - width) / 2.0;
        draw!(out, "<g><title>{}</title>", escape(&told(bar)));
        let mut y = HEIGHT - BOTTOM;
        for (class, (_, count)) in CLASSES.iter().zip(bar.tally.parts()) {
            let height = plot * count as f64 / top as f64;
            if count > 0 {
                y -= height;
                draw!(
                    out,
                    "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.2}\" width=\"{width:.1}\" height=\"{height:.2}\"/>"
                );
            }
        }
        out.push_str("</g>");
        if at % labels == 0 && LEFT + step * at as f64 <= WIDTH - 40.0 {
            let start = time(bar.start_ms);
            let label = start.get(5..16).unwrap_or(&start).replace('T', " ");
            let x = LEFT + step * (at as f64 + 0.5);
            draw!(
                out,
                "<text class=\"axis\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{label}</text>",
                HEIGHT - 8.0
            );
        }
    }
    out.push_str("</svg>");
    out
}

fn told(bar: &Point) -> String {
    let parts = bar.tally.parts();
    let parts: Vec<_> =
        parts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    format!("{}: {}", time(bar.start_ms), if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") })
}

/// A bar a name, divided by how calls ended.
pub(super) fn by_name(id: &str, title: &str, rows: &[(String, Tally)]) -> String {
    const ROW: f64 = 24.0;
    const NAME: f64 = 230.0;
    const VALUE: f64 = 80.0;
    let most = rows.iter().map(|(_, tally)| tally.requests()).max().unwrap_or(0).max(1);
    let description = rows.iter().take(5).map(|(name, tally)| format!("{name} {}", tally.requests()));
    let description = description.collect::<Vec<_>>().join(", ");
    let mut out = open(id, ROW * rows.len() as f64 + 4.0, title, &description);
    for (at, (name, tally)) in rows.iter().enumerate() {
        let y = ROW * at as f64 + 4.0;
        let label = escape(&cut(name, 30));
        draw!(out, "<g><title>{}</title>", escape(name));
        draw!(
            out,
            "<text class=\"name\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
            NAME - 8.0,
            y + 14.0
        );
        let mut x = NAME;
        for (class, (_, count)) in CLASSES.iter().zip(tally.parts()) {
            let width = (WIDTH - NAME - VALUE) * count as f64 / most as f64;
            if count > 0 {
                draw!(out, "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"18\"/>");
                x += width;
            }
        }
        draw!(
            out,
            "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            x + 6.0,
            y + 14.0,
            number(tally.requests())
        );
    }
    out.push_str("</svg>");
    out
}

/// How many calls took how long: a column for each doubling, with the percentiles as lines.
pub(super) fn durations(took: &Durations) -> String {
    let (Some(first), Some(last)) = (took.doublings.first(), took.doublings.last()) else {
        return String::new();
    };
    let octave = |us: u64| if us == 0 { 0.0 } else { (us as f64).log2().max(0.0) + 1.0 };
    let (from, columns) = (octave(first.from_us), octave(last.from_us) - octave(first.from_us) + 1.0);
    let step = (WIDTH - LEFT) / columns;
    let place = |us: u64| LEFT + (octave(us) - from).clamp(0.0, columns) * step;
    let top = round_up(took.doublings.iter().map(|doubling| doubling.count).max().unwrap_or(0));
    let [p50, p95, p99] = [took.p50_us, took.p95_us, took.p99_us];
    let description = format!("half at most {}, 99 of 100 at most {}", duration(p50), duration(p99));
    let mut out = open("took", HEIGHT, "How long calls took", &description);
    grid(&mut out, top);
    let plot = HEIGHT - TOP - BOTTOM;
    let every = (columns / 8.0).ceil().max(1.0) as usize;
    for (at, Doubling { from_us, below_us, count }) in took.doublings.iter().enumerate() {
        let x = LEFT + (octave(*from_us) - from) * step;
        let height = plot * *count as f64 / top as f64;
        let y = HEIGHT - BOTTOM - height;
        let told = format!("{} to {}: {count}", duration(*from_us), duration(*below_us));
        draw!(
            out,
            "<rect class=\"ok\" x=\"{:.1}\" y=\"{y:.2}\" width=\"{:.1}\" height=\"{height:.2}\"><title>{told}</title></rect>",
            x + 1.0,
            (step - 2.0).max(1.0)
        );
        if at % every == 0 {
            let (y, label) = (HEIGHT - 8.0, duration(*from_us));
            draw!(out, "<text class=\"axis\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>");
        }
    }
    for (at, (name, us)) in [("p50", p50), ("p95", p95), ("p99", p99)].into_iter().enumerate() {
        let (x, y) = (place(us), TOP + 10.0 + 14.0 * at as f64);
        draw!(out, "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>", HEIGHT - BOTTOM);
        let (anchor, dx) = if x > WIDTH - 120.0 { ("end", -4.0) } else { ("start", 4.0) };
        draw!(
            out,
            "<text class=\"name\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{y:.1}\">{name} {}</text>",
            x + dx,
            duration(us)
        );
    }
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_plot_have_round_values() {
        for (value, top) in [(0, 1), (1, 1), (2, 2), (3, 4), (5, 8), (12, 12), (13, 16), (41, 80), (1_000, 1_200)] {
            assert_eq!(round_up(value), top);
        }
        for value in [1_u64, 7, 99, 12_345, u64::MAX / 4] {
            assert!(round_up(value) >= value);
        }
        let _ = round_up(u64::MAX);
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            escape("<a b='c' d=\"e\">&\u{1b}\n"),
            "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;\u{fffd}\u{fffd}"
        );
    }
}
