//! Random policies and questions about the bank, of names that are there.

use grid_contract::Manifest;
use grid_policy::{PolicySet, Probe};
use grid_testkit::Dice;

use crate::common::{ROLES, bank, directory};

fn pick<'a>(dice: &mut Dice, of: &[&'a str]) -> &'a str {
    of[dice.below(of.len())]
}

const PRINCIPALS: &[&str] = &[
    "principal",
    "principal is Grid::User",
    "principal in Grid::Role::\"viewer\"",
    "principal in Grid::Role::\"teller\"",
    "principal in Grid::Role::\"teller_lead\"",
    "principal in Grid::Role::\"auditor\"",
    "principal is Grid::User in Grid::Role::\"teller\"",
    "principal in Grid::Tenant::\"acme\"",
    "principal in Grid::Tenant::\"a%2Fb\"",
    "principal == Grid::User::\"acme/tom\"",
    "principal == Grid::User::\"acme/lena\"",
    "principal == Grid::User::\"a%2Fb/tom\"",
    "principal in Grid::User::\"a/b/tom\"",
];
const ACTIONS: &[&str] = &[
    "action",
    "action in Grid::Action::\"call\"",
    "action == Grid::Action::\"balance\"",
    "action == Grid::Action::\"transfer\"",
    "action == Grid::Action::\"transfer\"",
    "action == Grid::Action::\"report\"",
    "action == Grid::Action::\"dynamic\"",
    "action in [Grid::Action::\"transfer\", Grid::Action::\"dynamic\"]",
];
const RESOURCES: &[&str] = &[
    "resource",
    "resource",
    "resource is Grid::Tool",
    "resource == Grid::Tool::\"transfer\"",
    "resource in Grid::Tag::\"money\"",
    "resource in Grid::Tag::\"paper\"",
    "resource in Grid::Group::\"bank\"",
    "resource in Grid::Group::\"registered\"",
    "resource is Grid::Tool in Grid::Group::\"reports\"",
];
const CONDITIONS: &[&str] = &[
    "",
    "",
    "",
    "when { resource.effect == \"read\" || resource.dynamic }",
    "when { principal.hasTag(\"department\") && principal.getTag(\"department\") like \"b*\" }",
    "when { context.local }",
    "unless { context.local }",
    "when { context.session.hasTag(\"channel\") && context.session.getTag(\"channel\") == \"app\" }",
    "when { context.now >= datetime(\"2026-01-01\") }",
    "when { context.args has count && context.args.count + 9223372036854775000 > 10 }",
    "when { context.args has count && context.args.count * 2 > 10 && context.local }",
    "unless { context.args has count && -context.args.count < 0 }",
    "when { context.args has amount && context.args.amount.lessThan(decimal(\"10.5\")) }",
    "unless { context.local || (context.args has urgent && context.args.urgent) }",
    "when { context.args has labels && context.args.labels.contains(\"gift\") }",
    "when { context.args has origin && context.args.origin.branch > 3 }",
    "when { context.tenant == Grid::Tenant::\"acme\" && principal in Grid::Role::\"teller\" }",
    "when { resource has providers && resource.providers.contains(\"x\") }",
];

/// A set of up to `most` policies. Some are impossible, and are left out as an operator would.
pub fn set(dice: &mut Dice, most: usize, bank: &Manifest) -> std::sync::Arc<PolicySet> {
    let mut files = vec![("roles.toml".to_owned(), ROLES.to_owned())];
    for number in 0..=dice.below(most) {
        let effect = pick(dice, &["permit", "permit", "permit", "forbid", "@approval(\"teller_lead\") forbid"]);
        let (who, what, on) = (pick(dice, PRINCIPALS), pick(dice, ACTIONS), pick(dice, RESOURCES));
        let text = format!("{effect} ({who}, {what}, {on}) {};", pick(dice, CONDITIONS));
        files.push((format!("p{number}.cedar"), text));
    }
    loop {
        let shown: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        match PolicySet::load(directory(&shown).path(), bank) {
            Ok((set, _)) => return set,
            Err(faults) => {
                for fault in &faults {
                    assert_eq!(fault.rule, "policy.impossible", "{fault}");
                }
                files.retain(|(name, _)| faults.iter().all(|fault| fault.place.file != *name));
            }
        }
    }
}

/// A question. With `odd`, the arguments may be such as no checked call has.
pub fn probe(dice: &mut Dice, odd: bool) -> Probe {
    let roles = dice.some(&["viewer", "teller", "auditor", "unheard-of"]);
    let mut probe = Probe {
        principal: pick(dice, &["tom", "lena", "b/tom", "x"]).to_owned(),
        tenant: pick(dice, &["acme", "a/b", "a", "other"]).to_owned(),
        roles: roles.into_iter().map(str::to_owned).collect(),
        tool: pick(dice, &["balance", "transfer", "transfer", "report", "brought"]).to_owned(),
        local: dice.coin(),
        now_ms: if dice.coin() { 1_800_000_000_000 } else { 1_700_000_000_000 },
        ..Probe::default()
    };
    if dice.coin() {
        probe.claims.insert("department".to_owned(), pick(dice, &["branch", "audit", ""]).to_owned());
    }
    if dice.coin() {
        probe.metadata.insert("channel".to_owned(), pick(dice, &["app", "desk"]).to_owned());
    }
    probe.args = (dice.below(4) > 0).then(|| args(dice, &probe.tool, odd));
    probe
}

fn args(dice: &mut Dice, tool: &str, odd: bool) -> String {
    match tool {
        "balance" => r#"{"account":"1"}"#.to_owned(),
        "transfer" => transfer(dice, odd),
        _ => "{}".to_owned(),
    }
}

fn transfer(dice: &mut Dice, odd: bool) -> String {
    const NUMBERS: &[&str] = &["1", "10.4999", "1e1", "0.5", "-3"];
    const ODD: &[&str] = &["1e300", "0.00001", "922337203685477.5808", "\"7\"", "null", "999999999999999999"];
    let mut members = Vec::new();
    let strange = odd && dice.below(3) == 0;
    if !(strange && dice.coin()) {
        members.push(format!("\"amount\":{}", pick(dice, if strange { ODD } else { NUMBERS })));
    }
    if !(strange && dice.coin()) {
        members.push("\"to\":\"x\"".to_owned());
    }
    if dice.coin() {
        let big = ["9223372036854775807", "-9223372036854775808", "9223372036854775000", "4", "0", "6"];
        members.push(format!("\"count\":{}", pick(dice, if strange { &["1.5", "\"\"", "{}"] } else { &big })));
    }
    if dice.coin() {
        members.push(format!("\"labels\":[{}]", dice.some(&["\"gift\"", "\"gift\"", "\"x\""]).join(",")));
    }
    if dice.coin() {
        members.push(format!("\"urgent\":{}", dice.coin()));
    }
    if dice.coin() {
        members.push(format!("\"origin\":{{\"branch\":{}}}", if strange { "[]" } else { "5" }));
    }
    let end = if strange && dice.below(8) == 0 { "" } else { "}" };
    format!("{{{}{end}", members.join(","))
}

/// How many of something: `default`, or what the variable says, for runs that take longer.
pub fn size(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The bank, once.
pub fn manifest() -> Manifest {
    bank()
}
