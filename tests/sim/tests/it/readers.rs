//! Callers who take results in pieces: at once, slowly, with long stops, or not to the end.

use std::time::Duration;

use grid_core::{
    envelope::{Credentials, Envelope},
    outcome::ToolAnswer,
    stream::CallEvent,
};
use grid_testkit::Dice;
use tokio::time::{sleep, timeout};

use crate::{
    life::Doors,
    script::{Pace, between},
    streams::{End, Read},
    world::World,
};

/// Longer than any call lasts.
const PATIENCE: Duration = Duration::from_secs(300);

/// Has a call run and reads its stream.
pub async fn read(world: World, door: impl Doors, who: Credentials, envelope: Envelope, mut dice: Dice) {
    let pace = if world.is_fair() { Pace::Eager } else { Pace::next(&mut dice) };
    let call_id = envelope.call_id.clone();
    let mut read = Read { call_id, in_order: true, ..Read::default() };
    let mut events = door.call_streaming(who, Envelope { streaming: true, ..envelope }).await;
    loop {
        match pace {
            Pace::Eager => {}
            Pace::Slow => sleep(between(&mut dice, 0, 300)).await,
            Pace::Stops if dice.below(4) == 0 => sleep(between(&mut dice, 500, 9000)).await,
            Pace::Leaves if dice.below(4) == 0 => {
                read.left = true;
                break;
            }
            Pace::Stops | Pace::Leaves => {}
        }
        let Ok(event) = timeout(PATIENCE, events.recv()).await else {
            world.fault(format!("{}: its stream has no end", read.call_id));
            break;
        };
        match event {
            None => break,
            Some(event) => note(&world, &mut read, event),
        }
    }
    (read.synced, read.unwritable) = (world.disk.synced(), world.disk.has_failed());
    let ends: Vec<_> = read.ends.iter().map(|end| matches!(end, End::Whole(_))).collect();
    world.tell(&format!(
        "{}: read, {pace:?}: {} chunks, {} bytes, {ends:?}",
        read.call_id,
        read.chunks,
        read.bytes.len()
    ));
    world.memory().streams.read.push(read);
}

fn note(world: &World, read: &mut Read, event: CallEvent) {
    // Nothing follows an end.
    read.in_order &= read.ends.is_empty();
    match event {
        CallEvent::Chunk(ids, chunk) => {
            read.in_order &= chunk.number == read.chunks && !read.is_final;
            read.in_order &= read.invocation.is_none_or(|known| known == ids.invocation);
            read.invocation = Some(ids.invocation);
            read.chunks += 1;
            read.is_final = chunk.is_final;
            world.memory().streams.taken(ids.invocation, chunk.payload.len(), chunk.is_final);
            read.bytes.extend(chunk.payload);
        }
        CallEvent::Progress(..) => {}
        CallEvent::End(end) => {
            let (invocation, end) = match *end {
                Ok(answer) => (
                    Some(answer.invocation_id),
                    match answer.answer {
                        ToolAnswer::Streamed(streamed) => End::Whole(streamed),
                        ToolAnswer::Error { .. } => End::ToolError,
                        ToolAnswer::Success(_) => End::Refused("an answer in one piece"),
                    },
                ),
                Err(refusal) => (refusal.context().invocation_id, End::Refused(refusal.code().as_str())),
            };
            read.invocation = read.invocation.or(invocation);
            read.ends.push(end);
        }
    }
}
