//! `grid call --stream`: the result as it comes.

use std::io::Write as _;

use grid_sdk::{CallOptions, Error, Piece, Receipt, Session};

use crate::{Context, Exit, Failure, remote::failed};

/// Writes the result to standard output, piece by piece, and progress beside it; gives the receipt of its end.
pub(super) async fn stream(
    context: &Context,
    session: &Session,
    name: &str,
    args: String,
    options: CallOptions,
) -> Result<Option<Box<Receipt>>, Failure> {
    let begun = session.call_streaming_raw(name, args, options).await;
    let mut stream = begun.map_err(|error| failed(&error))?;
    loop {
        match stream.next().await {
            Ok(Some(Piece::Chunk(chunk))) => write(&chunk)?,
            Ok(Some(Piece::Progress { fraction, message })) => {
                context.output.note(&format!("{:.0} % {message}", fraction * 100.0));
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => return Err(broken(&error)),
        }
    }
    write(b"\n")?;
    let end = stream.end();
    if let Some(end) = end {
        let (bytes, chunks) = (end.bytes, end.chunks);
        context.output.note(&format!("{bytes} bytes in {chunks} chunks, {}; {}", end.digest, end.invocation_id));
    }
    Ok(end.and_then(|end| end.receipt.clone()))
}

/// What was written before is a part of a result at most.
fn broken(error: &Error) -> Failure {
    match error {
        Error::ToolFailed(failure) => {
            let text = format!("the tool failed: {failure}");
            Failure::new(Exit::Error, text).coded(failure.code.to_string()).correlated(Some(&failure.correlation_id))
        }
        other => failed(other),
    }
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::new(Exit::Error, format!("cannot write the result: {error}")))
}
