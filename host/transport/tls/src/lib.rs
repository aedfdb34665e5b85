//! TLS for every listening port: the host's own certificate, which can be replaced while it runs, and proof of who a
//! peer is. Takes files and connections, gives encrypted streams with a [`PeerCertificate`]; whom that names is
//! decided behind the doors. Rules for certificates are those of SPIFFE X.509-SVID and RFC 5280.
//!
//! [`PeerCertificate`]: grid_core::envelope::PeerCertificate

mod acceptor;
mod bundle;
mod dev_ca;
mod error;
mod leaf;
mod material;
mod notice;
mod refused;
mod reload;
mod show;
mod spiffe;
mod trust;
mod verifier;

pub use acceptor::{Failed, Proof, Protocols, Secured, Stream};
pub use bundle::{Bundle, Vouches};
pub use dev_ca::{DevCa, Made};
pub use error::Error;
pub use refused::Refused;
pub use reload::{Clients, Reloaded, Settings, Tls};
pub use show::{Shown, show};
pub use spiffe::{IdFault, SpiffeId, TrustDomain};
pub use trust::Trust;
