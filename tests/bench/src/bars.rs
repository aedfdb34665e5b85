//! Ratios as a picture: groups of bars, to a bare 1.

use std::fmt::Write as _;

const HEIGHT: f64 = 220.0;
const BAR: f64 = 44.0;
const GAP: f64 = 30.0;
const LEFT: f64 = 50.0;
const TOP: f64 = 50.0;
/// The ratio at the upper edge; higher bars are cut there.
const MOST: f64 = 1.2;

/// What the bars of one colour stand for: the colour, and its name.
pub type Series = (&'static str, &'static str);

/// Bars side by side.
#[derive(Debug)]
pub struct Group {
    /// What stands below them.
    pub label: String,
    /// One a series; none where it was not measured.
    pub ratios: Vec<Option<f64>>,
}

/// One SVG document.
pub fn svg(title: &str, series: &[Series], groups: &[Group]) -> String {
    let group = BAR * series.len() as f64 + GAP;
    let width = LEFT + group * groups.len() as f64 + 20.0;
    let legend: String =
        series.iter().map(|(colour, name)| format!("<tspan fill=\"{colour}\">{name}</tspan>  ")).collect();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{title}</text>\n\
         <text x=\"{LEFT}\" y=\"38\">{legend}</text>\n",
        TOP + HEIGHT + 40.0
    );
    // Writing to a String cannot fail.
    let _ = ticks(width, &mut out);
    for (place, bars) in groups.iter().enumerate() {
        let _ = draw(bars, series, LEFT + group * place as f64 + GAP / 2.0, &mut out);
    }
    out + "</svg>\n"
}

fn ticks(width: f64, out: &mut String) -> std::fmt::Result {
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
    Ok(())
}

fn draw(group: &Group, series: &[Series], left: f64, out: &mut String) -> std::fmt::Result {
    for (step, ((colour, _), ratio)) in series.iter().zip(&group.ratios).enumerate() {
        let Some(ratio) = ratio else { continue };
        let (x, y) = (left + step as f64 * BAR, level(*ratio));
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
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        left + BAR * series.len() as f64 / 2.0,
        level(0.0) + 20.0,
        group.label
    )
}

fn level(ratio: f64) -> f64 {
    TOP + HEIGHT * (1.0 - ratio.clamp(0.0, MOST) / MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_has_no_bar() {
        let groups = [Group { label: "1 in flight".to_owned(), ratios: vec![None, Some(9.0)] }];
        let picture = svg("title", &[("red", "a"), ("blue", "b")], &groups);
        assert_eq!(picture.matches("fill=\"blue\"").count(), 2, "its name and its bar");
        assert_eq!(picture.matches("fill=\"red\"").count(), 1, "its name alone");
        assert!(picture.contains(&format!("y=\"{TOP}\"")), "a bar that is too high is cut at the edge");
    }
}
