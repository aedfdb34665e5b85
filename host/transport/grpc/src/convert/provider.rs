//! Who serves what, and what operators change of it.

use grid_core::{
    Refusal,
    provider::{
        Action, AskChoice, BreakerRow, Choice, ProviderRow, Reread, ResetBreaker, Select, Selected, ServingSet,
        SetServing, Swap, SwapStep, Swapped,
    },
};
use grid_proto::v1::{self, set_serving_request};
use prost::Message;

use super::error::enhanced_error;

/// Room for what is around the rows in an answer.
const AROUND: usize = 1024;

/// As many as an answer of `limit` bytes holds; it says where there are more.
pub(crate) fn rows(answer: Result<Vec<ProviderRow>, Refusal>, limit: usize) -> v1::ListProvidersResponse {
    match answer {
        Ok(rows) => {
            let all = rows.len();
            let providers = within(rows.into_iter().map(row), limit);
            v1::ListProvidersResponse { more: providers.len() < all, providers, error: None }
        }
        Err(refusal) => v1::ListProvidersResponse { error: Some(enhanced_error(&refusal)), ..Default::default() },
    }
}

fn row(row: ProviderRow) -> v1::ProviderRow {
    v1::ProviderRow {
        tool: row.tool,
        provider: row.provider,
        priority: row.priority,
        stack_level: row.stack_level,
        sequence: row.sequence,
        capabilities: row.capabilities,
        view: row.view.as_str().to_owned(),
        reason: row.reason,
        serving: row.serving.as_str().to_owned(),
        runtimes: row.runtimes,
        in_flight: row.in_flight,
        source: row.source.to_owned(),
        breaker: row.breaker.to_owned(),
        session_id: row.session_id,
        gone_at_ms: row.gone_at_ms,
        note: row.note,
    }
}

pub(crate) fn ask(wire: v1::ExplainChoiceRequest) -> AskChoice {
    AskChoice { tool: wire.tool, tenant: wire.tenant, session_id: wire.session_id, provider: wire.provider }
}

pub(crate) fn choice(answer: Result<Choice, Refusal>) -> v1::ExplainChoiceResponse {
    match answer {
        Ok(choice) => v1::ExplainChoiceResponse {
            tool: choice.tool,
            candidates: choice.candidates.into_iter().map(row).collect(),
            chosen: choice.chosen,
            decided_by: choice.decided_by,
            error: None,
        },
        Err(refusal) => v1::ExplainChoiceResponse { error: Some(enhanced_error(&refusal)), ..Default::default() },
    }
}

pub(crate) fn select(wire: v1::SelectProviderRequest) -> Select {
    Select {
        tool: wire.tool,
        provider: wire.provider,
        tenant: wire.tenant,
        session_id: wire.session_id,
        fallback: wire.fallback,
        note: wire.note,
        correlation_id: wire.correlation_id,
    }
}

pub(crate) fn selected(answer: Result<Selected, Refusal>) -> v1::SelectProviderResponse {
    match answer {
        Ok(Selected { before, now }) => v1::SelectProviderResponse { before, now, error: None },
        Err(refusal) => v1::SelectProviderResponse { error: Some(enhanced_error(&refusal)), ..Default::default() },
    }
}

pub(crate) fn swap(wire: v1::SwapProviderRequest) -> Swap {
    Swap {
        tool: wire.tool,
        provider: wire.provider,
        force: wire.force,
        dry_run: wire.dry_run,
        note: wire.note,
        correlation_id: wire.correlation_id,
    }
}

pub(crate) fn swapped(answer: Result<Swapped, Refusal>) -> v1::SwapProviderResponse {
    let step = |step: SwapStep| v1::SwapStep {
        step: step.step.to_owned(),
        took_ms: step.took_ms,
        ok: step.ok,
        detail: step.detail,
    };
    match answer {
        Ok(swapped) => v1::SwapProviderResponse {
            outcome: swapped.outcome.to_owned(),
            before: swapped.before,
            serving: swapped.serving,
            degraded: swapped.degraded,
            failed_step: swapped.failed_step.to_owned(),
            reason: swapped.reason,
            steps: swapped.steps.into_iter().map(step).collect(),
            p50_ms: swapped.p50_ms,
            p95_ms: swapped.p95_ms,
            p99_ms: swapped.p99_ms,
            error: None,
        },
        Err(refusal) => v1::SwapProviderResponse { error: Some(enhanced_error(&refusal)), ..Default::default() },
    }
}

pub(crate) fn set_serving(wire: v1::SetServingRequest) -> SetServing {
    let action = match wire.action() {
        set_serving_request::Action::Unspecified => None,
        set_serving_request::Action::Pause => Some(Action::Pause),
        set_serving_request::Action::Drain => Some(Action::Drain),
        set_serving_request::Action::Resume => Some(Action::Resume),
    };
    SetServing {
        action,
        tool: wire.tool,
        provider: wire.provider,
        note: wire.note,
        wait_ms: wire.wait_ms,
        correlation_id: wire.correlation_id,
    }
}

pub(crate) fn serving(answer: Result<ServingSet, Refusal>) -> v1::SetServingResponse {
    match answer {
        Ok(set) => v1::SetServingResponse {
            before: set.before.as_str().to_owned(),
            now: set.now.as_str().to_owned(),
            in_flight: set.in_flight,
            error: None,
        },
        Err(refusal) => v1::SetServingResponse { error: Some(enhanced_error(&refusal)), ..Default::default() },
    }
}

pub(crate) fn reread(answer: Result<Reread, Refusal>) -> v1::ReloadProvidersResponse {
    match answer {
        Ok(Reread { changed, swapped }) => v1::ReloadProvidersResponse { changed, swapped, error: None },
        Err(refusal) => v1::ReloadProvidersResponse { error: Some(enhanced_error(&refusal)), ..Default::default() },
    }
}

/// As many as an answer of `limit` bytes holds.
pub(crate) fn breakers(answer: Result<Vec<BreakerRow>, Refusal>, limit: usize) -> v1::ListBreakersResponse {
    let breaker = |row: BreakerRow| v1::BreakerRow {
        scope: row.scope.to_owned(),
        name: row.name,
        state: row.state.to_owned(),
        calls: row.calls,
        failures: row.failures,
        slow: row.slow,
        retry_after_ms: row.retry_after_ms,
        last_code: row.last_code,
        opened: row.opened,
        rejected: row.rejected,
        admitted_percent: row.admitted_percent,
    };
    match answer {
        Ok(rows) => v1::ListBreakersResponse { breakers: within(rows.into_iter().map(breaker), limit), error: None },
        Err(refusal) => v1::ListBreakersResponse { breakers: Vec::new(), error: Some(enhanced_error(&refusal)) },
    }
}

pub(crate) fn reset_breaker(wire: v1::ResetBreakerRequest) -> ResetBreaker {
    ResetBreaker { scope: wire.scope, name: wire.name, correlation_id: wire.correlation_id }
}

pub(crate) fn reset(answer: Result<bool, Refusal>) -> v1::ResetBreakerResponse {
    match answer {
        Ok(changed) => v1::ResetBreakerResponse { changed, error: None },
        Err(refusal) => v1::ResetBreakerResponse { changed: false, error: Some(enhanced_error(&refusal)) },
    }
}

/// The first of them that a message of `limit` bytes has room for.
fn within<M: Message>(rows: impl Iterator<Item = M>, limit: usize) -> Vec<M> {
    let mut room = limit.saturating_sub(AROUND);
    rows.take_while(|row| match room.checked_sub(row.encoded_len() + 8) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    })
    .collect()
}
