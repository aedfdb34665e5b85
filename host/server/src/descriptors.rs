//! How many connections and files this process may have open: as many as the system lets it have. Shells and service
//! managers begin programs with a soft limit of 1,024, for the sake of those that use `select`; the host does not.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. What cannot be raised is said and no fault: the host serves as many as it may.
pub(crate) fn raise() {
    let before = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: before.maximum, ..before }) {
        Ok(()) => tracing::info!(
            soft = told(before.current),
            now = told(before.maximum),
            "connections and files that may be open at once"
        ),
        Err(fault) => tracing::warn!(
            soft = told(before.current),
            hard = told(before.maximum),
            %fault,
            "the limit of open files stays as it was; connections beyond it wait"
        ),
    }
}

fn told(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}
