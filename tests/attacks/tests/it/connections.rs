//! Connections: too many, too short, too silent, or of another protocol.

use std::time::Duration;

use crate::common::*;

#[tokio::test]
async fn churn() {
    survives(|target| {
        for _ in 0..50 {
            drop(target.wire());
            drop(Wire::silent(target.callers));
            let mut wire = target.wire();
            wire.flush();
        }
    })
    .await;
}

#[tokio::test]
async fn garbage_handshakes() {
    survives(|target| {
        for garbage in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"PRI * HTTP/2.0\r\n\r\nXX",
            b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            &[0xff; 5_000],
        ] {
            for port in [target.callers, target.operators] {
                let mut wire = Wire::silent(port);
                wire.push(garbage);
                wire.flush();
            }
        }
    })
    .await;
}

/// More than an address may have; the good client has its own already.
#[tokio::test]
async fn silent_connections() {
    survives(|target| {
        let wires: Vec<_> = (0..400).map(|_| Wire::silent(target.callers)).collect();
        std::thread::sleep(Duration::from_millis(20));
        drop(wires);
    })
    .await;
}

#[tokio::test]
async fn connections_that_ask_nothing() {
    survives(|target| {
        let mut wires: Vec<_> = (0..200).map(|_| target.wire()).collect();
        wires.iter_mut().for_each(Wire::flush);
        std::thread::sleep(Duration::from_millis(20));
    })
    .await;
}

/// 10^5 and more in a soak.
#[tokio::test]
async fn first_frames_that_are_wrong() {
    survives(|target| {
        for kind in [DATA, HEADERS, RST_STREAM, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, PRIORITY] {
            for stream in [0, 1, 2, 0x7fff_ffff] {
                let mut wire = target.wire();
                wire.frame(kind, 0, stream, &[0xff; 3]);
                wire.flush();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_frame_larger_than_was_agreed() {
    survives(|target| {
        let mut wire = target.wire();
        wire.push(&[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1]);
        wire.push(&[0; 100_000]);
        wire.flush();
    })
    .await;
}

/// SV-7: the host runs out of descriptors, stays, and takes connections again once there are some.
#[tokio::test]
async fn more_connections_than_descriptors() {
    let settings = ["server.max_connections_per_peer=1000"];
    let mut host = Host::start_within(&settings, "ulimit -n 96").await;
    let warnings = |host: &Host| host.said().matches("no connection can be taken").count();
    for _ in 0..3 {
        let before = warnings(&host);
        let wires: Vec<_> = (0..200).map(|_| Wire::silent(host.callers)).collect();
        while warnings(&host) == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert!(host.lives(), "{}", host.said());
        }
        drop(wires);
        let client = async {
            loop {
                let client = grid_sdk::Client::builder().endpoint(host.endpoint()).connect().await;
                if let Ok(client) = client
                    && client.open_session(grid_sdk::SessionOptions::default()).await.is_ok()
                {
                    return;
                }
            }
        };
        soon("a client is served again", client).await;
        assert!(host.lives(), "{}", host.said());
    }
    host.stop().await;
}

/// What a shell or a service manager begins a program with is no bound: the host takes as many as it may.
#[tokio::test]
async fn more_connections_than_it_was_started_with() {
    let settings = ["server.max_connections_per_peer=1000"];
    let host = Host::start_within(&settings, "ulimit -S -n 96").await;
    let _wires: Vec<_> = (0..300).map(|_| Wire::silent(host.callers)).collect();
    let client = async {
        let client = grid_sdk::Client::builder().endpoint(host.endpoint()).connect().await.unwrap();
        client.open_session(grid_sdk::SessionOptions::default()).await.unwrap();
    };
    soon("a client is served beside them", client).await;
    assert!(!host.said().contains("no connection can be taken"), "{}", host.said());
    host.stop().await;
}
