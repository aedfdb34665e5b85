//! Which notes count as witnessed.

use grid_tlog::{Checkpoint, Frontier, Hash, Kind, Note, Signer, Unproved, VerifyingKey, cosign, witnessed};

const TIME: u64 = 1_800_000_000;

struct Scene {
    log: Signer,
    witnesses: Vec<Signer>,
    note: Note,
}

impl Scene {
    fn new(witnesses: usize) -> Self {
        let log = Signer::generate("example.org/log", Kind::Note).unwrap();
        let mut edge = Frontier::new();
        edge.push(Hash::leaf(b"entry"));
        let note = Checkpoint { origin: "example.org/log".into(), size: 1, root: edge.root() }.sign(&log);
        let name = |at| format!("witness.example/{at}");
        let witnesses = (0..witnesses).map(|at| Signer::generate(&name(at), Kind::Cosignature).unwrap()).collect();
        Self { log, witnesses, note }
    }

    fn cosigned_by(mut self, who: &[usize]) -> Self {
        for at in who {
            self.note.add(cosign(self.note.text(), TIME + *at as u64, &self.witnesses[*at]).unwrap());
        }
        self
    }

    fn keys(&self) -> Vec<VerifyingKey> {
        self.witnesses.iter().map(|signer| signer.verifying_key().clone()).collect()
    }

    fn check(&self, quorum: usize) -> Result<Vec<String>, Unproved> {
        let seen = witnessed(&self.note.to_string(), self.log.verifying_key(), &self.keys(), quorum)?;
        assert_eq!(seen.checkpoint.size, 1);
        Ok(seen.by.iter().map(|(key, cosignature)| format!("{} {}", key.name(), cosignature.time - TIME)).collect())
    }
}

#[test]
fn a_quorum_is_counted_over_the_given_witnesses_alone() {
    let scene = Scene::new(3).cosigned_by(&[0, 2]);
    assert_eq!(scene.check(2).unwrap(), ["witness.example/0 0", "witness.example/2 2"]);
    assert_eq!(scene.check(0).unwrap().len(), 2);
    assert_eq!(scene.check(3), Err(Unproved::Quorum { needed: 3, found: 2 }));
    let stranger = Scene::new(1);
    let seen = witnessed(&scene.note.to_string(), scene.log.verifying_key(), &stranger.keys(), 1);
    assert_eq!(seen, Err(Unproved::Quorum { needed: 1, found: 0 }));
}

#[test]
fn one_witness_counts_once_however_often_it_is_given_or_named() {
    let mut scene = Scene::new(1).cosigned_by(&[0, 0]);
    let secret = scene.witnesses[0].secret();
    let seed = secret.splitn(5, '+').last().unwrap();
    let public = scene.keys()[0].to_string();
    let public = public.splitn(3, '+').last().unwrap();
    // The same pair under another name: the id is that of the new name, so a key has to be made of the parts.
    let alias = "witness.example/alias";
    let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, public).unwrap();
    let key = VerifyingKey::new(alias, Kind::Cosignature, bytes[1..].try_into().unwrap()).unwrap();
    let signer = Signer::parse(&format!("PRIVATE+KEY+{alias}+{:08x}+{seed}", key.id())).unwrap();
    scene.note.add(cosign(scene.note.text(), TIME, &signer).unwrap());
    let keys = [scene.keys()[0].clone(), scene.keys()[0].clone(), key];
    let seen = witnessed(&scene.note.to_string(), scene.log.verifying_key(), &keys, 2);
    assert_eq!(seen, Err(Unproved::Quorum { needed: 2, found: 1 }));
}

#[test]
fn a_line_that_does_not_hold_refuses_the_note() {
    let scene = Scene::new(2).cosigned_by(&[0, 1]);
    let mut lines = scene.note.signatures().to_vec();
    lines[2].bytes[20] ^= 1;
    let forged = Note::from_parts(scene.note.text().into(), lines).to_string();
    let seen = witnessed(&forged, scene.log.verifying_key(), &scene.keys(), 1);
    assert!(matches!(seen, Err(Unproved::BadSignature(_))), "{seen:?}");
}

#[test]
fn witnesses_do_not_stand_in_for_the_log() {
    let scene = Scene::new(1).cosigned_by(&[0]);
    let unsigned = Note::from_parts(scene.note.text().into(), scene.note.signatures()[1..].to_vec()).to_string();
    let seen = witnessed(&unsigned, scene.log.verifying_key(), &scene.keys(), 1);
    assert!(matches!(seen, Err(Unproved::NotSigned(_))), "{seen:?}");
}
