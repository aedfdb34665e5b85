//! An example caller with a tool of its own: the text that it counts never leaves the machine, and still nothing runs
//! without the host's decision, and every outcome is on record. README.md says what it reads from the environment.

use std::{env, error::Error, fs, time::Duration};

use grid_sdk::{CallOptions, Client, Code, tool};
use grid_sdk_local::{
    ExecutionMode, LocalClient, LocalError, LocalSessionOptions, OutcomeLog, OutcomeSettings, Ran, Registry, Trust,
};
use serde_json::json;

/// Counts the words of a text.
///
/// # Arguments
/// * `text` - the text whose words are counted
#[tool]
fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Removes a text from the archive.
///
/// # Arguments
/// * `name` - the name of the text
#[tool]
fn remove_text(name: &str) -> String {
    format!("{name} is gone")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::new();
    registry.register(count_words)?;
    registry.register(remove_text)?;

    let mut builder = Client::builder();
    if let Ok(endpoint) = env::var("GRID_ENDPOINT") {
        builder = builder.endpoint(endpoint);
    }
    if let Some(path) = env::var_os("GRID_TOKEN_FILE") {
        builder = builder.token_file(path);
    }
    // Grants are checked with the log's public key, or not at all where nobody has handed it out.
    let trust = match env::var_os("GRID_LOG_KEY") {
        Some(path) => Trust::log(vec![fs::read_to_string(path)?.parse()?], "alice", "demo"),
        None => Trust::connection(),
    };
    let folder = env::var_os("GRID_OUTCOMES").unwrap_or_else(|| ".grid/outcomes".into());
    let outcomes = OutcomeLog::open(OutcomeSettings::at(folder))?;
    let client = LocalClient::builder(builder.connect().await?, outcomes, trust);
    let client = client.registry(registry).mode(ExecutionMode::LocalFirst).build();
    let session = client.open_session(LocalSessionOptions::default()).await?;

    let args = json!({"text": "to be or not to be"});
    let answered = session.call_with("count_words", args, CallOptions::default()).await?;
    let place = if answered.ran == Ran::Here { "here" } else { "at a runtime" };
    let answer = answered.into_result()?;
    println!("{} words, counted {place} ({})", answer.content, answer.invocation_id);

    match session.call("remove_text", json!({"name": "Hamlet"})).await {
        Ok(answer) => println!("{}", answer.content),
        Err(LocalError::Host { error, .. }) if *error.code() == Code::PERMISSION_DENIED => println!("refused: {error}"),
        Err(error) => return Err(error.into()),
    }

    session.close(Duration::from_secs(5)).await?;
    println!("{} outcomes that the host has not heard of", client.outcomes().status().borrow().pending);
    Ok(())
}
