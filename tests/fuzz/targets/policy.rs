//! Policies and the arguments that they read: the first line of the input is arguments, the rest is a file of policies.
//! Besides crashes it looks for a permit although a policy fails, for an answer that policies of another head change, and for
//! arguments that the contract takes and the schema of its policies does not.

#![no_main]

use std::{sync::OnceLock, time::Duration};

use grid_adm::{ExtraArgs, json};
use grid_contract::{Manifest, Options};
use grid_core::port::{Question, Verdict};
use grid_policy::{Answer, PolicySet, Probe, Standing};
use libfuzzer_sys::fuzz_target;

const MANIFEST: &str = include_str!("../../../manifests/teller.json");
const ROLES: &str = include_str!("../../../manifests/policies/roles.toml");

fn manifest() -> &'static Manifest {
    static MADE: OnceLock<Manifest> = OnceLock::new();
    MADE.get_or_init(|| {
        let minute = Duration::from_secs(60);
        let options =
            Options { extra_args: ExtraArgs::Reject, timeout: minute, max_timeout: minute, max_approval: minute };
        Manifest::read(MANIFEST, options).expect("the repository's manifest").manifest
    })
}

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (args, policies) = text.split_once('\n').unwrap_or(("{}", text));
    match PolicySet::read(&[("p.cedar", policies)], Some(ROLES), manifest()) {
        Ok((set, _)) => ["transfer_money", "account_balance", "daily_report", "brought"]
            .into_iter()
            .for_each(|tool| ask(&set, tool, args)),
        Err(faults) => assert!(!faults.is_empty(), "a refusal has reasons"),
    }
    let _ = PolicySet::read(&[], Some(policies), manifest());
});

fn ask(set: &PolicySet, tool: &str, args: &str) {
    for args in [None, Some(args.to_owned())] {
        let probe = Probe {
            principal: "tom".to_owned(),
            tenant: "north".to_owned(),
            roles: ["teller".to_owned()].into(),
            tool: tool.to_owned(),
            args,
            now_ms: 1_800_000_000_000,
            ..Probe::default()
        };
        probe.with(manifest(), |question| judge(set, question)).expect("names that are some");
    }
}

fn judge(set: &PolicySet, question: &Question<'_>) {
    let answer = set.answer(question);
    assert_eq!(answer, set.answer_unsliced(question), "slices change nothing");
    let permitted = matches!(answer, Ok(Verdict::Allow { .. } | Verdict::Ask { .. }));
    let explained = set.explain(question);
    assert_eq!(explained.answer, Answer::from(answer));
    let fails = explained.policies.iter().any(|(_, standing)| matches!(standing, Standing::Fails(_)));
    assert!(!(permitted && fails), "a policy that fails denies");
    let checked = manifest().get(question.tool).zip(question.args.and_then(|args| json::parse(args).ok()));
    if let Some((contract, args)) = checked
        && contract.checker().is_valid(&args)
        && question.args.is_some_and(holds)
    {
        assert_eq!(set.fits(question), Ok(()), "checked arguments are of the schema");
    }
}

/// Whether policies can hold every number: the bounds of decimals are no matter of the schema.
fn holds(args: &str) -> bool {
    !args.bytes().any(|byte| byte.is_ascii_digit())
}
