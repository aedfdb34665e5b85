//! Checking of arguments against a contract's parameters, once compiled, on each call.
//! Takes a [`Schema`] and a policy for undeclared arguments; gives a checker that answers every violation with its place, and
//! the arguments to hand on. Refuses schemas that break a rule or a bound.

mod explain;
mod prepare;
mod represent;
mod translate;

use crate::model::Schema;
use crate::problem::{Problem, Problems};
use crate::shape::{Names, shape};
use crate::value::Value;
use crate::{limits, rule};
use jsonschema::Validator;
use prepare::Plan;
use represent::Tree;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// What becomes of arguments that the contract does not declare (Q2). It concerns the root if it has `properties`, even empty
/// ones, and every nested object that declares some; all other objects are free-form and take any member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExtraArgs {
    /// They are a violation.
    #[default]
    Reject,
    /// They are accepted, and [`ArgumentChecker::prepare`] takes them out before the arguments are handed on.
    Ignore,
    /// They are accepted and handed on.
    Pass,
}

/// A text that names no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a policy for extra arguments; use `reject`, `ignore` or `pass`")]
pub struct NotAPolicy;

impl FromStr for ExtraArgs {
    type Err = NotAPolicy;

    fn from_str(text: &str) -> Result<Self, NotAPolicy> {
        match text {
            "reject" => Ok(Self::Reject),
            "ignore" => Ok(Self::Ignore),
            "pass" => Ok(Self::Pass),
            _ => Err(NotAPolicy),
        }
    }
}

/// Checks arguments of one contract. Compile once, check on each call, share between threads.
pub struct ArgumentChecker {
    validator: Validator<Tree>,
    plan: Option<Plan>,
    names: Names,
    /// Bytes of the longest JSON pointer that a violation can have.
    longest_pointer: usize,
    quote_values: bool,
}

impl ArgumentChecker {
    /// Compiles the parameters of a contract. Any valid schema is taken; that the root is OBJECT is a rule of declarations (Q9).
    ///
    /// # Errors
    /// Every rule of schemas that `schema` breaks; one that was read from a document breaks none.
    pub fn compile(schema: &Schema, extra: ExtraArgs) -> Result<Self, Vec<Problem>> {
        translate::check(schema)?;
        let validator = translate::validator(schema, extra).map_err(|reason| {
            let message = format!("the schema cannot be compiled, {reason}; simplify it");
            vec![Problem::error(String::new(), rule::SCHEMA_COMPILE, message, "a schema", "another value")]
        })?;
        let plan = Plan::of(schema, extra == ExtraArgs::Ignore);
        let names = Names::of(schema);
        Ok(Self { validator, plan, names, longest_pointer: translate::longest_pointer(schema), quote_values: false })
    }

    /// Lets messages quote a short string that is not among the allowed ones. Off unless called: messages go to logs, and
    /// arguments must not.
    #[must_use]
    pub fn quoting_values(mut self) -> Self {
        self.quote_values = true;
        self
    }

    /// Whether `arguments` fulfil the contract; the fast question, without reasons.
    #[must_use]
    pub fn is_valid(&self, arguments: &Value) -> bool {
        self.validator.is_valid(arguments)
    }

    /// Checks `arguments`.
    ///
    /// # Errors
    /// Every violation, each with the JSON pointer of what is wrong; of a missing argument, of the object that lacks it.
    pub fn check(&self, arguments: &Value) -> Result<(), Vec<Problem>> {
        if self.is_valid(arguments) {
            return Ok(());
        }
        let mut problems = Problems::default();
        if arguments.nodes().saturating_mul(self.longest_pointer) > limits::POINTER_BYTES {
            // The library makes all errors before it gives the first; here they would cost too much.
            if let Err(error) = self.validator.validate(arguments) {
                explain::explain(&error, arguments, self.quote_values, &mut problems);
            }
        } else {
            for error in self.validator.iter_errors(arguments) {
                explain::explain(&error, arguments, self.quote_values, &mut problems);
            }
        }
        Err(problems.into_vec())
    }

    /// The arguments to hand on: INTEGERs that were written as `1.0`, `1e3` or `-0` become integers (Q3), and with
    /// [`ExtraArgs::Ignore`] undeclared ones are gone (Q2). Borrowed when nothing changes, so that the original bytes can go on.
    /// Expects arguments that [`Self::check`] has accepted; of others it changes nothing that it does not understand.
    #[must_use]
    pub fn prepare<'v>(&self, arguments: &'v Value) -> Cow<'v, Value> {
        match &self.plan {
            Some(plan) if plan.changes(arguments) => Cow::Owned(plan.rewrite(arguments)),
            _ => Cow::Borrowed(arguments),
        }
    }

    /// Types and sizes of the arguments, with the names that the contract declares and no others, as JSON text.
    #[must_use]
    pub fn shape(&self, arguments: &Value) -> String {
        shape(arguments, &self.names)
    }
}

impl fmt::Debug for ArgumentChecker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgumentChecker").field("quote_values", &self.quote_values).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
