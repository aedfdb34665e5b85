//! Everything that the parts of the benchmark have written, in one table, one picture, or one JSON object.

use std::{fs, path::PathBuf};

use serde_json::{Map, Value};

use crate::{
    Fallible,
    goal::{self, Goal},
    micro::{self, Cost},
};

/// The files of the parts, in the order in which they are told.
const PARTS: [(&str, &str); 8] = [
    ("call", "summary.json"),
    ("audit", "audit.json"),
    ("overload", "overload.json"),
    ("revoke", "revoke.json"),
    ("scale", "scale.json"),
    ("stream", "stream.json"),
    ("step", "micro.json"),
    ("local", "local.json"),
];

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Where the parts have written, and where bench.json and goals.svg go
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Print one JSON object with all parts
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Fallible<()> {
    let mut parts = Map::new();
    for (part, file) in PARTS {
        // What was left out has left nothing.
        if let Ok(text) = fs::read(options.out.join(file)) {
            let read = serde_json::from_slice(&text).map_err(|error| format!("{file}: {error}"))?;
            parts.insert(part.to_owned(), read);
        }
    }
    if parts.is_empty() {
        return Err(format!("no part of the benchmark has written into {}", options.out.display()).into());
    }
    let goals = goals(&parts)?;
    let costs = costs(&parts)?;
    let text = serde_json::to_string_pretty(&parts)? + "\n";
    fs::write(options.out.join("bench.json"), &text)?;
    fs::write(options.out.join("goals.svg"), goal::svg(&goals))?;
    if options.json {
        print!("{text}");
        return Ok(());
    }
    if !costs.is_empty() {
        print!("{}", micro::table(&costs));
    }
    print!("{}", goal::text(&goals));
    let met = goals.iter().filter(|goal| goal.met).count();
    println!(
        "\n{met} of {} goals are met; all figures are in {}",
        goals.len(),
        options.out.join("bench.json").display()
    );
    Ok(())
}

/// Of all parts, each named by its part.
fn goals(parts: &Map<String, Value>) -> Fallible<Vec<Goal>> {
    let mut all = Vec::new();
    for (part, _) in PARTS {
        let Some(goals) = parts.get(part).and_then(|summary| summary.get("goals")) else { continue };
        let goals: Vec<Goal> = serde_json::from_value(goals.clone()).map_err(|error| format!("{part}: {error}"))?;
        all.extend(goals.into_iter().map(|goal| Goal { what: format!("{part}: {}", goal.what).into(), ..goal }));
    }
    Ok(all)
}

fn costs(parts: &Map<String, Value>) -> Fallible<Vec<Cost>> {
    let costs = parts.get("step").and_then(|summary| summary.get("costs"));
    costs.map_or(Ok(Vec::new()), |costs| Ok(serde_json::from_value(costs.clone())?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goal::Bound;

    #[test]
    fn goals_of_all_parts_stand_in_one_table() {
        let summary = |what: &'static str| {
            let goal = Goal::new(what, Some(64), Bound::AtLeast, 0.85, 0.9, None);
            serde_json::json!({ "goals": [goal], "figures": [1, 2, 3] })
        };
        let mut parts = Map::new();
        parts.insert("scale".to_owned(), summary("failed calls"));
        parts.insert("call".to_owned(), summary("c/b"));
        parts.insert("revoke".to_owned(), serde_json::json!({ "rounds": 3 }));
        let goals = goals(&parts).expect("goals");
        let names: Vec<&str> = goals.iter().map(|goal| &*goal.what).collect();
        assert_eq!(names, ["call: c/b", "scale: failed calls"]);
        assert!(costs(&parts).expect("no costs are no fault").is_empty());
    }
}
