//! What the two sides of a connection can do together: the lower level, the features of both, the highest version of both
//! . Whoever teaches this host a feature adds its word to a list here; nothing else says what is offered.

use std::collections::BTreeMap;

use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    event::{Event, Kind, plain_name},
    feature::{Feature, Features},
    frame::{Update, Updated, Validated},
    local::BATCH,
    runtime::Runtime as _,
    stream::{CREDIT, CREDIT_KEY},
};

use crate::{host::Rules, nested::DEPTH, runtime_door::Port};

/// Names of one peer that are looked at in one message.
const NAMES: usize = 64;
/// Levels from this one on have features and enhanced errors.
pub(crate) const ENHANCED: u8 = 2;

/// What one side can do.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    /// 1, 2 or 3.
    pub(crate) level: u8,
    /// In any order.
    pub(crate) versions: Vec<&'static str>,
    /// Words.
    pub(crate) features: Vec<&'static str>,
}

/// What is told of a feature, under which key.
type Told = fn(&Rules) -> Option<(&'static str, String)>;
/// Whether a feature is switched on.
type Enabled = fn(&Rules) -> bool;

/// The features that this host has with runtimes, and what goes with each in `feature_config`.
const WITH_RUNTIMES: &[(Feature, Told)] = &[
    (Feature::EnhancedErrors, |_| None),
    (Feature::NestedCalls, |_| Some(("nested-calls.depth", DEPTH.to_string()))),
    (Feature::Streaming, |_| Some((CREDIT_KEY, CREDIT.to_string()))),
    (Feature::Progress, |_| None),
    (Feature::Lifecycle, |_| None),
];

/// The features that this host has with callers, and whether the configuration has them switched on.
const WITH_CALLERS: &[(&str, Enabled)] = &[(BATCH, |rules| rules.local)];

/// The versions of the protocol that this host speaks.
const VERSIONS: &[&str] = &["1.0"];

/// The highest level that this host serves.
const LEVEL: u8 = 2;

impl Offer {
    /// What this host offers runtimes.
    pub(crate) fn to_runtimes() -> Self {
        let features = WITH_RUNTIMES.iter().map(|(feature, _)| feature.as_str()).collect();
        Self { level: LEVEL, versions: VERSIONS.to_vec(), features }
    }

    /// What it offers callers.
    pub(crate) fn to_callers(rules: &Rules) -> Self {
        let on = WITH_CALLERS.iter().filter(|(_, on)| on(rules));
        Self { level: LEVEL, versions: VERSIONS.to_vec(), features: on.map(|(name, _)| *name).collect() }
    }
}

/// What a peer said of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) level: u8,
    pub(crate) features: &'a [String],
    /// None means 1.0.
    pub(crate) versions: &'a [String],
}

/// What both can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreed {
    pub(crate) level: u8,
    pub(crate) version: &'static str,
    /// Of both, in the order of the host's list.
    pub(crate) features: Vec<&'static str>,
    /// What either side could do, and the two together cannot, in words; empty where nothing was lost.
    pub(crate) lost: Vec<String>,
}

/// Brings the two together; `stage` is whose part that is.
///
/// # Errors
/// VERSION_MISMATCH where they have no version in common.
pub(crate) fn agree(offer: &Offer, said: Said<'_>, stage: Stage) -> Result<Agreed, Refusal> {
    let newest = |versions: &[&'static str]| versions.iter().copied().max_by_key(|version| numbers(version));
    let common: Vec<&'static str> = match said.versions {
        [] => offer.versions.iter().copied().filter(|version| *version == "1.0").collect(),
        versions => {
            offer.versions.iter().copied().filter(|ours| versions.iter().any(|theirs| theirs == ours)).collect()
        }
    };
    let Some(version) = newest(&common) else {
        let supported = offer.versions.join(", ");
        let message = format!("this host speaks protocol version {supported}; use a program that does");
        return Err(Refusal::new(Code::VersionMismatch, stage, message).with("supported", supported));
    };
    let level = said.level.max(1).min(offer.level);
    let has = |name: &str| said.features.iter().take(NAMES).any(|theirs| theirs == name);
    let features: Vec<&'static str> = match level {
        0 | 1 => Vec::new(),
        _ => offer.features.iter().copied().filter(|ours| has(ours)).collect(),
    };
    let mut lost = Vec::new();
    if said.level > level {
        lost.push(format!("level {level} in place of {}", said.level));
    } else if offer.level > level {
        lost.push(format!("level {level} in place of {}", offer.level));
    }
    let newer = said.versions.iter().take(NAMES).map(String::as_str).max_by_key(|version| numbers(version));
    if let Some(newer) = newer.filter(|theirs| numbers(theirs) > numbers(version)) {
        lost.push(format!("version {version} in place of {}", plain_name(newer)));
    }
    let off: Vec<String> = off(offer, level, &features, said.features);
    if !off.is_empty() {
        lost.push(format!("without {}", off.join(", ")));
    }
    Ok(Agreed { level, version, features, lost })
}

/// What the peer wished for and does not get; of a peer of a lower level also what this host could have done.
fn off(offer: &Offer, level: u8, on: &[&str], wished: &[String]) -> Vec<String> {
    let below = if level < ENHANCED && offer.level >= ENHANCED { offer.features.as_slice() } else { &[] };
    let mut off: Vec<String> = below.iter().map(ToString::to_string).collect();
    for name in wished.iter().take(NAMES).filter(|name| !on.contains(&name.as_str())) {
        let name = plain_name(name);
        if !off.iter().any(|known| **known == *name) {
            off.push(name.to_string());
        }
    }
    off
}

impl Agreed {
    /// The features as a set, for those that the host has as such.
    pub(crate) fn set(&self) -> Features {
        Features::of(self.features.iter().filter_map(|name| Feature::named(name)))
    }

    /// What goes with the features that are on.
    pub(crate) fn config(&self, rules: &Rules) -> BTreeMap<String, String> {
        let on = WITH_RUNTIMES.iter().filter(|(feature, _)| self.features.contains(&feature.as_str()));
        on.filter_map(|(_, config)| config(rules)).map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// For the log and the record; nothing where nothing was lost.
    pub(crate) fn told(&self) -> Option<String> {
        (!self.lost.is_empty()).then(|| self.lost.join("; "))
    }
}

/// Holds what a runtime takes for switched on against what is.
pub(crate) fn validate(offer: &Offer, features: &Features, names: &[String]) -> Validated {
    let mut validated = Validated::default();
    for name in names.iter().take(NAMES) {
        let plain = plain_name(name).to_string();
        if Feature::named(name).is_some_and(|feature| features.has(feature)) {
            validated.confirmed.push(plain);
            continue;
        }
        validated.warnings.push(match offer.features.contains(&name.as_str()) {
            true => format!("`{plain}` is off on this attachment; switch it on with a capability update"),
            false => format!("`{plain}` is none of this host's features; do without it"),
        });
        validated.disabled.push(plain);
    }
    for feature in features.list().iter().map(|feature| feature.as_str()) {
        if !names.iter().take(NAMES).any(|name| name == feature) {
            validated.warnings.push(format!("`{feature}` is on, too"));
        }
    }
    if names.len() > NAMES {
        validated.warnings.push(format!("{} names are more than the {NAMES} that are looked at", names.len()));
    }
    validated
}

/// Applies what a runtime wants changed: features of the handshake's list are switched on, any of its own off. What was
/// handed over before stays as it is.
pub(crate) fn update(offer: &Offer, level: u8, features: &Features, update: &Update) -> Updated {
    let refused = |code, message: String| Refusal::new(code, Stage::Link, message);
    let mut updated = Updated::default();
    for name in update.wanted.iter().take(NAMES) {
        let plain = plain_name(name).to_string();
        let known = Feature::named(name).filter(|_| offer.features.contains(&name.as_str()));
        let fault = match known {
            _ if update.dropped.contains(name) => {
                Some((Code::MalformedRequest, format!("`{plain}` is to be on and off; send it in one of the lists")))
            }
            _ if level < ENHANCED => {
                Some((Code::FeatureUnavailable, format!("a peer of level {level} has no features; announce level 2")))
            }
            None => {
                Some((Code::FeatureUnavailable, format!("`{plain}` is none of this host's features; do without it")))
            }
            Some(feature) => {
                features.switch_on(feature);
                None
            }
        };
        settle(&mut updated, plain, fault, &refused);
    }
    for name in update.dropped.iter().take(NAMES).filter(|name| !update.wanted.contains(name)) {
        let plain = plain_name(name).to_string();
        let fault = match Feature::named(name).filter(|feature| features.switch_off(*feature)) {
            Some(_) => None,
            None => Some((Code::FeatureUnavailable, format!("`{plain}` is not on; there is nothing to switch off"))),
        };
        settle(&mut updated, plain, fault, &refused);
    }
    for name in update.wanted.iter().skip(NAMES).chain(update.dropped.iter().skip(NAMES)).take(NAMES) {
        let fault = (Code::MalformedRequest, format!("more than {NAMES} names came at once; send fewer"));
        settle(&mut updated, plain_name(name).to_string(), Some(fault), &refused);
    }
    updated
}

fn settle(
    updated: &mut Updated,
    name: String,
    fault: Option<(Code, String)>,
    refused: &impl Fn(Code, String) -> Refusal,
) {
    match fault {
        None => updated.accepted.push(name),
        Some((code, message)) => updated.rejected.push((name, refused(code, message))),
    }
}

/// Rejects all of an update for one reason.
pub(crate) fn reject(update: &Update, refusal: &Refusal) -> Updated {
    let names = update.wanted.iter().chain(&update.dropped).take(NAMES);
    let rejected = names.map(|name| (plain_name(name).to_string(), refusal.clone())).collect();
    Updated { accepted: Vec::new(), rejected }
}

impl<C: Contracts> Port<C> {
    /// Applies what the runtime wants changed, and writes down what became of it. Calls that were handed over go on as
    /// they were.
    pub(crate) async fn update(&self, wanted: Update) -> Updated {
        let (host, card) = (&self.door.0, self.wire.card());
        let refused = |code, message: &str| Refusal::new(code, Stage::Link, message);
        let mut updated = if !wanted.runtime_id.is_empty() && wanted.runtime_id != card.id.as_str() {
            reject(&wanted, &refused(Code::PermissionDenied, "`runtime_id` is not the announced one; leave it out"))
        } else if wanted.from_ms > host.clock.unix_ms() {
            let message = "updates take effect when they come; send this one when it is to take effect";
            reject(&wanted, &refused(Code::MalformedRequest, message))
        } else {
            update(&Offer::to_runtimes(), self.level, &card.features, &wanted)
        };
        let on = card.features.list().iter().map(|feature| feature.as_str()).collect::<Vec<_>>().join(", ");
        let reason: String = wanted.reason.chars().take(128).collect();
        tracing::info!(runtime = %card.id, on, ?reason, "a runtime changed its features");
        host.ledger
            .note(Event {
                accepted: updated.accepted.clone(),
                rejected: updated.rejected.iter().map(|(name, why)| (name.clone(), why.code())).collect(),
                detail: Some(format!("on: {on}; {reason}")),
                ..self.event(Kind::FeaturesChanged, "")
            })
            .await;
        for (_, refusal) in &mut updated.rejected {
            *refusal = self.fill(refusal.clone(), "");
        }
        updated
    }
}

/// `1.10` is newer than `1.9`; a text that is no version is older than all.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests;
