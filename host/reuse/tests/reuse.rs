//! Results are given to equal calls alone, for as long as they may be, within their room.
#![expect(clippy::unwrap_used, reason = "a suite that cannot be set up fails")]

use std::{collections::HashMap, sync::Arc, time::Duration};

use grid_core::id::{InvocationId, TenantId};
use grid_reuse::{Found, Kept, Key, Reuse, Settings, Why};
use proptest::prelude::*;

const WIDE: Settings = Settings { bytes: 1 << 20, entries: 1_000, largest: 1 << 16 };

fn key(tenant: &str, contract: u8, provider: &str, args: u8) -> Key {
    let tenant = TenantId::parse(tenant).unwrap();
    Key { tenant, contract: [contract; 32], provider: Arc::from(provider), args: [args; 32] }
}

fn tool() -> Arc<str> {
    Arc::from("sum")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn find(reuse: &Reuse, key: &Key, now: u64) -> Result<Kept, Why> {
    match reuse.find(key.clone(), &tool(), seconds(now)) {
        Found::Hit(kept) => Ok(kept),
        Found::Miss(why, _) => Err(why),
    }
}

fn keep(reuse: &Reuse, key: &Key, content: &str, now: u64) -> bool {
    match reuse.find(key.clone(), &tool(), seconds(now)) {
        Found::Hit(_) => false,
        Found::Miss(_, slot) => reuse.keep(slot, content, InvocationId::mint(), seconds(60), seconds(now)),
    }
}

#[test]
fn a_result_is_given_again_until_its_time() {
    let reuse = Reuse::new(WIDE);
    let one = key("acme", 1, "calc", 1);
    assert_eq!(find(&reuse, &one, 0), Err(Why::Unknown));
    assert!(keep(&reuse, &one, "42", 0));
    let kept = find(&reuse, &one, 59).unwrap();
    assert_eq!((&*kept.content, kept.age), ("42", seconds(59)));
    assert_eq!(find(&reuse, &one, 60), Err(Why::Expired));
    assert_eq!(find(&reuse, &one, 60), Err(Why::Unknown), "it is gone with that");
    assert_eq!(reuse.counts().bytes, 0);
}

#[test]
fn what_is_cleared_is_told_as_that_and_given_no_more() {
    let reuse = Reuse::new(WIDE);
    let (acme, other) = (key("acme", 1, "calc", 1), key("other", 1, "calc", 1));
    assert!(keep(&reuse, &acme, "1", 0) && keep(&reuse, &other, "2", 0));
    assert_eq!(
        reuse.clear(|tenant, tool, provider| tenant.as_str() == "acme" && tool == "sum" && provider == "calc"),
        1
    );
    assert_eq!(find(&reuse, &acme, 1), Err(Why::Cleared));
    assert!(find(&reuse, &other, 1).is_ok());
    assert!(keep(&reuse, &acme, "3", 1), "what is asked for later may be kept");
    assert_eq!(&*find(&reuse, &acme, 2).unwrap().content, "3");
}

#[test]
fn a_call_that_was_under_way_when_something_was_cleared_keeps_nothing() {
    let reuse = Reuse::new(WIDE);
    let one = key("acme", 1, "calc", 1);
    let Found::Miss(_, slot) = reuse.find(one.clone(), &tool(), seconds(0)) else { panic!("nothing is kept") };
    assert_eq!(reuse.clear(|_, _, _| true), 0);
    assert!(!reuse.keep(slot, "old", InvocationId::mint(), seconds(60), seconds(1)));
    assert_eq!(find(&reuse, &one, 2), Err(Why::Unknown));
}

#[test]
fn nothing_is_kept_where_nothing_may_be() {
    for settings in [Settings { bytes: 0, ..WIDE }, Settings { entries: 0, ..WIDE }, Settings { largest: 1, ..WIDE }] {
        let reuse = Reuse::new(settings);
        assert!(!keep(&reuse, &key("acme", 1, "calc", 1), "42", 0), "{settings:?}");
        assert_eq!(reuse.counts().entries, 0);
    }
}

#[test]
fn the_oldest_makes_room() {
    let reuse = Reuse::new(Settings { entries: 3, ..WIDE });
    for args in 0..4 {
        assert!(keep(&reuse, &key("acme", 1, "calc", args), "42", 0));
    }
    assert_eq!(find(&reuse, &key("acme", 1, "calc", 0), 1), Err(Why::Unknown));
    assert!((1..4).all(|args| find(&reuse, &key("acme", 1, "calc", args), 1).is_ok()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a model that remembers everything: what is found was given to exactly this tenant, contract, provider and
    /// arguments, is the last that was kept, is neither too old nor void; and bounds hold after every step.
    #[test]
    fn only_equal_calls_share_results(
        steps in prop::collection::vec((0_u8..5, 0_usize..3, 0_u8..3, 0_usize..3, 0_u8..3, 0_usize..6_000, 0_u64..40), 1..400)
    ) {
        let settings = Settings { bytes: 24_000, entries: 20, largest: 5_000 };
        let reuse = Reuse::new(settings);
        let (tenants, providers) = (["acme", "other", "third"], ["calc", "calc2", "c"]);
        let mut model: HashMap<Key, (String, u64)> = HashMap::new();
        let (mut now, mut number) = (0, 0);
        for (what, tenant, contract, provider, args, size, wait) in steps {
            let key = key(tenants[tenant], contract, providers[provider], args);
            match what {
                0 | 1 => {
                    number += 1;
                    let content = format!("{number}:{}", "x".repeat(size));
                    if keep(&reuse, &key, &content, now) {
                        model.insert(key, (content, now + 60));
                    }
                }
                2 => {
                    let void = tenants[tenant];
                    reuse.clear(|tenant, _, _| tenant.as_str() == void);
                    model.retain(|key, _| key.tenant.as_str() != void);
                }
                3 => {
                    let void = providers[provider];
                    reuse.clear(|_, _, provider| provider == void);
                    model.retain(|key, _| &*key.provider != void);
                }
                _ => now += wait,
            }
            for tenant in tenants {
                for provider in providers {
                    for (contract, args) in (0..3).flat_map(|contract| (0..3).map(move |args| (contract, args))) {
                        let key = self::key(tenant, contract, provider, args);
                        if let Ok(kept) = find(&reuse, &key, now) {
                            let (content, until) = model.get(&key).expect("it was kept for this very call");
                            prop_assert_eq!(&*kept.content, content.as_str());
                            prop_assert!(now < *until);
                        }
                    }
                }
            }
            let counts = reuse.counts();
            prop_assert!(counts.bytes <= settings.bytes as u64 && counts.entries <= settings.entries as u64);
        }
    }
}
