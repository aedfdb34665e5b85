use grid_adm::json::parse;

use super::*;

/// Fed in pieces of every length up to `most`, all agree.
fn read(text: &[u8], size: usize) -> Result<(), Fault> {
    let mut flow = Flow::default();
    for piece in text.chunks(size) {
        flow.feed(piece).map_err(|error| error.fault)?;
    }
    flow.end().map_err(|error| error.fault)
}

#[test]
fn what_is_read_whole_is_read_in_pieces_and_what_is_refused_is_refused() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let (most, more) = (deep(64), deep(65));
    let long = format!("1{}", "0".repeat(400));
    let texts = texts();
    for text in texts.into_iter().chain([most.as_str(), &more, &long]) {
        let whole = parse(text).map(drop);
        for size in 1..=text.len().clamp(1, 20) {
            let flown = read(text.as_bytes(), size);
            assert_eq!(flown.is_ok(), whole.is_ok(), "{text} in pieces of {size}: {flown:?}, whole: {whole:?}");
        }
    }
}

fn texts() -> Vec<&'static str> {
    vec![
        "null",
        "true",
        " false ",
        "0",
        "-0",
        "-",
        "01",
        "1.",
        "1.5e-3",
        "1e",
        "1e400",
        "-1E+2",
        "7 8",
        "[1,2]",
        "[1,]",
        "[,1]",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        r#"{"a":1}"#,
        r#"{"a":1,}"#,
        r#"{"a"}"#,
        r#"{a:1}"#,
        r#"{"a":}"#,
        r#"{"a":{"b":[1,{"c":"d"}]}}"#,
        "[1}",
        r#"{"a":1]"#,
        r#"{"a":[1},"b":2]"#,
        "",
        " ",
        "nul",
        "nulll",
        "tru e",
        r#""x"#,
        r#""x""#,
        r#""\n\"\\\/\u0041""#,
        r#""\x""#,
        r#""\u12g4""#,
        r#""\ud83d\ude00""#,
        r#""\ud83d""#,
        r#""\ud83dx""#,
        r#""\ude00""#,
        r#""\ud83d\u0041""#,
        r#""\ud83d\n""#,
        "\"a\nb\"",
        "\"ünï😀\"",
        "\"a long text of plain words that is longer than eight bytes\"",
        "\"12345678\u{1}\"",
        "😀",
        "]",
        "}",
        ",",
        ":",
        "\"a\":1",
    ]
}

#[test]
fn bytes_that_are_no_text_are_refused_wherever_they_are_cut() {
    for text in [
        &b"\"\xff\""[..],
        b"\"\xc3\"",
        b"\"\xe2\x82\"",
        b"\"\xf0\x9f\x98\"",
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xc3",
    ] {
        for size in 1..=text.len() {
            assert!(read(text, size).is_err(), "{text:?} in pieces of {size}");
        }
    }
}

#[test]
fn a_fault_says_where_it_is_whatever_piece_it_comes_in() {
    let text = br#"{"key":[1,2,x]}"#;
    for size in 1..text.len() {
        let mut flow = Flow::default();
        let fault = text.chunks(size).find_map(|piece| flow.feed(piece).err()).unwrap();
        assert_eq!((fault.fault, fault.offset), (Fault::Syntax("a value"), 12), "in pieces of {size}");
    }
}

#[test]
fn nothing_is_kept_of_a_long_text() {
    let mut flow = Flow::default();
    flow.feed(b"[").unwrap();
    for number in 0..200_000 {
        flow.feed(format!("\"a text with the number {number}\",{number},").as_bytes()).unwrap();
    }
    flow.feed(b"0]").unwrap();
    flow.end().unwrap();
    assert!(flow.number.capacity() <= LONGEST_NUMBER && flow.partial.capacity() <= 8);
}
