//! Messages that are well framed, and meant badly.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use grid_proto::{adm, v1};
use prost::Message as _;

use crate::common::*;

/// The message of a call, under a call id that nobody else has.
pub fn call(target: &Target, name: &str, args: &str) -> Vec<u8> {
    let call_id = format!("attack-{}", target.next());
    let call = adm::FunctionCall { call_id, name: name.to_owned(), args: args.to_owned() };
    v1::ToolCall { call: Some(call), session_id: target.session.clone(), ..Default::default() }.encode_to_vec()
}

pub fn list(target: &Target) -> Vec<u8> {
    v1::ListTools { session_id: target.session.clone(), ..Default::default() }.encode_to_vec()
}

/// The same call on as many streams as `times`, all at once; gives what was answered.
fn calls(target: &Target, name: &str, args: &str, times: u32) -> Vec<u8> {
    let mut wire = target.wire();
    // What is answered may be taken.
    wire.frame(WINDOW_UPDATE, 0, 0, &0x3fff_ffff_u32.to_be_bytes());
    for stream in (1..times * 2).step_by(2) {
        wire.post(stream, CALL, &call(target, name, args));
    }
    wire.hear(std::time::Duration::from_millis(50))
}

#[tokio::test]
async fn deep_json() {
    survives(|target| {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
        calls(target, "add", &deep, 20);
    })
    .await;
}

#[tokio::test]
async fn wide_json() {
    survives(|target| {
        let wide = format!(r#"{{"a":[{}0]}}"#, "0,".repeat(20_000));
        calls(target, "add", &wide, 2);
    })
    .await;
}

#[tokio::test]
async fn duplicate_keys() {
    survives(|target| {
        let twice = format!("{{{}\"a\":1}}", r#""a":1,"A":2,"#.repeat(1_500));
        calls(target, "add", &twice, 5);
    })
    .await;
}

#[tokio::test]
async fn numbers_and_texts_at_the_edge() {
    survives(|target| {
        let digits = "9".repeat(10_000);
        for args in [
            r#"{"a":1e400,"b":0}"#,
            r#"{"a":-0.0,"b":9007199254740993}"#,
            r#"{"a":"\ud800","b":1}"#,
            "{\"a\":\"\u{0}\"}",
            &format!(r#"{{"a":{digits},"b":1}}"#),
            &format!(r#"{{"a":0.{digits}e-{digits},"b":1}}"#),
            "NaN",
            "",
        ] {
            calls(target, "add", args, 5);
        }
    })
    .await;
}

#[tokio::test]
async fn deep_protobuf() {
    survives(|target| {
        let mut wire = target.wire();
        for (at, group) in [vec![0x0b; 20_000], vec![0x0a, 0x7f].repeat(20_000)].iter().enumerate() {
            for stream in 0..50 {
                wire.post(stream * 4 + 1 + 2 * u32::try_from(at).unwrap(), CALL, group);
            }
            wire = target.wire();
        }
        // A message in a message, as far as lengths can say.
        let mut nested = Vec::new();
        while nested.len() < 60_000 {
            let mut outer = vec![0x0a];
            prost::encoding::encode_varint(nested.len() as u64, &mut outer);
            outer.extend(nested.iter().take(40_000));
            nested = outer;
            if nested.len() > 2_000 {
                break;
            }
        }
        wire.post(1, CALL, &nested);
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn bytes_that_are_no_message() {
    survives(|target| {
        let mut wire = target.wire();
        let mut dice = target.next().wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for stream in (1..400).step_by(2) {
            let garbage: Vec<u8> = (0..500)
                .map(|_| {
                    dice ^= dice << 13;
                    dice ^= dice >> 7;
                    dice ^= dice << 17;
                    u8::try_from(dice >> 56).unwrap()
                })
                .collect();
            wire.post(stream, CALL, &garbage);
        }
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn names_of_tools_without_end() {
    survives(|target| {
        calls(target, &"t".repeat(20_000), "{}", 5);
        for _ in 0..20 {
            calls(target, &format!("tool-{}", target.next()), "{}", 20);
        }
    })
    .await;
}

#[tokio::test]
async fn many_call_ids() {
    survives(|target| drop(calls(target, "add", r#"{"a":1,"b":2}"#, 200))).await;
}

#[tokio::test]
async fn calls_that_are_denied() {
    survives(|target| drop(calls(target, "shut", "{}", 400))).await;
}

/// So many that the door is shut on their sender, who shares it with nobody.
#[tokio::test]
async fn refusals_that_shut_the_door_spare_others_and_the_disk() {
    let shut = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&shut);
    let host = survives_from(Some("mallory"), &["limits.refusals=10"], move |target| {
        let heard = calls(target, "shut", "{}", 400);
        let door = b"too many of your requests were refused";
        if heard.windows(door.len()).any(|part| part == door) {
            seen.store(true, Ordering::Release);
        }
    })
    .await;
    assert!(shut.load(Ordering::Acquire), "the door was never shut");
    // Told once a second, by their number.
    let told = async {
        while !host.said().contains("refusals came too fast") {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    soon("refusals are recorded together", told).await;
    host.stop().await;
}

#[tokio::test]
async fn many_sessions() {
    survives_with(&["session.max_per_principal=500"], |target| {
        let mut wire = target.wire();
        for stream in (1..400).step_by(2) {
            let metadata = (0..20).map(|at| (format!("k{at}"), "v".repeat(100))).collect();
            let open = v1::CreateSession { metadata, ..Default::default() };
            wire.post(stream, "/grid.v1.GridService/CreateSession", &open.encode_to_vec());
        }
        wire.hear(std::time::Duration::from_millis(50));
    })
    .await;
}

#[tokio::test]
async fn ids_of_a_mebibyte() {
    survives(|target| {
        let mut wire = target.wire();
        wire.frame(WINDOW_UPDATE, 0, 0, &0x3fff_ffff_u32.to_be_bytes());
        let open = v1::ListTools { session_id: "s".repeat(50_000), correlation_id: "c".repeat(10_000) };
        for stream in (1..20).step_by(2) {
            wire.post(stream, "/grid.v1.GridService/ListTools", &open.encode_to_vec());
        }
        wire.hear(std::time::Duration::from_millis(50));
    })
    .await;
}
