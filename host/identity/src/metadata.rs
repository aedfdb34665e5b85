//! What an OAuth client may know of the host: whose tokens it takes, and how they are sent (RFC 9728 2).

use serde_json::json;

/// Where the document is.
pub const PATH: &str = "/.well-known/oauth-protected-resource";

/// Names the issuers that are addresses; the host's own key is no server that anybody could ask.
pub(crate) fn document(resource: &str, issuers: &[&str]) -> String {
    let servers: Vec<&&str> = issuers.iter().filter(|issuer| issuer.starts_with("https://")).collect();
    let mut document = json!({
        "resource": resource,
        "resource_name": "GRID host",
        "bearer_methods_supported": ["header"],
    });
    // An empty list is not allowed.
    if let (false, Some(members)) = (servers.is_empty(), document.as_object_mut()) {
        members.insert("authorization_servers".to_owned(), json!(servers));
    }
    document.to_string()
}
