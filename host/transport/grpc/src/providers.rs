//! ProviderService: what operators ask about who serves what, handed to their door. It is on the operators' port alone.

use std::sync::Arc;

use grid_core::port::ProviderDoor;
use grid_proto::v1;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::{
    body::Reply,
    convert::provider,
    unary::{Asked, Limits, unary},
};

/// Serves ProviderService.
#[derive(Debug, Clone)]
pub(crate) struct Providers {
    pub(crate) door: Arc<dyn ProviderDoor>,
    pub(crate) limits: Limits,
}

impl Providers {
    /// Nothing where the service has no such method.
    pub(crate) async fn serve(
        &self,
        method: &str,
        request: Request<Incoming>,
        loopback: bool,
    ) -> Result<Response<Reply>, Request<Incoming>> {
        let (door, limits) = (&self.door, self.limits);
        Ok(match method {
            "ListProviders" => {
                unary(request, loopback, limits, async |asked: Asked<v1::ListProvidersRequest>| {
                    provider::rows(door.providers(asked.credentials, asked.message.tool).await, limits.message)
                })
                .await
            }
            "ExplainChoice" => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    provider::choice(door.explain_choice(asked.credentials, provider::ask(asked.message)).await)
                })
                .await
            }
            "ListBreakers" => {
                unary(request, loopback, limits, async |asked: Asked<v1::ListBreakersRequest>| {
                    provider::breakers(door.breakers(asked.credentials, asked.message.all).await, limits.message)
                })
                .await
            }
            _ => return self.change(method, request, loopback).await,
        })
    }

    /// What changes who serves.
    async fn change(
        &self,
        method: &str,
        request: Request<Incoming>,
        loopback: bool,
    ) -> Result<Response<Reply>, Request<Incoming>> {
        let (door, limits) = (&self.door, self.limits);
        Ok(match method {
            "SelectProvider" => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    provider::selected(door.select(asked.credentials, provider::select(asked.message)).await)
                })
                .await
            }
            "SwapProvider" => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    provider::swapped(door.swap(asked.credentials, provider::swap(asked.message)).await)
                })
                .await
            }
            "SetServing" => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    provider::serving(door.set_serving(asked.credentials, provider::set_serving(asked.message)).await)
                })
                .await
            }
            "ReloadProviders" => {
                unary(request, loopback, limits, async |asked: Asked<v1::ReloadProvidersRequest>| {
                    provider::reread(door.reload_providers(asked.credentials).await)
                })
                .await
            }
            "ResetBreaker" => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    provider::reset(door.reset_breaker(asked.credentials, provider::reset_breaker(asked.message)).await)
                })
                .await
            }
            _ => return Err(request),
        })
    }
}
