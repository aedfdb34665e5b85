//! A runtime that writes down what it runs before it runs it, in a file of its own that no host sees.
//! `grid-chaos-runtime ENDPOINT TOKEN_FILE RUNTIME_ID JOURNAL`

use std::{
    env,
    error::Error,
    fs::{File, OpenOptions},
    io::Write as _,
    sync::OnceLock,
    time::Duration,
};

use grid_sdk::{Backoff, Runtime, ToolError, tool};

static JOURNAL: OnceLock<File> = OnceLock::new();

/// Long enough to be killed meanwhile.
const WORK: Duration = Duration::from_millis(20);

/// One line, in one write: it is there as a whole when this process is killed, or not at all.
async fn work(tool: &str, text: Option<String>) -> Result<String, ToolError> {
    let text = text.unwrap_or_default();
    let unwritten = |why: String| ToolError::new("INTERNAL", format!("the journal cannot be written: {why}"));
    let mut journal = JOURNAL.get().ok_or_else(|| unwritten("it is not open".to_owned()))?;
    journal.write_all(format!("{tool} {text}\n").as_bytes()).map_err(|error| unwritten(error.to_string()))?;
    tokio::time::sleep(WORK).await;
    Ok(text)
}

/// Changes the world.
#[tool]
pub async fn write(text: Option<String>) -> Result<String, ToolError> {
    work("write", text).await
}

/// Says it again.
#[tool]
pub async fn echo(text: Option<String>) -> Result<String, ToolError> {
    work("echo", text).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: grid-chaos-runtime ENDPOINT TOKEN_FILE RUNTIME_ID JOURNAL";
    let mut given = env::args().skip(1);
    let mut next = || given.next().ok_or(usage);
    let (endpoint, token, id, journal) = (next()?, next()?, next()?, next()?);
    let journal = OpenOptions::new().create(true).append(true).open(journal)?;
    JOURNAL.get_or_init(|| journal);
    let soon = Backoff::new(Duration::from_millis(50), Duration::from_millis(500));
    let builder = Runtime::builder().endpoint(endpoint).token_file(token).runtime_id(id).backoff(soon);
    let runtime = builder.tool(write).tool(echo).build()?;
    Ok(runtime.run_until(grid_sdk::stop_signal()).await?)
}
