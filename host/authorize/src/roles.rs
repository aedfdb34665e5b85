//! Roles: a contract names those that a principal needs, all of them. A contract that names none admits nobody;
//! `*` alone admits any proved principal; a tool registered for a session admits the session's own principal.

use grid_core::{
    port::{Authorizer, Pending, Question, Undecided, Verdict},
    roles::judge,
};

/// Decides by `required_roles` alone, with the roles of the proof alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Roles;

impl Authorizer for Roles {
    fn decide<'a>(&'a self, question: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        let verdict = judge(&question, &question.context.principal.roles);
        Box::pin(async move { Ok(verdict) })
    }
}
