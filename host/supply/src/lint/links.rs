//! Addresses and encoded text: where secrets could be sent, and where orders could be kept from readers.

use super::Remark;

/// Characters of base64 in a row that are no word of any language.
const BLOB: usize = 32;

/// Where the files are that hold secrets.
const SECRET_FILES: [&str; 22] = [
    ".ssh/",
    "id_rsa",
    "id_ed25519",
    "authorized_keys",
    "/etc/passwd",
    "/etc/shadow",
    ".aws/",
    ".env",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".kube/config",
    "mcp.json",
    ".bash_history",
    ".zsh_history",
    "wallet.dat",
    ".gnupg",
    "claude_desktop_config",
    ".docker/config",
    "/proc/self/environ",
    "login.keychain",
];

/// Addresses that take whatever they are sent, for whoever made them.
const CATCHERS: [&str; 12] = [
    "webhook.site",
    "requestbin",
    "ngrok",
    "burpcollaborator",
    "interact.sh",
    "oast.",
    "pipedream.net",
    "hookbin",
    "pastebin.com",
    "transfer.sh",
    "discord.com/api/webhooks",
    "beeceptor.com",
];

pub(super) fn remarks(text: &str) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let lower = text.to_lowercase();
    if let Some(file) = SECRET_FILES.iter().find(|file| names(&lower, file)) {
        remarks.push(Remark::error("text.secret-file", format!("speaks of `{file}`, where secrets are kept")));
    }
    if let Some(name) = CATCHERS.iter().find(|name| lower.contains(*name)) {
        remarks.push(Remark::error("text.catcher", format!("an address at `{name}`, which takes whatever it is sent")));
    }
    if lower.split("://").skip(1).any(|rest| is_template(rest) || is_number(rest)) {
        let message = "an address that is filled in, or has no name; what is filled in is sent away";
        remarks.push(Remark::warning("text.link-template", message));
    }
    if ["javascript:", "data:text/", "data:application/", "file:///"].iter().any(|scheme| lower.contains(scheme)) {
        remarks.push(Remark::error("text.link-scheme", "an address that carries text or code itself, or is of a file"));
    }
    if lower
        .split("![")
        .skip(1)
        .any(|rest| rest.split_once("](").is_some_and(|(_, to)| to.trim_start().starts_with("http")))
    {
        remarks.push(Remark::error("text.link-image", "a picture from elsewhere; showing it sends the address away"));
    }
    if is_encoded(text) {
        remarks.push(Remark::error("text.encoded", "encoded text that people do not read and models do"));
    }
    remarks
}

/// The name stands for itself: `.env` is not the end of `process.environment`.
fn names(text: &str, file: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(file).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + file.len()..).and_then(|text| text.chars().next());
        let (first, last) = (file.chars().next().is_some_and(part), file.chars().next_back().is_some_and(part));
        let begins = if first { !before.is_some_and(part) } else { file.starts_with('/') || !before.is_some_and(part) };
        begins && !(last && after.is_some_and(part))
    })
}

/// `https://host/path?data={…}`; `rest` begins behind the scheme.
fn is_template(rest: &str) -> bool {
    let url: &str =
        rest.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '`')).next().unwrap_or_default();
    let filled = ["{", "${", "<", "%s", "[", "$("].iter().any(|open| url.contains(open));
    let open_query = url.contains('?') && url.trim_end_matches(['.', ',', ';']).ends_with('=');
    filled || open_query
}

/// An address of numbers that is not the machine's own.
fn is_number(rest: &str) -> bool {
    let host: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let whole = rest.chars().nth(host.len()).is_none_or(|c| matches!(c, ':' | '/' | '?') || c.is_whitespace());
    let own = ["127.", "0.0.0.0", "192.0.2.", "198.51.100.", "203.0.113."].iter().any(|own| host.starts_with(own));
    whole && !own && host.len() >= 7 && host.bytes().filter(|byte| *byte == b'.').count() == 3
}

fn is_encoded(text: &str) -> bool {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let blob = |run: &str| {
        let has = |what: fn(&char) -> bool| run.chars().any(|c| what(&c));
        let hex = run.bytes().all(|byte| byte.is_ascii_hexdigit());
        // A path or a name in camel case has few changes of case.
        let changes = run.as_bytes().windows(2).filter(|pair| matches!(pair, [a, b] if class(*a) != class(*b))).count();
        run.len() >= BLOB
            && !hex
            && has(char::is_ascii_lowercase)
            && has(char::is_ascii_uppercase)
            && changes * 4 > run.len()
    };
    let repeated = |mark: &str, width: usize| {
        let at: Vec<usize> = text.match_indices(mark).map(|(at, _)| at).collect();
        at.windows(6)
            .any(|six| matches!((six.first(), six.last()), (Some(first), Some(last)) if last - first <= 5 * width))
    };
    text.split(|c| !is_base64(c)).any(blob)
        || repeated("\\x", 4)
        || repeated("\\u", 6)
        || repeated("%", 3) && text.bytes().filter(u8::is_ascii_digit).count() >= 6
        || repeated("&#", 8)
        || is_hex_text(text)
}

fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    }
}

/// Hexadecimal digits, alone or in pairs, that spell words.
fn is_hex_text(text: &str) -> bool {
    let digits = |text: &str| -> Vec<u8> { text.bytes().filter(u8::is_ascii_hexdigit).collect() };
    let spelled = |run: &[u8]| {
        let bytes: Vec<u8> = run
            .chunks_exact(2)
            .filter_map(|pair| str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
            .collect();
        bytes.len() >= 12 && bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
    };
    let runs = text.split(|c: char| !c.is_ascii_hexdigit()).any(|run| spelled(run.as_bytes()));
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words.split(|word| word.len() != 2 || !word.bytes().all(|byte| byte.is_ascii_hexdigit()));
    runs || pairs.into_iter().any(|pairs| spelled(&digits(&pairs.concat())))
}
