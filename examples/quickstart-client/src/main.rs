//! An example caller: opens a session, lists the tools, calls one, and meets a refusal.
//! It reads GRID_ENDPOINT and GRID_TOKEN_FILE from the environment.

use std::env;

use grid_sdk::{Client, Code, Error, SessionOptions};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut builder = Client::builder();
    if let Ok(endpoint) = env::var("GRID_ENDPOINT") {
        builder = builder.endpoint(endpoint);
    }
    if let Some(path) = env::var_os("GRID_TOKEN_FILE") {
        builder = builder.token_file(path);
    }
    let client = builder.connect().await?;
    let session = client.open_session(SessionOptions::default()).await?;

    for tool in session.list_tools().await? {
        println!("{}: {}", tool.name, tool.description);
    }

    let answer = session.call("calculate_sum", json!({"numbers": [2, 40]})).await?;
    println!("2 + 40 = {} ({})", answer.json::<f64>()?, answer.invocation_id);

    match session.call("admin_report", ()).await {
        Ok(answer) => println!("admin_report: {}", answer.content),
        Err(error) if *error.code() == Code::PERMISSION_DENIED => println!("refused: {error}"),
        Err(error) => return Err(error),
    }

    session.close(false).await?;
    Ok(())
}
