use grid_adm::Digest;

use super::*;

fn piece(number: u64) -> Bytes {
    vec![u8::try_from(number % 251).unwrap(); 16 << 10].into()
}

#[tokio::test]
async fn it_is_the_digest_of_the_whole_at_every_moment() {
    let (mut beside, mut whole, mut jobs) = (Beside::default(), Vec::new(), 0);
    for number in 0..400 {
        let piece = piece(number);
        beside.feed(&piece, piece.len() as u64);
        whole.extend_from_slice(&piece);
        jobs += usize::from(beside.is_under_way());
        match number % 7 {
            0 => beside.done().await,
            3 => beside.catch_up(),
            _ => {}
        }
        if number % 13 == 0 {
            assert_eq!(beside.digest(), *Digest::of_bytes(&whole).as_bytes(), "after {number}");
        }
    }
    assert!(jobs > 0 || !*CORES, "another thread had a part of it");
    assert_eq!(beside.digest(), *Digest::of_bytes(&whole).as_bytes());
}

#[tokio::test]
async fn what_is_kept_is_told_until_it_is_digested() {
    let mut beside = Beside { passed: LONG, ..Beside::default() };
    if !*CORES {
        return;
    }
    for number in 0..6 {
        beside.feed(&piece(number), 16 << 10);
        assert_eq!(beside.kept(), (number + 1) * (16 << 10));
    }
    assert!(beside.is_under_way());
    beside.done().await;
    assert_eq!((beside.kept(), beside.is_under_way()), (2 * (16 << 10), false), "less than a portion waits");
    beside.catch_up();
    assert_eq!(beside.kept(), 0);
}

#[test]
fn what_another_thread_lost_is_digested_here() {
    if !*CORES {
        return;
    }
    let (mut beside, mut whole) = (Beside { passed: LONG, ..Beside::default() }, Vec::new());
    let first = tokio::runtime::Builder::new_current_thread().build().unwrap();
    first.block_on(async {
        for number in 0..4 {
            whole.extend_from_slice(&piece(number));
            beside.feed(&piece(number), 16 << 10);
        }
        let under_way = beside.under_way.as_mut().unwrap();
        // As a runtime leaves it that ended before its thread began.
        under_way.job = tokio::task::spawn(std::future::pending());
        under_way.job.abort();
        beside.done().await;
    });
    assert_eq!(beside.digest(), *Digest::of_bytes(&whole).as_bytes());
}
