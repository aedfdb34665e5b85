//! Why a call was permitted or refused, as its records say it. Plain data, free of any transport.

/// A sentence of an explanation, with what it rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ground {
    /// Of the path.
    pub stage: &'static str,
    /// For an operator.
    pub text: String,
    /// The place in the log of the record that says so; absent where it is of now.
    pub entry: Option<u64>,
}

/// What is known of one decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// permitted or refused; empty where no such call is in the log.
    pub decision: &'static str,
    /// The execution; empty where it was not admitted.
    pub invocation: String,
    /// Of its request.
    pub correlation: String,
    /// Whose world.
    pub tenant: String,
    /// Who.
    pub principal: String,
    /// Function name.
    pub tool: String,
    /// `sha256:<hex>`, or empty.
    pub contract: String,
    /// That decided, or empty.
    pub rule: String,
    /// In which it was decided; 0 where that is not known.
    pub epoch: u64,
    /// `sha256:<hex>`, or empty where roles alone decided.
    pub policy: String,
    /// How old the decision was, in milliseconds; absent where it was made for this call.
    pub cache_age_ms: Option<u64>,
    /// Why it was refused, or how it failed; empty where it did not.
    pub code: String,
    /// In the order of the path.
    pub grounds: Vec<Ground>,
    /// What would be decided now: permitted, refused or asked; empty where that cannot be told.
    pub now: &'static str,
}
