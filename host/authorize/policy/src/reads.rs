//! What a policy reads of a request, told by its syntax: so that a decision is kept only where nothing that changes from
//! call to call took part in it.

use cedar_policy::pst::{Clause, Expr, Var};
use grid_core::port::Reads;

/// Everything.
pub(crate) const ALL: Reads = Reads { args: true, moment: true, session: true, local: true };

/// Both together.
pub(crate) fn and(one: Reads, other: Reads) -> Reads {
    Reads {
        args: one.args || other.args,
        moment: one.moment || other.moment,
        session: one.session || other.session,
        local: one.local || other.local,
    }
}

/// What the clauses of a policy read.
pub(crate) fn of_clauses(clauses: &[Clause]) -> Reads {
    clauses.iter().fold(Reads::default(), |so_far, clause| {
        let (Clause::When(expr) | Clause::Unless(expr)) = clause;
        and(so_far, of(expr))
    })
}

fn attribute(name: &str) -> Reads {
    match name {
        "args" => Reads { args: true, ..Reads::default() },
        "now" => Reads { moment: true, ..Reads::default() },
        "session" => Reads { session: true, ..Reads::default() },
        "local" => Reads { local: true, ..Reads::default() },
        "tenant" => Reads::default(),
        _ => ALL,
    }
}

fn is_context(expr: &Expr) -> bool {
    matches!(expr, Expr::Var(Var::Context))
}

/// What an expression reads. The context as a whole, and whatever this crate does not know, reads everything.
pub(crate) fn of(expr: &Expr) -> Reads {
    let all =
        |parts: &mut dyn Iterator<Item = &Expr>| parts.fold(Reads::default(), |so_far, part| and(so_far, of(part)));
    match expr {
        Expr::Literal(_) | Expr::Slot(_) | Expr::Var(Var::Principal | Var::Action | Var::Resource) => Reads::default(),
        Expr::GetAttr { expr, attr } if is_context(expr) => attribute(attr),
        Expr::HasAttr { expr, attrs } if is_context(expr) => attribute(attrs.first()),
        Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. }
        | Expr::UnaryOp { expr, .. }
        | Expr::Like { expr, .. } => of(expr),
        Expr::BinaryOp { left, right, .. } => and(of(left), of(right)),
        Expr::Is { expr, in_expr, .. } => all(&mut std::iter::once(&**expr).chain(in_expr.as_deref())),
        Expr::IfThenElse { cond, then_expr, else_expr } => all(&mut [&**cond, &**then_expr, &**else_expr].into_iter()),
        Expr::Set(items) => all(&mut items.iter().map(|item| &**item)),
        Expr::Record(members) => all(&mut members.values().map(|member| &**member)),
        // The context as a whole, and any kind of expression that a later version brings.
        _ => ALL,
    }
}
