//! What is served is what was reviewed, signed and not older than what was served.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use grid_config::Sources;
use grid_supply::signature;
use grid_tlog::{Kind, Signer};
use tempfile::TempDir;

use super::*;

struct Place {
    directory: TempDir,
    signer: Signer,
    config: Config,
}

fn text(version: &str, description: &str) -> String {
    format!(
        r#"{{"manifest_version":"{version}","contracts":[{{"name":"calc","required_roles":["*"],"function_declarations":[{{"name":"sum","description":"{description}","parameters":{{"type":"OBJECT","properties":{{"a":{{"type":"INTEGER"}}}}}}}}]}}]}}"#
    )
}

impl Place {
    fn new(settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let signer = Signer::generate("example.org/manifests", Kind::Note).unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        fs::write(at("manifest.json"), text("1.0.0", "Adds.")).unwrap();
        fs::write(at("keys"), format!("{}\n", signer.verifying_key())).unwrap();
        let mut set = vec![
            format!("manifest.path={}", at("manifest.json")),
            format!("manifest.keys={}", at("keys")),
            format!("data.dir={}", at("data")),
        ];
        set.extend(settings.iter().map(ToString::to_string));
        let sources = Sources { set, ..Sources::default() };
        let config = grid_config::read(&sources).settle().unwrap();
        Self { directory, signer, config }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn sign(&self, version: &str, description: &str) {
        let text = text(version, description);
        let note = signature::sign(version, text.as_bytes(), &self.signer);
        fs::write(self.at("manifest.json.sig"), note.to_string()).unwrap();
        fs::write(self.at("manifest.json"), text).unwrap();
    }

    fn serve(&self) -> Result<Provenance, String> {
        let (_, provenance) = manifest(&self.config).map_err(|failure| failure.to_string())?;
        provenance.keep().unwrap();
        Ok(provenance)
    }

    fn refused(&self, why: &str) {
        let message = self.serve().unwrap_err();
        assert!(message.starts_with("INVALID_CONFIG: ") && message.contains(why), "{why}: {message}");
    }
}

const SIGNED: &[&str] = &["manifest.require_signature=true"];

#[test]
fn a_manifest_without_a_good_signature_does_not_start() {
    let place = Place::new(SIGNED);
    place.refused("must be signed");
    place.sign("1.0.0", "Adds.");
    assert_eq!(place.serve().unwrap().to_string(), ", signed by example.org/manifests");
    fs::write(place.at("manifest.json"), text("1.0.0", "Adds. ")).unwrap();
    place.refused("differ from those that were signed");
    let stranger = Signer::generate("example.org/manifests", Kind::Note).unwrap();
    let bytes = fs::read(place.at("manifest.json")).unwrap();
    fs::write(place.at("manifest.json.sig"), signature::sign("1.0.0", &bytes, &stranger).to_string()).unwrap();
    place.refused("none of the 1 trusted keys");
    fs::write(place.at("manifest.json.sig"), signature::sign("9.9.9", &bytes, &place.signer).to_string()).unwrap();
    place.refused("the signature is of version `9.9.9`");
    fs::write(place.at("keys"), "").unwrap();
    place.refused("there is none in it");
    fs::remove_file(place.at("keys")).unwrap();
    place.refused("set `manifest.keys`");
}

#[test]
fn a_manifest_that_is_partly_written_does_not_start() {
    let place = Place::new(SIGNED);
    place.sign("1.0.0", "Adds.");
    let (whole, note) = (text("1.0.0", "Adds."), fs::read_to_string(place.at("manifest.json.sig")).unwrap());
    for cut in 0..whole.len() {
        fs::write(place.at("manifest.json"), &whole[..cut]).unwrap();
        assert!(place.serve().is_err(), "cut at {cut}");
    }
    fs::write(place.at("manifest.json"), &whole).unwrap();
    for cut in (0..note.len()).filter(|cut| note.is_char_boundary(*cut)) {
        fs::write(place.at("manifest.json.sig"), &note[..cut]).unwrap();
        assert!(place.serve().is_err(), "signature cut at {cut}");
    }
}

#[test]
fn versions_only_rise_until_a_rollback_is_accepted() {
    let place = Place::new(SIGNED);
    place.sign("1.2.0", "Adds.");
    place.serve().unwrap();
    place.serve().unwrap();
    place.sign("1.1.0", "Adds.");
    place.refused("has served version 1.2.0, and the manifest is version 1.1.0; serve one with a higher version");
    place.sign("1.2.0", "Adds a little more.");
    place.refused("another manifest of the same version 1.2.0");
    place.sign("1.10.0", "Adds.");
    place.serve().unwrap();
    place.sign("1.2.0", "Adds.");
    place.refused("grid manifest accept-rollback");
    let accepted = accept_rollback(&place.config).unwrap();
    assert_eq!(accepted, Some(Rollback { from: Some("1.10.0".to_owned()), to: "1.2.0".to_owned() }));
    assert!(place.serve().unwrap().to_string().ends_with(", rolled back from version 1.10.0"));
    assert!(!place.serve().unwrap().to_string().contains("rolled back"), "it is on record once");
    assert_eq!(accept_rollback(&place.config).unwrap(), None);
    fs::write(place.at("manifest.json"), text("1.1.0", "Adds.")).unwrap();
    assert!(accept_rollback(&place.config).is_err(), "without its signature nothing is accepted");
}

#[test]
fn what_was_served_is_read_by_its_owner_alone_and_never_taken_for_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new(SIGNED);
    place.sign("1.2.0", "Adds.");
    place.serve().unwrap();
    let file = place.at("data").join(VERSION_FILE);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let whole = fs::read_to_string(&file).unwrap();
    for cut in 0..whole.len() {
        fs::write(&file, &whole[..cut]).unwrap();
        place.refused("is not a version");
    }
    accept_rollback(&place.config).unwrap().unwrap();
    assert!(place.serve().unwrap().to_string().contains("rolled back"));
}

#[test]
fn where_signatures_are_not_required_nothing_is_kept() {
    let place = Place::new(&[]);
    assert_eq!(place.serve().unwrap().to_string(), "");
    assert!(!place.at("data").exists());
    assert!(accept_rollback(&place.config).is_err());
}

#[test]
fn a_locked_host_serves_what_the_lock_says_and_nothing_else() {
    let place = Place::new(&["manifest.locked=true"]);
    place.refused("write it with `grid manifest lock`");
    let lock = lock_of(&place.config, &place.at("manifest.json")).unwrap();
    fs::write(place.at(FILE_NAME), lock.to_string()).unwrap();
    assert_eq!(place.serve().unwrap().to_string(), ", as locked");
    let spaced = text("1.0.0", "Adds.").replace(',', " ,\n ");
    fs::write(place.at("manifest.json"), spaced).unwrap();
    place.serve().unwrap();
    fs::write(place.at("manifest.json"), text("1.1.0", "Adds what it is told.")).unwrap();
    place.refused(
        "\n  the manifest: its version was `1.0.0` and is `1.1.0` (compatible)\n  sum: changed in /description (compatible)",
    );
    fs::write(place.at(FILE_NAME), "{}").unwrap();
    place.refused("not a `grid.lock`");
}

/// Somebody swaps the manifest while it is read, ten thousand times: what is served is always what was signed.
#[test]
fn a_manifest_that_is_swapped_while_it_is_read_is_served_as_signed_or_not_at_all() {
    const RACES: usize = 10_000;
    let place = Place::new(SIGNED);
    place.sign("1.0.0", "Adds.");
    let (good, bad) = (text("1.0.0", "Adds."), text("1.0.0", "Adds and tells others."));
    let digest = grid_adm::Digest::of_bytes(good.as_bytes());
    let (done, target) = (AtomicBool::new(false), place.at("manifest.json"));
    thread::scope(|scope| {
        scope.spawn(|| {
            let other = place.at("other.json");
            for text in [&bad, &good].into_iter().cycle() {
                fs::write(&other, text).unwrap();
                fs::rename(&other, &target).unwrap();
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let (mut served, mut refused) = (0, 0);
        for _ in 0..RACES {
            match manifest(&place.config) {
                Ok((manifest, _)) => {
                    served += 1;
                    assert_eq!(manifest.digest(), Some(digest));
                    assert_eq!(manifest.get("sum").unwrap().description(), "Adds.");
                }
                Err(_) => refused += 1,
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(served > 0 && refused > 0, "{served} served, {refused} refused: the race did not happen");
    });
}
