//! The listening ports: addresses, sockets and certificates, from the configuration to two doors that serve.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use grid_approve_notify::Secret;
use grid_config::{ClientAuth, Config, SocketMode, TlsVersion};
use grid_contract::Contracts;
use grid_core::{
    Code,
    clock::{SharedClock, SystemClock},
    gate::Gate,
    port::{ApprovalDoor, AuditDoor, ProviderDoor},
};
use grid_grpc::{Admin, Running, Server, Settings, Socket};
use grid_tls::{Bundle, Clients, Tls};
use tokio::net::TcpListener;

use crate::{admin_door::Webhook, front_door::Door, pages::pages, serve::Failure};

/// Where the host listens, before it serves.
#[derive(Debug)]
pub(crate) struct Ports {
    callers: (TcpListener, Option<Socket>),
    operators: (TcpListener, Option<Socket>),
    tls: Option<Tls>,
    /// Signs what other systems send to end rights.
    secret: Option<Secret>,
}

impl Ports {
    /// Takes every address and reads every certificate.
    pub(crate) async fn bind(config: &Config, clock: &SharedClock) -> Result<Self, Failure> {
        let tls = tls(config, clock)?;
        let server = &config.server;
        Ok(Self {
            callers: (listen(server.listen).await?, socket(server.unix.as_deref(), server.unix_mode)?),
            operators: (listen(server.admin_listen).await?, socket(server.admin_unix.as_deref(), server.unix_mode)?),
            tls,
            secret: secret(config)?,
        })
    }

    /// Begins to serve.
    pub(crate) async fn open<C: Contracts>(
        self,
        config: &Config,
        door: &Arc<Door<C>>,
    ) -> Result<(Running, Running), Failure> {
        let settings = settings(config);
        let failed = |error: std::io::Error| Failure::start(Code::EnvironmentError, format!("cannot serve: {error}"));
        let clock = door.0.clock.clone();
        let auditors: Arc<dyn AuditDoor> = Arc::clone(door) as _;
        let approvers: Arc<dyn ApprovalDoor> = Arc::clone(door) as _;
        let ((callers, local), (operators, local_operators)) = (self.callers, self.operators);
        let server = Server::new(Arc::clone(door), Arc::clone(door), clock, settings.clone())
            .auditing(Arc::clone(&auditors))
            .behind(door.0.gate.clone().map(|gate| gate as Arc<dyn Gate>))
            .approving(Arc::clone(&approvers))
            .secured(self.tls.clone())
            .local(local);
        let callers = server.start(callers).await.map_err(failed)?;
        let admin = Admin::new(Arc::clone(door), pages(Arc::clone(&door.0)), settings)
            .auditing(auditors)
            .approving(approvers)
            .providing(Arc::clone(door) as Arc<dyn ProviderDoor>)
            .hooked(Arc::new(Webhook::new(Door::clone(door), self.secret)))
            .secured(self.tls.clone())
            .local(local_operators);
        let operators = admin.start(operators).await.map_err(failed)?;
        if let Some(tls) = self.tls {
            door.0.tasks.spawn(tls.watch(config.tls.reload, door.0.stopping.clone()));
        }
        callers.health().set(true).await;
        operators.health().set(true).await;
        Ok((callers, operators))
    }
}

/// Which files of secrets cannot be used, by their settings, and why.
#[must_use]
pub fn secret_faults(config: &Config) -> Vec<(&'static str, PathBuf, String)> {
    let told = config.approval.webhook_url.as_ref().and(config.approval.webhook_secret_file.as_ref());
    let files = [
        ("invalidation.secret_file", config.invalidation.secret_file.as_ref()),
        ("approval.webhook_secret_file", told),
    ];
    let faults = files.into_iter().filter_map(|(key, path)| Some((key, path?)));
    faults.filter_map(|(key, path)| Some((key, path.clone(), Secret::read(path).err()?.to_string()))).collect()
}

fn secret(config: &Config) -> Result<Option<Secret>, Failure> {
    let refused = |why| Failure::config(Code::InvalidConfig, format!("`invalidation.secret_file`: {why}"));
    config.invalidation.secret_file.as_deref().map(Secret::read).transpose().map_err(refused)
}

fn settings(config: &Config) -> Settings {
    Settings {
        max_message: config.server.max_message.as_usize(),
        max_concurrent_streams: config.server.max_concurrent_streams,
        max_connections_per_peer: config.server.max_connections_per_peer,
        keepalive: config.server.keepalive,
        keepalive_timeout: config.server.keepalive_timeout,
        first_frame_timeout: config.server.first_frame_timeout,
        stall_timeout: config.server.stall_timeout,
        max_age: config.server.connection_age,
        age_grace: config.server.connection_grace,
        ..Settings::default()
    }
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let message = format!("cannot listen on {address}: {error}; free it, or set another address");
        Failure::start(Code::EnvironmentError, message)
    })
}

fn socket(path: Option<&Path>, mode: SocketMode) -> Result<Option<Socket>, Failure> {
    let Some(path) = path else { return Ok(None) };
    Socket::bind(path, mode.bits()).map(Some).map_err(|error| {
        let message = format!("cannot listen at `{}`: {error}; free it, or set another path", path.display());
        Failure::start(Code::EnvironmentError, message)
    })
}

/// Why the certificates that are configured cannot be used.
#[must_use]
pub fn tls_fault(config: &Config) -> Option<String> {
    tls(config, &SystemClock::shared()).err().map(|failure| failure.message().to_owned())
}

/// The certificates that are configured, as a start reads them.
fn tls(config: &Config, clock: &SharedClock) -> Result<Option<Tls>, Failure> {
    let (Some(certificate), Some(key)) = (&config.tls.cert, &config.tls.key) else {
        return Ok(None);
    };
    let wrong = |why: String| Failure::config(Code::CertificateError, why);
    let bundles = config.tls.bundles.iter().map(|bundle| Bundle::parse(bundle));
    let bundles: Vec<Bundle> =
        bundles.collect::<Result<_, _>>().map_err(|why| wrong(format!("`tls.bundles`: {why}")))?;
    for (place, bundle) in bundles.iter().enumerate() {
        let others = bundles.iter().take(place);
        if others.into_iter().any(|other| other.vouches.name() == bundle.vouches.name()) {
            let message = format!(
                "`tls.bundles`: two bundles are named `{}`; give each a name of its own, or put their authorities into \
                 one file",
                bundle.vouches
            );
            return Err(wrong(message));
        }
    }
    let settings = grid_tls::Settings {
        certificate: certificate.clone(),
        key: key.clone(),
        clients: match config.tls.client_auth {
            ClientAuth::Off => Clients::Off,
            ClientAuth::Optional => Clients::Optional,
            ClientAuth::Required => Clients::Required,
        },
        bundles,
        revoked: config.tls.crl.iter().map(Into::into).collect(),
        tls12: config.tls.min_version == TlsVersion::Tls12,
        handshake_timeout: config.tls.handshake_timeout,
    };
    Tls::open(settings, clock.clone()).map(Some).map_err(|error| wrong(error.to_string()))
}
