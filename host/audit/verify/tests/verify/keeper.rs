//! What the keeper of the key can do, and who sees it (AUD-7): nobody who has nothing to compare with, and everybody
//! who kept one checkpoint or one receipt.

use std::fs;

use grid_audit_verify::{Directory, Evidence, Log, Options};
use grid_tlog::{Kind, Note, Proof, Signature, Signer, cosign};
use tempfile::TempDir;

use crate::{
    common::{Host, Random, fails, holds},
    honest::content,
    maker::{Content, Shape},
};

/// A checkpoint and a receipt of a log as it is now.
fn kept(content: &Content, random: &mut Random) -> [Evidence; 2] {
    let directory = TempDir::new().unwrap();
    content.write(directory.path(), &Shape::whole(content));
    let log = Log::open(Directory::open(directory.path()).unwrap()).unwrap();
    let index = random.below(content.size()) as u64;
    let proof: Proof = log.prove(index).unwrap();
    let receipt = serde_json::to_string(&proof).unwrap();
    let note = fs::read_to_string(directory.path().join("checkpoint")).unwrap();
    [Evidence::parse("checkpoint", &note).unwrap(), Evidence::parse("receipt", &receipt).unwrap()]
}

#[test]
fn another_history_is_seen_by_whoever_kept_something() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let entries = random.in_range(5..=300);
        let original = content(&mut random, entries, 0);
        let batches = original.batches.len();
        let shared = random.below(batches);
        // Rewritten from some batch on; rolled back to it; forked there and grown further than the original.
        let rolled_back = original.at_batch(shared);
        let mut host = Host::new(random.next());
        let mut forked = rolled_back.clone();
        while forked.size() <= original.size() {
            forked.batch((0..random.in_range(1..=20)).map(|_| host.entry()));
        }
        let mut rewritten = Content::new(original.keys[0].1.clone());
        let changed = random.below(original.size());
        for (at, end) in original.batches.iter().enumerate() {
            let from = at.checked_sub(1).map_or(0, |before| original.batches[before]);
            rewritten.batch((from..*end).map(|index| match index == changed {
                true => b"{\"at_ms\":1,\"kind\":\"refused\"}".to_vec(),
                false => original.entries[index].clone(),
            }));
        }
        let key = original.key();
        let kept = kept(&original, &mut random);
        for (what, other) in [("rolled back", rolled_back), ("forked", forked), ("rewritten", rewritten)] {
            let directory = TempDir::new().unwrap();
            other.write(directory.path(), &Shape::whole(&other));
            let options = Options::default().key(&key);
            if what != "rewritten" {
                // By itself it is as good as the original: it was signed by the same key.
                holds(directory.path(), &options);
            }
            for evidence in &kept {
                let failure = fails(directory.path(), &options.kept(std::slice::from_ref(evidence)));
                let seen = ["does not continue", "rolled back", "never admitted"];
                assert!(seen.iter().any(|seen| failure.what.contains(seen)), "seed {seed}, {what}: {failure}");
            }
        }
        let directory = TempDir::new().unwrap();
        original.write(directory.path(), &Shape::whole(&original));
        assert_eq!(holds(directory.path(), &Options::default().key(&key).kept(&kept)).kept, 2);
    }
}

#[test]
fn a_log_that_witnesses_saw_further_on_is_refused_without_being_told() {
    let mut random = Random::new(7);
    let original = content(&mut random, 60, 0);
    let earlier = original.at_batch(original.batches.len() / 2);
    let directory = TempDir::new().unwrap();
    earlier.write(directory.path(), &Shape::whole(&earlier));
    let key = original.key();
    let witnessed = directory.path().join("checkpoint.witnessed");
    fs::write(&witnessed, earlier.note(earlier.size())).unwrap();
    assert_eq!(holds(directory.path(), &Options::default().key(&key)).kept, 1);
    fs::write(&witnessed, original.note(original.size())).unwrap();
    let failure = fails(directory.path(), &Options::default().key(&key));
    assert!(failure.what.contains("rolled back"), "{failure}");
}

#[test]
fn the_witnesses_that_are_asked_for_must_have_cosigned_what_the_log_continues() {
    let mut random = Random::new(8);
    let original = content(&mut random, 60, 0);
    let key = original.key();
    let directory = TempDir::new().unwrap();
    original.write(directory.path(), &Shape::whole(&original));
    let signers: Vec<Signer> =
        ["w/1", "w/2", "w/3"].map(|name| Signer::generate(name, Kind::Cosignature).unwrap()).into();
    let keys: Vec<_> = signers.iter().map(|signer| signer.verifying_key().clone()).collect();
    let file = directory.path().join("checkpoint.witnessed");
    let put = |of: &Content, size: usize, by: &[usize]| {
        let mut note = Note::parse(&of.note(size)).unwrap();
        by.iter().for_each(|at| note.add(cosign(note.text(), 1_795_000_000, &signers[*at]).unwrap()));
        fs::write(&file, note.to_string()).unwrap();
    };
    let options = Options::default().key(&key);
    let refused = |options: &Options<'_>, why: &str| {
        let failure = fails(directory.path(), options);
        assert!(failure.what.contains(why), "{failure}");
        assert_eq!(failure.file.as_deref(), Some("checkpoint.witnessed"));
    };
    refused(&options.witnesses(&keys, 0), "no witness has cosigned");
    assert_eq!(holds(directory.path(), &options).cosigned, None);

    let earlier = original.at_batch(original.batches.len() / 2).size();
    put(&original, earlier, &[0, 2]);
    let cosigned = holds(directory.path(), &options.witnesses(&keys, 2)).cosigned.unwrap();
    let names: Vec<&str> = cosigned.by.iter().map(|witness| witness.name.as_str()).collect();
    assert_eq!((cosigned.size, names, cosigned.by[0].time), (earlier as u64, vec!["w/1", "w/3"], 1_795_000_000));
    holds(directory.path(), &options.witnesses(&keys[..1], 0));
    refused(&options.witnesses(&keys, 0), "2 of the given witnesses");
    refused(&options.witnesses(&keys[1..2], 1), "0 of the given witnesses");

    // A line of the right name that another key made, or that is over another text.
    let forger = Signer::generate("w/2", Kind::Cosignature).unwrap();
    let note = fs::read_to_string(&file).unwrap();
    let mut forged = Note::parse(&note).unwrap();
    forged.add(Signature { id: keys[1].id(), ..cosign(forged.text(), 5, &forger).unwrap() });
    fs::write(&file, forged.to_string()).unwrap();
    refused(&options.witnesses(&keys, 2), "does not fit");

    // Another past, signed with the log's own key, is not the one that they saw.
    let mut other = original.at_batch(original.batches.len() / 2);
    let mut host = Host::new(9);
    other.batch((0..5).map(|_| host.entry()));
    put(&other, other.size(), &[0, 1, 2]);
    let failure = fails(directory.path(), &options.witnesses(&keys, 0));
    assert!(failure.what.contains("does not continue") || failure.what.contains("rolled back"), "{failure}");
}
