//! What holds for every set of policies and every question.

use grid_core::port::Verdict;
use grid_policy::{Answer, Standing};
use grid_testkit::Dice;

use crate::random;

/// Questions that one set is asked.
const EACH: usize = 500;

#[test]
fn sliced_policies_answer_as_all_of_them_do() {
    let bank = random::manifest();
    let (mut permits, mut asks, mut denials, mut errors) = (0, 0, 0, 0);
    for seed in 0..random::size("GRID_POLICY_SETS", 200) {
        let mut dice = Dice::seeded(seed as u64);
        let set = random::set(&mut dice, 16, &bank);
        for _ in 0..EACH {
            let probe = random::probe(&mut dice, true);
            let asked =
                |question: &grid_core::port::Question<'_>| (set.answer(question), set.answer_unsliced(question));
            let (sliced, unsliced) = probe.with(&bank, asked).unwrap();
            assert_eq!(sliced, unsliced, "seed {seed}: {probe:?}");
            match sliced {
                Ok(Verdict::Allow { .. }) => permits += 1,
                Ok(Verdict::Ask { .. }) => asks += 1,
                Ok(Verdict::Deny { .. }) => denials += 1,
                Err(_) => errors += 1,
            }
        }
    }
    // Answers of every kind, or nothing was compared.
    assert!(permits > 1_000 && asks > 100 && denials > 1_000 && errors > 100, "{permits} {asks} {denials} {errors}");
}

#[test]
fn no_answer_permits_where_a_policy_fails() {
    let bank = random::manifest();
    let (mut failed, mut unfit) = (0, 0);
    for seed in 0..random::size("GRID_POLICY_FAILING_SETS", 50) {
        let mut dice = Dice::seeded(0xa29_0000 + seed as u64);
        let set = random::set(&mut dice, 12, &bank);
        for _ in 0..EACH {
            let probe = random::probe(&mut dice, true);
            let explanation = probe
                .with(&bank, |question| {
                    let explained = set.explain(question);
                    let fails = explained.policies.iter().any(|(_, standing)| matches!(standing, Standing::Fails(_)));
                    (explained.answer, fails)
                })
                .unwrap();
            let (answer, fails) = explanation;
            unfit += usize::from(matches!(answer, Answer::Failed(_)));
            if fails {
                failed += 1;
                assert_eq!(answer.word(), "deny", "seed {seed}: {probe:?} {answer:?}");
            }
        }
    }
    assert!(failed > 500 && unfit > 200, "{failed} {unfit}");
}

#[test]
fn every_checked_question_is_of_the_schema() {
    let bank = random::manifest();
    let mut dice = Dice::seeded(7);
    let set = random::set(&mut dice, 4, &bank);
    for _ in 0..5_000 {
        let mut probe = random::probe(&mut dice, false);
        probe.args.get_or_insert_with(|| match probe.tool.as_str() {
            "balance" => r#"{"account":"1"}"#.to_owned(),
            "transfer" => r#"{"amount":1,"to":"x"}"#.to_owned(),
            _ => "{}".to_owned(),
        });
        let fits = probe.with(&bank, |question| set.fits(question)).unwrap();
        assert_eq!(fits, Ok(()), "{probe:?}");
    }
}

#[test]
fn what_is_allowed_for_some_arguments_is_at_least_what_is_allowed_for_these() {
    let bank = random::manifest();
    let mut compared = 0;
    for seed in 0..40 {
        let mut dice = Dice::seeded(0x5ee_0000 + seed);
        let set = random::set(&mut dice, 12, &bank);
        for _ in 0..EACH {
            let mut probe = random::probe(&mut dice, false);
            let with = probe.ask(&set, &bank).unwrap();
            probe.args = None;
            let without = probe.ask(&set, &bank).unwrap();
            if with.word() != "deny" {
                compared += 1;
                assert_ne!(without.word(), "deny", "seed {seed}: {probe:?} {with:?} {without:?}");
            }
        }
    }
    assert!(compared > 1_000, "{compared}");
}
