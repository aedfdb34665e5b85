//! The port for callers and runtimes: HTTP/2 connections of hyper's, and one match on the path. No router and no
//! layer stands between a call and the door.

use std::{io, sync::Arc};

use grid_core::{
    clock::SharedClock,
    port::{FrontDoor, RuntimeDoor},
};
use grid_proto::v1::{grid_service_server, runtime_service_server};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accept::{Accept, Peer, Places, accept},
    attach::Runtimes,
    body::Reply,
    callers::{Callers, Method},
    connection::{Port, Route, serve_http2},
    fault::{Fault, plain},
    running::Running,
    settings::Settings,
    side::{Health, Sides, split},
    unary::{Limits, is_grpc},
};

const SERVICES: &[&str] = &[grid_service_server::SERVICE_NAME, runtime_service_server::SERVICE_NAME];

/// Serves callers and runtimes.
#[derive(Debug)]
pub struct Server<F, R> {
    front: Arc<F>,
    runtimes: Arc<R>,
    clock: SharedClock,
    settings: Settings,
}

impl<F: FrontDoor, R: RuntimeDoor> Server<F, R> {
    /// A server that hands callers to `front` and runtimes to `runtimes`.
    #[must_use]
    pub fn new(front: Arc<F>, runtimes: Arc<R>, clock: SharedClock, settings: Settings) -> Self {
        Self { front, runtimes, clock, settings }
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
        let stop = kill.child_token();
        let tasks = TaskTracker::new();
        let health = Health::of(SERVICES).await;
        let routes = Routes {
            callers: Callers {
                door: self.front,
                clock: self.clock,
                limits: Limits { message: self.settings.max_message, patience: self.settings.message_timeout },
            },
            runtimes: Runtimes {
                door: self.runtimes,
                message: self.settings.max_message,
                first_frame: self.settings.first_frame_timeout,
                stall: self.settings.stall_timeout,
                tasks: tasks.clone(),
            },
            sides: Sides::new(&health, stop.clone()),
        };
        let places = Places::new(self.settings.max_connections_per_peer);
        let port = Arc::new(Port { route: routes, settings: self.settings, tasks: tasks.clone(), stop: stop.clone() });
        let serve = move |stream, peer| serve_http2(Arc::clone(&port), stream, peer);
        tasks.spawn(accept(listener, places, tasks.clone(), stop.clone(), kill.clone(), serve));
        Running::new(address, health, stop, kill, tasks)
    }
}

/// Where a request goes.
#[derive(Debug)]
struct Routes<F, R> {
    callers: Callers<F>,
    runtimes: Runtimes<R>,
    sides: Sides,
}

impl<F: FrontDoor, R: RuntimeDoor> Route for Routes<F, R> {
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
            (runtime_service_server::SERVICE_NAME, "Attach") => {
                let hang_up = peer.hang_up.clone();
                self.runtimes.attach(request, peer.loopback, hang_up).await
            }
            _ => match self.sides.serve(request).await {
                Ok(response) => response,
                Err(request) => unknown(request.uri().path()),
            },
        }
    }
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
