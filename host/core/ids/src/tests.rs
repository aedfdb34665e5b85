use super::*;

#[test]
fn a_minted_id_reads_back_from_its_own_spelling_only() {
    let id = InvocationId::mint();
    let text = id.to_string();
    assert_eq!(text.parse::<InvocationId>(), Ok(id));
    for other in [text.to_uppercase(), text.replace("i-", "s-"), format!("{text} "), text.replacen('-', "", 1)] {
        assert_eq!(other.parse::<InvocationId>(), Err(Malformed), "{other}");
    }
}

#[test]
fn given_ids_are_printable_bounded_and_not_blank() {
    assert!(CallId::parse("call 1").is_ok());
    assert!(CallId::parse(&"x".repeat(128)).is_ok());
    for bad in ["", "   ", "a\nb", "é", &"x".repeat(129)] {
        assert_eq!(CallId::parse(bad), Err(Malformed), "{bad:?}");
    }
}

#[test]
fn a_minted_correlation_id_has_the_form_of_the_protocol() {
    let id = CorrelationId::mint(1_691_568_000_123);
    let rest = id.as_str().strip_prefix("host-1691568000-").unwrap();
    assert!(rest.len() == 8 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn the_provider_is_the_part_before_the_replica() {
    assert_eq!(RuntimeId::parse("calc").unwrap().provider(), "calc");
    assert_eq!(RuntimeId::parse("calc/2").unwrap().provider(), "calc");
}
