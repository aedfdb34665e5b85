//! The port for callers and runtimes: HTTP/2 connections of hyper's, and one match on the path. No router and no
//! layer stands between a call and the door.

use std::{io, sync::Arc};

use grid_core::{
    clock::SharedClock,
    gate::Gate,
    port::{ApprovalDoor, AuditDoor, FrontDoor, LocalDoor, RuntimeDoor},
};
use grid_proto::v1::{approval_service_server, audit_service_server, grid_service_server, runtime_service_server};
use grid_tls::{Protocols, Tls};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accept::{Accept, Peer, Places, accept},
    approvers::Approvers,
    attach::Runtimes,
    auditors::Auditors,
    body::Reply,
    callers::{Callers, Method},
    connection::{Port, Route, serve, serve_plain},
    fault::{Fault, plain},
    locals::Locals,
    running::Running,
    settings::Settings,
    side::{Health, Sides, split},
    socket::Socket,
    unary::{Limits, is_grpc},
};

const SERVICES: [&str; 2] = [grid_service_server::SERVICE_NAME, runtime_service_server::SERVICE_NAME];

/// Serves callers, runtimes, auditors and people who approve.
#[derive(Debug)]
pub struct Server<F, R> {
    front: Arc<F>,
    runtimes: Arc<R>,
    auditors: Option<Arc<dyn AuditDoor>>,
    approvers: Option<Arc<dyn ApprovalDoor>>,
    clock: SharedClock,
    settings: Settings,
    gate: Option<Arc<dyn Gate>>,
    tls: Option<Tls>,
    socket: Option<Socket>,
}

impl<F: FrontDoor + LocalDoor, R: RuntimeDoor> Server<F, R> {
    /// A server that hands callers to `front` and runtimes to `runtimes`.
    #[must_use]
    pub fn new(front: Arc<F>, runtimes: Arc<R>, clock: SharedClock, settings: Settings) -> Self {
        let (auditors, approvers) = (None, None);
        Self { front, runtimes, auditors, approvers, clock, settings, gate: None, tls: None, socket: None }
    }

    /// Hands auditors to `door`; without it nobody serves them.
    #[must_use]
    pub fn auditing(self, door: Arc<dyn AuditDoor>) -> Self {
        Self { auditors: Some(door), ..self }
    }

    /// Asks `gate` before anything of a request is read; without it nothing is turned away.
    #[must_use]
    pub fn behind(self, gate: Option<Arc<dyn Gate>>) -> Self {
        Self { gate, ..self }
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

    /// Begins to serve. Health says "not serving" until the handle is told otherwise.
    ///
    /// # Errors
    /// The listener has no local address.
    pub async fn start(self, listener: TcpListener) -> io::Result<Running> {
        let address = listener.local_addr()?;
        Ok(self.start_on(listener, address).await)
    }

    pub(crate) async fn start_on(self, listener: impl Accept, address: std::net::SocketAddr) -> Running {
        let kill = CancellationToken::new();
        let (stop, leave) = (kill.child_token(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let health = Health::of(services(&SERVICES, self.auditors.is_some(), self.approvers.is_some())).await;
        let limits = Limits { message: self.settings.max_message, patience: self.settings.message_timeout };
        let locals = Locals {
            door: Arc::clone(&self.front),
            limits,
            stall: self.settings.stall_timeout,
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        let routes = Routes {
            callers: Callers { door: self.front, clock: self.clock, limits, locals },
            beside: Beside {
                auditors: self.auditors.map(|door| Auditors { door, limits }),
                approvers: self.approvers.map(|door| Approvers { door, limits }),
                sides: Sides::new(&health, stop.clone()),
            },
            runtimes: Runtimes {
                door: self.runtimes,
                message: self.settings.max_message,
                first_frame: self.settings.first_frame_timeout,
                stall: self.settings.stall_timeout,
                tasks: tasks.clone(),
            },
        };
        let places = Places::new(self.settings.max_connections_per_peer);
        let (tls, protocols) = (self.tls, Protocols::Http2);
        let (settings, gate) = (self.settings, self.gate);
        let (tasks_of_port, tokens) = (tasks.clone(), (leave.clone(), stop.clone()));
        let port = Port { route: routes, settings, gate, tls, protocols, tasks: tasks_of_port, leave, stop };
        listen(Arc::new(port), listener, self.socket, places, &kill);
        let (leave, stop) = tokens;
        Running::new(address, health, (leave, stop, kill), tasks)
    }
}

/// Accepts from the network, and from processes on this machine where there is a socket.
pub(crate) fn listen<T: Route>(
    port: Arc<Port<T>>,
    listener: impl Accept,
    socket: Option<Socket>,
    places: Places,
    kill: &CancellationToken,
) {
    let (tasks, stop) = (&port.tasks, &port.stop);
    if let Some(socket) = socket {
        let port = Arc::clone(&port);
        let serve = move |stream, peer| serve_plain(Arc::clone(&port), stream, peer);
        tasks.spawn(accept(socket, places.clone(), tasks.clone(), stop.clone(), kill.clone(), serve));
    }
    let network = Arc::clone(&port);
    let serve = move |stream, peer| serve(Arc::clone(&network), stream, peer);
    tasks.spawn(accept(listener, places, tasks.clone(), stop.clone(), kill.clone(), serve));
}

/// Where a request goes.
#[derive(Debug)]
struct Routes<F, R> {
    callers: Callers<F>,
    runtimes: Runtimes<R>,
    beside: Beside,
}

impl<F: FrontDoor + LocalDoor, R: RuntimeDoor> Route for Routes<F, R> {
    async fn route(&self, request: Request<Incoming>, peer: &Peer) -> Response<Reply> {
        if !is_grpc(request.headers()) {
            return not_grpc();
        }
        let path = request.uri().path();
        match split(path) {
            (grid_service_server::SERVICE_NAME, method) => match Method::of(method) {
                Some(method) => self.callers.serve(method, request, peer.loopback).await,
                None => unknown(path),
            },
            (runtime_service_server::SERVICE_NAME, "Attach") => self.runtimes.attach(request, peer).await,
            _ => self.beside.serve(request, peer).await,
        }
    }
}

/// The services that more than one port has: for auditors, for people who approve, health and reflection.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) auditors: Option<Auditors>,
    pub(crate) approvers: Option<Approvers>,
    pub(crate) sides: Sides,
}

impl Beside {
    pub(crate) async fn serve(&self, request: Request<Incoming>, peer: &Peer) -> Response<Reply> {
        let (service, method) = split(request.uri().path());
        let answered = match (service, &self.auditors, &self.approvers) {
            (audit_service_server::SERVICE_NAME, Some(auditors), _) => {
                let method = method.to_owned();
                auditors.serve(&method, request, peer.loopback).await
            }
            (approval_service_server::SERVICE_NAME, _, Some(approvers)) => {
                let method = method.to_owned();
                approvers.serve(&method, request, peer.loopback).await
            }
            _ => self.sides.serve(request).await,
        };
        answered.unwrap_or_else(|request| unknown(request.uri().path()))
    }
}

/// The services of a port: its own, and those beside them that somebody serves.
pub(crate) fn services(own: &[&'static str], auditing: bool, approving: bool) -> Vec<&'static str> {
    let audit = auditing.then_some(audit_service_server::SERVICE_NAME);
    let approval = approving.then_some(approval_service_server::SERVICE_NAME);
    own.iter().copied().chain(audit).chain(approval).collect()
}

/// No service has such a method.
pub(crate) fn unknown(path: &str) -> Response<Reply> {
    Fault::Unknown(plain(path, 128)).into_response()
}

/// As gRPC over HTTP/2 demands of a server.
fn not_grpc() -> Response<Reply> {
    let mut response = Response::new(Reply::Empty);
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}
