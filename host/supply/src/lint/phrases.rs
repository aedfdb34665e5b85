//! Finds orders to models in a text, in every way that it can be read.

use super::{
    Remark,
    patterns::{OVERRIDE, PATTERNS},
    words,
};

pub(super) struct Pattern {
    pub(super) rule: &'static str,
    /// Words of each step, and how many others may stand before it.
    pub(super) steps: &'static [(usize, &'static str)],
}

pub(super) const fn pattern(rule: &'static str, steps: &'static [(usize, &'static str)]) -> Pattern {
    Pattern { rule, steps }
}

/// Text that poses as the frame around the text.
const FRAMES: [&str; 24] = [
    "<important>",
    "</important>",
    "<system>",
    "</system>",
    "<instructions>",
    "<instruction>",
    "<assistant>",
    "<secret>",
    "<hidden>",
    "<critical>",
    "<|im_start|>",
    "<|system|>",
    "<|endoftext|>",
    "[inst]",
    "[system]",
    "<<sys>>",
    "<!--",
    "### instruction",
    "### system",
    "[[system",
    "<admin>",
    "<override>",
    "<policy>",
    "</tool",
];
/// Beginnings of lines that pose as turns of a conversation.
const TURNS: [&str; 6] = ["system:", "assistant:", "user:", "developer:", "human:", "system prompt:"];

/// What is written without blanks between words.
const UNSPACED: [&str; 7] = [
    "忽略之前的",
    "忽略所有",
    "忽略先前",
    "不要告诉用户",
    "以前の指示を無視",
    "ユーザーに伝えない",
    "이전 지시를 무시",
];

pub(super) fn remarks(text: &str) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let lower = text.to_lowercase();
    let turn = lower.lines().any(|line| TURNS.iter().any(|turn| line.trim_start().starts_with(turn)));
    if turn || FRAMES.iter().any(|frame| lower.contains(frame)) {
        remarks.push(Remark::error(
            "order.frame",
            "poses as something around the text: a tag, a turn of a conversation, a comment",
        ));
    }
    if UNSPACED.iter().any(|phrase| text.contains(phrase)) {
        remarks.push(Remark::error(OVERRIDE, "orders a model to leave what it was told"));
    }
    let readings = words::readings(text);
    for pattern in PATTERNS {
        let found = readings.iter().flatten().find_map(|sentence| find(pattern.steps, sentence));
        if let Some((from, to, sentence)) = found {
            let quoted = sentence.get(from..=to).unwrap_or_default().join(" ");
            remarks.push(Remark::error(
                pattern.rule,
                format!("reads as an order to a model: `{}`", quoted.escape_default()),
            ));
        }
    }
    remarks
}

/// Where the steps stand in a sentence.
fn find<'s>(steps: &[(usize, &str)], sentence: &'s [String]) -> Option<(usize, usize, &'s [String])> {
    let (_, first) = steps.first()?;
    let begins = (0..sentence.len()).filter(|at| sentence.get(*at).is_some_and(|word| is_of(word, first)));
    begins.into_iter().find_map(|at| Some((at, follow(steps.get(1..)?, sentence, at)?, sentence)))
}

/// The place of the last step. Bounded by the steps of a pattern and the words between them.
fn follow(steps: &[(usize, &str)], sentence: &[String], at: usize) -> Option<usize> {
    let Some(((gap, words), rest)) = steps.split_first() else { return Some(at) };
    let next = (at + 1..=at + 1 + gap).take_while(|next| *next < sentence.len());
    next.filter(|next| sentence.get(*next).is_some_and(|word| is_of(word, words)))
        .find_map(|next| follow(rest, sentence, next))
}

fn is_of(word: &str, words: &str) -> bool {
    words.split_ascii_whitespace().any(|own| match own.strip_suffix('*') {
        Some(stem) => word.starts_with(stem),
        None => own == word,
    })
}
