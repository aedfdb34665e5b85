//! Goals as a picture: a bar for each, as long as the part of it that was reached.

use std::fmt::Write as _;

use super::{Bound, Goal, number};

const ROW: f64 = 26.0;
const BAR: f64 = 18.0;
/// Of one letter, about.
const LETTER: f64 = 6.6;
const WIDTH: f64 = 420.0;
const TOP: f64 = 50.0;
/// What the right edge stands for; longer bars are cut there.
const MOST: f64 = 2.0;

/// One SVG document.
pub fn svg(goals: &[Goal]) -> String {
    let letters = goals.iter().map(|goal| name(goal).chars().count()).max().unwrap_or_default();
    let left = 20.0 + LETTER * letters as f64;
    let height = TOP + ROW * goals.len() as f64 + 20.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"14\">How much of each goal was reached; met from the line on</text>\n",
        left + WIDTH + 90.0
    );
    // Writing to a String cannot fail.
    let _ = draw(goals, left, height, &mut out);
    out + "</svg>\n"
}

fn draw(goals: &[Goal], left: f64, height: f64, out: &mut String) -> std::fmt::Result {
    for (place, goal) in goals.iter().enumerate() {
        let y = TOP + ROW * place as f64;
        let length = WIDTH * reached(goal).clamp(0.0, MOST) / MOST;
        let colour = if goal.met { "#3b6ea5" } else { "#c0662b" };
        writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{left}\" y=\"{y}\" width=\"{length}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{}\">{} of {}</text>",
            left - 8.0,
            y + 13.0,
            name(goal),
            left + length + 6.0,
            y + 13.0,
            number(goal.measured),
            number(goal.goal)
        )?;
    }
    let x = left + WIDTH / MOST;
    writeln!(out, "<line x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\" stroke=\"#333\"/>", TOP - 8.0, height - 16.0)
}

fn name(goal: &Goal) -> String {
    let at = goal.in_flight.map_or_else(String::new, |in_flight| format!(" ({in_flight})"));
    format!("{}{at}", goal.what)
}

/// 1 where it is just met; 0 where nothing was measured.
fn reached(goal: &Goal) -> f64 {
    match goal.bound {
        _ if goal.measured.is_nan() => 0.0,
        Bound::AtLeast => goal.measured / goal.goal,
        // None at all is as good as it gets, also where none is the goal.
        Bound::AtMost if goal.measured <= 0.0 => MOST,
        Bound::AtMost => goal.goal / goal.measured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_goal_is_beyond_the_line_whichever_side_is_good() {
        assert!((reached(&Goal::new("rate", None, Bound::AtLeast, 2.0, 3.0, None)) - 1.5).abs() < 1e-9);
        assert!((reached(&Goal::new("failed", None, Bound::AtMost, 0.0, 0.0, None)) - MOST).abs() < 1e-9);
        assert!(reached(&Goal::new("failed", None, Bound::AtMost, 0.0, 1.0, None)).abs() < 1e-9);
        assert!(reached(&Goal::new("rate", None, Bound::AtLeast, 1.0, f64::NAN, None)).abs() < 1e-9);
        assert!((reached(&Goal::new("time", None, Bound::AtMost, 3.0, 2.0, None)) - 1.5).abs() < 1e-9);
    }
}
