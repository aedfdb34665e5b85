//! The reports of what was granted, one by one and in streams, as fast as the host takes them.

use grid_bench::{Fallible, clock::now, cpu::Used};
use grid_proto::v1::{self, log_tool_result_response::Status};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::load::Caller;

/// Reports of one stream.
const BATCH: usize = 100;
/// Streams at once.
const STREAMS: usize = 4;

/// What is kept of a grant to report under it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) call_id: String,
    pub(crate) invocation: String,
    pub(crate) record: Vec<u8>,
    pub(crate) leaf: Vec<u8>,
}

/// How fast a host took reports, and what it used of the processor for a thousand of them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Reported {
    pub(crate) single_per_second: f64,
    pub(crate) single_cpu_seconds_per_1000: f64,
    pub(crate) streamed_per_second: f64,
    pub(crate) streamed_cpu_seconds_per_1000: f64,
}

impl Kept {
    /// As the grant's record has it: in hexadecimal.
    pub(crate) fn args_digest(&self) -> Fallible<Vec<u8>> {
        let record: serde_json::Value = serde_json::from_slice(&self.record)?;
        let text = record.get("args_digest").and_then(serde_json::Value::as_str).unwrap_or_default();
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        let byte = |at| hex.get(at..at + 2).ok_or("a digest has another form than known");
        (0..64).step_by(2).map(|at| Ok(u8::from_str_radix(byte(at)?, 16)?)).collect()
    }
}

/// Reports everything: half one by one with `in_flight` at once, half in streams of a hundred.
pub(crate) async fn report(caller: &Caller, kept: Vec<Kept>, in_flight: usize, pid: u32) -> Fallible<Reported> {
    let count = u64::try_from(kept.len())?;
    let mut reports =
        (0..count).zip(kept).map(|(number, kept)| caller.report(kept, number)).collect::<Fallible<Vec<_>>>()?;
    let streamed = reports.split_off(reports.len() / 2);
    let (single_per_second, single_cpu_seconds_per_1000) =
        timed(pid, dealt(reports, in_flight), |own| one_by_one(caller.clone(), own)).await?;
    let (streamed_per_second, streamed_cpu_seconds_per_1000) =
        timed(pid, dealt(streamed, STREAMS), |own| in_streams(caller.clone(), own)).await?;
    Ok(Reported { single_per_second, single_cpu_seconds_per_1000, streamed_per_second, streamed_cpu_seconds_per_1000 })
}

/// As even as it gets.
fn dealt<T>(all: Vec<T>, parts: usize) -> Vec<Vec<T>> {
    let mut dealt: Vec<Vec<T>> = (0..parts).map(|_| Vec::new()).collect();
    let mut all = all.into_iter();
    loop {
        for part in &mut dealt {
            match all.next() {
                Some(one) => part.push(one),
                None => return dealt,
            }
        }
    }
}

/// Reports a second, and seconds of the processor for a thousand.
async fn timed<W>(
    pid: u32,
    parts: Vec<Vec<v1::LogToolResultRequest>>,
    work: impl Fn(Vec<v1::LogToolResultRequest>) -> W,
) -> Fallible<(f64, f64)>
where
    W: Future<Output = Fallible<()>> + Send + 'static,
{
    let count: usize = parts.iter().map(Vec::len).sum();
    let (begin, before) = (now(), Used::by(pid)?);
    let mut tasks = JoinSet::new();
    for part in parts {
        tasks.spawn(work(part));
    }
    while let Some(finished) = tasks.join_next().await {
        finished??;
    }
    let (took, cpu) = (begin.elapsed().as_secs_f64(), Used::by(pid)?.seconds_since(&before));
    Ok((count as f64 / took, cpu / count.max(1) as f64 * 1e3))
}

async fn one_by_one(mut caller: Caller, reports: Vec<v1::LogToolResultRequest>) -> Fallible<()> {
    for report in reports {
        let request = caller.authorized(report);
        taken(&caller.client.log_tool_result(request).await?.into_inner())?;
    }
    Ok(())
}

async fn in_streams(mut caller: Caller, reports: Vec<v1::LogToolResultRequest>) -> Fallible<()> {
    for batch in reports.chunks(BATCH) {
        let request = caller.authorized(tokio_stream::iter(batch.to_vec()));
        let mut answers = caller.client.log_tool_results(request).await?.into_inner();
        let mut answered = 0;
        while let Some(answer) = answers.message().await? {
            taken(&answer)?;
            answered += 1;
        }
        if answered != batch.len() {
            return Err(format!("{answered} of {} reports were answered", batch.len()).into());
        }
    }
    Ok(())
}

fn taken(answer: &v1::LogToolResultResponse) -> Fallible<()> {
    if answer.status == Some(Status::Logged.into()) {
        Ok(())
    } else {
        Err(format!("a report was not taken: {answer:?}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_dealt_and_nothing_twice() {
        let mut all: Vec<i32> = dealt((0..10).collect(), 4).into_iter().flatten().collect();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn the_digest_is_that_of_the_record() {
        let record = format!(r#"{{"args_digest":"{}"}}"#, "0f".repeat(32)).into_bytes();
        let kept = Kept { call_id: String::new(), invocation: String::new(), record, leaf: Vec::new() };
        assert_eq!(kept.args_digest().ok(), Some(vec![15; 32]));
        let none = Kept { record: b"{}".to_vec(), ..kept };
        assert!(none.args_digest().is_err());
    }
}
