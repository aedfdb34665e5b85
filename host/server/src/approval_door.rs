//! The door for people who approve calls. They see and decide what their own roles allow, in their own tenant.

use std::{str::FromStr as _, sync::Arc};

use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    consent::{Decide, Decided, WaitingCalls},
    envelope::Credentials,
    event::Sha256,
    id::ApprovalId,
    port::{ApprovalDoor, Pending},
    principal::Principal,
};
use grid_identity::Caller;

use crate::{
    front_door::{Door, lost},
    host::unwritable,
    trail::Trail,
};

impl<C: Contracts> ApprovalDoor for Door<C> {
    fn waiting(&self, credentials: Credentials, correlation_id: String) -> Pending<'_, Result<WaitingCalls, Refusal>> {
        Box::pin(async move {
            let trail = self.trail(&correlation_id, "");
            match self.0.identity.prove(&credentials) {
                Ok(caller) => {
                    let who = caller.principal();
                    let calls = self.0.approvals.waiting(who, self.roles_of(who));
                    Ok(WaitingCalls { calls, correlation_id: trail.correlation() })
                }
                Err(refusal) => Err(self.refuse(trail, None, refusal).await),
            }
        })
    }

    fn decide(&self, credentials: Credentials, decide: Decide) -> Pending<'_, Result<Decided, Refusal>> {
        Box::pin(async move {
            let mut trail = self.trail(&decide.correlation_id, "");
            trail.is_final();
            let (door, correlation) = (self.clone(), trail.correlation());
            // Once the record is on its way, nobody who leaves can make it undecided again.
            let deciding = self.0.tasks.spawn(async move { door.decided(credentials, decide, trail).await });
            deciding.await.unwrap_or_else(|_| Err(lost(correlation, self.0.clock.unix_ms())))
        })
    }
}

impl<C: Contracts> Door<C> {
    /// Which roles somebody holds. One that includes another, or is bound to them, is as good as one of their proof.
    fn roles_of<'a>(&self, who: &'a Principal) -> impl Fn(&str) -> bool + use<'a, C> {
        let deciding = self.0.authorize.deciding().1;
        move |role| deciding.holds(who, role)
    }

    async fn decided(&self, credentials: Credentials, decide: Decide, mut trail: Trail) -> Result<Decided, Refusal> {
        let host = &self.0;
        let caller = match host.identity.prove(&credentials) {
            Ok(caller) => caller,
            Err(refusal) => return Err(self.refuse(trail, None, refusal).await),
        };
        let ending = match self.weigh(&caller, decide, &mut trail) {
            Ok(ending) => ending,
            Err(refusal) => return Err(self.refuse(trail, Some(&caller), refusal).await),
        };
        let decided = Decided { approval: ending.asked().approval(), correlation_id: trail.correlation() };
        match host.conclude_wait(ending).await {
            Ok(()) => Ok(decided),
            Err(error) => Err(self.refuse(trail, Some(&caller), unwritable(&error)).await),
        }
    }

    fn weigh(&self, caller: &Caller, decide: Decide, trail: &mut Trail) -> Result<grid_approve::Ending, Refusal> {
        let malformed = |message: &str| Refusal::new(Code::MalformedRequest, Stage::Approve, message);
        let approval = ApprovalId::from_str(&decide.approval_id)
            .map_err(|_| malformed("`approval_id` is no id of an approval; `grid approvals list` shows those"))?;
        trail.approval(approval);
        let say = decide.say.ok_or_else(|| malformed("`verdict` must be APPROVE or DENY"))?;
        let digest = |text: &str, field: &str| {
            sha256(text).ok_or_else(|| malformed(&format!("`{field}` must be `sha256:` and 64 hex digits, as listed")))
        };
        let contract = digest(&decide.contract_digest, "contract_digest")?;
        let args = digest(&decide.args_digest, "args_digest")?;
        let who: &Arc<_> = caller.principal();
        let host = &self.0;
        // What a policy or an operator has made void meanwhile is not decided any more.
        host.approvals.void_before(host.authorize.epoch());
        host.approvals.decide(who, self.roles_of(who), approval, (contract, args), (say, decide.reason))
    }
}

/// As `sha256:` and 64 hex digits.
fn sha256(text: &str) -> Option<Sha256> {
    let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64)?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let pair = str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}
