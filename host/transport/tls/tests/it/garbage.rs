//! SV-7: what is no handshake costs nobody else anything.

use std::time::Duration;

use grid_tls::{Failed, Protocols, Settings, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::kit::{Desk, shake, talks};

/// Of CI; `GRID_GARBAGE` says another number.
const HANDSHAKES: u64 = 100_000;

/// A generator with a seed, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.below(256).to_le_bytes()[0]).collect()
    }
}

/// Noise, other protocols, and records that are nearly right.
fn garbage(dice: &mut Dice) -> Vec<u8> {
    let noise = dice.bytes(200);
    let long = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap().to_be_bytes();
    match dice.below(6) {
        0 => noise,
        1 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        2 => b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        // A record of a handshake with something in it.
        3 => [&[22, 3, 1][..], &long(&noise), &noise].concat(),
        // A hello of the right length with nothing right in it.
        4 => {
            let hello = [&[1, 0][..], &long(&noise), &noise].concat();
            [&[22, 3, 1][..], &long(&hello), &hello].concat()
        }
        // A record that promises more than comes.
        _ => [&[22, 3, 3, 0x40, 0][..], &noise].concat(),
    }
}

#[tokio::test]
async fn a_hundred_thousand_garbage_handshakes_do_no_harm() {
    let desk = Desk::new();
    let tls = desk.open();
    let count = std::env::var("GRID_GARBAGE").ok().and_then(|text| text.parse().ok()).unwrap_or(HANDSHAKES);
    let mut dice = Dice(0x5eed);
    for number in 0..count {
        let (mut near, far) = tokio::io::duplex(4_096);
        near.write_all(&garbage(&mut dice)).await.unwrap();
        near.shutdown().await.unwrap();
        assert!(matches!(tls.accept(far, Protocols::Any).await, Err(Failed::Handshake(_))), "{number}");
    }
    assert_eq!(tls.failures(), count);
    let (secured, client) = shake(&tls, desk.stranger()).await;
    assert!(talks(&mut secured.unwrap(), &mut client.unwrap()).await);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_dawdles_ends_in_its_time() {
    let desk = Desk::new();
    let settings = Settings { handshake_timeout: Duration::from_secs(5), ..desk.settings() };
    let tls = Tls::open(settings, desk.shared_clock()).unwrap();
    let (mut near, far) = tokio::io::duplex(4_096);
    near.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
    let before = tokio::time::Instant::now();
    assert!(matches!(tls.accept(far, Protocols::Http2).await, Err(Failed::Slow)));
    assert_eq!(before.elapsed(), Duration::from_secs(5));
    // The other end was closed.
    while near.read(&mut [0; 64]).await.unwrap() > 0 {}
}
