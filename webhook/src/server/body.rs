//! Bodies: read whole, within bounds that hold for each and for all together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Buf as _, Incoming};

/// How many bytes of bodies may be in memory at a time.
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
}

impl Budget {
    /// That many.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { left: AtomicUsize::new(bytes) })
    }

    fn take(self: &Arc<Self>, share: &mut Share, bytes: usize) -> bool {
        let taken =
            self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes));
        share.bytes += if taken.is_ok() { bytes } else { 0 };
        taken.is_ok()
    }
}

/// What one body has of the budget; given back on drop.
#[derive(Debug)]
struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

/// A body in memory.
#[derive(Debug)]
pub struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl std::ops::Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than allowed.
    TooLarge,
    /// It took too long.
    Slow,
    /// Too many others are being read.
    Busy,
    /// The connection broke.
    Broken,
}

/// Reads a body of at most `most` bytes within `patience`.
pub async fn read(
    body: Incoming,
    most: usize,
    patience: Duration,
    budget: &Arc<Budget>,
) -> Result<Held, BodyError> {
    let read = read_all(body, most, budget);
    tokio::time::timeout(patience, read).await.unwrap_or(Err(BodyError::Slow))
}

async fn read_all(mut body: Incoming, most: usize, budget: &Arc<Budget>) -> Result<Held, BodyError> {
    let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if said > most {
        return Err(BodyError::TooLarge);
    }
    let mut share = Share { budget: Arc::clone(budget), bytes: 0 };
    // What is only announced takes no memory yet.
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        if bytes.len() + data.remaining() > most {
            return Err(BodyError::TooLarge);
        }
        if !budget.take(&mut share, data.remaining()) {
            return Err(BodyError::Busy);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Held { bytes, _share: share })
}
