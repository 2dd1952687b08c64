//! What is counted, as Prometheus text. Every label's values are of a bounded list, or bounded in number.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use stoker_api::names::metrics::{CERTIFICATE_EXPIRY, INJECTIONS, RECEIVER_REQUESTS, labels};

/// Namespaces that are counted by name; pods of further ones are counted together.
const MOST_NAMESPACES: usize = 1000;
const OTHERS: &str = "";

/// The program's counters.
#[derive(Debug, Default)]
pub struct Metrics {
    pods: Mutex<BTreeMap<(String, bool), u64>>,
    pushes: Mutex<BTreeMap<(&'static str, u16), u64>>,
    /// Unix seconds; 0 while there is no certificate.
    certificate_expiry: AtomicI64,
}

impl Metrics {
    /// A pod was looked at.
    pub fn pod(&self, namespace: &str, injected: bool) {
        let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known =
            pods.len() < 2 * MOST_NAMESPACES || pods.contains_key(&(namespace.to_owned(), injected));
        let namespace = if is_known { namespace } else { OTHERS };
        *pods.entry((namespace.to_owned(), injected)).or_default() += 1;
    }

    /// The receiver answered.
    pub fn push(&self, source: &'static str, status: u16) {
        let mut pushes = self.pushes.lock().unwrap_or_else(PoisonError::into_inner);
        *pushes.entry((source, status)).or_default() += 1;
    }

    /// The certificate in use expires then.
    pub fn certificate(&self, expiry: i64) {
        self.certificate_expiry.store(expiry, Ordering::Relaxed);
    }

    /// Prometheus' text format, version 0.0.4.
    pub fn text(&self) -> String {
        let mut text = String::new();
        head(&mut text, INJECTIONS, "counter", "Pods that admission looked at.");
        for ((namespace, injected), count) in &*self.pods.lock().unwrap_or_else(PoisonError::into_inner) {
            let (namespace_label, result_label) = (labels::NAMESPACE, labels::RESULT);
            let result = if *injected { "injected" } else { "skipped" };
            let namespace = escaped(namespace);
            _ = writeln!(
                text,
                "{INJECTIONS}{{{namespace_label}=\"{namespace}\",{result_label}=\"{result}\"}} {count}"
            );
        }
        head(&mut text, RECEIVER_REQUESTS, "counter", "Requests to the push receiver.");
        for ((source, status), count) in &*self.pushes.lock().unwrap_or_else(PoisonError::into_inner) {
            let (source_label, status_label) = (labels::SOURCE, labels::STATUS_CODE);
            _ = writeln!(
                text,
                "{RECEIVER_REQUESTS}{{{source_label}=\"{source}\",{status_label}=\"{status}\"}} {count}"
            );
        }
        let expiry = self.certificate_expiry.load(Ordering::Relaxed);
        if expiry != 0 {
            head(
                &mut text,
                CERTIFICATE_EXPIRY,
                "gauge",
                "When the certificate in use expires, Unix seconds.",
            );
            _ = writeln!(text, "{CERTIFICATE_EXPIRY} {expiry}");
        }
        text
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_the_contracts_names() {
        let metrics = Metrics::default();
        metrics.pod("site1", true);
        metrics.pod("site1", true);
        metrics.pod("site1", false);
        metrics.push("github", 202);
        metrics.certificate(1_900_000_000);
        let text = metrics.text();
        for line in [
            "stoker_webhook_injector_injections_total{namespace=\"site1\",result=\"injected\"} 2",
            "stoker_webhook_injector_injections_total{namespace=\"site1\",result=\"skipped\"} 1",
            "stoker_webhook_receiver_requests_total{source=\"github\",status_code=\"202\"} 1",
            "stoker_webhook_certificate_expiry_timestamp_seconds 1900000000",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} in {text}");
        }
    }

    #[test]
    fn namespaces_beyond_a_thousand_are_counted_together() {
        let metrics = Metrics::default();
        for number in 0..3000 {
            metrics.pod(&format!("n{number}"), true);
        }
        assert!(metrics.text().lines().count() < 2010);
    }
}
