//! A goal beside what was measured. Goals are said, not asserted: a noisy machine breaks no build.

use std::{borrow::Cow, fmt::Write as _};

use serde::{Deserialize, Deserializer, Serialize};

mod plot;

pub use plot::svg;

/// One goal.
#[derive(Debug, Serialize, Deserialize)]
pub struct Goal {
    /// What is meant.
    pub what: Cow<'static, str>,
    /// Absent where nothing is in flight.
    pub in_flight: Option<usize>,
    /// Which side is the good one.
    pub bound: Bound,
    /// The goal.
    pub goal: f64,
    /// What was measured; no number where nothing was.
    #[serde(deserialize_with = "or_nothing")]
    pub measured: f64,
    /// What a tuned prototype reached on a machine of the same kind.
    pub prototype: Option<f64>,
    /// Whether it is met.
    pub met: bool,
}

/// Which side is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
        what: impl Into<Cow<'static, str>>,
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
        Self { what: what.into(), in_flight, bound, goal, measured, prototype, met }
    }
}

/// JSON has no word for what is no number.
fn or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
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
    let width = goals.iter().map(|goal| goal.what.chars().count()).max().unwrap_or_default().max(33);
    writeln!(out, "\n{:<width$} {:>9}  {:>15} {:>9} {:>10}", "goal", "in flight", "", "measured", "prototype")?;
    for goal in goals {
        let sign = match goal.bound {
            Bound::AtLeast => "at least",
            Bound::AtMost => "at most",
        };
        let prototype = goal.prototype.map_or_else(|| "-".to_owned(), |reached| format!("{reached:.2}"));
        writeln!(
            out,
            "{:<width$} {:>9}  {:>15} {:>9} {prototype:>10}  {}",
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
    fn a_goal_that_nothing_was_measured_for_is_read_again_and_not_met() {
        let written = serde_json::to_string(&Goal::new("rate", None, Bound::AtLeast, 0.85, f64::NAN, None));
        let read: Goal = written.and_then(|text| serde_json::from_str(&text)).expect("what was written");
        assert!(read.measured.is_nan() && !read.met);
    }

    #[test]
    fn a_goal_is_met_on_its_own_side() {
        assert!(Goal::new("rate", Some(64), Bound::AtLeast, 0.85, 0.9, None).met);
        assert!(!Goal::new("rate", Some(64), Bound::AtLeast, 0.85, 0.8, None).met);
        assert!(Goal::new("time", Some(64), Bound::AtMost, 1.25, 1.2, None).met);
        assert!(!Goal::new("time", Some(64), Bound::AtMost, 1.25, 1.3, None).met);
    }
}
