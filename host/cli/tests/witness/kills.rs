//! SIGKILL at any moment: an outside client keeps everything that was ever cosigned, and no two of it contradict.

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc::sync_channel},
    thread,
    time::Duration,
};

use grid_tlog::{Frontier, Hash};

use crate::kit::{Answer, Home, grown};

const KILLS: usize = 100;

/// What the client keeps: the tree that it knows to be cosigned, and every one before it.
struct Kept {
    edge: Frontier,
    trees: BTreeMap<u64, Hash>,
    times: Vec<u64>,
}

impl Kept {
    fn add(&mut self, edge: Frontier, time: u64) {
        let root = edge.root();
        assert_eq!(*self.trees.entry(edge.size()).or_insert(root), root, "two trees of {} entries", edge.size());
        assert!(edge.size() >= self.edge.size(), "a smaller tree was cosigned again");
        self.times.push(time);
        self.edge = edge;
    }
}

/// Two threads ask at once about two trees that part at the last entry. At most one may win.
fn race(home: &Arc<Home>, address: std::net::SocketAddr, kept: &Kept, step: usize) -> Vec<(Frontier, Option<Answer>)> {
    let threads = ["one", "other"].map(|who| {
        let (home, old) = (Arc::clone(home), kept.edge.clone());
        thread::spawn(move || {
            let edge = grown(&old, &format!("{who} {step}"));
            let answer = home.ask(address, &old, &edge).ok();
            (edge, answer)
        })
    });
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn a_hundred_kills_leave_no_two_words_that_contradict() {
    let home = Arc::new(Home::new());
    let mut kept = Kept { edge: Frontier::new(), trees: BTreeMap::new(), times: Vec::new() };
    let (mut step, mut unsure, mut unanswered) = (0, Vec::<Frontier>::new(), 0);
    for kill in 0..KILLS {
        if kill % 5 == 4 {
            // While it starts.
            let mut child = home.command(&[]).spawn().unwrap();
            thread::sleep(Duration::from_micros(500 * (kill as u64 % 40)));
            child.kill().unwrap();
            child.wait().unwrap();
            continue;
        }
        let mut process = home.start(&[]);
        let address = process.address;
        // After some answers, and then at any moment of the question that follows.
        let (tell, told) = sync_channel::<()>(1_000);
        let (answers, pause) = (kill % 4, Duration::from_micros((kill as u64 * 7_919) % 9_000));
        let killer = thread::spawn(move || {
            told.iter().take(answers).for_each(drop);
            thread::sleep(pause);
            process.kill();
        });
        'alive: loop {
            // After a kill nobody knows whether a question that got no answer was remembered, and which one.
            for edge in std::mem::take(&mut unsure) {
                match home.ask(address, &edge, &edge) {
                    Ok(Answer::Cosigned(time)) => kept.add(edge, time),
                    Ok(Answer::Conflict(size)) => assert!(size <= edge.size() && size >= kept.edge.size()),
                    Ok(Answer::Refused(422)) => {}
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => {
                        unsure.push(edge);
                    }
                }
            }
            if !unsure.is_empty() {
                break 'alive;
            }
            step += 1;
            let answers = race(&home, address, &kept, step);
            let won = answers.iter().filter(|(_, answer)| matches!(answer, Some(Answer::Cosigned(_)))).count();
            assert!(won <= 1, "both were cosigned");
            let was = kept.edge.size();
            // The killer may have gone already.
            let _ = tell.try_send(());
            let mut is_killed = false;
            for (edge, answer) in answers {
                match answer {
                    Some(Answer::Cosigned(time)) => kept.add(edge, time),
                    Some(Answer::Conflict(size)) => assert_eq!(size, was + 1),
                    Some(other) => panic!("{other:?}"),
                    None => {
                        is_killed = true;
                        unsure.push(edge);
                    }
                }
            }
            if is_killed {
                unanswered += 1;
                break 'alive;
            }
        }
        drop(tell);
        killer.join().unwrap();
    }
    assert!(kept.times.is_sorted(), "a later word had an earlier time");
    assert!(kept.trees.len() > 100, "only {} trees were cosigned", kept.trees.len());
    assert!(unanswered > KILLS / 3, "only {unanswered} kills met a question");
    // All that was kept is of one history: the last word, and that nothing before it is taken.
    let process = home.start(&[]);
    for edge in unsure {
        if let Answer::Cosigned(time) = home.ask(process.address, &edge, &edge).unwrap() {
            kept.add(edge, time);
        }
    }
    assert!(matches!(home.ask(process.address, &kept.edge, &kept.edge), Ok(Answer::Cosigned(_))));
    let empty = Frontier::new();
    assert_eq!(home.ask(process.address, &empty, &empty).unwrap(), Answer::Conflict(kept.edge.size()));
}
