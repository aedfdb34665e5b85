//! A caller that runs tools itself, on the bare stubs.

use std::path::Path;

use grid_proto::{
    adm,
    v1::{self, authorize_tool_call_response::Status as Decision, log_tool_result_response::Status as Logging},
};
use grid_tlog::{Hash, Proof, VerifyingKey};
use serde_json::Value;

use super::{Caller, soon};

/// A grant as its holder keeps it.
#[derive(Debug, Clone)]
pub struct Grant {
    pub session: String,
    pub invocation: String,
    pub call: adm::FunctionCall,
    pub record: Value,
    pub leaf: Vec<u8>,
    proof: Proof,
}

impl Grant {
    /// Of an approval.
    pub fn of(session: &str, call: adm::FunctionCall, answer: v1::AuthorizeToolCallResponse) -> Self {
        assert_eq!((answer.status, answer.error.as_ref()), (Some(Decision::Approved.into()), None));
        let grant = answer.grant.unwrap();
        let receipt = grant.receipt.unwrap();
        let hash = |bytes: &[u8]| Hash::from_slice(bytes).unwrap();
        let inclusion = receipt.inclusion.iter().map(|bytes| hash(bytes)).collect();
        let text = String::from_utf8(grant.record).unwrap();
        let proof = Proof::new(receipt.index, hash(&receipt.leaf_hash), inclusion, receipt.checkpoint);
        Self {
            session: session.to_owned(),
            invocation: answer.invocation_id,
            call,
            record: serde_json::from_str(&text).unwrap(),
            leaf: receipt.leaf_hash,
            proof: proof.with_entry(text),
        }
    }

    /// Checks it as a runtime would that has nothing but the log's key.
    pub fn check(&self, folder: &Path) {
        let key: VerifyingKey = std::fs::read_to_string(folder.join("data/audit/log.vkey")).unwrap().parse().unwrap();
        self.proof.verify(&key).unwrap();
    }

    /// What the tool gave.
    pub fn report(&self, content: &str) -> v1::LogToolResultRequest {
        let digest = self.record["args_digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let byte = |at: usize| u8::from_str_radix(&digest[at..at + 2], 16).unwrap();
        v1::LogToolResultRequest {
            session_id: self.session.clone(),
            invocation_id: self.invocation.clone(),
            correlation_id: "w-report".to_owned(),
            result: Some(adm::ToolResult {
                call_id: self.call.call_id.clone(),
                name: self.call.name.clone(),
                status: adm::ToolResultStatus::Success.into(),
                content: Some(content.to_owned()),
                error: None,
            }),
            grant: self.leaf.clone(),
            args_digest: (0..64).step_by(2).map(byte).collect(),
            ..Default::default()
        }
    }
}

impl Caller {
    pub async fn ask_for(&self, call: adm::FunctionCall) -> v1::AuthorizeToolCallResponse {
        let message = v1::AuthorizeToolCallRequest {
            session_id: self.session.clone(),
            call: Some(call),
            correlation_id: "w-ask".to_owned(),
            ..Default::default()
        };
        soon("a decision", self.service().authorize_tool_call(self.request(message))).await.unwrap().into_inner()
    }

    pub async fn grant(&self, call_id: &str, name: &str, args: &str) -> Grant {
        let call = adm::FunctionCall { call_id: call_id.to_owned(), name: name.to_owned(), args: args.to_owned() };
        Grant::of(&self.session, call.clone(), self.ask_for(call).await)
    }

    /// Nothing where it was logged; the error where it was not.
    pub async fn log(&self, report: v1::LogToolResultRequest) -> Option<Box<v1::EnhancedError>> {
        let answer = soon("a report", self.service().log_tool_result(self.request(report))).await;
        let answer = answer.unwrap().into_inner();
        assert_eq!(answer.status() == Logging::Logged, answer.error.is_none());
        answer.error.map(Box::new)
    }

    pub async fn give_back(&self, grant: &Grant) -> v1::CancelGrantResponse {
        let message = v1::CancelGrantRequest {
            session_id: grant.session.clone(),
            invocation_id: grant.invocation.clone(),
            grant: grant.leaf.clone(),
            reason: "elsewhere".to_owned(),
            ..Default::default()
        };
        soon("a return", self.service().cancel_grant(self.request(message))).await.unwrap().into_inner()
    }
}
