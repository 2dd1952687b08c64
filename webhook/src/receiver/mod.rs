//! The push receiver: `POST /webhook/{namespace}/{crName}` (contract, sections 5 and 8).
//!
//! Whoever cannot prove that they may ask learns nothing, costs little, and makes this program look at nothing but its own
//! caches.

mod authenticate;
mod decide;
mod delivered;
mod limit;
mod payload;
mod refs;
mod write;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use stoker_api::names::webhook::{RECEIVER_MAX_BODY, RECEIVER_PREFIX};

use crate::cluster::{Cache, Entry, Secrets};
use crate::metrics::Metrics;
use crate::server::{self, Answer, BodyError, Budget, Handler};
use authenticate::Proof;
use decide::{Decision, Verdict};
use delivered::Delivered;
use limit::Rates;

pub use authenticate::{Keys, Presented, Secret};
pub use payload::{Asked, Event, Pushed, Source, Unusable, recognise};
pub use write::Writer;

const PATIENCE: Duration = Duration::from_secs(10);
/// Bodies in memory at a time. A push has some ten kilobytes.
const BUDGET: usize = 4 << 20;
/// The label of requests whose sender is not known.
const UNKNOWN: &str = "unknown";

/// The receiver's settings.
#[derive(Clone)]
pub struct Settings {
    /// What opens resources that have no secrets of their own.
    pub global: Keys,
    /// Where no secret is configured at all, everybody may ask.
    pub allow_unauthenticated: bool,
    /// Requests a second from one address, in the long run; three times as many at once.
    pub rate_per_source: u32,
    /// Pushes a second to one resource, in the long run; three times as many at once.
    pub rate_per_resource: u32,
}

/// Takes pushes.
pub struct Receiver {
    settings: Settings,
    cache: Arc<Cache>,
    secrets: Arc<Secrets>,
    writer: Writer,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    sources: Rates<IpAddr>,
    resources: Rates<(String, String)>,
    delivered: Delivered,
}

/// An answer that is not made yet.
struct Reply {
    status: StatusCode,
    reference: Option<String>,
    message: Option<String>,
    /// Who sent it, where the body says so.
    source: Option<Source>,
}

impl Reply {
    fn refused(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, reference: None, message: Some(message.into()), source: None }
    }

    fn accepted(reference: Option<String>, message: Option<&str>) -> Self {
        Self { status: StatusCode::ACCEPTED, reference, message: message.map(str::to_owned), source: None }
    }

    fn into_answer(self) -> Answer {
        let mut body = json!({"accepted": self.status.is_success()});
        if let Some(reference) = self.reference {
            body["ref"] = json!(reference);
        }
        if let Some(message) = self.message {
            body["message"] = json!(message);
        }
        let mut answer = server::answer(self.status, "application/json", body.to_string());
        if matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        answer
    }
}

fn has_secrets(receiver: &stoker_api::spec::Receiver) -> bool {
    receiver.hmac_secret_ref.is_some() || receiver.token_secret_ref.is_some()
}

fn unauthorized() -> Reply {
    Reply::refused(StatusCode::UNAUTHORIZED, "not authenticated")
}

impl Receiver {
    /// With these caches; `writer` writes what is asked for.
    pub fn new(
        settings: Settings,
        cache: Arc<Cache>,
        secrets: Arc<Secrets>,
        writer: Writer,
        metrics: Arc<Metrics>,
    ) -> Self {
        let rates = |a_second: u32| (a_second.saturating_mul(3), a_second);
        let (sources, resources) = (rates(settings.rate_per_source), rates(settings.rate_per_resource));
        Self {
            settings,
            cache,
            secrets,
            writer,
            metrics,
            budget: Budget::new(BUDGET),
            sources: Rates::new(sources.0, sources.1),
            resources: Rates::new(resources.0, resources.1),
            delivered: Delivered::default(),
        }
    }

    /// What opens a resource, and whether anything is configured at all.
    fn keys(&self, namespace: &str, entry: Option<&Entry>) -> Keys {
        let receiver = match entry.map(|entry| &entry.spec) {
            // It may have secrets of its own that nobody can read now.
            Some(Err(_)) => return Keys::default(),
            Some(Ok(spec)) => spec.receiver.as_ref(),
            None => None,
        };
        let own = receiver.filter(|own| has_secrets(own));
        match own {
            None => self.settings.global.clone(),
            // Own secrets exclude the global ones, also while they are not there.
            Some(own) => {
                let value = |reference: &Option<_>| self.secrets.get(namespace, reference.as_ref()?);
                Keys { hmac: value(&own.hmac_secret_ref), token: value(&own.token_secret_ref) }
            }
        }
    }

    /// Whether no secret is configured, neither globally nor for any resource.
    fn is_unconfigured(&self) -> bool {
        let mut has_own = false;
        self.cache.each(|_, _, entry| {
            has_own |= match &entry.spec {
                Ok(spec) => spec.receiver.as_ref().is_some_and(has_secrets),
                Err(_) => true,
            };
        });
        !has_own && self.settings.global.is_empty()
    }

    async fn reply(&self, request: Request<Incoming>, source: IpAddr) -> Reply {
        if !self.sources.allow(&network(source), Instant::now()) {
            return Reply::refused(StatusCode::TOO_MANY_REQUESTS, "too many requests");
        }
        let Some((namespace, name)) = resource(request.uri().path()) else {
            return Reply::refused(StatusCode::NOT_FOUND, "only /webhook/{namespace}/{name} is here");
        };
        if request.method() != Method::POST {
            return Reply::refused(StatusCode::METHOD_NOT_ALLOWED, "POST");
        }
        if !self.cache.is_warm() {
            return Reply::refused(StatusCode::SERVICE_UNAVAILABLE, "starting");
        }
        let (head, body) = request.into_parts();
        let body = match server::read(body, RECEIVER_MAX_BODY, PATIENCE, &self.budget).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => {
                return Reply::refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB");
            }
            Err(BodyError::Slow) => return Reply::refused(StatusCode::REQUEST_TIMEOUT, "too slow"),
            Err(BodyError::Busy) => return Reply::refused(StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Err(BodyError::Broken) => return Reply::refused(StatusCode::BAD_REQUEST, "broken off"),
        };
        self.push(&namespace, &name, &head.headers, &body).await
    }

    async fn push(&self, namespace: &str, name: &str, headers: &HeaderMap, body: &[u8]) -> Reply {
        let header = |name: &'static str| headers.get(name).map(HeaderValue::as_bytes);
        let entry = self.cache.get(namespace, name);
        let keys = self.keys(namespace, entry.as_deref());
        let proof = Presented::of(header).proves(&keys, body);
        if proof.is_none() {
            if !self.is_unconfigured() {
                return unauthorized();
            }
            if !self.settings.allow_unauthenticated {
                return Reply::refused(StatusCode::FORBIDDEN, "no secret is configured for the receiver");
            }
        }
        let Some(entry) = entry else {
            return Reply::refused(
                StatusCode::NOT_FOUND,
                format!("there is no GatewaySync {namespace}/{name}"),
            );
        };
        if !self.resources.allow(&(namespace.to_owned(), name.to_owned()), Instant::now()) {
            return Reply::refused(StatusCode::TOO_MANY_REQUESTS, "too many pushes");
        }
        let event = Event::of(header);
        if event.is_ping() {
            return Reply { status: StatusCode::OK, ..Reply::accepted(None, Some("pong")) };
        }
        let (source, asked) = match recognise(event, body) {
            Ok(recognised) => recognised,
            Err(problem) => return Reply::refused(StatusCode::BAD_REQUEST, problem.to_string()),
        };
        let is_signed = proof == Some(Proof::Signature);
        let is_again = is_signed && self.delivered.knows(namespace, name, body);
        let decision = decide::decide(&entry, source, &asked, is_again, Timestamp::now());
        let reply = self.carry_out(namespace, name, decision, is_signed.then_some(body)).await;
        Reply { source: Some(source), ..reply }
    }

    /// Writes what was decided. `signed` is remembered when it is done.
    async fn carry_out(
        &self,
        namespace: &str,
        name: &str,
        decision: Decision,
        signed: Option<&[u8]>,
    ) -> Reply {
        if !decision.annotations.is_empty() {
            if let Err(problem) = self.writer.annotate(namespace, name, &decision.annotations).await {
                tracing::error!(namespace, name, %problem, "a push cannot be handed on");
                return Reply::refused(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the API server does not take it; try again",
                );
            }
            tracing::info!(namespace, name, verdict = ?decision.verdict, "a push was handed on");
        }
        if let Some(body) = signed {
            self.delivered.remember(namespace, name, body);
        }
        match decision.verdict {
            Verdict::Accepted { reference } => Reply::accepted(Some(reference), None),
            Verdict::AlreadySet { reference } => Reply::accepted(Some(reference), Some("ref already set")),
            Verdict::Nothing { message } => Reply::accepted(None, Some(message)),
            Verdict::NotAllowed { reference } => Reply {
                status: StatusCode::FORBIDDEN,
                ..Reply::accepted(Some(reference), Some("receiver.allowedRefs does not allow this ref"))
            },
        }
    }
}

impl Handler for Receiver {
    async fn handle(&self, request: Request<Incoming>, source: IpAddr) -> Answer {
        let header = |name: &'static str| request.headers().get(name).map(HeaderValue::as_bytes);
        let forge = Event::of(header).source();
        let reply = self.reply(request, source).await;
        let sender = reply.source.or(forge).map_or(UNKNOWN, Source::as_str);
        self.metrics.push(sender, reply.status.as_u16());
        reply.into_answer()
    }
}

/// Namespace and name of a path.
fn resource(path: &str) -> Option<(String, String)> {
    let (namespace, name) = path.strip_prefix(RECEIVER_PREFIX)?.strip_prefix('/')?.split_once('/')?;
    let is_name = crate::text::is_name;
    (is_name(namespace) && is_name(name)).then(|| (namespace.to_owned(), name.to_owned()))
}

/// Whom a rate is for: an address, or the network of 64 bits that one customer has of IPv6.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_resource_or_nothing() {
        assert_eq!(resource("/webhook/site1/plant"), Some(("site1".into(), "plant".into())));
        for path in [
            "/",
            "/webhook",
            "/webhook/",
            "/webhook/a",
            "/webhook/a/",
            "/webhook/a/b/c",
            "/webhook/../b",
            "/webhookx/a/b",
            "/webhook/a/%2e",
        ] {
            assert_eq!(resource(path), None, "{path}");
        }
    }

    #[test]
    fn neighbours_of_ipv6_share_a_rate() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::2:3"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
