//! The question as the decision point reads it (AuthZEN 1.0, section 6): who, does what, with what, in which context.

use grid_core::port::Question;
use serde_json::{Value, json};

/// The request's body. The arguments are JSON text that was checked, and go out as they are.
pub(crate) fn write(question: &Question<'_>, with_args: bool) -> String {
    let principal = &question.context.principal;
    let subject = json!({
        "type": "user",
        "id": principal.id.as_str(),
        "properties": {
            "tenant": principal.tenant.as_str(),
            "roles": principal.roles.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
            "claims": principal.claims,
            "proof": principal.proof.as_str(),
        },
    });
    let resource = json!({
        "type": "tool",
        "id": question.tool,
        "properties": {
            "contract": question.group,
            "version": question.version,
            "digest": hex(&question.contract),
            "required_roles": question.required_roles,
            "effect": question.effect,
            "tags": question.tags,
            "classification": question.classification,
            "providers": question.providers,
            "dynamic": question.dynamic,
        },
    });
    let session = json!({
        "id": question.session.id.to_string(),
        "created_at_ms": question.session.created_at_ms,
        "metadata": question.session.metadata,
    });
    let action = json!({ "name": "call", "properties": { "local": question.local } });
    let args = question.args.filter(|_| with_args).map_or_else(String::new, |args| format!(",\"args\":{args}"));
    let parts = [("subject", subject), ("action", action), ("resource", resource)];
    let parts: Vec<String> = parts.iter().map(|(name, part)| format!("\"{name}\":{part}")).collect();
    format!("{{{},\"context\":{{\"session\":{}{args}}}}}", parts.join(","), Value::to_string(&session))
}

fn hex(digest: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
