//! Why a call was permitted or refused: one page, made of what the log has of it, and of what would be decided now.

use std::{str::FromStr as _, sync::Arc};

use grid_audit::Record;
use grid_audit_index::Query as Search;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    event::{Event, Kind},
    explain::{Explanation, Ground},
    id::{CorrelationId, InvocationId, SessionId},
    port::{Authorizer, Written},
    principal::Principal,
    reading::{Filter, MAX_PAGE},
};

use crate::{
    audit_door::unread,
    front_door::Door,
    host::{Host, unwritable},
};

impl<C: Contracts> Door<C> {
    /// Explains the decision of an execution, or the newest of a correlation, to somebody who may know.
    pub(super) async fn explained(&self, who: &Arc<Principal>, id: &str) -> Result<Explanation, Refusal> {
        let correlation = self.0.correlation("");
        match self.why(who, id, &correlation).await {
            Ok(explanation) => Ok(explanation),
            Err(refusal) => Err(self.decline(who, &correlation, refusal).await),
        }
    }

    async fn why(&self, who: &Arc<Principal>, id: &str, of: &CorrelationId) -> Result<Explanation, Refusal> {
        let host = &self.0;
        let filter = match (InvocationId::from_str(id), CorrelationId::parse(id)) {
            (Ok(_), _) => Filter { invocation: Some(id.to_owned()), ..Filter::default() },
            (Err(_), Ok(_)) => Filter { correlation: Some(id.to_owned()), ..Filter::default() },
            _ => {
                let message = "`id` is that of an execution (`i-…`) or the correlation id of a request";
                return Err(Refusal::new(Code::MalformedRequest, Stage::Transport, message));
            }
        };
        let by = if filter.invocation.is_some() { "invocation" } else { "correlation" };
        let mut records = self.newest_of(filter).await?;
        let decisive = records.iter().rev().find(|record| ["admitted", "refused"].contains(&record.kind())).cloned();
        let explanation = match decisive {
            None => Explanation::default(),
            Some(decisive) => {
                if let Some(approval) = decisive.text("approval") {
                    // Who said yes is recorded under the request, before there was an execution.
                    let asked = Filter { correlation: decisive.correlation().map(str::to_owned), ..Filter::default() };
                    let others = self.newest_of(asked).await?;
                    let fits = |record: &Record| record.text("approval") == Some(approval);
                    records.extend(others.into_iter().filter(|record| fits(record) && record.invocation().is_none()));
                }
                host.explain(&decisive, &records).await
            }
        };
        let event = Event {
            principal: Some(Arc::clone(who)),
            rule: Some(Arc::from(host.rules.admin_role.as_str())),
            read: Some("explain"),
            filters: vec![by],
            ..host.event(Kind::AuditRead, of)
        };
        host.ledger.record(event).await.map_err(|error| unwritable(&error))?;
        Ok(explanation)
    }

    /// The newest records that fit, oldest of them first.
    async fn newest_of(&self, filter: Filter) -> Result<Vec<Record>, Refusal> {
        let size = self.0.ledger.status().records;
        let search = Search { filter, before: size, newest_first: true, limit: MAX_PAGE, ..Search::default() };
        let mut records = self.search(search, size).await.map_err(|error| unread(&error))?.records;
        records.reverse();
        Ok(records)
    }
}

impl<C: Contracts> Host<C> {
    pub(crate) async fn explain(&self, decisive: &Record, records: &[Record]) -> Explanation {
        let text = |field| decisive.text(field).unwrap_or_default().to_owned();
        let permitted = decisive.kind() == Kind::Admitted.as_str();
        let ends = |record: &&Record| {
            record.kind() == Kind::Concluded.as_str() && record.invocation() == decisive.invocation()
        };
        let end = if permitted { records.iter().find(ends) } else { None };
        let mut grounds = self.decided(decisive, permitted);
        let at = Some(decisive.index());
        grounds.extend(records.iter().filter_map(consent));
        if let Some(cost) = decisive.number("cost") {
            grounds.push(Ground { stage: "limits", text: format!("it cost {cost} units"), entry: at });
        }
        if permitted {
            grounds.push(Ground { stage: "resolve", text: handed(decisive), entry: at });
            // What was found, or why nothing was, where the contract lets results be used again.
            grounds.extend(decisive.detail().map(|detail| Ground {
                stage: "reuse",
                text: detail.to_owned(),
                entry: at,
            }));
            grounds.extend(
                records.iter().filter(|record| record.invocation() == decisive.invocation()).filter_map(attempt),
            );
            grounds.push(match end {
                Some(end) => Ground { stage: "conclude", text: ending(end), entry: Some(end.index()) },
                None => Ground { stage: "conclude", text: "it has not ended".to_owned(), entry: None },
            });
        } else {
            grounds.push(Ground { stage: "refuse", text: ending(decisive), entry: at });
        }
        let (now, why) = self.decided_now(decisive).await;
        grounds.push(Ground { stage: "now", text: why, entry: None });
        let code = decisive.code().or_else(|| end.and_then(Record::code)).unwrap_or_default().to_owned();
        Explanation {
            decision: if permitted { "permitted" } else { "refused" },
            invocation: text("invocation"),
            correlation: text("correlation"),
            tenant: text("tenant"),
            principal: text("principal"),
            tool: text("tool"),
            contract: text("contract"),
            rule: text("rule"),
            epoch: decisive.number("epoch").unwrap_or(0),
            policy: text("policy"),
            cache_age_ms: decisive.number("cache_age_ms"),
            code,
            grounds,
            now,
        }
    }

    /// Who asked, for what, and what decided.
    fn decided(&self, decisive: &Record, permitted: bool) -> Vec<Ground> {
        let mut grounds = Vec::new();
        let mut say = |stage, text: String| grounds.push(Ground { stage, text, entry: Some(decisive.index()) });
        match (decisive.principal(), decisive.tenant(), decisive.proof()) {
            (Some(who), Some(tenant), Some(proof)) => {
                say("identity", format!("`{who}` of `{tenant}` asked, proved by {}", proof.replace('_', " ")));
            }
            _ => say("identity", "nobody was proved".to_owned()),
        }
        if let Some(session) = decisive.session() {
            say("session", format!("in the session `{session}`"));
        }
        if let (Some(tool), Some(digest)) = (decisive.tool(), decisive.text("contract")) {
            say(
                "contract",
                format!("`{tool}` was the contract {digest}; {}", self.contract_now(decisive, tool, digest)),
            );
        }
        if let (true, Some(rule)) = (permitted, decisive.rule()) {
            let age = match decisive.number("cache_age_ms") {
                Some(age) => format!("{age} ms before, for a call like it"),
                None => "for this call".to_owned(),
            };
            say("authorize", format!("the rule `{rule}` permitted it, decided {age}"));
        }
        if let Some(epoch) = decisive.number("epoch") {
            let now = self.authorize.epoch();
            let past = if now > epoch { format!("is past: now it is {now}") } else { "is that of now".to_owned() };
            say("authorize", format!("the policy epoch {epoch} {past}"));
        }
        let deciding = self.authorize.deciding().1;
        let in_force = decisive.text("policy").map(|policy| {
            let digest = deciding.digest().map(grid_adm::Digest::from_bytes);
            (policy, digest.is_some_and(|digest| policy == format!("sha256:{digest}")))
        });
        if let Some((policy, same)) = in_force {
            let now = if same { "is in force" } else { "is not in force any more" };
            say("authorize", format!("the policy set {policy} {now}"));
        }
        // A refusal of the rules has its rule where others have what went wrong.
        let denied = || decisive.detail().filter(|_| decisive.code() == Some(Code::PermissionDenied.as_str()));
        let named = if permitted { decisive.rule() } else { denied() };
        for (rule, written) in named.map(|rule| written(&*deciding, rule)).unwrap_or_default() {
            // Refusals do not say under which set they were.
            let of = match in_force {
                Some((_, true)) => "",
                Some((_, false)) => " in the set of now, which did not decide",
                None => " in the set of now",
            };
            say("authorize", format!("`{rule}` is at {}{of}:\n{}", written.place, shortened(&written.text)));
        }
        grounds
    }

    fn contract_now(&self, decisive: &Record, tool: &str, digest: &str) -> &'static str {
        let session = decisive.session().and_then(|id| SessionId::from_str(id).ok());
        let session = session.and_then(|id| self.sessions.peek(&id));
        let manifest = || self.contracts.manifest().iter().find(|contract| **contract.name() == *tool).cloned();
        let contract = session.and_then(|session| self.contracts.find(&session, tool)).or_else(manifest);
        match contract {
            Some(contract) if format!("sha256:{}", contract.digest()) == digest => "it still is",
            Some(_) => "it is another one now",
            None => "there is no such function now",
        }
    }

    /// What would be decided now. Roles are not in the log: they are known of whoever has a session open.
    async fn decided_now(&self, decisive: &Record) -> (&'static str, String) {
        let session = decisive.session().and_then(|id| SessionId::from_str(id).ok());
        let Some(session) = session.and_then(|id| self.sessions.peek(&id)) else {
            return ("", "its session has ended, and with it what is known of its caller's roles".to_owned());
        };
        let who = session.principal();
        let void = |revoked: &grid_identity::Revocation| {
            let same = revoked.tenant == who.tenant && revoked.principal == who.id;
            same && who.issued_at_ms.is_none_or(|issued| issued <= revoked.issued_until_ms)
        };
        if self.identity.revoked().iter().any(void) {
            return ("refused", "what proved its caller when the session was opened has been revoked".to_owned());
        }
        let Some(contract) = decisive.tool().and_then(|tool| self.contracts.find(&session, tool)) else {
            return ("refused", "there is no such function for its caller".to_owned());
        };
        let context = session.context_as(who);
        let local = decisive.fields().contains_key("local");
        let foreseen = self.authorize.foresee(&context, &session, &contract, local).await;
        let args = if foreseen.reads_args {
            ", for some arguments; rules read them, and the log does not have them"
        } else {
            ""
        };
        match foreseen.decision {
            Ok(decision) => match decision.needs {
                Some(needs) => {
                    ("asked", format!("a person with the role `{}` would have to say yes{args}", needs.role))
                }
                None => ("permitted", format!("the rule `{}` would permit it{args}", decision.rule)),
            },
            Err(refusal) => {
                let rule = refusal.internal().unwrap_or_default();
                ("refused", format!("{} (rule `{rule}`)", refusal.message()))
            }
        }
    }
}

/// The rules that a record names, which is several where several had to permit, as far as they have a text.
fn written<'a>(deciding: &dyn Authorizer, named: &'a str) -> Vec<(&'a str, Written)> {
    let one = |rule: &'a str| deciding.written(rule).map(|written| (rule, written));
    match one(named) {
        Some(found) => vec![found],
        None => named.split(' ').filter_map(one).collect(),
    }
}

/// A page has room for so much of a rule.
fn shortened(text: &str) -> String {
    const CHARS: usize = 2000;
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// What a record says of a person's consent.
fn consent(record: &Record) -> Option<Ground> {
    let approval = record.text("approval")?;
    let who = record.principal().unwrap_or("nobody");
    let text = match record.kind() {
        "approval_requested" => format!("`{approval}` asked a person for consent"),
        "approval_decided" => format!("`{approval}` was decided: {} (`{who}`)", record.text("verdict").unwrap_or("-")),
        _ => return None,
    };
    Some(Ground { stage: "approve", text, entry: Some(record.index()) })
}

/// Who had the call first, and by which rule.
fn handed(admitted: &Record) -> String {
    match (admitted.runtime(), admitted.text("reused"), admitted.text("provider"), admitted.text("chosen_by")) {
        (Some(runtime), _, Some(provider), Some(rule)) => {
            format!("handed to the runtime `{runtime}` of the provider `{provider}`, chosen by {rule}")
        }
        (Some(runtime), ..) => format!("handed to the runtime `{runtime}`"),
        (None, Some(of), ..) => format!("handed to no runtime: the result of `{of}` is used again"),
        (None, None, ..) => "its caller was to run it, under a grant".to_owned(),
    }
}

/// What a record says of a further runtime that the call was handed to.
fn attempt(record: &Record) -> Option<Ground> {
    let number = record.number("attempt").filter(|_| record.kind() == Kind::Attempted.as_str())?;
    let (runtime, why) = (record.runtime().unwrap_or("-"), record.detail().unwrap_or_default());
    let code = record.code().map(|code| format!(" ({code})")).unwrap_or_default();
    let rule = record.text("chosen_by").map(|rule| format!(", chosen by {rule}")).unwrap_or_default();
    Some(Ground {
        stage: "attempt",
        text: format!("attempt {number}: handed to the runtime `{runtime}`{rule}, {why}{code}"),
        entry: Some(record.index()),
    })
}

/// How it ended, or why it was refused.
fn ending(record: &Record) -> String {
    let mut words: Vec<String> = record.outcome().map(|outcome| outcome.replace('_', " ")).into_iter().collect();
    words.extend(record.code().map(str::to_owned));
    words.extend(record.stage().map(|stage| format!("at {stage}")));
    words.extend(record.number("duration_us").map(|took| format!("after {} ms", took / 1000)));
    let line = words.join(" ");
    match record.detail() {
        Some(detail) => format!("{line}: {detail}"),
        None => line,
    }
}
