//! The decision point's answer (AuthZEN 1.0, section 6.2). It permits where it is a strict JSON object whose `decision` is
//! `true`, and nothing else does.

use grid_adm::json;
use grid_core::port::{Undecided, Verdict};
use http::{HeaderMap, header};

use crate::RULE;

/// What calls itself something else is no answer.
pub(crate) fn is_json(headers: &HeaderMap) -> Result<(), Undecided> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(Undecided("the decision point's answer is no application/json".to_owned())),
    }
}

pub(crate) fn read(body: &[u8]) -> Result<Verdict, Undecided> {
    let bad = |why: &str| Undecided(format!("the decision point's answer is unusable: {why}"));
    let text = std::str::from_utf8(body).map_err(|_| bad("it is no UTF-8"))?;
    let answer = json::parse(text).map_err(|error| bad(error.rule()))?;
    match answer.get("decision").and_then(grid_adm::Value::as_bool) {
        Some(true) => Ok(Verdict::Allow { rule: RULE.to_owned() }),
        Some(false) => {
            let message = "the decision point does not permit this call; ask whoever runs it".to_owned();
            Ok(Verdict::Deny { rule: RULE.to_owned(), message })
        }
        None => Err(bad("it has no `decision` that is true or false")),
    }
}
