//! Signed bodies that were accepted: a signature does not grow old, so whoever recorded one could send it again.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use ring::digest::{SHA256, digest};

/// How many are remembered: 16 bytes each, twice.
const MOST: usize = 8192;

type Digest = [u8; 16];

/// The digests of accepted bodies, the newest few thousand.
#[derive(Debug, Default)]
pub struct Delivered(Mutex<(HashSet<Digest>, VecDeque<Digest>)>);

impl Delivered {
    /// Whether this body was accepted for this resource before.
    pub fn knows(&self, namespace: &str, name: &str, body: &[u8]) -> bool {
        let digest = digest_of(namespace, name, body);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.contains(&digest)
    }

    /// It is accepted.
    pub fn remember(&self, namespace: &str, name: &str, body: &[u8]) {
        let digest = digest_of(namespace, name, body);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (set, order) = &mut *known;
        if !set.insert(digest) {
            return;
        }
        order.push_back(digest);
        if order.len() > MOST
            && let Some(oldest) = order.pop_front()
        {
            set.remove(&oldest);
        }
    }
}

fn digest_of(namespace: &str, name: &str, body: &[u8]) -> Digest {
    let mut context = ring::digest::Context::new(&SHA256);
    for part in [namespace.as_bytes(), name.as_bytes(), body] {
        context.update(digest(&SHA256, part).as_ref());
    }
    let mut short = Digest::default();
    short.copy_from_slice(&context.finish().as_ref()[..16]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_known_for_its_resource_until_thousands_came_after_it() {
        let delivered = Delivered::default();
        delivered.remember("a", "b", b"first");
        assert!(delivered.knows("a", "b", b"first"));
        assert!(!delivered.knows("a", "c", b"first"));
        assert!(!delivered.knows("ab", "", b"first"));
        for number in 0..MOST {
            delivered.remember("a", "b", number.to_string().as_bytes());
        }
        assert!(!delivered.knows("a", "b", b"first"));
    }
}
