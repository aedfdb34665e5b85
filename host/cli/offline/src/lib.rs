//! Commands of the `grid` program that work on files and need no host: documents, manifests, policies, certificates.
//! They are built without the client, so that none of them can come to need one.

mod adm;
mod manifest;
mod policy;
mod tls;

pub use adm::Adm;
pub use manifest::Manifest;
pub use policy::Policy;
pub use tls::Tls;

use grid_console::{Context, Exit, Failure, time};
