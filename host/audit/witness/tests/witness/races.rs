//! Many at once, and any order of requests: what was signed is one history.

use std::{
    collections::BTreeMap,
    sync::{Barrier, Mutex},
    thread,
};

use grid_audit_witness::{Answered, Limits};
use grid_tlog::{Hash, Note, Signature};
use proptest::prelude::*;

use crate::kit::{Home, Log, Server};

/// Every tree that was cosigned: one root for each size, or the witness contradicted itself.
#[derive(Default)]
struct Said(BTreeMap<u64, Hash>);

impl Said {
    fn add(&mut self, log: &Log, size: u64, line: &str, home: &Home) {
        let note = Note::from_parts(log.note(size).text().into(), vec![Signature::parse(line.trim_end()).unwrap()]);
        note.cosigned(&home.key).unwrap();
        let root = log.checkpoint(size).root;
        assert_eq!(*self.0.entry(size).or_insert(root), root, "two trees of {size} entries");
    }

    /// All trees are of one of these logs.
    fn is_of_one(&self, logs: &[&Log]) -> bool {
        logs.iter().any(|log| self.0.iter().all(|(size, root)| log.checkpoint(*size).root == *root))
    }
}

#[test]
fn a_thousand_at_once_get_one_history() {
    const THREADS: usize = 20;
    const EACH: usize = 50;
    let (log, home) = (Log::new(200), Home::new());
    let fork = log.fork(0);
    let server = Server::start(home.open(&[log.key()]), Limits::default());
    let (said, start) = (Mutex::new(Said::default()), Barrier::new(THREADS));
    let answers = Mutex::new(BTreeMap::<u16, usize>::new());
    thread::scope(|scope| {
        for place in 0..THREADS {
            let (log, server, said, start, answers) =
                (if place % 2 == 0 { &log } else { &fork }, &server, &said, &start, &answers);
            let home = &home;
            scope.spawn(move || {
                start.wait();
                let mut old = 0;
                for round in 0..EACH {
                    let new = old + 1 + ((place * 7 + round * 3) % 3) as u64;
                    let reply = server.post(log.request(old.min(new), new.min(200)));
                    *answers.lock().unwrap().entry(reply.status).or_default() += 1;
                    match reply.status {
                        200 => {
                            said.lock().unwrap().add(log, new.min(200), &reply.body, home);
                            old = new.min(199);
                        }
                        409 => old = reply.body.trim_end().parse::<u64>().unwrap().min(199),
                        422 => {}
                        other => panic!("{other}: {reply:?}"),
                    }
                }
            });
        }
    });
    let (said, answers) = (said.into_inner().unwrap(), answers.into_inner().unwrap());
    assert_eq!(answers.values().sum::<usize>(), THREADS * EACH);
    assert!(said.is_of_one(&[&log, &fork]), "{answers:?}");
    assert!(said.0.len() > 5, "{answers:?}");
}

#[test]
fn of_a_thousand_first_checkpoints_one_wins() {
    let (log, home) = (Log::new(1_000), Home::new());
    let requests: Vec<String> = (0..1_000).map(|at| log.fork(at).request(0, 1_000)).collect();
    let server = Server::start(home.open(&[log.key()]), Limits::default());
    let answers = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for chunk in requests.chunks(20) {
            let (server, answers) = (&server, &answers);
            scope.spawn(move || {
                let mine: Vec<_> = chunk.iter().map(|request| server.post(request)).collect();
                answers.lock().unwrap().extend(mine);
            });
        }
    });
    let answers = answers.into_inner().unwrap();
    assert_eq!(answers.iter().filter(|reply| reply.status == 200).count(), 1);
    assert!(answers.iter().all(|reply| reply.status == 200 || (reply.status, reply.body.as_str()) == (409, "1000\n")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any requests about two histories that part somewhere, with a restart wherever one likes.
    #[test]
    fn no_order_of_requests_gets_two_histories(
        part in 0_u64..12,
        steps in prop::collection::vec((any::<bool>(), 0_u64..13, 0_u64..13, prop::bool::weighted(0.2)), 1..40),
    ) {
        let (log, home) = (Log::new(12), Home::new());
        let fork = log.fork(part);
        let mut cosigner = home.open(&[log.key()]);
        let (mut said, mut size) = (Said::default(), 0);
        for (is_fork, old, new, restarts) in steps {
            if restarts {
                drop(cosigner);
                cosigner = home.open(&[log.key()]);
            }
            let of = if is_fork { &fork } else { &log };
            let (old, new) = (old.min(12), new.min(12));
            let request = crate::kit::body(old, &of.proof(old.min(new), new), &of.note(new).to_string());
            match cosigner.add_checkpoint(request.as_bytes()) {
                Answered::Cosigned(line) => {
                    said.add(of, new, &line, &home);
                    prop_assert!(old == size && new >= size);
                    size = new;
                }
                Answered::Conflict(told) => prop_assert!(told == size && told != old),
                Answered::Malformed(_) => prop_assert!(old > new),
                Answered::Unproved(_) => prop_assert!(old == size),
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert!(said.is_of_one(&[&log, &fork]));
    }
}
