//! What is sent: who wants what, and whom it waits for. No value of an argument is in it.

use grid_core::{
    event::Sha256,
    id::{ApprovalId, PrincipalId, TenantId},
};
use serde_json::json;

/// A call that begins to wait.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Names it.
    pub approval: ApprovalId,
    /// Whose world it belongs to.
    pub tenant: TenantId,
    /// Who wants it.
    pub principal: PrincipalId,
    /// Function name.
    pub tool: String,
    /// Whoever decides needs it.
    pub role: String,
    /// The rule that asks.
    pub rule: String,
    /// Digest of the contract.
    pub contract: Sha256,
    /// Digest of the arguments.
    pub args: Sha256,
    /// Milliseconds since 1970.
    pub requested_at_ms: u64,
    /// Milliseconds since 1970.
    pub expires_at_ms: u64,
}

impl Notice {
    /// As JSON.
    pub(crate) fn body(&self) -> Vec<u8> {
        let body = json!({
            "event": "approval_requested",
            "approval_id": self.approval.to_string(),
            "tenant": self.tenant.as_str(),
            "principal": self.principal.as_str(),
            "tool": self.tool,
            "role": self.role,
            "rule": self.rule,
            "contract_digest": digest(&self.contract),
            "args_digest": digest(&self.args),
            "requested_at_ms": self.requested_at_ms,
            "expires_at_ms": self.expires_at_ms,
        });
        body.to_string().into_bytes()
    }
}

fn digest(bytes: &Sha256) -> String {
    format!("sha256:{}", hex(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
