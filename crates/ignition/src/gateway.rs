use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::answer::Answer;
use crate::client::{Call, Client};
use crate::error::Error;
use crate::options::Options;

/// Where the API begins.
pub(crate) const API: &str = "/data/api/v1";

/// One gateway. Cheap to clone; clones share the connection and the shutdown.
#[derive(Debug, Clone)]
pub struct Gateway {
    pub(crate) client: Client,
}

/// What `GET /gateway-info` says; an answer also proves that the token works.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayInfo {
    /// The gateway's own name.
    pub name: String,
    /// `Independent`, `Master` or `Backup`, as the gateway spells it.
    pub redundancy_role: String,
    /// `standard`, `edge`, `maker` …
    pub edition: String,
    /// `8.3.7`.
    pub ignition_version: String,
    /// The collection that overrides `core`, if one does.
    pub deployment_mode: Option<String>,
}

impl Gateway {
    /// A gateway that is reached so. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Error::Unverifiable`] for TLS to another machine without a CA file.
    pub fn new(options: Options) -> Result<Self, Error> {
        Ok(Self { client: Client::new(options)? })
    }

    /// Ends what is in flight on this gateway and its clones; later calls fail at once. For a program that
    /// stops: a call may otherwise take as long as its limits allow.
    pub fn shutdown(&self) {
        self.client.shutdown();
    }

    /// Who the gateway is, asked with the token.
    ///
    /// # Errors
    /// Whatever the gateway answers but a 200.
    pub fn gateway_info(&self) -> Result<GatewayInfo, Error> {
        self.get(&format!("{API}/gateway-info"))?.json()
    }

    pub(crate) fn get(&self, path: &str) -> Result<Answer, Error> {
        self.client.call(&Call::get(path))
    }

    /// Waits as the caller's options say.
    pub(crate) fn pause(&self, time: Duration) -> Result<(), Error> {
        if self.client.options().pause.go_on_after(time) { Ok(()) } else { Err(Error::Stopped) }
    }

    /// Waits, but not beyond `deadline`; whether there was time left.
    pub(crate) fn pause_until(&self, deadline: Instant, time: Duration) -> Result<bool, Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        self.pause(time.min(left)).map(|()| true)
    }
}
