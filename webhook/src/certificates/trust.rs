//! Which roots the API server is told to trust: `caBundle` of the webhook's configuration.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::DynamicObject;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use stoker_api::names::webhook;

/// How long a root that is not wanted any more stays: every replica has swapped long before.
pub const OVERLAP: Duration = Duration::from_mins(10);
/// On a configuration whose bundle cert-manager's injector writes.
const INJECTED: &str = "cert-manager.io/inject-";

type Root = CertificateDer<'static>;

/// The bundle as it is in the cluster; `None` where there is no configuration with our webhook.
pub fn bundle(configuration: &DynamicObject) -> Option<Vec<Root>> {
    let webhooks = configuration.data.get("webhooks")?.as_array()?;
    let ours = webhooks.iter().find(|webhook| webhook["name"] == webhook::NAME)?;
    let text = ours.pointer("/clientConfig/caBundle").and_then(Value::as_str).unwrap_or_default();
    let pem = STANDARD.decode(text).unwrap_or_default();
    Some(CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect())
}

/// Whether somebody else writes the bundle.
pub fn is_injected(configuration: &DynamicObject) -> bool {
    configuration.metadata.annotations.iter().flatten().any(|(key, _)| key.starts_with(INJECTED))
}

/// The leader's memory of roots on their way out.
#[derive(Default)]
pub struct Trust {
    leaving: BTreeMap<Vec<u8>, Instant>,
}

impl Trust {
    /// The bundle to write, if the present one is not as it should be: the wanted roots first, then for a while those
    /// that were trusted before.
    pub fn wanted(&mut self, wanted: &[Root], present: &[Root], now: Instant) -> Option<Vec<Root>> {
        if wanted.is_empty() {
            return None;
        }
        self.leaving.retain(|root, _| present.iter().any(|present| present.as_ref() == root.as_slice()));
        let mut bundle = wanted.to_vec();
        for root in present.iter().filter(|root| !wanted.contains(root)) {
            let since = *self.leaving.entry(root.to_vec()).or_insert(now);
            if now.saturating_duration_since(since) < OVERLAP && !bundle.contains(root) {
                bundle.push(root.clone());
            }
        }
        (bundle != present).then_some(bundle)
    }
}

/// What to apply, by the server's own merging, so that nothing but the bundle becomes ours.
pub fn patch(name: &str, bundle: &[Root]) -> Value {
    let pem: String = bundle.iter().map(pem).collect();
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{"name": webhook::NAME, "clientConfig": {"caBundle": STANDARD.encode(pem)}}],
    })
}

fn pem(certificate: &Root) -> String {
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(byte: u8) -> Root {
        CertificateDer::from(vec![byte; 100])
    }

    #[test]
    fn the_old_root_stays_for_a_while_beside_the_new_one() {
        let mut trust = Trust::default();
        let start = Instant::now();
        assert_eq!(trust.wanted(&[root(1)], &[], start), Some(vec![root(1)]));
        assert_eq!(trust.wanted(&[root(1)], &[root(1)], start), None);
        let both = vec![root(2), root(1)];
        assert_eq!(trust.wanted(&[root(2)], &[root(1)], start), Some(both.clone()));
        assert_eq!(trust.wanted(&[root(2)], &both, start + OVERLAP / 2), None);
        assert_eq!(trust.wanted(&[root(2)], &both, start + OVERLAP), Some(vec![root(2)]));
    }

    #[test]
    fn without_a_root_of_ours_nothing_is_written() {
        assert_eq!(Trust::default().wanted(&[], &[root(1)], Instant::now()), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut configuration: DynamicObject =
            serde_json::from_value(patch("x", &[root(1), root(2)])).unwrap();
        assert_eq!(bundle(&configuration), Some(vec![root(1), root(2)]));
        configuration.data["webhooks"][0]["name"] = json!("another.example.com");
        assert_eq!(bundle(&configuration), None);
        assert!(!is_injected(&configuration));
    }
}
