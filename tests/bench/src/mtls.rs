//! A host that hears nobody without a certificate, and the certificates of those it hears. Who they are their tokens say
//! as without TLS, so that a call takes the same path and what differs is the connection.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Fallible;

/// Lines of the host's configuration; paths are within its folder.
pub const SETTINGS: &str = "tls.cert = \"tls/server.pem\"\n\
                            tls.key = \"tls/server.key\"\n\
                            tls.client_auth = \"required\"\n\
                            tls.bundles = [\"spiffe://dev.local=tls/ca.pem\"]\n";
const CLIENT: &str = "spiffe://dev.local/bench";

/// What a client needs, as PEM.
#[derive(Debug)]
pub struct Held {
    /// The authority that signed the host's certificate.
    pub authority: String,
    /// Its own certificate.
    pub certificate: String,
    /// The key of that.
    pub key: String,
}

/// Makes an authority and what it signs in `folder`, which is the host's; gives the folder of the certificates.
///
/// # Errors
/// `grid`'s own words where it makes none.
pub fn make(grid: &Path, folder: &Path) -> Fallible<PathBuf> {
    fs::create_dir_all(folder)?;
    let grid = fs::canonicalize(grid).map_err(|error| format!("there is no program `{}`: {error}", grid.display()))?;
    let made =
        Command::new(grid).current_dir(folder).args(["tls", "dev-ca", "--dir", "tls", "--client", CLIENT]).output()?;
    if !made.status.success() {
        return Err(format!("no certificates: {}", String::from_utf8_lossy(&made.stderr)).into());
    }
    Ok(folder.join("tls"))
}

/// Reads them out of the folder that [`make`] gave.
///
/// # Errors
/// One is not there.
pub fn read(folder: &Path) -> Fallible<Held> {
    let text = |name: &str| {
        let file = folder.join(name);
        fs::read_to_string(&file).map_err(|error| format!("`{}` cannot be read: {error}", file.display()))
    };
    Ok(Held { authority: text("ca.pem")?, certificate: text("bench.pem")?, key: text("bench.key")? })
}
