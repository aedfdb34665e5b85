//! The goals of the governed call, each beside what was measured.

use super::summary::{Ratios, Summary};
use crate::goal::{Bound, Goal};

type Read = fn(&Ratios) -> Option<f64>;

/// What, calls in flight, bound, goal, what a prototype reached, where it is read.
type Row = (&'static str, usize, Bound, f64, Option<f64>, Read);

const GOALS: &[Row] = &[
    ("c/b, calls a second", 16, Bound::AtLeast, 0.85, None, |at| at.c_to_b),
    ("c/b, calls a second", 64, Bound::AtLeast, 0.85, Some(0.82), |at| at.c_to_b),
    ("c/b, calls a second", 256, Bound::AtLeast, 0.85, Some(0.79), |at| at.c_to_b),
    ("d/b, calls a second", 64, Bound::AtLeast, 0.60, Some(0.41), |at| at.d_to_b),
    ("d/b, calls a second", 256, Bound::AtLeast, 0.75, Some(0.54), |at| at.d_to_b),
    ("e/c, calls a second over mTLS", 16, Bound::AtLeast, 0.8, None, |at| at.e_to_c),
    ("e/c, calls a second over mTLS", 64, Bound::AtLeast, 0.8, None, |at| at.e_to_c),
    ("f/d, calls a second over mTLS", 16, Bound::AtLeast, 0.8, None, |at| at.f_to_d),
    ("f/d, calls a second over mTLS", 64, Bound::AtLeast, 0.8, None, |at| at.f_to_d),
    ("c/b, host CPU a call", 16, Bound::AtMost, 1.25, None, |at| at.cpu_c_to_b),
    ("c/b, host CPU a call", 64, Bound::AtMost, 1.25, Some(1.1), |at| at.cpu_c_to_b),
    ("c/b, host CPU a call", 256, Bound::AtMost, 1.25, None, |at| at.cpu_c_to_b),
    ("d/b, host CPU a call", 16, Bound::AtMost, 1.7, None, |at| at.cpu_d_to_b),
    ("d/b, host CPU a call", 64, Bound::AtMost, 1.7, Some(2.2), |at| at.cpu_d_to_b),
    ("d/b, host CPU a call", 256, Bound::AtMost, 1.7, None, |at| at.cpu_d_to_b),
];

/// Every goal for which there are figures.
pub(super) fn check(summary: &Summary) -> Vec<Goal> {
    let ratios = GOALS.iter().filter_map(|&(what, in_flight, bound, goal, prototype, read)| {
        let measured = summary.ratios_at(in_flight).and_then(read)?;
        Some(Goal::new(what, Some(in_flight), bound, goal, measured, prototype))
    });
    ratios.chain(alone(summary)).collect()
}

/// With one call in flight the time counts, beside that of the disk.
fn alone(summary: &Summary) -> Option<Goal> {
    let (measured, goal) = summary.ratios_at(1)?.p50_us_of_d?;
    Some(Goal::new("p50 of d in µs", Some(1), Bound::AtMost, goal, measured, None))
}
