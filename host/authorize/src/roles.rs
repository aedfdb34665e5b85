//! Roles: a contract names those that a principal needs, all of them. A contract that names none admits nobody;
//! `*` alone admits any proved principal; a tool registered for a session admits the session's own principal.

use grid_core::port::{Authorizer, Pending, Question, Undecided, Verdict};

/// Decides by `required_roles`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Roles;

impl Authorizer for Roles {
    fn decide<'a>(&'a self, question: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        let verdict = decide(&question);
        Box::pin(async move { Ok(verdict) })
    }
}

fn decide(question: &Question<'_>) -> Verdict {
    let deny = |rule: &str, message: String| Verdict::Deny { rule: rule.to_owned(), message };
    match question.required_roles {
        [] if question.dynamic => Verdict::Allow { rule: "registered-for-this-session".to_owned() },
        [] => deny("no-roles-named", format!("`{}` admits nobody: its contract names no roles", question.tool)),
        [any] if any == "*" => Verdict::Allow { rule: "any-principal".to_owned() },
        required => {
            let principal = &question.context.principal;
            let missing: Vec<String> =
                required.iter().filter(|role| !principal.has_role(role)).map(|role| format!("`{role}`")).collect();
            if missing.is_empty() {
                return Verdict::Allow { rule: format!("roles:{}", required.join("+")) };
            }
            let message = format!(
                "`{}` may not call `{}`: it lacks the role {}",
                principal.id,
                question.tool,
                missing.join(", ")
            );
            deny("missing-roles", message)
        }
    }
}
