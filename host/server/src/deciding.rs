//! What decides: roles, and where the configuration says so policies and an external decision point.

use std::{path::Path, sync::Arc};

use grid_authzen::{Authzen, Setup};
use grid_config::Config;
use grid_contract::Manifest;
use grid_core::{Code, port::Authorizer};
use grid_policy::PolicySet;
use grid_reload::{Policies, Set};

use crate::serve::Failure;

/// Reads what decides; a fault is no host.
pub(crate) fn policies(config: &Config, manifest: &Manifest) -> Result<(Policies, Arc<dyn Authorizer>), Failure> {
    let bad = |message: String| Failure::config(Code::InvalidConfig, message);
    let (live, shadow) = (config.policy.dir.clone(), config.policy.shadow_dir.clone());
    let mut policies = Policies::new(
        live,
        shadow,
        external(config).map_err(|error| bad(format!("`authorize.pdp_url`: {error}")))?,
        read,
    );
    let deciding = policies.start(manifest).map_err(|faults| bad(faults.join("\n")))?;
    Ok((policies, deciding))
}

/// Why the external decision point cannot be asked; nobody is asked for that.
#[must_use]
pub fn decision_point_fault(config: &Config) -> Option<String> {
    external(config).err()
}

fn external(config: &Config) -> Result<Option<Arc<dyn Authorizer>>, String> {
    let settings = &config.authorize;
    let Some(url) = &settings.pdp_url else { return Ok(None) };
    let setup = Setup {
        url: url.reveal(),
        token_file: settings.pdp_token_file.as_deref(),
        ca_file: settings.pdp_ca_file.as_deref(),
        timeout: settings.pdp_timeout,
        args: settings.pdp_args,
    };
    let point = Authzen::new(&setup).map_err(|error| error.to_string())?;
    Ok(Some(Arc::new(point)))
}

/// A directory of policies.
pub(crate) fn read(dir: &Path, manifest: &Manifest) -> Set {
    let told = |faults: Vec<grid_policy::Fault>| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (set, warnings) = PolicySet::load(dir, manifest).map_err(told)?;
    for warning in warnings {
        tracing::warn!("{}: {warning}", dir.display());
    }
    Ok(set)
}
