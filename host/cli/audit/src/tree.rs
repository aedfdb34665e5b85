//! `grid audit show --tree`: an execution with the calls that were made for it, and those made for them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
};

use grid_audit::Record;
use grid_core::reading::Filter;
use serde_json::{Value, json};

use super::{Context, Exit, Failure, index};

/// One execution, or a call that was refused before it was one.
#[derive(Debug, Default)]
struct Node {
    /// The record that it begins with, and the one that it ends with.
    began: Option<Record>,
    ended: Option<Record>,
    /// Places of further nodes, in the order in which they were asked for.
    below: Vec<usize>,
}

/// The nodes, and those among them that are the top.
#[derive(Debug, Default)]
struct Forest {
    nodes: Vec<Node>,
    top: Vec<usize>,
}

/// Draws the tree of `id`, an invocation or a correlation id.
pub(super) fn show(context: &Context, id: &str, dir: Option<PathBuf>) -> Result<(), Failure> {
    let log = index::Log::open(context, dir)?;
    let named = |correlation: bool| {
        let id = Some(id.to_owned());
        match correlation {
            true => Filter { correlation: id, ..Filter::default() },
            false => Filter { invocation: id, ..Filter::default() },
        }
    };
    let mut first = log.all(named(false))?;
    if first.is_empty() {
        first = log.all(named(true))?;
    }
    let calls = |record: &&Record| is_call(record);
    let Some(begin_ms) = first.iter().filter(calls).map(Record::at_ms).min() else {
        let message = format!("the log has no call of `{id}`; is it the right log?");
        return Err(Failure::new(Exit::Error, message));
    };
    // What is made for an execution belongs to its session.
    let sessions: HashSet<String> =
        first.iter().filter(calls).filter_map(|record| record.text("session")).map(str::to_owned).collect();
    let mut records = BTreeMap::new();
    for session in sessions {
        let filter = Filter { session: Some(session), from_ms: Some(begin_ms), ..Filter::default() };
        records.extend(log.all(filter)?.into_iter().map(|record| (record.index(), record)));
    }
    let top: HashSet<u64> = first.iter().map(Record::index).collect();
    records.extend(first.into_iter().map(|record| (record.index(), record)));
    let forest = Forest::of(records.into_values().collect(), &top);
    if context.output.is_json() {
        let trees: Vec<Value> = forest.top.iter().map(|at| forest.json(*at)).collect();
        return Ok(context.output.json(&json!({ "calls": trees }))?);
    }
    let mut lines = Vec::new();
    for at in &forest.top {
        forest.draw(*at, "", "", &mut lines);
    }
    Ok(context.output.text(&lines.join("\n"))?)
}

fn is_call(record: &Record) -> bool {
    matches!(record.kind(), "admitted" | "concluded") || (record.kind() == "refused" && record.tool().is_some())
}

impl Forest {
    /// The records in the order of the log, of which those of `top` are what was asked for.
    fn of(records: Vec<Record>, top: &HashSet<u64>) -> Self {
        let mut forest = Self::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        for record in records.into_iter().filter(is_call) {
            if let ("concluded", Some(at)) = (record.kind(), record.invocation().and_then(|id| places.get(id))) {
                if let Some(node) = forest.nodes.get_mut(*at) {
                    node.ended = Some(record);
                }
                continue;
            }
            let (at, wanted) = (forest.nodes.len(), top.contains(&record.index()));
            // A parent stands in the log before what is made for it.
            let parent = record.text("parent").and_then(|parent| places.get(parent)).copied();
            if let Some(id) = record.invocation().filter(|_| record.kind() == "admitted") {
                places.insert(id.to_owned(), at);
            }
            forest.nodes.push(Node { began: Some(record), ..Node::default() });
            match parent.and_then(|parent| forest.nodes.get_mut(parent)) {
                Some(parent) => parent.below.push(at),
                None if wanted => forest.top.push(at),
                None => {}
            }
        }
        // What was asked for by its own id may hang below another call of the session.
        if forest.top.is_empty() {
            let wanted = |node: &Node| node.began.as_ref().is_some_and(|began| top.contains(&began.index()));
            forest.top = (0..).zip(&forest.nodes).filter(|(_, node)| wanted(node)).map(|(at, _)| at).take(1).collect();
        }
        forest
    }

    fn node(&self, at: usize) -> Option<(&Node, &Record)> {
        self.nodes.get(at).and_then(|node| Some((node, node.began.as_ref()?)))
    }

    fn json(&self, at: usize) -> Value {
        let Some((node, began)) = self.node(at) else { return Value::Null };
        let end = node.ended.as_ref().unwrap_or(began);
        json!({
            "index": began.index(),
            "kind": began.kind(),
            "invocation": began.invocation(),
            "correlation": began.correlation(),
            "tool": began.tool(),
            "principal": began.principal(),
            "runtime": began.runtime(),
            "at_ms": began.at_ms(),
            "outcome": end.outcome(),
            "code": end.code(),
            "duration_us": end.number("duration_us"),
            "calls": node.below.iter().map(|at| self.json(*at)).collect::<Vec<_>>(),
        })
    }

    fn draw(&self, at: usize, before: &str, below: &str, lines: &mut Vec<String>) {
        let Some((node, began)) = self.node(at) else { return };
        lines.push(format!("{before}{}", line(node, began)));
        let last = node.below.last();
        for at in &node.below {
            let (branch, under) = if Some(at) == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            self.draw(*at, &format!("{below}{branch}"), &format!("{below}{under}"), lines);
        }
    }
}

/// One call in a line: what, by whom, where, how it ended.
fn line(node: &Node, began: &Record) -> String {
    let tool = began.tool().unwrap_or("?");
    let who = began.principal().unwrap_or("?");
    if began.kind() == "refused" {
        return format!("{tool}  for {who}  refused {}  #{}", began.code().unwrap_or_default(), began.index());
    }
    let ended = match &node.ended {
        Some(end) => [end.outcome(), end.code()].into_iter().flatten().collect::<Vec<_>>().join(" "),
        None => "not ended".to_owned(),
    };
    let (runtime, id) = (began.runtime().unwrap_or("its caller"), began.invocation().unwrap_or_default());
    format!("{tool}  for {who}  at {runtime}  {ended}  {id}")
}
