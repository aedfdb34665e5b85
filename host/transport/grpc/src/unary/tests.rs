use super::*;

fn with(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-timeout", value.parse().unwrap());
    headers
}

#[test]
fn timeouts_are_read_in_every_unit() {
    for (text, want) in [
        ("1H", Some(Duration::from_secs(3600))),
        ("2M", Some(Duration::from_secs(120))),
        ("3S", Some(Duration::from_secs(3))),
        ("4m", Some(Duration::from_millis(4))),
        ("5u", Some(Duration::from_micros(5))),
        ("6n", Some(Duration::from_nanos(6))),
        ("99999999H", Some(Duration::from_secs(99_999_999 * 3600))),
        ("", None),
        ("S", None),
        ("1", None),
        ("1s", None),
        ("-1S", None),
        ("+1S", None),
        ("123456789S", None),
    ] {
        assert_eq!(timeout(&with(text)), want, "{text}");
    }
    assert_eq!(timeout(&HeaderMap::new()), None);
}

#[test]
fn a_length_is_read_once_the_prefix_is_whole() {
    assert_eq!(length(&[0, 0, 0, 0], 10), Ok(None));
    assert_eq!(length(&[0, 0, 0, 0, 10], 10), Ok(Some(10)));
    let over = Fault::TooLarge { found: 11, limit: 10 };
    assert_eq!(length(&[0, 0, 0, 0, 11], 10), Err(over));
    assert_eq!(length(&[1, 0, 0, 0, 0], 10), Err(Fault::Compressed));
}

#[test]
fn only_grpc_content_is_grpc() {
    for (kind, want) in [("application/grpc", true), ("application/grpc+proto", true), ("application/json", false)] {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        assert_eq!(is_grpc(&headers), want, "{kind}");
    }
    assert!(!is_grpc(&HeaderMap::new()));
}
