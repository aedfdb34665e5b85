//! Breakers, as operators see and close them.

use std::sync::Arc;

use grid_breaker::{Row, Scope};
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    event::{Event, Kind},
    id::RuntimeId,
    principal::Principal,
    provider::{BreakerRow, ResetBreaker},
};

use crate::{front_door::Door, host::unwritable};

impl<C: Contracts> Door<C> {
    /// Breakers that are not closed, or `all`.
    pub(super) fn breaker_rows(&self, all: bool) -> Result<Vec<BreakerRow>, Refusal> {
        let breakers = self.0.guard.breakers().ok_or_else(|| self.unserved("have breakers (`breaker.enabled`)", ""))?;
        Ok(breakers.list(all).into_iter().map(row).collect())
    }

    /// Closes one by hand, once the record of it is durable; false where it is closed, or there is none.
    pub(super) async fn breaker_reset(&self, operator: &Arc<Principal>, reset: ResetBreaker) -> Result<bool, Refusal> {
        let host = &self.0;
        let id = &reset.correlation_id;
        let breakers = host.guard.breakers().ok_or_else(|| self.unserved("have breakers (`breaker.enabled`)", id))?;
        let Some(scope) = Scope::parse(&reset.scope) else {
            let message = "`scope` is `runtime`, `provider` or `tool`";
            return Err(self.told(Refusal::new(Code::MalformedRequest, Stage::Transport, message), id));
        };
        let correlation = host.correlation(id);
        if breakers.phase(scope, &reset.name) == grid_breaker::Phase::Closed {
            return Ok(false);
        }
        let name = |of: Scope| Some(Arc::<str>::from(reset.name.as_str())).filter(|_| of == scope);
        let event = Event {
            principal: Some(Arc::clone(operator)),
            tool: name(Scope::Tool),
            provider: name(Scope::Provider),
            runtime: name(Scope::Runtime).and_then(|id| RuntimeId::parse(&id).ok()),
            detail: Some(format!("{} breaker: closed by hand", scope.as_str())),
            ..host.event(Kind::BreakerChanged, &correlation)
        };
        host.ledger.record(event).await.map_err(|error| self.told(unwritable(&error), id))?;
        Ok(breakers.reset(scope, &reset.name))
    }
}

fn row(row: Row) -> BreakerRow {
    let view = row.view;
    BreakerRow {
        scope: row.scope.as_str(),
        name: row.name.to_string(),
        state: view.phase.as_str(),
        calls: view.calls,
        failures: view.failures,
        slow: view.slow,
        retry_after_ms: u64::try_from(view.retry_after.as_millis()).unwrap_or(u64::MAX),
        last_code: view.last_code.map_or_else(String::new, |code| code.to_string()),
        opened: view.opened,
        rejected: row.rejected,
        admitted_percent: view.admitted_percent,
    }
}
