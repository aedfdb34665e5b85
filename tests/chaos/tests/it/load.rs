//! Calls that come when they are due, whatever became of those before.

use std::time::Duration;

use tokio::{
    task::yield_now,
    time::{Instant, sleep_until},
};
use tokio_util::task::TaskTracker;

use crate::common::{Caller, Host};

/// A connection has 100 streams, which calls to a stopped runtime would fill: then the others would wait for them.
const CONNECTIONS: usize = 8;

/// The same caller in the same session, on so many connections.
pub async fn callers(host: &Host) -> Vec<Caller> {
    let first = host.caller().await;
    let mut callers = vec![first.clone()];
    for _ in 1..CONNECTIONS {
        callers.push(first.again(host).await);
    }
    callers
}

/// What became of a load.
#[derive(Debug, Clone, Copy, Default)]
pub struct Poured {
    pub sent: u64,
    /// Not sent, because too many were under way: the machine is not what it should be.
    pub held: u64,
}

/// Begins a call every so often until the end. One that is late is caught up with: a tick that is left out would make the
/// load smaller just when the machine is busy.
pub async fn pour<F>(
    calls: &TaskTracker,
    (every, most): (Duration, usize),
    end: Instant,
    one: impl Fn(u64) -> F,
) -> Poured
where
    F: Future<Output = ()> + Send + 'static,
{
    let (begun, mut poured) = (Instant::now(), Poured::default());
    for number in 0_u32.. {
        let due = begun + every * number;
        if due >= end {
            break;
        }
        if due > Instant::now() {
            sleep_until(due).await;
        } else {
            yield_now().await;
        }
        if calls.len() < most {
            poured.sent += 1;
            calls.spawn(one(u64::from(number)));
        } else {
            poured.held += 1;
        }
    }
    poured
}
