//! Power is lost while a log gets another key. Afterwards it opens with one of the two, or says that the change is to
//! be made again, which then succeeds; what was stored stays, and the change is in the log once.

use std::{path::Path, sync::Arc};

use grid_audit::{Error, History, Ledger, Options, Reader, rotate_on};
use grid_tlog::{Kind, Signer};
use tokio::runtime::Runtime;

use crate::{
    image::Image,
    machine::{DIRECTORY, Hand, admission, refusal, runtime, signer, store},
    public,
    random::Random,
    sim::{Plan, SimDisk},
    story::Entries,
};

const ADMITTED: usize = 1;
const REFUSED: usize = 5;

struct Keys {
    old: Arc<Signer>,
    new: Arc<Signer>,
}

fn options(key: &Arc<Signer>) -> Options {
    Options { segment_bytes: 16 << 10, ..Options::new(DIRECTORY, Arc::clone(key)) }
}

fn open(disk: &SimDisk, key: &Arc<Signer>, runtime: &Runtime) -> Result<Ledger, Error> {
    let clock = Arc::new(Hand::default());
    Ok(Ledger::open_on(disk.clone(), options(key), clock, Arc::new(()), runtime.handle())?.0)
}

fn rotate(disk: &SimDisk, keys: &Keys, runtime: &Runtime) -> Result<u64, Error> {
    let clock = Arc::new(Hand::default());
    rotate_on(disk.clone(), &options(&keys.old), &keys.new, clock, runtime.handle())
}

fn entries(disk: &SimDisk) -> Entries {
    let records = Reader::open_on(disk.clone(), DIRECTORY).unwrap().records(0);
    records.map(|record| record.unwrap().line().as_bytes().to_vec()).collect()
}

#[test]
fn a_change_of_keys_that_is_interrupted_is_made_or_made_again() {
    let runtime = runtime();
    let name = signer().verifying_key().name().to_owned();
    let keys = Keys { old: signer(), new: Arc::new(Signer::generate(&name, Kind::Note).unwrap()) };
    let begun = begun(&keys, &runtime);
    let before = entries(&SimDisk::new(begun.clone(), Plan::default(), Random::new(0)));
    let mut ends = [0; 3];
    for stop_at in 1.. {
        let plan = Plan { stop_at: Some(stop_at), ..Plan::default() };
        let disk = SimDisk::new(begun.clone(), plan, Random::new(0));
        let is_done = rotate(&disk, &keys, &runtime).is_ok();
        disk.stop();
        let image = disk.image();
        let mut random = Random::new(stop_at);
        let mut survivors = vec![image.clone(), image.survivor(512, &mut || false)];
        survivors.extend((0..12).map(|_| image.survivor(512, &mut || random.one_in(2))));
        for survivor in survivors {
            let end = goes_on(survivor, &keys, &before, &runtime);
            assert!(!is_done || end == End::Made, "a change that was made is gone: {end:?}");
            ends[end as usize] += 1;
        }
        if is_done {
            break;
        }
    }
    println!("not made, to be made again, made: {ends:?}");
    assert!(ends.iter().all(|count| *count > 10), "{ends:?}");
}

/// Leaves an admission open, so that the change begins with its conclusion.
fn begun(keys: &Keys, runtime: &Runtime) -> Image {
    let disk = SimDisk::new(Image::new(), Plan::default(), Random::new(0));
    let ledger = open(&disk, &keys.old, runtime).unwrap();
    let random = &mut Random::new(1);
    runtime.block_on(async {
        for _ in 0..REFUSED {
            store(ledger.clone(), refusal(2000, random)).await.unwrap();
        }
        for _ in 0..ADMITTED {
            store(ledger.clone(), admission(random)).await.unwrap();
        }
        ledger.close().await.unwrap();
    });
    disk.image()
}

/// In which state the operator finds the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    NotMade,
    ToBeMadeAgain,
    Made,
}

fn goes_on(image: Image, keys: &Keys, before: &Entries, runtime: &Runtime) -> End {
    let disk = SimDisk::new(image, Plan::default(), Random::new(0));
    let (end, ledger) = match open(&disk, &keys.old, runtime) {
        Ok(ledger) => (End::NotMade, ledger),
        Err(Error::OtherKey { .. }) => match open(&disk, &keys.new, runtime) {
            Ok(ledger) => (End::Made, ledger),
            Err(Error::Options(why)) => {
                assert!(why.contains("run `grid audit rotate` again"), "{why}");
                rotate(&disk, keys, runtime).unwrap();
                (End::ToBeMadeAgain, open(&disk, &keys.new, runtime).unwrap())
            }
            Err(error) => panic!("neither key opens the log: {error}"),
        },
        Err(error) => panic!("the old key does not open the log: {error}"),
    };
    runtime.block_on(async {
        store(ledger.clone(), refusal(0, &mut Random::new(2))).await.unwrap();
        assert_eq!(ledger.status().publishing, None);
        ledger.close().await.unwrap();
    });
    let found = entries(&disk);
    assert_eq!(found[..before.len()], before[..], "what was stored");
    let changes = found.iter().filter(|entry| String::from_utf8_lossy(entry).contains("\"kind\":\"key_rotated\""));
    let changes = changes.count();
    assert_eq!(changes, usize::from(end != End::NotMade), "{end:?}");
    assert_eq!(found.len(), before.len() + ADMITTED + changes + 1, "conclusion, change and one record more");
    public::check(&disk, &found, &history(&disk));
    end
}

fn history(disk: &SimDisk) -> History {
    use grid_audit::Disk as _;
    String::from_utf8(disk.read(&Path::new(DIRECTORY).join("log.vkeys")).unwrap()).unwrap().parse().unwrap()
}
