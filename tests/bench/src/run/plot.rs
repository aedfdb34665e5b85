//! The ratios as a picture: bars of c/b and d/b at each concurrency, beside the bare relay's 1.

use std::fmt::Write as _;

use super::summary::Summary;

const HEIGHT: f64 = 220.0;
const GROUP: f64 = 130.0;
const BAR: f64 = 44.0;
const LEFT: f64 = 50.0;
const TOP: f64 = 50.0;
/// The ratio at the upper edge.
const MOST: f64 = 1.2;

/// One SVG document.
pub(super) fn svg(summary: &Summary) -> String {
    let width = LEFT + GROUP * summary.ratios.len() as f64 + 20.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">Calls a second, governed to bare relay</text>\n\
         <text x=\"{LEFT}\" y=\"38\"><tspan fill=\"#3b6ea5\">c/b durability off</tspan>  <tspan fill=\"#c0662b\">d/b STRICT</tspan></text>\n",
        TOP + HEIGHT + 40.0
    );
    // Writing to a String cannot fail.
    let _ = draw(summary, width, &mut out);
    out + "</svg>\n"
}

fn draw(summary: &Summary, width: f64, out: &mut String) -> std::fmt::Result {
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
        let left = LEFT + GROUP * place as f64 + 20.0;
        for (step, colour, ratio) in [(0.0, "#3b6ea5", at.c_to_b), (1.0, "#c0662b", at.d_to_b)] {
            let Some(ratio) = ratio else { continue };
            let (x, y) = (left + step * BAR, level(ratio));
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
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{} in flight</text>",
            left + BAR,
            level(0.0) + 20.0,
            at.in_flight
        )?;
    }
    Ok(())
}

fn level(ratio: f64) -> f64 {
    TOP + HEIGHT * (1.0 - ratio.clamp(0.0, MOST) / MOST)
}
