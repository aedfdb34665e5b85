//! SC-1: each edit of a contract changes its digest, and no other way of writing it does.

use std::collections::HashSet;

use grid_adm::{Digest, Value, json};
use grid_contract::{Contract, Manifest};
use grid_testkit::options;

/// A contract with one of everything.
const CONTRACT: &str = r#"{"name":"calc","version":"1","effect":"read","timeout":"2s","required_roles":["a","b"],"tags":["t","u"],
    "providers":["calc","spare"],"classification":"internal","cost":3,"approval":{"role":"boss","within":"1m"},
    "tenants":["acme","globex"],"local":false,"function_declarations":[{"name":"order","description":"Orders things.",
    "parameters":{"type":"OBJECT","description":"An order.","x-unit":{"of":["m",1.5,true,null]},"required":["id","lines"],
    "properties":{"id":{"type":"STRING","description":"Whose."},"size":{"type":"STRING","enum":["s","m","l"]},
    "lines":{"type":"ARRAY","items":{"type":"OBJECT","required":["count"],"properties":{
      "count":{"type":"INTEGER","description":"How many."},"price":{"type":"NUMBER"},"gift":{"type":"BOOLEAN"}}}}}}}]}"#;

fn manifest(contract: &str) -> String {
    format!(r#"{{"manifest_version":"1.0.0","contracts":[{contract}]}}"#)
}

fn only(text: &str) -> Option<Digest> {
    let loaded = Manifest::read(text, options()).ok()?;
    loaded.manifest.iter().next().map(|contract: &std::sync::Arc<Contract>| contract.digest())
}

/// What becomes of one member of an object; nothing where it goes.
type Change<'a> = &'a dyn Fn(&str, &Value) -> Option<(String, Value)>;

/// The value with one thing in it another: each text longer or cut, each number, each list shorter or in another order,
/// each member gone or of another name.
fn edits(value: &Value) -> Vec<Value> {
    match value {
        Value::String(text) => {
            let mut all: Vec<Value> =
                vec![format!("{text}2").into(), format!(" {text}").into(), text.to_uppercase().into()];
            all.extend(
                (0..text.len())
                    .filter_map(|at| text.split_at_checked(at))
                    .flat_map(|(a, b)| [format!("{a}z{b}"), format!("{a}_{b}")].map(Value::from)),
            );
            all.extend((1..text.len()).filter_map(|at| text.get(..at)).map(Value::from));
            all.extend(["pure", "write", "3s", "NUMBER", "INTEGER", "BOOLEAN", "STRING", "sum"].map(Value::from));
            all
        }
        Value::Array(items) => {
            let without = (0..items.len()).map(|at| {
                items.iter().enumerate().filter(|(own, _)| *own != at).map(|(_, item)| item.clone()).collect()
            });
            let reversed = items.iter().rev().cloned().collect();
            let within = items.iter().enumerate().flat_map(|(at, item)| {
                edits(item).into_iter().map(move |edit| {
                    items
                        .iter()
                        .enumerate()
                        .map(|(own, item)| if own == at { edit.clone() } else { item.clone() })
                        .collect()
                })
            });
            without.chain([reversed]).chain(within).collect()
        }
        Value::Object(map) => {
            let with =
                |change: Change| Value::Object(map.iter().filter_map(|(key, value)| change(key, value)).collect());
            let mut all = Vec::new();
            for at in map.keys() {
                all.push(with(&|key, value| (key != at).then(|| (key.to_owned(), value.clone()))));
                all.push(with(&|key, value| {
                    Some((if key == at { format!("{key}2") } else { key.to_owned() }, value.clone()))
                }));
                for edit in map.get(at).into_iter().flat_map(edits) {
                    all.push(with(&|key, value| {
                        Some((key.to_owned(), if key == at { edit.clone() } else { value.clone() }))
                    }));
                }
            }
            all
        }
        Value::Number(_) => vec![4.into(), 0.into(), true.into()],
        Value::Bool(value) => vec![(!value).into(), Value::Null],
        Value::Null => vec![false.into()],
    }
}

#[test]
fn every_single_edit_of_a_contract_changes_its_digest() {
    let original = json::parse(CONTRACT).unwrap();
    let digest = only(&manifest(CONTRACT)).unwrap();
    let (mut tried, mut same) = (0, Vec::new());
    let mut seen = HashSet::new();
    for edit in edits(&original) {
        let text = edit.to_text();
        if edit == original || !seen.insert(text.clone()) {
            continue;
        }
        let Some(edited) = only(&manifest(&text)) else { continue };
        tried += 1;
        if edited == digest {
            same.push(text);
        }
    }
    assert!(tried >= 500, "{tried} edits that a host would serve");
    assert!(same.is_empty(), "{} of {tried} edits are not told apart: {same:#?}", same.len());
}

/// The same contract written otherwise: order of keys, white space, forms of numbers, escapes.
struct Rewriter(u64);

impl Rewriter {
    fn draw(&mut self, of: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % of
    }

    fn space(&mut self) -> &'static str {
        ["", " ", "\n\t", "\r\n  "].get(usize::try_from(self.draw(4)).unwrap()).copied().unwrap()
    }

    fn text(&mut self, text: &str) -> String {
        let mut out = String::from("\"");
        for c in text.chars() {
            if self.draw(3) == 0 { out.push_str(&format!("\\u{:04x}", u32::from(c))) } else { out.push(c) }
        }
        out + "\""
    }

    fn write(&mut self, value: &Value) -> String {
        let (before, after) = (self.space(), self.space());
        let inner = match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.write(item)).collect();
                format!("[{}{}]", items.join(","), self.space())
            }
            Value::Object(map) => {
                let mut members: Vec<(&str, &Value)> = map.iter().collect();
                for at in (1..members.len()).rev() {
                    members.swap(at, usize::try_from(self.draw(at as u64 + 1)).unwrap());
                }
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(key, value)| {
                        format!("{}{}{}:{}", self.space(), self.text(key), self.space(), self.write(value))
                    })
                    .collect();
                format!("{{{}{}}}", members.join(","), self.space())
            }
            Value::Number(number) if number.as_i64().is_none() => ["1.5", "1.50", "15e-1", "0.15E1"]
                .get(usize::try_from(self.draw(4)).unwrap())
                .copied()
                .unwrap()
                .to_owned(),
            other => other.to_text(),
        };
        format!("{before}{inner}{after}")
    }
}

#[test]
fn a_contract_that_is_written_otherwise_is_the_same_contract() {
    let original = json::parse(&manifest(CONTRACT)).unwrap();
    let digest = only(&manifest(CONTRACT)).unwrap();
    let mut rewriter = Rewriter(1);
    for round in 0..10_000 {
        let text = rewriter.write(&original);
        assert_eq!(only(&text), Some(digest), "round {round}: {text}");
    }
}
