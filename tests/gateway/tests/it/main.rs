//! The simulated gateway, from outside: over HTTP and through the data directory.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod api;
mod client;
mod data;
mod faults;
mod first_boot;
mod locks;
mod program;
mod scanning;
mod writers;

use std::time::Duration;

use stoker_test_gateway::{Gateway, Kind, Settings};

use client::Client;
use data::Data;

/// Far more than anything here takes.
const SOON: Duration = Duration::from_secs(20);

/// A running gateway on this data with the token `ci:secret`, that scans only when it is asked to and does
/// not wait for manifests.
fn gateway(data: &Data) -> Gateway {
    Gateway::start(settings(data)).unwrap()
}

fn settings(data: &Data) -> Settings {
    Settings {
        scan_interval: None,
        settle: Duration::ZERO,
        ..Settings::new(data.path()).with_token("ci", "secret")
    }
}

/// Asks for a scan and waits until it is done.
fn scan(gateway: &Gateway, kind: Kind) {
    let before = std::time::SystemTime::now();
    let answer = Client::of(gateway).post(&format!("/data/api/v1/scan/{}", kind.as_str()), "");
    assert_eq!(answer.status, 200);
    gateway.wait_for_scan(kind, before, SOON).unwrap();
}
