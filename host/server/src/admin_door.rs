//! The door for operators: lists, status, the end of rights. Each request needs the operator's role.

use std::sync::Arc;

use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::Credentials,
    event::{Event, Kind},
    explain::Explanation,
    listing::{ContractRow, LimitList, Reloaded, RuntimeRow, SessionRow, Status},
    port::AdminDoor,
    principal::Principal,
    refusal::Context,
    revocation::{Invalidate, Invalidated, Restore, RevocationRow},
    runtime::Runtime as _,
};
use grid_identity::{Caller, revocation::Revocation};
use grid_reload::{Cause, reload};

use crate::front_door::{Door, lost};

mod ending;
mod explain;
mod hook;

pub(crate) use hook::Webhook;

impl<C: Contracts> AdminDoor for Door<C> {
    async fn status(&self, credentials: Credentials) -> Result<Status, Refusal> {
        self.operator(&credentials).await?;
        let host = &self.0;
        let audit = host.ledger.status();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode: C::MODE.to_owned(),
            uptime_ms: millis(host.clock.elapsed()),
            contracts: count(host.contracts.manifest().len()),
            runtimes: count(host.hub.len()),
            sessions: count(host.sessions.open()),
            in_flight: host.hub.list().iter().map(|wire| wire.card().load.in_flight()).sum(),
            policy_epoch: host.authorize.epoch(),
            audit_records: audit.records,
            audit_writable: audit.writable,
        })
    }

    async fn runtimes(&self, credentials: Credentials, tenant: String) -> Result<Vec<RuntimeRow>, Refusal> {
        self.operator(&credentials).await?;
        let host = &self.0;
        let row = |wire: &Arc<grid_link::Wire>| {
            let card = wire.card();
            RuntimeRow {
                runtime_id: card.id.to_string(),
                provider: card.provider().to_owned(),
                tenant: card.tenants(),
                language: card.language.clone(),
                version: card.version.clone(),
                connection_id: card.connection.to_string(),
                tools: host.roster.served_by(card.connection),
                in_flight: card.load.in_flight(),
                draining: card.load.is_draining(),
                attached_at_ms: card.attached_at_ms,
                last_heard_ms_ago: millis(wire.silent_for()),
                calls: card.load.calls(),
                failures: card.load.failures(),
            }
        };
        let serves = |wire: &&Arc<grid_link::Wire>| {
            let of = wire.card().tenant.as_str();
            tenant.is_empty() || of == tenant || of == Principal::ANY_TENANT
        };
        let mut rows: Vec<RuntimeRow> = host.hub.list().iter().filter(serves).map(row).collect();
        rows.sort_unstable_by(|one, other| one.runtime_id.cmp(&other.runtime_id));
        Ok(rows)
    }

    async fn sessions(&self, credentials: Credentials, tenant: String) -> Result<Vec<SessionRow>, Refusal> {
        self.operator(&credentials).await?;
        let host = &self.0;
        let registered = |id| host.contracts.registrar().map_or(0, |registrar| registrar.registered(id));
        let mut rows: Vec<SessionRow> = host
            .sessions
            .list()
            .iter()
            .filter(|session| tenant.is_empty() || session.principal().tenant.as_str() == tenant)
            .map(|session| SessionRow {
                session_id: session.id().to_string(),
                label: session.label().to_owned(),
                tenant: session.principal().tenant.to_string(),
                principal: session.principal().id.to_string(),
                created_at_ms: session.created_at_ms(),
                expires_at_ms: session.expires_at_ms(),
                in_flight: count(session.in_flight()),
                dynamic_tools: count(registered(session.id())),
            })
            .collect();
        rows.sort_unstable_by_key(|row| row.created_at_ms);
        Ok(rows)
    }

    async fn contracts(&self, credentials: Credentials, tenant: String) -> Result<Vec<ContractRow>, Refusal> {
        self.operator(&credentials).await?;
        let host = &self.0;
        let row = |contract: &Arc<grid_contract::Contract>| ContractRow {
            name: contract.name().to_string(),
            description: contract.description().to_owned(),
            contract: contract.group().to_owned(),
            version: contract.version().to_owned(),
            effect: contract.effect().as_str().to_owned(),
            timeout_ms: millis(contract.timeout()),
            required_roles: contract.required_roles().to_vec(),
            tags: contract.tags().to_vec(),
            digest: format!("sha256:{}", contract.digest()),
            runtimes: host.roster.serving(contract.name()),
        };
        let there = |contract: &&Arc<grid_contract::Contract>| tenant.is_empty() || contract.is_for(&tenant);
        Ok(host.contracts.manifest().iter().filter(there).map(row).collect())
    }

    async fn limits(&self, credentials: Credentials, most: usize) -> Result<LimitList, Refusal> {
        self.operator(&credentials).await?;
        Ok(crate::limits::list(&self.0.limits, self.0.gate.as_deref(), most))
    }

    async fn invalidate(&self, credentials: Credentials, request: Invalidate) -> Result<Invalidated, Refusal> {
        let caller = self.operator(&credentials).await?;
        self.end_rights(caller.principal(), request).await
    }

    async fn revocations(&self, credentials: Credentials) -> Result<Vec<RevocationRow>, Refusal> {
        self.operator(&credentials).await?;
        let row = |revoked: Revocation| RevocationRow {
            tenant: revoked.tenant.to_string(),
            principal: revoked.principal.to_string(),
            issued_until_ms: revoked.issued_until_ms,
            reason: revoked.reason,
        };
        Ok(self.0.identity.revoked().into_iter().map(row).collect())
    }

    async fn explain(&self, credentials: Credentials, id: String) -> Result<Explanation, Refusal> {
        let caller = self.operator(&credentials).await?;
        self.explained(caller.principal(), &id).await
    }

    async fn restore(&self, credentials: Credentials, request: Restore) -> Result<bool, Refusal> {
        let caller = self.operator(&credentials).await?;
        self.give_back_proofs(caller.principal(), request).await
    }

    async fn reload_policies(&self, credentials: Credentials) -> Result<Reloaded, Refusal> {
        let caller = self.operator(&credentials).await?;
        // Goes on when its operator leaves: what is recorded as taken is taken.
        let (host, cause) = (Arc::clone(&self.0), Cause::Operator(Arc::clone(caller.principal())));
        let reloading = self.0.tasks.spawn(async move { reload(&host, &cause).await });
        let correlation = self.0.correlation("");
        reloading.await.unwrap_or_else(|_| Err(lost(correlation, self.0.clock.unix_ms())))
    }
}

impl<C: Contracts> Door<C> {
    pub(crate) async fn operator(&self, credentials: &Credentials) -> Result<Caller, Refusal> {
        let host = &self.0;
        let correlation = host.correlation("");
        let role = &host.rules.admin_role;
        let (principal, refusal) = match host.identity.prove(credentials) {
            Ok(caller) if caller.principal().has_role(role) => return Ok(caller),
            Ok(caller) => {
                let message = format!("`{}` is no operator here: it lacks the role `{role}`", caller.principal().id);
                let refusal = Refusal::new(Code::PermissionDenied, Stage::Authorize, message);
                (Some(Arc::clone(caller.principal())), refusal)
            }
            Err(refusal) => (None, refusal),
        };
        host.refused(&refusal, Event { principal, ..host.event(Kind::Refused, &correlation) }).await;
        host.metrics.refused(refusal.code());
        Err(refusal.within(Context {
            correlation_id: Some(correlation),
            at_ms: host.clock.unix_ms(),
            ..Context::default()
        }))
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
