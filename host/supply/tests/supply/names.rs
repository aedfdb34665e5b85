//! SC-2: names that could be taken for one that is there are refused, and those that could not are not.

use grid_supply::names::{Refused, Taken, reserved};

const NAMES: [&str; 8] =
    ["send_email", "delete_file", "list_orders", "getBalance", "create_invoice", "mail_list", "query-db", "login2"];

/// What each letter could be written as.
const LOOKS: [(char, &[char]); 20] = [
    ('a', &['а', 'ɑ', 'α', 'ａ', '𝐚']),
    ('b', &['ｂ', '𝐛']),
    ('c', &['с', 'ϲ', 'ⅽ', 'ｃ']),
    ('d', &['ԁ', 'ⅾ', 'ｄ']),
    ('e', &['е', 'ℯ', 'ｅ', '𝗲']),
    ('g', &['ɡ', 'ｇ', '𝑔']),
    ('i', &['і', 'ⅰ', 'ｉ', 'ı', '1', 'l', 'I']),
    ('l', &['ⅼ', 'ｌ', 'Ɩ', '1', 'I', '|', 'ǀ']),
    ('m', &['ⅿ', 'ｍ']),
    ('n', &['ｎ', '𝒏']),
    ('o', &['о', 'ο', 'օ', 'ｏ', '0', '𝟎']),
    ('q', &['ԛ', 'ｑ']),
    ('r', &['г', 'ｒ']),
    ('s', &['ѕ', 'ｓ', 'ꜱ']),
    ('t', &['ｔ', '𝘁']),
    ('u', &['υ', 'ս', 'ｕ']),
    ('v', &['ν', 'ѵ', 'ⅴ', 'ｖ']),
    ('y', &['у', 'ү', 'ｙ']),
    ('B', &['В', 'Β', 'Ｂ', 'ℬ']),
    ('_', &['-', '＿']),
];

const HIDDEN: [char; 14] = [
    '\u{200b}',
    '\u{200c}',
    '\u{200d}',
    '\u{2060}',
    '\u{feff}',
    '\u{ad}',
    '\u{202e}',
    '\u{2066}',
    '\u{200e}',
    '\u{61c}',
    '\u{e0041}',
    '\u{fe0f}',
    '\u{180e}',
    '\u{7f}',
];

/// Names that pass for one of [`NAMES`], and why.
fn impostors() -> Vec<(String, &'static str)> {
    let mut all = Vec::new();
    for name in NAMES {
        all.push((name.to_uppercase(), "case"));
        all.push((name.replace('_', "-"), "separator"));
        all.push((name.replace("m", "rn"), "two letters for one"));
        all.push((
            name.to_uppercase()
                .chars()
                .enumerate()
                .map(|(at, c)| if at % 2 == 0 { c } else { c.to_ascii_lowercase() })
                .collect(),
            "case",
        ));
        for (letter, looks) in LOOKS {
            for look in looks {
                all.push((name.replacen(letter, &look.to_string(), 1), "look-alike"));
                all.push((name.replace(letter, &look.to_string()).to_uppercase(), "look-alike in another case"));
            }
        }
        for hidden in HIDDEN {
            let (front, back) = name.split_at(3);
            all.push((format!("{front}{hidden}{back}"), "hidden"));
            all.push((format!("{name}{hidden}"), "hidden at the end"));
        }
    }
    all.retain(|(name, _)| !NAMES.contains(&name.as_str()));
    all.sort();
    all.dedup();
    all
}

#[test]
fn names_that_pass_for_others_are_refused() {
    let mut taken = Taken::default();
    NAMES.iter().for_each(|name| taken.take(name));
    let all = impostors();
    eprintln!("{} names", all.len());
    assert!(all.len() >= 300, "{} names", all.len());
    let passed: Vec<_> = all
        .iter()
        // Another letter in upper case may be another letter altogether: `Г` is not taken for `R`.
        .filter(|(name, why)| taken.check(name).is_ok() && *why != "look-alike in another case")
        .collect();
    assert!(passed.is_empty(), "{passed:?} pass for one of {NAMES:?}");
    for (name, why) in &all {
        if why.starts_with("hidden") {
            assert!(matches!(taken.check(name), Err(Refused::Hidden(_))), "{name:?}");
        }
    }
}

#[test]
fn a_name_itself_is_taken() {
    let mut taken = Taken::default();
    NAMES.iter().for_each(|name| taken.take(name));
    assert!(NAMES.iter().all(|name| taken.like(name) == Some(*name)));
}

#[test]
fn reserved_beginnings_are_reserved_in_every_dress() {
    for name in [
        "_adm_x",
        "_ADM_x",
        "-adm-x",
        "_grid_",
        "_Grid_serve",
        "mcp__github__delete",
        "MCP--x",
        "＿adm＿x",
        "_аdm_x",
        "rncp__x",
    ] {
        assert!(reserved(name).is_some(), "{name}");
        assert!(matches!(Taken::default().check(name), Err(Refused::Reserved(_))), "{name}");
    }
    for name in ["adm_x", "grid_serve", "mcp_server", "_admin", "gridded", "mcp"] {
        assert_eq!(reserved(name), None, "{name}");
    }
}

#[test]
fn names_that_nobody_mistakes_are_taken_side_by_side() {
    let verbs = ["get", "list", "create", "update", "delete", "search", "count", "export", "archive", "restore"];
    let things = [
        "user", "order", "invoice", "ticket", "file", "folder", "channel", "payment", "report", "device", "branch",
        "flag",
    ];
    let mut taken = Taken::default();
    for name in verbs
        .iter()
        .flat_map(|verb| things.iter().flat_map(move |thing| [format!("{verb}_{thing}"), format!("{verb}_{thing}s")]))
    {
        assert_eq!(taken.check(&name), Ok(()), "{name}");
        taken.take(&name);
    }
    for name in ["calculate_sum", "calculate_sums", "v1_status", "v2_status", "sumTotal", "read", "reads", "größe"] {
        assert_eq!(taken.check(name), Ok(()), "{name}");
        taken.take(name);
    }
}
