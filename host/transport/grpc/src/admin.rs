//! The port for operators: AdminService over gRPC, and beside it plain HTTP paths (metrics, liveness) that the
//! server crate answers, since what they say is its knowledge.

use std::{fmt, io, sync::Arc};

use bytes::Bytes;
use grid_core::port::{AdminDoor, ApprovalDoor, AuditDoor, ProviderDoor};
use grid_proto::v1::{self, admin_service_server, provider_service_server};
use grid_tls::{Protocols, Tls};
use http::{Request, Response, StatusCode, request::Parts};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accept::{Peer, Places},
    approvers::Approvers,
    auditors::Auditors,
    body::Reply,
    connection::{Port, Route},
    convert::admin,
    hooks::{Hooks, posted},
    providers::Providers,
    running::Running,
    server::{Beside, listen, services, unknown},
    settings::Settings,
    side::{Health, Sides, split},
    socket::Socket,
    unary::{Asked, Limits, is_grpc, unary},
};

const SERVICES: [&str; 1] = [admin_service_server::SERVICE_NAME];

/// Answers requests that are not gRPC; `None` where it does not know the path.
pub trait Pages: Fn(&Parts) -> Option<Response<Bytes>> + Send + Sync + 'static {}

impl<P: Fn(&Parts) -> Option<Response<Bytes>> + Send + Sync + 'static> Pages for P {}

/// Serves operators and auditors.
pub struct Admin<A, P> {
    door: Arc<A>,
    auditors: Option<Arc<dyn AuditDoor>>,
    approvers: Option<Arc<dyn ApprovalDoor>>,
    providers: Option<Arc<dyn ProviderDoor>>,
    hooks: Option<Arc<dyn Hooks>>,
    pages: P,
    settings: Settings,
    tls: Option<Tls>,
    socket: Option<Socket>,
}

impl<A, P> fmt::Debug for Admin<A, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

impl<A: AdminDoor, P: Pages> Admin<A, P> {
    /// A server that hands operators to `door` and everything that is not gRPC to `pages`.
    #[must_use]
    pub fn new(door: Arc<A>, pages: P, settings: Settings) -> Self {
        let (auditors, approvers, providers, hooks) = (None, None, None, None);
        Self { door, auditors, approvers, providers, hooks, pages, settings, tls: None, socket: None }
    }

    /// Hands auditors to `door`; without it nobody serves them.
    #[must_use]
    pub fn auditing(self, door: Arc<dyn AuditDoor>) -> Self {
        Self { auditors: Some(door), ..self }
    }

    /// Encrypts what comes over the network.
    #[must_use]
    pub fn secured(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// Serves processes on this machine at `socket` too.
    #[must_use]
    pub fn local(self, socket: Option<Socket>) -> Self {
        Self { socket, ..self }
    }

    /// Hands people who approve to `door`; without it nobody serves them.
    #[must_use]
    pub fn approving(self, door: Arc<dyn ApprovalDoor>) -> Self {
        Self { approvers: Some(door), ..self }
    }

    /// Hands what operators ask about providers to `door`; without it nobody serves them.
    #[must_use]
    pub fn providing(self, door: Arc<dyn ProviderDoor>) -> Self {
        Self { providers: Some(door), ..self }
    }

    /// Hands requests that are not gRPC, on the paths that it knows, to `hooks`.
    #[must_use]
    pub fn hooked(self, hooks: Arc<dyn Hooks>) -> Self {
        Self { hooks: Some(hooks), ..self }
    }

    /// Begins to serve. Health says "not serving" until the handle is told otherwise.
    ///
    /// # Errors
    /// The listener has no local address.
    pub async fn start(self, listener: TcpListener) -> io::Result<Running> {
        let address = listener.local_addr()?;
        let kill = CancellationToken::new();
        let stop = kill.child_token();
        let tasks = TaskTracker::new();
        let mut names = services(&SERVICES, self.auditors.is_some(), self.approvers.is_some());
        names.extend(self.providers.is_some().then_some(provider_service_server::SERVICE_NAME));
        let health = Health::of(names).await;
        let limits = Limits { message: self.settings.max_message, patience: self.settings.message_timeout };
        let routes = Routes {
            door: self.door,
            beside: Beside {
                auditors: self.auditors.map(|door| Auditors { door, limits }),
                approvers: self.approvers.map(|door| Approvers { door, limits }),
                sides: Sides::new(&health, stop.clone()),
            },
            providers: self.providers.map(|door| Providers { door, limits }),
            hooks: self.hooks,
            pages: self.pages,
            limits,
        };
        let places = Places::new(self.settings.max_connections_per_peer);
        let (tls, protocols) = (self.tls, Protocols::Any);
        // Operators are never turned away for load.
        let (settings, gate) = (self.settings, None);
        let port = Port { route: routes, settings, gate, tls, protocols, tasks: tasks.clone(), stop: stop.clone() };
        listen(Arc::new(port), listener, self.socket, places, &kill);
        Ok(Running::new(address, health, stop, kill, tasks))
    }
}

struct Routes<A, P> {
    door: Arc<A>,
    beside: Beside,
    providers: Option<Providers>,
    hooks: Option<Arc<dyn Hooks>>,
    pages: P,
    limits: Limits,
}

impl<A: AdminDoor, P: Pages> Route for Routes<A, P> {
    async fn route(&self, request: Request<Incoming>, peer: &Peer) -> Response<Reply> {
        if !is_grpc(request.headers()) {
            return self.plain(request, peer).await;
        }
        let (service, method) = split(request.uri().path());
        if service == provider_service_server::SERVICE_NAME
            && let Some(providers) = &self.providers
        {
            let method = method.to_owned();
            let answered = providers.serve(&method, request, peer.loopback).await;
            return answered.unwrap_or_else(|request| unknown(request.uri().path()));
        }
        if service != admin_service_server::SERVICE_NAME {
            return self.beside.serve(request, peer).await;
        }
        let (door, local, limits) = (&self.door, peer.loopback, self.limits);
        match method {
            "GetStatus" => {
                unary(request, local, limits, async |asked: Asked<v1::StatusRequest>| {
                    admin::status(door.status(asked.credentials).await)
                })
                .await
            }
            "ListRuntimes" => {
                unary(request, local, limits, async |asked: Asked<v1::ListRuntimesRequest>| {
                    admin::runtimes(door.runtimes(asked.credentials, asked.message.tenant).await)
                })
                .await
            }
            "ListSessions" => {
                unary(request, local, limits, async |asked: Asked<v1::ListSessionsRequest>| {
                    admin::sessions(door.sessions(asked.credentials, asked.message.tenant).await)
                })
                .await
            }
            "ListContracts" => {
                unary(request, local, limits, async |asked: Asked<v1::ListContractsRequest>| {
                    admin::contracts(door.contracts(asked.credentials, asked.message.tenant).await)
                })
                .await
            }
            "ListLimits" => {
                unary(request, local, limits, async |asked: Asked<v1::ListLimitsRequest>| {
                    let most = match asked.message.most {
                        0 => 100,
                        most => most.min(1_000) as usize,
                    };
                    admin::limits(door.limits(asked.credentials, most).await)
                })
                .await
            }
            _ => self.change(request, peer).await,
        }
    }
}

impl<A: AdminDoor, P: Pages> Routes<A, P> {
    /// What ends rights, gives them back or puts other rules in force.
    async fn change(&self, request: Request<Incoming>, peer: &Peer) -> Response<Reply> {
        let (door, local, limits) = (&self.door, peer.loopback, self.limits);
        match split(request.uri().path()).1 {
            "InvalidateAuthorizations" => {
                unary(request, local, limits, async |asked: Asked<v1::InvalidateAuthorizationsRequest>| {
                    let request = admin::invalidate(asked.message);
                    admin::invalidated(door.invalidate(asked.credentials, request).await)
                })
                .await
            }
            "ExplainDecision" => {
                unary(request, local, limits, async |asked: Asked<v1::ExplainDecisionRequest>| {
                    admin::explanation(door.explain(asked.credentials, asked.message.id).await)
                })
                .await
            }
            "ListRevocations" => {
                unary(request, local, limits, async |asked: Asked<v1::ListRevocationsRequest>| {
                    admin::revocations(door.revocations(asked.credentials).await)
                })
                .await
            }
            "Restore" => {
                unary(request, local, limits, async |asked: Asked<v1::RestoreRequest>| {
                    let request = admin::restore(asked.message);
                    admin::restored(door.restore(asked.credentials, request).await)
                })
                .await
            }
            "ReloadPolicies" => {
                unary(request, local, limits, async |asked: Asked<v1::ReloadPoliciesRequest>| {
                    admin::reloaded(door.reload_policies(asked.credentials).await)
                })
                .await
            }
            _ => unknown(request.uri().path()),
        }
    }
}

impl<A: Sync, P: Pages> Routes<A, P> {
    /// What is not gRPC.
    async fn plain(&self, request: Request<Incoming>, peer: &Peer) -> Response<Reply> {
        match &self.hooks {
            Some(hooks) if hooks.knows(request.uri().path()) => {
                hooks.answer(posted(request, peer.loopback, self.limits.patience)).await.map(Reply::Plain)
            }
            _ => self.page(&request.into_parts().0),
        }
    }

    fn page(&self, head: &Parts) -> Response<Reply> {
        let page = (self.pages)(head).unwrap_or_else(|| {
            let mut response =
                Response::new(Bytes::from_static(b"there is no such page; try /healthz, /readyz or /metrics\n"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        });
        page.map(Reply::Plain)
    }
}
