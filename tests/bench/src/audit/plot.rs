//! The records a second as a picture: bars of every setup with each number of callers, to the bare file's 1.

use std::fmt::Write as _;

use super::{Which, summary::Summary};

const HEIGHT: f64 = 220.0;
const BAR: f64 = 44.0;
const GAP: f64 = 30.0;
const LEFT: f64 = 50.0;
const TOP: f64 = 50.0;
/// The ratio at the upper edge.
const MOST: f64 = 1.2;
const COLOURS: [(Which, &str, &str); 3] = [
    (Which::Shipped, "#c0662b", "as shipped"),
    (Which::Unpublished, "#3b6ea5", "unpublished"),
    (Which::Diskless, "#888888", "without a disk"),
];

/// One SVG document.
pub(super) fn svg(summary: &Summary) -> String {
    let group = BAR * COLOURS.len() as f64 + GAP;
    let width = LEFT + group * summary.ratios.len() as f64 + 20.0;
    let legend: String =
        COLOURS.iter().map(|(_, colour, name)| format!("<tspan fill=\"{colour}\">{name}</tspan>  ")).collect();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">Records a second, log to bare write and sync</text>\n\
         <text x=\"{LEFT}\" y=\"38\">{legend}</text>\n",
        TOP + HEIGHT + 40.0
    );
    // Writing to a String cannot fail.
    let _ = draw(summary, group, width, &mut out);
    out + "</svg>\n"
}

fn draw(summary: &Summary, group: f64, width: f64, out: &mut String) -> std::fmt::Result {
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let y = level(tick);
        writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{width}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#ccc\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{tick}</text>",
            LEFT - 6.0,
            y + 4.0
        )?;
    }
    for (place, at) in summary.ratios.iter().enumerate() {
        let left = LEFT + group * place as f64 + GAP / 2.0;
        let rate = |setup| summary.figure(setup, at.callers).map(|figure| figure.median.records_per_second);
        for (step, (setup, colour, _)) in COLOURS.iter().enumerate() {
            let Some(ratio) = rate(*setup).zip(rate(Which::Bare)).map(|(over, bare)| over / bare) else { continue };
            let (x, y) = (left + step as f64 * BAR, level(ratio));
            writeln!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{colour}\"/>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{ratio:.2}</text>",
                BAR - 4.0,
                level(0.0) - y,
                x + BAR / 2.0 - 2.0,
                y - 4.0
            )?;
        }
        writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{} callers</text>",
            left + BAR * COLOURS.len() as f64 / 2.0,
            level(0.0) + 20.0,
            at.callers
        )?;
    }
    Ok(())
}

fn level(ratio: f64) -> f64 {
    TOP + HEIGHT * (1.0 - ratio.clamp(0.0, MOST) / MOST)
}
