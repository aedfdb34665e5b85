//! What single steps of a call cost, from the figures that criterion has left: decisions, the choice of a provider and a
//! runtime, breakers. `scripts/bench.sh` has criterion measure them and then calls this.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    Fallible,
    goal::{self, Bound, Goal},
};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The folder that criterion has written into
    #[arg(long, default_value = "target/bench/criterion")]
    criterion: PathBuf,
    /// Where micro.json and micro-goals.svg go
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// One bench, in microseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) what: String,
    pub(crate) us: f64,
    /// Its bounds, with 95% confidence.
    pub(crate) low_us: f64,
    pub(crate) high_us: f64,
}

#[derive(Debug, Serialize)]
struct Summary {
    costs: Vec<Cost>,
    goals: Vec<Goal>,
}

/// Of criterion's `benchmark.json`.
#[derive(Debug, Deserialize)]
struct Benchmark {
    full_id: String,
}

/// Of criterion's `estimates.json`, in nanoseconds.
#[derive(Debug, Deserialize)]
struct Estimates {
    mean: Estimate,
    /// Where it measured growing numbers of turns.
    slope: Option<Estimate>,
}

#[derive(Debug, Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Debug, Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

pub(crate) fn run(options: &Options) -> Fallible<()> {
    let mut costs = Vec::new();
    gather(&options.criterion, &mut costs)?;
    if costs.is_empty() {
        return Err(format!("criterion has left nothing in {}", options.criterion.display()).into());
    }
    costs.sort_by_cached_key(|cost: &Cost| in_order(&cost.what));
    let summary = Summary { goals: goals(&costs), costs };
    let text = serde_json::to_string_pretty(&summary)? + "\n";
    let file = options.out.join("micro.json");
    fs::write(&file, &text)?;
    fs::write(options.out.join("micro-goals.svg"), goal::svg(&summary.goals))?;
    if options.json {
        print!("{text}");
    } else {
        print!("{}{}", table(&summary.costs), goal::text(&summary.goals));
        println!("\nwritten to {}", file.display());
    }
    Ok(())
}

/// Every `new` of every bench below `folder`.
fn gather(folder: &Path, costs: &mut Vec<Cost>) -> Fallible<()> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == "new") {
            let benchmark: Benchmark = serde_json::from_slice(&fs::read(path.join("benchmark.json"))?)?;
            let estimates: Estimates = serde_json::from_slice(&fs::read(path.join("estimates.json"))?)?;
            costs.push(Cost::of(benchmark, estimates));
        } else if path.is_dir() {
            gather(&path, costs)?;
        }
    }
    Ok(())
}

impl Cost {
    fn of(benchmark: Benchmark, estimates: Estimates) -> Self {
        let Estimate { point_estimate, confidence_interval } = estimates.slope.unwrap_or(estimates.mean);
        let Interval { lower_bound, upper_bound } = confidence_interval;
        let what = benchmark.full_id;
        Self { what, us: point_estimate / 1e3, low_us: lower_bound / 1e3, high_us: upper_bound / 1e3 }
    }
}

/// Numbers in names count as numbers, so that 4 comes before 32.
fn in_order(name: &str) -> Vec<(u64, String)> {
    let part = |part: &str| (part.parse().unwrap_or(0), part.to_owned());
    name.split(['/', ' ']).map(part).collect()
}

/// For people.
pub(crate) fn table(costs: &[Cost]) -> String {
    let mut out = format!("\n{:<60} {:>9} {:>9} {:>9}\n", "cost of a step", "low µs", "µs", "high µs");
    for Cost { what, us, low_us, high_us } in costs {
        out += &format!("{what:<60} {low_us:>9.2} {us:>9.2} {high_us:>9.2}\n");
    }
    out
}

fn goals(costs: &[Cost]) -> Vec<Goal> {
    let of = |what: &str| costs.iter().find(|cost| cost.what == what).map_or(f64::NAN, |cost| cost.us);
    let base = of("resolve/route/1 providers/1");
    let (providers, replicas) = (of("resolve/route/32 providers/10000"), of("resolve/route/32 replicas/10000"));
    let most = |what, goal, measured| Goal::new(what, None, Bound::AtMost, goal, measured, None);
    let mut goals = vec![
        most("choice, 32 providers, 10,000: µs more", 2.0, providers - base),
        most("choice, 32 replicas, 10,000: µs more", 2.0, replicas - base),
        most("a remembered decision, µs", 1.0, of("decision/hit")),
        most("decision, 1,000 policies, µs", 30.0, of("policy/miss/scope/1000")),
        most("the same that read arguments, µs", 30.0, of("policy/miss/arguments/1000")),
    ];
    // What was not measured is no goal.
    goals.retain(|goal| !goal.measured.is_nan());
    goals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_criterion_left_is_read_and_in_order() {
        let read = |id: &str, slope: &str| {
            let interval =
                r#""confidence_interval":{"confidence_level":0.95,"lower_bound":1000.0,"upper_bound":3000.0}"#;
            let estimate = |at: u32| format!(r#"{{{interval},"point_estimate":{at}.0,"standard_error":1.0}}"#);
            let estimates =
                format!(r#"{{"mean":{},"slope":{}}}"#, estimate(2_000), slope.replace('S', &estimate(2_500)));
            let benchmark = serde_json::from_str(&format!(r#"{{"full_id":"{id}","title":"x"}}"#)).expect("a benchmark");
            Cost::of(benchmark, serde_json::from_str(&estimates).expect("estimates"))
        };
        assert!((read("a", "null").us - 2.0).abs() < 1e-9, "the mean where there is no slope");
        assert!((read("a", "S").us - 2.5).abs() < 1e-9, "the slope where there is one");
        let goals = goals(&[read("decision/hit", "S")]);
        assert!(goals.len() == 1 && !goals[0].met, "a goal for what was measured: {goals:?}");
        let mut names = ["route/32 of/1", "route/4 of/10000", "route/4 of/100"];
        names.sort_by_cached_key(|name| in_order(name));
        assert_eq!(names, ["route/4 of/100", "route/4 of/10000", "route/32 of/1"]);
    }
}
