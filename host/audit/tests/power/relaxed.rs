//! Where records may be lost: those that were counted as durable are not, whatever fails and whenever power goes.

use std::time::Duration;

use grid_audit::{Durability, Ledger};
use tokio::runtime::Runtime;

use crate::{
    image::Image,
    machine::{Log, Machine, refusal, runtime},
    random::Random,
    sim::{Plan, SimDisk},
    story::Story,
};

const SEEDS: u64 = 150;

#[test]
fn what_a_relaxed_ledger_counts_as_durable_is_not_lost() {
    let runtime = runtime();
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let log = Log { segment_bytes: 16 << 10, publishes: seed % 3 == 0 };
        run(log, &mut Random::new(seed), &runtime);
    }
}

fn run(log: Log, random: &mut Random, runtime: &Runtime) {
    let mut story = Story::default();
    let mut image = Image::new();
    for _ in 0..3 {
        let plan = Plan {
            stop_at: Some(20 + random.below(40)),
            failing_syncs: (0..3).map(|_| 4 + random.below(20)).collect(),
            capacity: None,
        };
        let mut machine = Machine::new(SimDisk::new(image, plan, Random::new(random.next())), log);
        machine.durability = Durability::Relaxed;
        image = match machine.open(&mut story, runtime.handle()) {
            Some(ledger) => runtime.block_on(live(&machine, ledger, &mut story, random)),
            None => machine.disk.image(),
        };
        let kept = random.one_of(&[0, 4, 8]);
        image = image.survivor(random.one_of(&[512, usize::MAX]), &mut || random.below(8) < kept);
    }
    Machine::last_look(image, log, story, runtime);
}

async fn live(machine: &Machine, ledger: Ledger, story: &mut Story, random: &mut Random) -> Image {
    let mut lost = ledger.status().lost;
    for _ in 0..20 {
        machine.clock.pass(Duration::from_secs(1));
        let event = refusal(random.one_of(&[100, 2500]), random);
        let commits = machine.commits();
        ledger.record(event.clone()).await.unwrap();
        // Only a commit takes losses off the count, by writing it down.
        while machine.commits() == commits && ledger.status().lost <= lost {
            std::thread::yield_now();
        }
        if machine.commits() > commits {
            story.acknowledge(ledger.status().records - 1, &event);
        }
        lost = ledger.status().lost;
        if machine.disk.has_stopped() {
            break;
        }
    }
    machine.kill(ledger).await
}
