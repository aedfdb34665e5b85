//! Goals as a picture: a bar for each, as long as the part of it that was reached.

use std::fmt::Write as _;

use super::{Bound, Goal, number};

const ROW: f64 = 26.0;
const BAR: f64 = 18.0;
const LEFT: f64 = 290.0;
const WIDTH: f64 = 420.0;
const TOP: f64 = 50.0;
/// What the right edge stands for; longer bars are cut there.
const MOST: f64 = 2.0;

/// One SVG document.
pub fn svg(goals: &[Goal]) -> String {
    let height = TOP + ROW * goals.len() as f64 + 20.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"14\">How much of each goal was reached; met from the line on</text>\n",
        LEFT + WIDTH + 90.0
    );
    // Writing to a String cannot fail.
    let _ = draw(goals, height, &mut out);
    out + "</svg>\n"
}

fn draw(goals: &[Goal], height: f64, out: &mut String) -> std::fmt::Result {
    for (place, goal) in goals.iter().enumerate() {
        let y = TOP + ROW * place as f64;
        let length = WIDTH * reached(goal).clamp(0.0, MOST) / MOST;
        let colour = if goal.met { "#3b6ea5" } else { "#c0662b" };
        let at = goal.in_flight.map_or_else(String::new, |in_flight| format!(" ({in_flight})"));
        writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}{at}</text>\
             <rect x=\"{LEFT}\" y=\"{y}\" width=\"{length}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{}\">{} of {}</text>",
            LEFT - 8.0,
            y + 13.0,
            goal.what,
            LEFT + length + 6.0,
            y + 13.0,
            number(goal.measured),
            number(goal.goal)
        )?;
    }
    let x = LEFT + WIDTH / MOST;
    writeln!(out, "<line x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\" stroke=\"#333\"/>", TOP - 8.0, height - 16.0)
}

/// 1 where it is just met.
fn reached(goal: &Goal) -> f64 {
    match goal.bound {
        Bound::AtLeast => goal.measured / goal.goal,
        Bound::AtMost => goal.goal / goal.measured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_goal_is_beyond_the_line_whichever_side_is_good() {
        assert!((reached(&Goal::new("rate", None, Bound::AtLeast, 2.0, 3.0, None)) - 1.5).abs() < 1e-9);
        assert!((reached(&Goal::new("time", None, Bound::AtMost, 3.0, 2.0, None)) - 1.5).abs() < 1e-9);
    }
}
