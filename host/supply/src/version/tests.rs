//! What may follow what.

use super::*;

fn served(version: &str, of: &[u8]) -> Served {
    Served { version: Version::parse(version).unwrap(), digest: Digest::of_bytes(of), rolled_back: None }
}

#[test]
fn versions_rise_or_stay_what_they_were() {
    let before = served("1.2.0", b"a");
    for (version, of, is_good) in [
        ("1.2.0", b"a", true),
        ("1.2.0", b"b", false),
        ("1.2.0+build.2", b"b", false),
        ("1.2.1", b"b", true),
        ("1.10.0", b"b", true),
        ("1.2.0-rc.1", b"a", false),
        ("1.1.9", b"a", false),
        ("0.9.0", b"b", false),
    ] {
        let answer = before.admits(&Version::parse(version).unwrap(), Digest::of_bytes(of));
        assert_eq!(answer.is_ok(), is_good, "{version}");
    }
}

#[test]
fn the_line_is_read_back_and_nothing_else_is() {
    let plain = served("1.2.0", b"a");
    let back = Served { rolled_back: Some(Version::parse("1.3.0").unwrap()), ..served("1.2.0", b"a") };
    for served in [&plain, &back] {
        assert_eq!(served.to_string().parse::<Served>().as_ref(), Ok(served));
        let line = served.to_string();
        for cut in 0..line.len() {
            assert!(line[..cut].parse::<Served>().is_err(), "a torn line is none: {}", &line[..cut]);
        }
    }
    assert!(format!("{plain}{plain}").parse::<Served>().is_err());
}
