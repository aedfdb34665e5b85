//! The tools. Each is declared by its own signature and comments; the host's manifest says who may call it and how
//! long it may take.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use grid_sdk::{Context, Emitter, ToolError, ToolType, tool};
use serde::{Deserialize, Serialize};

static ANSWERED: AtomicU64 = AtomicU64::new(0);

fn count() {
    ANSWERED.fetch_add(1, Ordering::Relaxed);
}

/// What nobody calls has no caller to send pieces to, nor one to call others for.
fn no_call() -> ToolError {
    ToolError::new("NO_CALL", "no call is in hand; serve the tool with a runtime")
}

/// Adds numbers.
///
/// # Arguments
/// * `numbers` - the numbers to add; none at all add up to 0
#[tool]
pub(crate) async fn calculate_sum(numbers: Vec<f64>) -> Result<f64, ToolError> {
    count();
    // An empty sum begins at -0 otherwise.
    let sum: f64 = numbers.iter().fold(0.0, |sum, number| sum + number);
    if sum.is_finite() {
        Ok(sum)
    } else {
        Err(ToolError::new("DATA_PROCESSING_ERROR", "the sum is larger than a number can be; add smaller numbers"))
    }
}

/// Adds numbers one by one and sends each sum as it is there.
///
/// # Arguments
/// * `numbers` - the numbers to add; each but the first takes a quarter of a second
#[tool]
pub(crate) async fn running_sums(numbers: Vec<f64>) -> Result<(), ToolError> {
    count();
    let emitter = Emitter::current().ok_or_else(no_call)?;
    let mut sum = 0.0;
    for (at, number) in numbers.iter().enumerate() {
        if at > 0 {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        sum += number;
        emitter.item(&sum).await?;
    }
    emitter.finish_items().await
}

/// Counts the seconds that it takes.
///
/// # Arguments
/// * `seconds` - how long to count, from 0 to 3600; the contract allows one second
#[tool]
pub(crate) async fn slow_count(seconds: f64) -> Result<f64, ToolError> {
    count();
    let pause = Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|pause| pause.as_secs() <= 3_600)
        .ok_or_else(|| ToolError::new("BUSINESS_RULE_VIOLATION", "`seconds` is not from 0 to 3600; count less"))?;
    tokio::time::sleep(pause).await;
    Ok(seconds)
}

/// The language of a description.
#[derive(ToolType, Clone, Copy)]
pub(crate) enum Language {
    #[tool(rename = "en")]
    English,
    #[tool(rename = "de")]
    German,
}

/// What there is to say about a text.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Description {
    pub(crate) words: usize,
    pub(crate) characters: usize,
    pub(crate) sentence: String,
}

/// Counts a text and says so in a sentence.
///
/// # Arguments
/// * `text` - the text to describe
/// * `language` - the language of the sentence; English where it is left out
#[tool]
pub(crate) fn describe_text(text: &str, language: Option<Language>) -> Description {
    count();
    let words = text.split_whitespace().count();
    let characters = text.chars().count();
    let sentence = match language.unwrap_or(Language::English) {
        Language::English => format!("The text has {words} words and {characters} characters."),
        Language::German => format!("Der Text hat {words} Wörter und {characters} Zeichen."),
    };
    Description { words, characters, sentence }
}

/// A text the other way round, and its words.
#[derive(Debug, Serialize)]
pub(crate) struct TextReport {
    reversed: String,
    words: u64,
    different: u64,
}

/// What `word_statistics` answers, as far as it is needed here.
#[derive(Deserialize)]
struct Statistics {
    words: u64,
    different: u64,
}

/// Reverses a text and counts its words; calls the tools that do either.
///
/// # Arguments
/// * `text` - the text to report on
#[tool]
pub(crate) async fn text_report(text: &str) -> Result<TextReport, ToolError> {
    count();
    // Another runtime serves both, in another language; the host stands between, as for every caller.
    let context = Context::current().ok_or_else(no_call)?;
    let arguments = BTreeMap::from([("text", text)]);
    let reversed = context.call("reverse_words", &arguments).await?.json()?;
    let Statistics { words, different } = context.call("word_statistics", &arguments).await?.json()?;
    Ok(TextReport { reversed, words, different })
}

/// What a report admin reads.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    calls: u64,
}

/// Reports how many calls the runtime has answered since it began.
#[tool]
pub(crate) fn admin_report() -> Report {
    Report { calls: ANSWERED.load(Ordering::Relaxed) }
}

#[cfg(test)]
mod tests {
    use grid_sdk::{IntoTool, Tool};
    use serde_json::Value;

    use super::*;

    /// The declaration of a function in the quickstart manifest.
    fn contracted(name: &str) -> Value {
        let manifest: Value = serde_json::from_str(include_str!("../../../manifests/quickstart.json")).unwrap();
        let contracts = manifest["contracts"].as_array().unwrap();
        let functions = contracts.iter().flat_map(|contract| contract["function_declarations"].as_array().unwrap());
        let mut found = functions.filter(|function| function["name"] == name);
        found.next_back().cloned().unwrap()
    }

    #[test]
    fn every_tool_is_declared_as_the_manifest_contracts_it() {
        let tools: [Tool; 6] = [
            calculate_sum.into_tool(),
            running_sums.into_tool(),
            slow_count.into_tool(),
            describe_text.into_tool(),
            text_report.into_tool(),
            admin_report.into_tool(),
        ];
        for tool in tools {
            let contract = contracted(tool.name());
            let parameters: Value = serde_json::from_str(tool.parameters()).unwrap();
            assert_eq!(parameters, contract["parameters"], "{}", tool.name());
            assert_eq!(tool.description(), contract["description"]);
        }
    }

    #[tokio::test]
    async fn sums_are_right_or_refused() {
        assert_eq!(calculate_sum(vec![2.0, 40.0]).await, Ok(42.0));
        assert_eq!(calculate_sum(vec![]).await.unwrap().to_string(), "0");
        assert!(calculate_sum(vec![f64::MAX, f64::MAX]).await.is_err());
    }

    #[tokio::test]
    async fn a_count_that_cannot_be_is_refused() {
        for seconds in [-1.0, 3_601.0, f64::MAX] {
            assert!(slow_count(seconds).await.is_err(), "{seconds}");
        }
    }

    #[test]
    fn texts_are_described_in_the_language_asked_for() {
        let german = describe_text("größer ist besser", Some(Language::German));
        assert_eq!((german.words, german.characters), (3, 17));
        assert!(german.sentence.starts_with("Der Text hat 3 Wörter"));
        assert!(describe_text("", None).sentence.starts_with("The text has 0 words"));
    }
}
