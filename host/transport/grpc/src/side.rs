//! Health and reflection: services that others wrote, each behind one boxed call, because nothing hot asks them.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use grid_proto::DESCRIPTORS;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tonic_reflection::server::Builder;
use tower_service::Service;

use crate::body::Reply;

type Answer = Pin<Box<dyn Future<Output = Response<tonic::body::Body>> + Send>>;

/// A service of somebody else's.
#[derive(Clone)]
struct Side(Arc<dyn Fn(Request<Incoming>) -> Answer + Send + Sync>);

impl Side {
    fn new<S>(service: S) -> Self
    where
        S: Service<
                Request<Incoming>,
                Response = Response<tonic::body::Body>,
                Error = std::convert::Infallible,
                Future: Send + 'static,
            > + Clone
            + Send
            + Sync
            + 'static,
    {
        Self(Arc::new(move |request| {
            let answer = service.clone().call(request);
            Box::pin(async move {
                match answer.await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            })
        }))
    }
}

/// Says how each service of a port is. Cheap to clone; the port answers `grpc.health.v1` from it.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: Arc<[&'static str]>,
}

impl Health {
    /// Every service of `services`, and the port as a whole (""), begins as not serving.
    pub(crate) async fn of(services: Vec<&'static str>) -> Self {
        let health = Self { reporter: HealthReporter::new(), services: services.into() };
        health.set(false).await;
        health
    }

    /// For the port as a whole and each of its services.
    pub async fn set(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in self.services.iter().chain(&[""]) {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

/// The side services of one port.
#[derive(Clone)]
pub(crate) struct Sides {
    health: Side,
    reflection: Option<[Side; 2]>,
    stop: CancellationToken,
}

impl fmt::Debug for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sides").finish_non_exhaustive()
    }
}

impl Sides {
    pub(crate) fn new(health: &Health, stop: CancellationToken) -> Self {
        let service = HealthService::from_health_reporter(health.reporter.clone());
        Self { health: Side::new(HealthServer::new(service)), reflection: reflection(&health.services), stop }
    }

    /// The answer to a path that no service of ours has; `None` where nobody knows it.
    pub(crate) async fn serve(&self, request: Request<Incoming>) -> Result<Response<Reply>, Request<Incoming>> {
        let (service, _) = split(request.uri().path());
        let side = match (service, &self.reflection) {
            ("grpc.health.v1.Health", _) => &self.health,
            ("grpc.reflection.v1.ServerReflection", Some([v1, _])) => v1,
            ("grpc.reflection.v1alpha.ServerReflection", Some([_, alpha])) => alpha,
            _ => return Err(request),
        };
        let answer = (side.0)(request).await;
        let stop = Box::pin(self.stop.clone().cancelled_owned());
        Ok(answer.map(|body| Reply::Side(body, stop)))
    }
}

fn reflection(services: &[&'static str]) -> Option<[Side; 2]> {
    let builder = || {
        let builder = Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health")
            .with_service_name("grpc.reflection.v1.ServerReflection");
        services.iter().fold(builder, |builder, service| builder.with_service_name(*service))
    };
    match (builder().build_v1(), builder().build_v1alpha()) {
        (Ok(v1), Ok(alpha)) => Some([Side::new(v1), Side::new(alpha)]),
        (Err(fault), _) | (_, Err(fault)) => {
            tracing::error!(%fault, "reflection is off, because the descriptors cannot be read");
            None
        }
    }
}

/// `/service/method` in its two parts; empty ones where it is neither.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.strip_prefix('/').and_then(|path| path.split_once('/')).unwrap_or_default()
}
