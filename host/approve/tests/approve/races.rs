//! Many at once: one decides, one uses it up.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use grid_approve::{Asked, End, Ending};
use grid_core::consent::Say;

use super::common::{ARGS, Bank, bank_with, boss, settings};

const ROUNDS: usize = 500;
const THREADS: usize = 6;

fn crowd() -> Bank {
    bank_with(grid_approve::Settings { per_principal: ROUNDS, per_tenant: ROUNDS, total: ROUNDS, ..settings() })
}

/// Has every thread do `act` for every approval, all at once, and counts how often it succeeded for each.
fn all_at_once(asked: &[Arc<Asked>], act: impl Fn(usize, usize, &Asked) -> bool + Sync) -> Vec<usize> {
    let counts: Vec<_> = asked.iter().map(|_| AtomicUsize::new(0)).collect();
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (act, start, counts) = (&act, &start, &counts);
            scope.spawn(move || {
                for (at, (asked, count)) in asked.iter().zip(counts).enumerate() {
                    if at % 32 == 0 {
                        start.wait();
                    }
                    if act(number, at, asked) {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    counts.into_iter().map(AtomicUsize::into_inner).collect()
}

#[tokio::test]
async fn of_many_who_decide_or_end_at_once_exactly_one_does() {
    let bank = crowd();
    let mut asked = Vec::new();
    for number in 0..ROUNDS {
        asked.push(bank.wait(&bank.judged(&format!("k{number}"), "pay", ARGS).await));
    }
    let wins = all_at_once(&asked, |number, _, asked| {
        let ending = match number % 3 {
            0 => bank.decide(&boss(), asked, Say::Approve).ok(),
            1 => bank.decide(&boss(), asked, Say::Deny).ok(),
            _ => bank.approvals.end(asked.approval(), End::Expired),
        };
        ending.map(Ending::settle).is_some()
    });
    assert!(wins.iter().all(|wins| *wins == 1), "{wins:?}");
}

#[tokio::test]
async fn of_many_who_use_it_at_once_exactly_one_does() {
    let bank = crowd();
    let (mut asked, mut calls) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let call_id = format!("k{number}");
        let waits = bank.wait(&bank.judged(&call_id, "pay", ARGS).await);
        bank.approve(&waits);
        asked.push(waits);
        for _ in 0..THREADS {
            calls.push(std::sync::Mutex::new(Some(bank.judged(&call_id, "pay", ARGS).await)));
        }
    }
    let wins = all_at_once(&asked, |number, at, asked| {
        let call = calls.get(at * THREADS + number).and_then(|call| call.lock().unwrap().take());
        bank.consume(asked, call.unwrap()).is_ok()
    });
    assert!(wins.iter().all(|wins| *wins == 1), "{wins:?}");
    assert_eq!(bank.approvals.count(), 0);
}

/// Whoever makes rights void while others approve and use: nothing is used after that has returned.
#[tokio::test]
async fn nothing_is_used_after_rights_were_made_void() {
    let bank = crowd();
    let (mut asked, mut calls) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let call_id = format!("k{number}");
        asked.push(bank.wait(&bank.judged(&call_id, "pay", ARGS).await));
        calls.push(std::sync::Mutex::new(Some(bank.judged(&call_id, "pay", ARGS).await)));
    }
    let void = AtomicUsize::new(0);
    let wins = all_at_once(&asked, |number, at, asked| match number {
        0 if at == ROUNDS / 2 => {
            bank.approvals.void_before(2);
            void.store(1, Ordering::SeqCst);
            false
        }
        1 => {
            let was_void = void.load(Ordering::SeqCst) == 1;
            let decided = bank.decide(&boss(), asked, Say::Approve).map(Ending::settle).is_ok();
            let call = calls.get(at).and_then(|call| call.lock().unwrap().take());
            let used = bank.consume(asked, call.unwrap()).is_ok();
            assert!(!(was_void && (decided || used)), "it was void before this began");
            used
        }
        _ => false,
    });
    assert!(wins.contains(&1) && wins.contains(&0));
}
