//! Values that are planted, and the forms in which they would be found where they do not belong.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose as base};

use super::files;

/// A form of something that was planted, and its name.
#[derive(Debug, Clone)]
pub struct Form {
    name: String,
    bytes: Vec<u8>,
}

/// A text as it is, and as programs write it that hide it from people and not from programs.
pub fn forms_of_text(text: &str) -> Vec<Form> {
    let bytes = text.as_bytes();
    let each = |how: &dyn Fn(&u8) -> String| bytes.iter().map(how).collect::<String>();
    let mut forms = vec![
        ("plain", text.to_owned()),
        ("upper case", text.to_uppercase()),
        ("hexadecimal", each(&|byte| format!("{byte:02x}"))),
        ("HEXADECIMAL", each(&|byte| format!("{byte:02X}"))),
        ("percent", each(&|byte| format!("%{byte:02x}"))),
        ("PERCENT", each(&|byte| format!("%{byte:02X}"))),
        ("JSON escapes", each(&|byte| format!("\\u{byte:04x}"))),
        ("a list of bytes", bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")),
        ("a short list of bytes", bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(",")),
        ("backwards", text.chars().rev().collect()),
    ];
    // Within a longer text it begins at any of three places of a group, and its ends are mixed with what is beside it.
    for before in 0..3 {
        let shifted = [&vec![0; before][..], bytes].concat();
        let whole = shifted.len() / 3 * 4;
        let from = (before * 8).div_ceil(6);
        forms.push(("base64", base::STANDARD.encode(&shifted)[from..whole].to_owned()));
        forms.push(("base64 for URLs", base::URL_SAFE.encode(&shifted)[from..whole].to_owned()));
    }
    let form = |(name, text): (&str, String)| Form { name: format!("`{}` in {name}", head(bytes)), bytes: text.into() };
    forms.into_iter().map(form).collect()
}

/// A number in digits and as machines hold it.
pub fn forms_of_number(number: u64) -> Vec<Form> {
    let form = |name: &str, bytes: Vec<u8>| Form { name: format!("{number} in {name}"), bytes };
    let float = number as f64;
    vec![
        form("digits", number.to_string().into_bytes()),
        form("hexadecimal", format!("{number:x}").into_bytes()),
        form("eight bytes", number.to_be_bytes().to_vec()),
        form("eight bytes backwards", number.to_le_bytes().to_vec()),
        form("a double", float.to_be_bytes().to_vec()),
        form("a double backwards", float.to_le_bytes().to_vec()),
    ]
}

/// Fails where one of the forms is in there, and says where.
pub fn assert_clean(place: &str, bytes: &[u8], forms: &[Form]) {
    if let Some((at, form)) = find(bytes, forms) {
        let around = &bytes[at.saturating_sub(200)..(at + 200).min(bytes.len())];
        panic!("{} is in {place}, at {at}: {}", form.name, String::from_utf8_lossy(around));
    }
}

/// The same for every file in a folder, and for the names of the files.
pub fn assert_clean_files(folder: &Path, forms: &[Form], except: &[&str]) {
    for path in files(folder) {
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        assert_clean("the name of a file", name.as_bytes(), forms);
        if !except.contains(&name.as_str()) {
            assert_clean(&name, &std::fs::read(&path).unwrap(), forms);
        }
    }
}

fn head(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(13)]).into_owned()
}

/// Goes over the bytes once, whatever the number of forms: a trace of everything has many.
fn find<'a>(bytes: &[u8], forms: &'a [Form]) -> Option<(usize, &'a Form)> {
    let mut by_start = vec![Vec::new(); 1 << 16];
    let start = |first: u8, second: u8| usize::from(u16::from_be_bytes([first, second]));
    forms.iter().for_each(|form| by_start[start(form.bytes[0], form.bytes[1])].push(form));
    bytes.windows(2).enumerate().find_map(|(at, pair)| {
        let forms = &by_start[start(pair[0], pair[1])];
        let form = forms.iter().find(|form| bytes[at..].starts_with(&form.bytes))?;
        Some((at, *form))
    })
}

#[test]
fn what_is_planted_is_found_in_every_form() {
    let text = "kanarienvogel";
    let forms = forms_of_text(text);
    let seen = |bytes: &[u8]| find(bytes, &forms).is_some();
    for before in 0..7 {
        let whole = [&vec![b'x'; before][..], text.as_bytes(), b"-0815"].concat();
        assert!(seen(&whole));
        assert!(seen(base::STANDARD.encode(&whole).as_bytes()), "{before}");
        assert!(seen(base::URL_SAFE_NO_PAD.encode(&whole).as_bytes()), "{before}");
        assert!(seen(format!("{whole:?}").as_bytes()) && seen(format!("{whole:02x?}").replace(", ", "").as_bytes()));
    }
    assert!(!seen(b"kanarienvoge") && !seen(base::STANDARD.encode("an empty cage").as_bytes()));
    let number = 7_310_598_264_193;
    let forms = forms_of_number(number);
    let seen = |bytes: &[u8]| find(bytes, &forms).is_some();
    assert!(
        seen(b"[7310598264193]") && seen(b"7310598264193.0") && seen(&number.to_le_bytes()) && !seen(b"731059826419")
    );
}
