use super::*;

fn chunk(payload: usize) -> v1::CallEvent {
    v1::CallEvent {
        event: Some(Event::Chunk(v1::StreamChunk {
            invocation_id: "i-1".to_owned(),
            chunk_id: 300,
            payload: vec![b'x'; payload].into(),
            is_final: true,
            correlation_id: "c-1".to_owned(),
            ..v1::StreamChunk::default()
        })),
    }
}

#[test]
fn a_chunk_in_two_parts_is_the_message_that_it_was() {
    for payload in [0, 1, 100, 127, 128, 16_383, 16_384, 40_000, 3 << 20] {
        let event = chunk(payload);
        let (head, rest) = parted(event.clone(), 4 << 20).unwrap();
        let whole = [&head[..], &rest].concat();
        let length = u32::from_be_bytes(whole[1..PREFIX].try_into().unwrap());
        assert_eq!((whole[0], length as usize), (0, whole.len() - PREFIX));
        assert_eq!(whole.len() - PREFIX, event.encoded_len());
        assert_eq!(v1::CallEvent::decode(&whole[PREFIX..]).unwrap(), event);
        assert!(payload == 0 || rest.len() == payload, "the payload is not copied");
    }
}

#[test]
fn what_is_over_the_limit_is_not_sent() {
    let event = chunk(1_000);
    let found = event.encoded_len();
    assert!(parted(event.clone(), found).is_ok());
    assert_eq!(parted(event, found - 1).unwrap_err(), Fault::AnswerTooLarge { found, limit: found - 1 });
}
