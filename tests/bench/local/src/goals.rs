//! The goals of governed local dispatch, each beside what was measured.

use grid_bench::goal::{Bound, Goal};

use crate::{figures::Summary, setup::Which};

/// In flight, grants a second to the echo's without synchronous durability and with it, and what a prototype without
/// grants reached.
const GRANTS: [(usize, f64, Option<f64>, f64, f64); 2] =
    [(64, 0.8, Some(0.91), 0.6, 0.45), (256, 0.85, None, 0.75, 0.63)];

/// Every goal for which there are figures.
pub(crate) fn check(summary: &Summary) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (in_flight, relaxed, relaxed_before, strict, strict_before) in GRANTS {
        if let Some(at) = summary.ratios.iter().find(|at| at.in_flight == in_flight) {
            let goal =
                |what, goal, measured, before| Goal::new(what, Some(in_flight), Bound::AtLeast, goal, measured, before);
            goals.push(goal("grants/s to echo, relaxed", relaxed, at.relaxed_to_echo, relaxed_before));
            goals.push(goal("grants/s to echo, STRICT", strict, at.strict_to_echo, Some(strict_before)));
        }
    }
    for call in summary.calls.iter().filter(|call| call.setup == Which::Strict) {
        let what = match (call.language, call.bytes) {
            ("Rust", 1024) => "local call to authorize, Rust 1 KiB",
            ("Rust", 1_048_576) => "local call to authorize, Rust 1 MiB",
            ("Python", 1024) => "local call to authorize, Py 1 KiB",
            ("Python", 1_048_576) => "local call to authorize, Py 1 MiB",
            _ => continue,
        };
        goals.push(Goal::new(what, Some(1), Bound::AtMost, 1.0, call.took.added_to_authorize, None));
    }
    for served in &summary.served {
        let what =
            if served.tool == "on_loop" { "Python runtime to bare, loop" } else { "Python runtime to bare, thread" };
        goals.push(Goal::new(what, Some(64), Bound::AtLeast, 0.85, served.rate_to_bare, None));
    }
    goals
}
