use std::{
    collections::VecDeque,
    io::{Error, ErrorKind},
};

use tokio::{io::AsyncReadExt as _, sync::mpsc};

use super::*;

/// Gives the errors first, then what the kernel gives.
struct Faulty {
    faults: Mutex<VecDeque<Error>>,
    listener: TcpListener,
}

impl Accept for Faulty {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Origin)> {
        let fault = self.faults.lock().unwrap().pop_front();
        match fault {
            Some(fault) => Err(fault),
            None => Accept::accept(&self.listener).await,
        }
    }
}

async fn survives(faults: impl IntoIterator<Item = Error>) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let faulty = Faulty { faults: Mutex::new(faults.into_iter().collect()), listener };
    let tasks = TaskTracker::new();
    let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
    let (served, mut connections) = mpsc::channel(1);
    let before = tokio::time::Instant::now();
    let accepting =
        tasks.spawn(accept(faulty, Places::new(1), tasks.clone(), stop.clone(), kill, move |stream, peer| {
            let served = served.clone();
            async move { served.send((stream, peer)).await.unwrap() }
        }));
    let mut client = TcpStream::connect(address).await.unwrap();
    let (stream, peer) = connections.recv().await.unwrap();
    let waited = before.elapsed();
    assert!(peer.loopback);
    assert!(stream.nodelay().unwrap());
    drop((stream, peer));
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    stop.cancel();
    accepting.await.unwrap();
    waited
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_does_not_make_the_loop_wait() {
    let kinds = [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::Interrupted];
    let waited = survives(kinds.map(Error::from)).await;
    assert_eq!(waited, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_loop_outlives_a_lack_of_descriptors_and_serves_within_a_second() {
    const EMFILE: i32 = 24;
    let waited = survives((0..50).map(|_| Error::from_raw_os_error(EMFILE))).await;
    assert!(waited > Duration::from_secs(10), "it backs off: {waited:?}");
    let waited = survives([Error::from_raw_os_error(EMFILE)]).await;
    assert!(waited <= LONGEST_PAUSE, "{waited:?}");
    assert!(LONGEST_PAUSE < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_nobody_foresaw_is_outlived_too() {
    survives([Error::other("surprise"), Error::from(ErrorKind::InvalidInput)]).await;
}

#[test]
fn places_are_counted_per_address_and_given_back() {
    let places = Places::new(2);
    let sharer = |text: &str| Origin::Address(SocketAddr::new(text.parse().unwrap(), 1)).sharer();
    let [a, b, mapped] = ["192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1"].map(sharer);
    let first = places.take(a).unwrap();
    let _second = places.take(mapped).unwrap();
    assert!(places.take(a).is_none());
    assert!(places.take(b).is_some());
    let user = |uid| Origin::Local(LocalPeer { uid, gid: 0, pid: None }).sharer();
    let _mine = [places.take(user(7)).unwrap(), places.take(user(7)).unwrap()];
    assert!(places.take(user(7)).is_none() && places.take(user(8)).is_some());
    drop(_mine);
    drop(first);
    assert!(places.take(mapped).is_some());
    drop(_second);
    assert!(places.taken.lock().unwrap().is_empty());
}
