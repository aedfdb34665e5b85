//! What is said afterwards of a tool that ran here: once for each grant, alone or in batches. An identical repeat is
//! harmless; anything but LOGGED is no proof that the outcome is on record.

use std::collections::BTreeMap;
use std::time::Duration;

use grid_proto::{
    adm,
    v1::{self, log_tool_result_response::Status},
};
use grid_sdk_tool::ToolError;

use super::retry::Safety;
use super::{Client, Refused};
use crate::connect::signed;
use crate::error::Error;
use crate::{Code, clock};

/// How long the host may take for the next answer to a batch.
const PATIENCE: Duration = Duration::from_secs(30);

/// The outcome of one local run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The session of the approval.
    pub session_id: String,
    /// The approval's id of the execution.
    pub invocation_id: String,
    /// The approval's.
    pub correlation_id: String,
    /// The call's.
    pub call_id: String,
    /// The function.
    pub name: String,
    /// Content as JSON text, or the tool's error. `LOCAL_EXECUTION_FAILED` says that the tool did not get as far as an
    /// answer of its own.
    pub answer: Result<String, ToolError>,
    /// How long the tool ran.
    pub took: Duration,
    /// When it ended, in milliseconds since 1970, UTC.
    pub ended_at_ms: u64,
    /// [`Grant::name`](super::Grant::name).
    pub grant: [u8; 32],
    /// SHA-256 over the canonical form of the arguments that it ran with.
    pub args_digest: [u8; 32],
    /// More about the run.
    pub metadata: BTreeMap<String, String>,
}

impl Report {
    fn message(&self) -> v1::LogToolResultRequest {
        let (status, content, error) = match &self.answer {
            Ok(content) => (adm::ToolResultStatus::Success, Some(content.clone()), None),
            Err(fault) => {
                let message = fault.message().to_owned();
                let error = adm::ErrorObject { message, r#type: fault.kind().as_str().to_owned() };
                (adm::ToolResultStatus::Error, None, Some(error))
            }
        };
        v1::LogToolResultRequest {
            session_id: self.session_id.clone(),
            invocation_id: self.invocation_id.clone(),
            correlation_id: self.correlation_id.clone(),
            result: Some(adm::ToolResult {
                call_id: self.call_id.clone(),
                name: self.name.clone(),
                status: status.into(),
                content,
                error,
            }),
            execution_time_ms: clock::millis(self.took),
            execution_metadata: self.metadata.clone().into_iter().collect(),
            timestamp: self.ended_at_ms,
            grant: self.grant.to_vec(),
            args_digest: self.args_digest.to_vec(),
        }
    }
}

impl Client {
    /// Reports the outcome of a local run.
    ///
    /// # Errors
    /// `Refused` where the host rejects it, with `retry_allowed` where it shall come again; `Transport`, `BadAnswer`.
    pub async fn log_result(&self, report: &Report) -> Result<(), Error> {
        let answer = self
            .exchange(
                self.attempt(&report.correlation_id, Safety::Idempotent),
                report.message(),
                async |mut service, request| service.log_tool_result(request).await,
                |answer| answer.error.take().map(Refused::from),
            )
            .await?;
        read(answer, &report.correlation_id)
    }

    /// Reports several outcomes on one stream, of any session of this caller. Each has an answer of its own, in their
    /// order; where the stream breaks, those that are left have that as theirs. Nothing is repeated.
    pub async fn log_results(&self, reports: &[Report]) -> Vec<Result<(), Error>> {
        let mut answers = self.logged(reports).await;
        let refused =
            |answer: &Result<(), Error>| answer.as_ref().is_err_and(|error| *error.code() == Code::INVALID_CREDENTIALS);
        let header = self.shared.header.borrow().clone();
        if answers.first().is_some_and(refused) && self.refresh(&header).await {
            answers = self.logged(reports).await;
        }
        answers
    }

    async fn logged(&self, reports: &[Report]) -> Vec<Result<(), Error>> {
        let mut answers = Vec::with_capacity(reports.len());
        let Some(first) = reports.first() else {
            return answers;
        };
        let lost = match self.stream(reports, &mut answers).await {
            Ok(()) => Error::broken(&first.correlation_id),
            Err(error) => error,
        };
        answers.resize(reports.len(), Err(lost));
        answers
    }

    async fn stream(&self, reports: &[Report], answers: &mut Vec<Result<(), Error>>) -> Result<(), Error> {
        let header = self.shared.header.borrow().clone();
        let correlation_id = reports.first().map_or("", |first| first.correlation_id.as_str());
        let messages: Vec<_> = reports.iter().map(Report::message).collect();
        let request = signed(tokio_stream::iter(messages), &header);
        let mut service = self.shared.service.clone();
        let late = |_| Error::late(correlation_id);
        let lost = |status| Error::from_status(&status, correlation_id);
        let answered = tokio::time::timeout(PATIENCE, service.log_tool_results(request)).await;
        let mut stream = answered.map_err(late)?.map_err(lost)?.into_inner();
        for report in reports {
            let next = tokio::time::timeout(PATIENCE, stream.message()).await;
            let Some(mut answer) = next.map_err(late)?.map_err(lost)? else {
                return Ok(());
            };
            let refused = answer.error.take().map(Error::refused);
            answers.push(refused.map_or_else(|| read(answer, &report.correlation_id), Err));
        }
        Ok(())
    }
}

fn read(answer: v1::LogToolResultResponse, correlation_id: &str) -> Result<(), Error> {
    match answer.status.map(Status::try_from) {
        Some(Ok(Status::Logged)) => Ok(()),
        // Without a reason it is a refusal all the same, and final.
        Some(Ok(Status::Rejected)) => Err(Error::refused(v1::EnhancedError {
            message: "the host rejected the report and gave no reason".to_owned(),
            correlation_id: correlation_id.to_owned(),
            ..Default::default()
        })),
        _ => Err(Error::bad_answer("the answer says neither that the report was logged nor rejected", correlation_id)),
    }
}
