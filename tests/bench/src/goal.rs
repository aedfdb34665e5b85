//! A goal beside what was measured. Goals are said, not asserted: a noisy machine breaks no build.

use std::fmt::Write as _;

use serde::Serialize;

mod plot;

pub use plot::svg;

/// One goal.
#[derive(Debug, Serialize)]
pub struct Goal {
    /// What is meant.
    pub what: &'static str,
    /// Absent where nothing is in flight.
    pub in_flight: Option<usize>,
    /// Which side is the good one.
    pub bound: Bound,
    /// The goal.
    pub goal: f64,
    /// What was measured.
    pub measured: f64,
    /// What a tuned prototype reached on a machine of the same kind.
    pub prototype: Option<f64>,
    /// Whether it is met.
    pub met: bool,
}

/// Which side is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// More is better.
    AtLeast,
    /// Less is better.
    AtMost,
}

impl Goal {
    /// A goal beside what was measured.
    #[must_use]
    pub fn new(
        what: &'static str,
        in_flight: Option<usize>,
        bound: Bound,
        goal: f64,
        measured: f64,
        prototype: Option<f64>,
    ) -> Self {
        let met = match bound {
            Bound::AtLeast => measured >= goal,
            Bound::AtMost => measured <= goal,
        };
        Self { what, in_flight, bound, goal, measured, prototype, met }
    }
}

/// Goals for people; nothing where there are none.
pub fn text(goals: &[Goal]) -> String {
    let mut out = String::new();
    if !goals.is_empty() {
        // Writing to a String cannot fail.
        let _ = write(goals, &mut out);
    }
    out
}

fn write(goals: &[Goal], out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n{:<33} {:>9}  {:>15} {:>9} {:>10}", "goal", "in flight", "", "measured", "prototype")?;
    for goal in goals {
        let sign = match goal.bound {
            Bound::AtLeast => "at least",
            Bound::AtMost => "at most",
        };
        let prototype = goal.prototype.map_or_else(|| "-".to_owned(), |reached| format!("{reached:.2}"));
        writeln!(
            out,
            "{:<33} {:>9}  {:>15} {:>9} {prototype:>10}  {}",
            goal.what,
            goal.in_flight.map_or_else(|| "-".to_owned(), |in_flight| in_flight.to_string()),
            format!("{sign} {}", number(goal.goal)),
            number(goal.measured),
            verdict(goal)
        )?;
    }
    Ok(())
}

fn verdict(goal: &Goal) -> String {
    if goal.met { "met".to_owned() } else { format!("short by {}", number((goal.goal - goal.measured).abs())) }
}

/// Ratios with two places, times with none.
fn number(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_on_its_own_side() {
        assert!(Goal::new("rate", Some(64), Bound::AtLeast, 0.85, 0.9, None).met);
        assert!(!Goal::new("rate", Some(64), Bound::AtLeast, 0.85, 0.8, None).met);
        assert!(Goal::new("time", Some(64), Bound::AtMost, 1.25, 1.2, None).met);
        assert!(!Goal::new("time", Some(64), Bound::AtMost, 1.25, 1.3, None).met);
    }
}
