//! What contracts ask of roles. Every authorizer decides by this, whichever way it knows who holds what.

use std::{collections::BTreeSet, sync::Arc};

use crate::port::{Question, Verdict};

/// Decides by the roles that a contract demands: all of them are needed, `*` alone admits any proved principal, none
/// admits nobody, and a tool registered for a session admits the session's own principal.
#[must_use]
pub fn judge(question: &Question<'_>, held: &BTreeSet<Arc<str>>) -> Verdict {
    let deny = |rule: &str, message: String| Verdict::Deny { rule: rule.to_owned(), message };
    match question.required_roles {
        [] if question.dynamic => Verdict::Allow { rule: "registered-for-this-session".to_owned() },
        [] => deny("no-roles-named", format!("`{}` admits nobody: its contract names no roles", question.tool)),
        [any] if any == "*" => Verdict::Allow { rule: "any-principal".to_owned() },
        required => {
            let missing: Vec<String> =
                required.iter().filter(|role| !held.contains(role.as_str())).map(|role| format!("`{role}`")).collect();
            if missing.is_empty() {
                return Verdict::Allow { rule: format!("roles:{}", required.join("+")) };
            }
            let message = format!(
                "`{}` may not call `{}`: it lacks the role {}",
                question.context.principal.id,
                question.tool,
                missing.join(", ")
            );
            deny("missing-roles", message)
        }
    }
}
