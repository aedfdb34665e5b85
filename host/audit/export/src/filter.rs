//! Which records are wanted. Every condition that is set must hold; none set means all.

use grid_audit::Record;
use serde::Serialize;

/// Conditions on a record, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// Not before this time, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// Before this time, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Which function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Whose world.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// How it ended; only conclusions have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// In which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Of which request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
}

impl Filter {
    /// Whether the record meets every condition.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        self.concerns(record)
            && is(self.outcome.as_ref(), record.outcome())
            && is(self.kind.as_ref(), Some(record.kind()))
    }

    /// The conditions that both records of a call meet or miss alike, so without outcome and kind.
    pub(crate) fn concerns(&self, record: &Record) -> bool {
        let at = record.at_ms();
        self.since_ms.is_none_or(|since| at >= since)
            && self.until_ms.is_none_or(|until| at < until)
            && is(self.principal.as_ref(), record.principal())
            && is(self.tool.as_ref(), record.tool())
            && is(self.tenant.as_ref(), record.tenant())
            && is(self.session.as_ref(), record.session())
            && is(self.correlation.as_ref(), record.correlation())
    }

    /// Each condition as a name and a value for people, times in UTC.
    #[must_use]
    pub fn conditions(&self) -> Vec<(&'static str, String)> {
        let time = |ms: &u64| crate::text::time(*ms);
        let texts = [
            ("principal", &self.principal),
            ("tool", &self.tool),
            ("tenant", &self.tenant),
            ("outcome", &self.outcome),
            ("kind", &self.kind),
            ("session", &self.session),
            ("correlation", &self.correlation),
        ];
        let times = [("since", self.since_ms.as_ref().map(time)), ("until", self.until_ms.as_ref().map(time))];
        let texts = texts.into_iter().map(|(name, value)| (name, value.clone()));
        times.into_iter().chain(texts).filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn is(wanted: Option<&String>, found: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| found == Some(wanted))
}
