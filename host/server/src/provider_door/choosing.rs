//! Who would be chosen and why, and what operators choose themselves.

use std::{str::FromStr as _, sync::Arc};

use grid_contract::{Contract, Contracts};
use grid_core::{
    Code, Refusal, Stage,
    event::{Event, Kind},
    id::{CorrelationId, SessionId, TenantId},
    principal::Principal,
    provider::{AskChoice, Choice, ProviderRow, Reason, Reread, Select, Selected},
};
use grid_reload::Cause;
use grid_resolve::{Selection, View, Whose};
use grid_session::Session;

use crate::{
    front_door::{Door, lost},
    host::unwritable,
    providers::reload,
};

/// Characters of a note that are kept.
const NOTE: usize = 256;

impl<C: Contracts> Door<C> {
    /// Every provider of a tool, or of every tool.
    pub(super) fn provider_rows(&self, tool: &str) -> Result<Vec<ProviderRow>, Refusal> {
        let host = &self.0;
        let manifest = host.contracts.manifest();
        let rows = |tool: &str| {
            let contract = manifest.get(tool);
            host.roster.explain(tool, &View { contract: contract.as_deref(), ..View::default() }).candidates
        };
        Ok(match tool {
            "" => host.roster.tools().iter().flat_map(|tool| rows(tool)).collect(),
            tool => rows(tool),
        })
    }

    /// Who would be chosen, and why each other not.
    pub(super) fn choice_explained(&self, ask: AskChoice) -> Result<Choice, Refusal> {
        let session = match ask.session_id.as_str() {
            "" => None,
            id => Some(self.open_session(id).map_err(|refusal| self.told(refusal, ""))?),
        };
        let tenant = match (ask.tenant.as_str(), &session) {
            ("", session) => session.as_ref().map(|session| session.principal().tenant.clone()),
            (tenant, _) => Some(tenant_of(tenant).map_err(|refusal| self.told(refusal, ""))?),
        };
        let contract = self.contract_for(session.as_deref(), &ask.tool);
        let view = View {
            contract: contract.as_deref(),
            tenant: tenant.as_ref(),
            session: session.as_ref().map(|session| session.id()),
            wish: Some(ask.provider.as_str()).filter(|provider| !provider.is_empty()),
        };
        Ok(self.0.roster.explain(&ask.tool, &view))
    }

    /// Chooses a provider, or takes a choice back.
    pub(super) async fn provider_selected(&self, who: &Arc<Principal>, select: Select) -> Result<Selected, Refusal> {
        let host = &self.0;
        let correlation = host.correlation(&select.correlation_id);
        let (door, by, of) = (self.clone(), Arc::clone(who), correlation.clone());
        // The host owns the task: what is on record is done.
        let selecting = host.tasks.spawn(async move { door.selected(&by, select, &of).await });
        let selected = selecting.await.unwrap_or_else(|_| Err(lost(correlation.clone(), host.clock.unix_ms())));
        match selected {
            Ok(selected) => Ok(selected),
            Err(refusal) => Err(self.decline(who, &correlation, refusal).await),
        }
    }

    async fn selected(
        &self,
        who: &Arc<Principal>,
        select: Select,
        correlation: &CorrelationId,
    ) -> Result<Selected, Refusal> {
        let host = &self.0;
        let whose = self.whose(&select)?;
        let session = match &whose {
            Whose::Session(id) => Some(*id),
            Whose::Tenant(_) | Whose::Host => None,
        };
        let open = session.and_then(|id| host.sessions.peek(&id));
        let Some(contract) = self.contract_for(open.as_deref(), &select.tool) else {
            let message = format!("there is no function `{}`; `grid contracts` lists them", plain(&select.tool));
            return Err(Refusal::new(Code::UnsupportedTool, Stage::Resolve, message));
        };
        let tool = contract.name();
        let wanted = Some(select.provider.as_str()).filter(|provider| !provider.is_empty());
        if let Some(provider) = wanted
            && !host.roster.knows(tool, provider)
        {
            let message = format!(
                "no provider `{}` serves `{tool}`, has served it or is listed for it; `grid providers {tool}` lists those",
                plain(provider)
            );
            let refusal = Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message);
            return Err(refusal.with(Reason::DETAIL, Reason::ProviderUnavailable.as_str()));
        }
        let note: Arc<str> = select.note.chars().take(NOTE).collect::<String>().into();
        let event = Event {
            principal: Some(Arc::clone(who)),
            tool: Some(Arc::clone(tool)),
            session,
            provider: wanted.map(Arc::from),
            detail: Some(said(&whose, wanted.is_some(), select.fallback, &note)),
            ..host.event(Kind::ProviderSelected, correlation)
        };
        host.ledger.record(event).await.map_err(|error| unwritable(&error))?;
        let before = host.roster.selected(tool, &whose);
        let fallback = select.fallback;
        let selection = wanted.map(|provider| Selection { provider: Arc::from(provider), fallback, note });
        host.roster.select(tool, whose.clone(), selection);
        if let Some(id) = session
            && host.sessions.peek(&id).is_none()
        {
            // It ended meanwhile, and what hangs off it has been cleared up already.
            host.forget(id);
        }
        host.keep_providers().await?;
        let name = |selection: Option<Selection>| selection.map(|one| one.provider.to_string()).unwrap_or_default();
        Ok(Selected { before: name(before), now: name(host.roster.selected(tool, &whose)) })
    }

    fn whose(&self, select: &Select) -> Result<Whose, Refusal> {
        match (select.tenant.as_str(), select.session_id.as_str()) {
            ("", "") => Ok(Whose::Host),
            (tenant, "") => tenant_of(tenant).map(Whose::Tenant),
            ("", session) => self.open_session(session).map(|session| Whose::Session(session.id())),
            _ => {
                let message =
                    "a selection is for a tenant or for a session; leave one of `tenant` and `session_id` out";
                Err(Refusal::new(Code::MalformedRequest, Stage::Resolve, message))
            }
        }
    }

    fn open_session(&self, id: &str) -> Result<Arc<Session>, Refusal> {
        let session = SessionId::from_str(id).ok().and_then(|id| self.0.sessions.peek(&id));
        session.ok_or_else(|| {
            let message = "no open session has this id; `grid sessions` lists them";
            Refusal::new(Code::InvalidSession, Stage::Resolve, message)
        })
    }

    /// As the session sees it, or as the manifest has it.
    fn contract_for(&self, session: Option<&Session>, tool: &str) -> Option<Arc<Contract>> {
        let own = session.and_then(|session| self.0.contracts.find(session, tool));
        own.or_else(|| self.0.contracts.manifest().get(tool))
    }

    /// Reads the file of providers again.
    pub(super) async fn providers_reloaded(&self, who: &Arc<Principal>) -> Result<Reread, Refusal> {
        let host = &self.0;
        let correlation = host.correlation("");
        // Goes on when its operator leaves: what is recorded as taken is taken.
        let (reloading, cause) = (Arc::clone(host), Cause::Operator(Arc::clone(who)));
        let reloading = host.tasks.spawn(async move { reload(&reloading, &cause).await });
        let reread = reloading.await.unwrap_or_else(|_| Err(lost(correlation.clone(), host.clock.unix_ms())));
        reread.map_err(|refusal| self.told(refusal, correlation.as_str()))
    }
}

/// For the log.
fn said(whose: &Whose, wanted: bool, fallback: bool, note: &str) -> String {
    let scope = match whose {
        Whose::Host => "every call".to_owned(),
        Whose::Tenant(tenant) => format!("calls of the tenant `{tenant}`"),
        Whose::Session(_) => "calls of the session".to_owned(),
    };
    let what = match (wanted, fallback) {
        (false, _) => "a selection was taken back",
        (true, false) => "it is selected",
        (true, true) => "it is selected, with a fallback",
    };
    format!("{what} for {scope}{}{note}", if note.is_empty() { "" } else { ": " })
}

fn tenant_of(name: &str) -> Result<TenantId, Refusal> {
    TenantId::parse(name).map_err(|_| {
        let message = format!("`{}` is no tenant's name", plain(name));
        Refusal::new(Code::MalformedRequest, Stage::Resolve, message)
    })
}

/// A name as sent, fit for a message.
pub(super) fn plain(name: &str) -> String {
    name.chars().take(64).flat_map(char::escape_debug).collect()
}
