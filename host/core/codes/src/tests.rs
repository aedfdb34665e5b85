//! The catalogue agrees with itself and with the protocol. Its pages are tested in `tests/pages.rs`.

use std::collections::HashSet;

use super::*;

mod pages;

/// Commands that pages and advice may name.
const COMMANDS: &[&str] = &[
    "grid check",
    "grid tools",
    "grid limits",
    "grid runtimes",
    "grid sessions",
    "grid token new --principal P --tenant T --role R",
    "grid token check - <FILE",
    "grid call",
    "grid call --stream",
    "grid audit show INVOCATION",
    "grid audit tail",
    "grid config dump",
    "grid explain",
];

fn check_commands(place: &str, text: &str) {
    for span in text.split('`').skip(1).step_by(2) {
        if span.starts_with("grid ") {
            assert!(COMMANDS.contains(&span), "{place} names an unknown command: {span}");
        }
    }
}

#[test]
fn the_set_is_the_protocols_thirty_six_and_our_three() {
    assert_eq!(Code::ALL.len(), 39);
    assert_eq!(Code::ALL.into_iter().collect::<HashSet<_>>().len(), 39);
}

#[test]
fn wire_names_are_distinct_and_upper_snake_case() {
    let names: HashSet<_> = Code::ALL.into_iter().map(Code::as_str).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for name in names {
        assert!(name.chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{name}");
    }
}

#[test]
fn wire_name_is_the_variants_name() {
    for code in Code::ALL {
        let camel: String = code
            .as_str()
            .split('_')
            .flat_map(|word| word[..1].chars().chain(word[1..].chars().map(|c| c.to_ascii_lowercase())))
            .collect();
        assert_eq!(camel, format!("{code:?}"));
    }
}

#[test]
fn every_code_survives_text_and_json() {
    for code in Code::ALL {
        assert_eq!(code.to_string().parse(), Ok(code));
        let json = serde_json::to_string(&code).expect("a code is a string");
        assert_eq!(json, format!("\"{code}\""));
        assert_eq!(serde_json::from_str::<Code>(&json).expect("its own form"), code);
    }
}

#[test]
fn text_that_is_no_code_is_refused() {
    for text in ["", "timeout", "TIMEOUT ", "SESSION_INVALID", "TOOL_NOT_FOUND", "Timeout"] {
        assert_eq!(text.parse::<Code>(), Err(Unknown), "{text}");
        assert!(serde_json::from_value::<Code>(text.into()).is_err(), "{text}");
    }
}

#[test]
fn categories_and_severities_carry_the_protocols_numbers() {
    let categories = Category::ALL.map(|category| (category.number(), category.as_str()));
    assert_eq!(
        categories,
        [(0, "AUTHORIZATION"), (1, "VALIDATION"), (2, "RUNTIME"), (3, "TRANSPORT"), (4, "CONFIGURATION")]
    );
    let severities = Severity::ALL.map(|severity| (severity.number(), severity.as_str()));
    assert_eq!(severities, [(0, "INFO"), (1, "WARNING"), (2, "ERROR"), (3, "CRITICAL"), (4, "FATAL")]);
}

#[test]
fn a_repeat_is_allowed_exactly_where_a_wait_and_a_count_are_given() {
    for code in Code::ALL {
        let allowed = code.retry_allowed(true);
        assert_eq!(allowed, code.retry_after_ms().is_some_and(|wait| wait > 0), "{code}");
        assert_eq!(allowed, code.max_retries() > 0, "{code}");
    }
}

#[test]
fn a_write_is_repeated_only_where_nothing_can_have_run() {
    let allowed: Vec<_> = Code::ALL.into_iter().filter(|code| code.retry_allowed(false)).collect();
    assert_eq!(
        allowed,
        [Code::RateLimitExceeded, Code::ServiceUnavailable, Code::TlsHandshakeFailed, Code::HostUnavailable]
    );
}

#[test]
fn the_protocols_breaker_classes_hold() {
    for code in [
        Code::ConnectionFailed,
        Code::NetworkTimeout,
        Code::ToolExecutionFailed,
        Code::ResourceExhausted,
        Code::RuntimeCrash,
    ] {
        assert_eq!(code.facts().fault, Fault::Runtime, "{code}");
    }
    for code in [Code::PermissionDenied, Code::SchemaViolation, Code::InvalidToolArgs, Code::Cancelled] {
        assert!(code.client_fault(), "{code}");
    }
    for code in [Code::OutcomeUnaudited, Code::AuditUnavailable] {
        assert_eq!(code.facts().fault, Fault::Host, "{code}");
    }
}

#[test]
fn security_codes_are_grave_final_and_never_the_callers() {
    let security: Vec<_> = Code::ALL.into_iter().filter(|code| code.security()).collect();
    assert_eq!(security, [Code::SecurityViolation, Code::SystemCompromise, Code::DataCorruption]);
    for code in security {
        let facts = code.facts();
        assert!(facts.severity >= Severity::Critical, "{code}");
        assert_eq!(facts.retry, Retry::Never, "{code}");
        assert_eq!(facts.fault, Fault::Runtime, "{code}");
    }
}

#[test]
fn advice_is_there_and_keeps_the_style() {
    for code in Code::ALL {
        let steps = code.facts().remediation;
        assert!((1..=4).contains(&steps.len()), "{code}");
        assert_eq!(steps.iter().collect::<HashSet<_>>().len(), steps.len(), "{code}");
        for step in steps {
            assert!(step.starts_with(|c: char| c.is_ascii_lowercase()), "{code}: {step}");
            assert!(step.ends_with(|c: char| c.is_alphanumeric() || c == '`'), "{code}: {step}");
            assert!(step.len() <= 120 && step.trim() == *step, "{code}: {step}");
            assert_eq!(step.matches('`').count() % 2, 0, "{code}: {step}");
            check_commands(code.as_str(), step);
        }
    }
}
