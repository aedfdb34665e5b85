//! The goals of the log, each beside what was measured.

use super::{Which, summary::Summary};
use crate::goal::{Bound, Goal};

/// Every goal for which there are figures.
pub(super) fn check(summary: &Summary) -> Vec<Goal> {
    let mut goals = Vec::new();
    if let Some(at) = summary.ratios.iter().find(|at| at.callers == 1) {
        goals.push(Goal::new("ack p99 to that of a bare sync", Some(1), Bound::AtMost, 2.5, at.p99, None));
    }
    for callers in [64, 256] {
        if let Some(figure) = summary.figure(Which::Shipped, callers) {
            let measured = figure.median.records_per_second;
            goals.push(Goal::new("durable records a second", Some(callers), Bound::AtLeast, 20_000.0, measured, None));
        }
        if let Some(at) = summary.ratios.iter().find(|at| at.callers == callers) {
            goals.push(Goal::new("records/s to bare, 64 a sync", Some(callers), Bound::AtLeast, 0.6, at.records, None));
        }
    }
    if let Some(verifying) = &summary.verifying {
        let measured = verifying.whole.per_core;
        goals.push(Goal::new("entries verified a second a core", None, Bound::AtLeast, 200_000.0, measured, None));
    }
    if let Some(proving) = &summary.proving {
        let measured = proving.alone.p99_us / 1e3;
        goals.push(Goal::new("ms for a proof, p99", None, Bound::AtMost, 5.0, measured, None));
    }
    goals
}
