//! New files while connections go on: the good are taken up, the bad are not, and nobody who is connected notices.

use std::{fs, sync::Arc, time::Duration};

use grid_tls::{Refused, Reloaded};
use rustls::HandshakeKind;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::watch,
};
use tokio_rustls::client::TlsStream;
use tokio_util::task::TaskTracker;

use crate::kit::{Desk, Shown, list, replace, root, shake, svid, talks};

fn leaf<S>(client: &TlsStream<S>) -> Vec<u8> {
    client.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn new_connections_see_the_new_certificate_and_old_ones_go_on() {
    let desk = Desk::new();
    let tls = desk.open();
    let (secured, client) = shake(&tls, desk.stranger()).await;
    let (mut secured, mut client) = (secured.unwrap(), client.unwrap());
    assert_eq!(tls.reload(), Ok(Reloaded::Same));
    desk.renew(2);
    assert_eq!(tls.reload(), Ok(Reloaded::Changed));
    assert_eq!(tls.reload(), Ok(Reloaded::Same));
    let (_secured, new) = shake(&tls, desk.stranger()).await;
    assert_ne!(leaf(&client), leaf(&new.unwrap()));
    assert!(talks(&mut secured, &mut client).await);
}

#[tokio::test]
async fn a_set_that_cannot_be_used_is_refused_and_the_old_one_stays() {
    let authority = root("dev");
    let desk = Desk::new().bundle("spiffe://dev.local", &[&authority]);
    let tls = desk.open();
    let shown = Shown::signed(&svid("spiffe://dev.local/a"), &authority);
    let good = |name: &str| fs::read_to_string(desk.file(name)).unwrap();
    let (certificate, key, bundle) = (good("host.pem"), good("host.key"), good("bundle-0.pem"));
    desk.renew(2);
    let foreign = good("host.key");
    replace(&desk.file("host.pem"), &certificate);
    let bad = [
        ("host.key", foreign.as_str(), "is not the key of the certificate"),
        ("host.key", "", "holds no private key"),
        ("host.key", &certificate, "holds no private key"),
        ("host.key", &key[..key.len() / 2], "private key"),
        ("host.pem", "", "holds no certificate"),
        ("host.pem", &key, "holds no certificate"),
        ("host.pem", &authority.pem(), "authority"),
        ("bundle-0.pem", "", "holds no certificate"),
        ("bundle-0.pem", &certificate, "no authority's"),
    ];
    for (name, text, why) in bad {
        for (name, text) in [("host.pem", &certificate), ("host.key", &key), ("bundle-0.pem", &bundle)] {
            replace(&desk.file(name), text);
        }
        replace(&desk.file(name), text);
        let error = tls.reload().unwrap_err();
        assert!(error.to_string().contains(why) && error.file() == desk.file(name), "{name}: {error}");
        let (accepted, client) = shake(&tls, desk.client(&shown)).await;
        assert!(talks(&mut accepted.unwrap(), &mut client.unwrap()).await, "{name}: {why}");
    }
    fs::remove_file(desk.file("host.key")).unwrap();
    assert!(tls.reload().unwrap_err().to_string().contains("cannot be read"));
}

#[tokio::test]
async fn a_connection_learns_that_its_certificate_is_void() {
    let authority = root("dev");
    let mut params = svid("spiffe://dev.local/a");
    params.serial_number = Some(7.into());
    let shown = Shown::signed(&params, &authority);
    let desk = Desk::new().bundle("spiffe://dev.local", &[&authority]).revoked(&list(&authority, 8, 2027));
    let tls = desk.open();
    let (accepted, _client) = shake(&tls, desk.client(&shown)).await;
    let mut proof = accepted.unwrap().proof;
    desk.renew(2);
    tls.reload().unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(50), proof.void()).await;
    assert!(waited.is_err(), "a new certificate of the host ends nothing");
    replace(&desk.file("list-0.pem"), &list(&authority, 7, 2027));
    tls.reload().unwrap();
    assert_eq!(proof.void().await, Refused::Revoked);
}

#[tokio::test]
async fn a_session_that_is_taken_up_again_is_held_against_the_bundles_of_today() {
    let authority = root("dev");
    let desk = Desk::new().bundle("spiffe://dev.local", &[&authority]);
    let tls = desk.open();
    // The client keeps its sessions; the certificate ends between two of them.
    let mut params = svid("spiffe://dev.local/a");
    params.not_after = rcgen::date_time_ymd(2026, 1, 1) + Duration::from_secs(3_600);
    let config = desk.client(&Shown::signed(&params, &authority));
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (accepted, client) = shake(&tls, config.clone()).await;
        let mut client = client.unwrap();
        assert!(talks(&mut accepted.unwrap(), &mut client).await);
        assert_eq!(client.get_ref().1.handshake_kind(), Some(kind));
    }
    desk.clock.0.fetch_add(7_200_000, std::sync::atomic::Ordering::SeqCst);
    let (accepted, _client) = shake(&tls, config).await;
    assert!(matches!(accepted, Err(grid_tls::Failed::Certificate(Refused::Expired))), "{accepted:?}");
}

/// AZ-2: not one exchange fails while the certificate is replaced, on lasting connections and on new ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_rotations_under_load_fail_no_exchange() {
    let desk = Arc::new(Desk::new());
    let tls = desk.open();
    let tasks = TaskTracker::new();
    let (stop, stopped) = watch::channel(false);
    let mut clients = Vec::new();
    for lasting in [true, true, false, false] {
        let (tls, desk, stopped) = (tls.clone(), Arc::clone(&desk), stopped.clone());
        clients.push(tasks.spawn(async move {
            let mut exchanges = 0_u64;
            while !*stopped.borrow() {
                let (secured, client) = shake(&tls, desk.stranger()).await;
                let (mut secured, mut client) = (secured.unwrap(), client.unwrap());
                loop {
                    assert!(talks(&mut secured, &mut client).await);
                    exchanges += 1;
                    tokio::task::yield_now().await;
                    if !lasting || *stopped.borrow() {
                        break;
                    }
                }
                client.shutdown().await.unwrap();
                assert_eq!(secured.stream.read(&mut [0; 1]).await.unwrap(), 0);
            }
            exchanges
        }));
    }
    for serial in 2..202 {
        desk.renew(serial);
        assert_eq!(tls.reload(), Ok(Reloaded::Changed));
        tokio::task::yield_now().await;
    }
    stop.send(true).unwrap();
    for client in clients {
        assert!(client.await.unwrap() > 0);
    }
    assert_eq!(tls.failures(), 0);
}
