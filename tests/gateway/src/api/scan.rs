//! Scans and the scan-lock.

use std::time::Instant;

use serde_json::{Value, json};

use crate::http::Response;
use crate::lock::Claim;
use crate::record::Kind;
use crate::settings::ScanAnswer;
use crate::shared::Shared;

/// `{"scanActive":…,"lastScanTimestamp":…,"lastScanDuration":…}`
pub(super) fn status(shared: &Shared, kind: Kind) -> Value {
    let mut inner = shared.inner();
    let scan = inner.scan(kind);
    json!({
        "scanActive": scan.active || scan.requested,
        "lastScanTimestamp": scan.last_timestamp,
        "lastScanDuration": u64::try_from(scan.last_duration.as_millis()).unwrap_or(u64::MAX),
    })
}

/// Releases the lock and has the gateway scan soon: this is the answer to the request, not to the scan.
pub(super) fn request(shared: &Shared, kind: Kind) -> Response {
    {
        let mut inner = shared.inner();
        let ignored = inner.faults.no_scan;
        let scan = inner.scan(kind);
        scan.lock.release();
        scan.requested |= !ignored;
    }
    shared.changed.notify_all();
    match shared.settings.scan_answer {
        ScanAnswer::Status => Response::json(200, &status(shared, kind)),
        ScanAnswer::True => Response::json(200, &Value::Bool(true)),
    }
}

pub(super) fn lock_status(shared: &Shared, kind: Kind) -> Response {
    let held = shared.inner().scan(kind).lock.is_held(Instant::now());
    Response::empty(if held { 200 } else { 204 })
}

/// 409: somebody holds it. 408: a scan went on for longer than the claim waits.
pub(super) fn lock(shared: &Shared, kind: Kind, body: &[u8]) -> Response {
    let Some(claim) = Claim::parse(body) else { return Response::page(500) };
    let mut taken = None;
    shared.wait(claim.acquire, |inner| {
        let scan = inner.scan(kind);
        let now = Instant::now();
        if scan.lock.is_held(now) {
            taken = Some(false);
        } else if !scan.active && !scan.requested {
            taken = Some(scan.lock.take(now, claim.hold));
        }
        taken.is_some()
    });
    Response::empty(match taken {
        Some(true) => 200,
        Some(false) => 409,
        None => 408,
    })
}
