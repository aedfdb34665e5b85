//! The ratios as a picture: bars of c/b and d/b at each concurrency, beside the bare relay's 1.

use super::summary::Summary;
use crate::bars::{self, Group, Series};

const SERIES: [Series; 2] = [("#3b6ea5", "c/b durability off"), ("#c0662b", "d/b STRICT")];

/// One SVG document.
pub(super) fn svg(summary: &Summary) -> String {
    let groups: Vec<Group> = summary
        .ratios
        .iter()
        .map(|at| Group { label: format!("{} in flight", at.in_flight), ratios: vec![at.c_to_b, at.d_to_b] })
        .collect();
    bars::svg("Calls a second, governed to bare relay", &SERIES, &groups)
}
