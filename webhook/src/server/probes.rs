//! `/healthz`, `/readyz` and `/metrics`, plain, on a port of their own.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

use super::{Answer, Handler, answer, text};
use crate::certificates::Served;
use crate::cluster::Cache;
use crate::metrics::Metrics;

/// What readiness depends on.
pub struct Health {
    /// Every GatewaySync was seen.
    pub cache: Arc<Cache>,
    /// There is a certificate.
    pub served: Arc<Served>,
    /// The program is about to end.
    pub is_draining: AtomicBool,
}

impl Health {
    /// What is missing; `None` when ready.
    fn missing(&self) -> Option<&'static str> {
        if self.is_draining.load(Ordering::Acquire) {
            Some("ending\n")
        } else if self.served.get().is_none() {
            Some("there is no certificate yet\n")
        } else if !self.cache.is_warm() {
            Some("the GatewaySyncs are not known yet\n")
        } else {
            None
        }
    }
}

/// Answers probes.
pub struct Probes {
    /// What readiness depends on.
    pub health: Arc<Health>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Handler for Probes {
    async fn handle(&self, request: Request<Incoming>, _: IpAddr) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "GET\n");
        }
        match request.uri().path() {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => match self.health.missing() {
                None => text(StatusCode::OK, "ok\n"),
                Some(missing) => text(StatusCode::SERVICE_UNAVAILABLE, missing),
            },
            "/metrics" => {
                answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", self.metrics.text())
            }
            _ => text(StatusCode::NOT_FOUND, "/healthz, /readyz or /metrics\n"),
        }
    }
}
