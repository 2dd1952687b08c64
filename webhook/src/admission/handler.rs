//! `POST /mutate-v1-pod`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use stoker_api::names::webhook::MUTATE_PATH;

use super::Admission;
use super::review::{MAX_BYTES, Review};
use crate::server::{self, Answer, BodyError, Budget, Handler, text};

/// A review comes from an API server on the same network.
const PATIENCE: Duration = Duration::from_secs(5);
/// Reviews in memory at a time; taken apart, each is several times as large.
const BUDGET: usize = 3 << 20;

/// Answers the API server.
pub struct Mutate {
    admission: Admission,
    budget: Arc<Budget>,
}

impl Mutate {
    /// With this admission.
    pub fn new(admission: Admission) -> Self {
        Self { admission, budget: Budget::new(BUDGET) }
    }
}

impl Handler for Mutate {
    async fn handle(&self, request: Request<Incoming>, _: IpAddr) -> Answer {
        if request.uri().path() != MUTATE_PATH {
            return text(StatusCode::NOT_FOUND, "only /mutate-v1-pod is here\n");
        }
        if request.method() != Method::POST {
            return text(StatusCode::METHOD_NOT_ALLOWED, "POST\n");
        }
        let body = match server::read(request.into_body(), MAX_BYTES, PATIENCE, &self.budget).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => return text(StatusCode::PAYLOAD_TOO_LARGE, "too large\n"),
            Err(BodyError::Slow) => return text(StatusCode::REQUEST_TIMEOUT, "too slow\n"),
            Err(BodyError::Busy) => return text(StatusCode::SERVICE_UNAVAILABLE, "busy\n"),
            Err(BodyError::Broken) => return text(StatusCode::BAD_REQUEST, "broken off\n"),
        };
        match Review::read(&body) {
            Ok(review) => {
                let answer = self.admission.answer(&review.request).await;
                server::answer(StatusCode::OK, "application/json", answer.body(&review.request.uid))
            }
            Err(problem) => {
                tracing::debug!(%problem, "a body is no review");
                text(StatusCode::BAD_REQUEST, "not an AdmissionReview of admission.k8s.io/v1\n")
            }
        }
    }
}
