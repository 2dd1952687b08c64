//! Metrics in Prometheus' text format, by the names of the contract. A resource or gateway that goes takes its series
//! along, because they are made from what is known at the moment of the question.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use stoker_api::names::conditions::READY;
use stoker_api::names::metrics::{self as names, labels};
use stoker_api::spec::GatewaySyncSpec;
use stoker_api::status::SyncStatus;

use crate::decide::document::{Condition, ConditionStatus, Gateway};
use crate::observe::Key;
use crate::resolve::Token;
use crate::text::{cut, redacted};

const RECONCILE_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const RESOLVE_BUCKETS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Success,
    Requeue,
    Error,
}

impl Ending {
    const ALL: [Self; 3] = [Self::Success, Self::Requeue, Self::Error];

    fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Requeue => "requeue",
            Self::Error => "error",
        }
    }
}

/// All series.
#[derive(Default)]
pub struct Metrics {
    resources: Mutex<BTreeMap<Key, Series>>,
}

#[derive(Default)]
struct Series {
    reconciles: Histogram,
    endings: [u64; 3],
    looks: Histogram,
    shown: Option<Shown>,
}

/// What a resource shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    pub repository: String,
    pub reference: String,
    pub auth: &'static str,
    pub interval: String,
    pub paused: bool,
    pub conditions: Vec<Condition>,
    pub gateways: Vec<Gateway>,
    /// Gateways at the commit that they were told.
    pub synced: usize,
    pub token: Option<Token>,
}

impl Shown {
    /// Of a resource that can be read.
    pub fn new(spec: &GatewaySyncSpec) -> Self {
        Self {
            repository: redacted(&spec.git.repo),
            reference: cut(&spec.git.git_ref, 200),
            auth: spec.git.auth_type().as_str(),
            interval: spec.polling.interval.as_str().to_owned(),
            paused: spec.paused,
            ..Self::default()
        }
    }
}

#[derive(Default)]
struct Histogram {
    /// Not cumulated.
    counts: [u64; 12],
    sum: f64,
}

impl Histogram {
    fn observe(&mut self, took: Duration, buckets: &[f64]) {
        let seconds = took.as_secs_f64();
        let at = buckets.iter().position(|bound| seconds <= *bound).unwrap_or(buckets.len());
        self.counts[at] += 1;
        self.sum += seconds;
    }
}

impl Metrics {
    fn state(&self) -> MutexGuard<'_, BTreeMap<Key, Series>> {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reconcile ended.
    pub fn reconciled(&self, id: &Key, took: Duration, ending: Ending) {
        let mut state = self.state();
        let series = state.entry(id.clone()).or_default();
        series.reconciles.observe(took, RECONCILE_BUCKETS);
        series.endings[ending as usize] += 1;
    }

    /// A repository was looked at for a resource.
    pub fn resolved(&self, id: &Key, took: Duration) {
        if let Some(series) = self.state().get_mut(id) {
            series.looks.observe(took, RESOLVE_BUCKETS);
        }
    }

    /// What a resource shows from now on.
    pub fn show(&self, id: &Key, shown: Shown) {
        self.state().entry(id.clone()).or_default().shown = Some(shown);
    }

    /// A resource is gone.
    pub fn forget(&self, id: &Key) {
        self.state().remove(id);
    }

    /// This replica looks after nothing any more.
    pub fn clear(&self) {
        self.state().clear();
    }

    /// The page.
    pub fn text(&self) -> String {
        let state = self.state();
        let mut page = Page::default();
        page.histogram(
            names::RECONCILE_DURATION,
            "Seconds of a reconcile.",
            RECONCILE_BUCKETS,
            &state,
            |s| &s.reconciles,
        );
        page.family(names::RECONCILE_TOTAL, "counter", "Reconciles by result.");
        for (id, series) in &*state {
            for ending in Ending::ALL {
                let labels = [(labels::RESULT, ending.word())];
                page.line(names::RECONCILE_TOTAL, id, &labels, series.endings[ending as usize]);
            }
        }
        page.histogram(
            names::REF_RESOLVE_DURATION,
            "Seconds of a ref look-up.",
            RESOLVE_BUCKETS,
            &state,
            |s| &s.looks,
        );
        let shown = || state.iter().filter_map(|(id, series)| Some((id, series.shown.as_ref()?)));
        resources(&mut page, &shown);
        gateways(&mut page, &shown);
        tokens(&mut page, &shown);
        page.text
    }
}

/// Name, help, and what of a gateway counts.
type Gauge<T> = (&'static str, &'static str, fn(&Gateway) -> T);

fn resources<'a, I>(page: &mut Page, shown: &impl Fn() -> I)
where
    I: Iterator<Item = (&'a Key, &'a Shown)>,
{
    let count =
        |shown: &Shown, which: fn(&Gateway) -> bool| shown.gateways.iter().filter(|g| which(g)).count();
    let counts: [Gauge<bool>; 2] = [
        (names::GATEWAYS_DISCOVERED, "Gateways found.", |_| true),
        (names::GATEWAYS_MISSING_SIDECAR, "Gateways without a sidecar.", |g| {
            g.sync_status == SyncStatus::MissingSidecar
        }),
    ];
    for (name, help, which) in counts {
        page.family(name, "gauge", help);
        for (id, shown) in shown() {
            page.line(name, id, &[], count(shown, which));
        }
    }
    page.family(names::GATEWAYS_SYNCED, "gauge", "Gateways at the wanted commit.");
    for (id, shown) in shown() {
        page.line(names::GATEWAYS_SYNCED, id, &[], shown.synced);
    }
    page.family(names::CR_READY, "gauge", "1 when ready.");
    for (id, shown) in shown() {
        let is_ready = |c: &Condition| c.condition_type == READY && c.status == ConditionStatus::True;
        page.line(names::CR_READY, id, &[], u8::from(shown.conditions.iter().any(is_ready)));
    }
    page.family(names::CR_PAUSED, "gauge", "1 when paused.");
    for (id, shown) in shown() {
        page.line(names::CR_PAUSED, id, &[], u8::from(shown.paused));
    }
    page.family(names::CR_INFO, "gauge", "Always 1.");
    for (id, shown) in shown() {
        let labels = [
            (labels::GIT_REPO, shown.repository.as_str()),
            (labels::GIT_REF, &shown.reference),
            (labels::AUTH_TYPE, shown.auth),
            (labels::POLLING_INTERVAL, &shown.interval),
        ];
        page.line(names::CR_INFO, id, &labels, 1);
    }
    page.family(names::CONDITION_STATUS, "gauge", "1 for each condition that is true.");
    for (id, shown) in shown() {
        for condition in &shown.conditions {
            let labels = [(labels::TYPE, condition.condition_type.as_str())];
            page.line(
                names::CONDITION_STATUS,
                id,
                &labels,
                u8::from(condition.status == ConditionStatus::True),
            );
        }
    }
}

fn gateways<'a, I>(page: &mut Page, shown: &impl Fn() -> I)
where
    I: Iterator<Item = (&'a Key, &'a Shown)>,
{
    let gauges: [Gauge<Option<f64>>; 5] = [
        (names::GATEWAY_SYNC_STATUS, "0 Pending, 1 Synced, 2 Error, 3 MissingSidecar.", |g| {
            Some(match g.sync_status {
                SyncStatus::Pending => 0.0,
                SyncStatus::Synced => 1.0,
                SyncStatus::Error => 2.0,
                SyncStatus::MissingSidecar => 3.0,
            })
        }),
        (names::GATEWAY_LAST_SYNC, "When a gateway was synced last.", |g| {
            seconds(g.last_sync_time.as_deref())
        }),
        (names::GATEWAY_LAST_SEEN, "When a gateway's agent was heard of.", |g| {
            seconds(g.last_seen.as_deref())
        }),
        (names::GATEWAY_DRIFT_FILES, "Managed files that differ.", |g| Some(g.drift.count as f64)),
        (names::GATEWAY_HELD, "1 when held.", |g| Some(f64::from(u8::from(g.held.is_some())))),
    ];
    for (name, help, value) in gauges {
        page.family(name, "gauge", help);
        for (id, shown) in shown() {
            for gateway in &shown.gateways {
                if let Some(value) = value(gateway) {
                    let labels = [(labels::GATEWAY, gateway.name.as_str()), (labels::POD, &gateway.pod_name)];
                    page.line(name, id, &labels, value);
                }
            }
        }
    }
    page.family(names::GATEWAY_INFO, "gauge", "Always 1.");
    for (id, shown) in shown() {
        for gateway in &shown.gateways {
            let labels = [
                (labels::GATEWAY, gateway.name.as_str()),
                (labels::POD, &gateway.pod_name),
                (labels::COMMIT, gateway.synced_commit.as_deref().unwrap_or_default()),
                (labels::AGENT_VERSION, gateway.agent_version.as_deref().unwrap_or_default()),
            ];
            page.line(names::GATEWAY_INFO, id, &labels, 1);
        }
    }
}

fn tokens<'a, I>(page: &mut Page, shown: &impl Fn() -> I)
where
    I: Iterator<Item = (&'a Key, &'a Shown)>,
{
    page.family(names::GITHUB_TOKEN_EXPIRY, "gauge", "When an installation token expires.");
    for (id, shown) in shown() {
        if let Some(token) = &shown.token {
            let (app, installation) = (token.app_id.to_string(), token.installation_id.to_string());
            let labels = [(labels::APP_ID, app.as_str()), (labels::INSTALLATION_ID, &installation)];
            page.line(names::GITHUB_TOKEN_EXPIRY, id, &labels, token.expires.as_second());
        }
    }
}

fn seconds(time: Option<&str>) -> Option<f64> {
    let time: Timestamp = time?.parse().ok()?;
    Some(time.as_millisecond() as f64 / 1000.0)
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, id: &Key, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let own = [(labels::NAME, &*id.1), (labels::NAMESPACE, &*id.0)];
        self.text.push_str(name);
        for (position, (label, value)) in own.iter().chain(labels).enumerate() {
            self.text.push(if position == 0 { '{' } else { ',' });
            _ = write!(self.text, "{label}=\"");
            for c in value.chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    c => self.text.push(c),
                }
            }
            self.text.push('"');
        }
        _ = writeln!(self.text, "}} {value}");
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        buckets: &[f64],
        all: &BTreeMap<Key, Series>,
        of: impl Fn(&Series) -> &Histogram,
    ) {
        self.family(name, "histogram", help);
        for (id, series) in all {
            let histogram = of(series);
            let mut count = 0;
            for (bound, more) in buckets.iter().zip(histogram.counts) {
                count += more;
                self.line(&format!("{name}_bucket"), id, &[("le", &bound.to_string())], count);
            }
            count += histogram.counts[buckets.len()];
            self.line(&format!("{name}_bucket"), id, &[("le", "+Inf")], count);
            self.line(&format!("{name}_sum"), id, &[], histogram.sum);
            self.line(&format!("{name}_count"), id, &[], count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::key;

    fn page() -> (Metrics, Key) {
        let (metrics, id) = (Metrics::default(), key("plants", "plant"));
        metrics.reconciled(&id, Duration::from_millis(30), Ending::Success);
        metrics.resolved(&id, Duration::from_mins(1));
        let gateway = Gateway {
            name: "line\"1".into(),
            pod_name: "gw-0".into(),
            sync_status: SyncStatus::Error,
            last_seen: Some("1970-01-01T00:00:05Z".into()),
            ..Gateway::default()
        };
        let shown = Shown { gateways: vec![gateway], ..Shown::new(&crate::decide::testkit::spec()) };
        metrics.show(&id, shown);
        (metrics, id)
    }

    #[test]
    fn series_are_named_and_labelled_as_the_contract_says() {
        let text = page().0.text();
        for line in [
            r#"stoker_controller_reconcile_total{name="plant",namespace="plants",result="success"} 1"#,
            r#"stoker_controller_reconcile_duration_seconds_bucket{name="plant",namespace="plants",le="0.05"} 1"#,
            r#"stoker_controller_reconcile_duration_seconds_bucket{name="plant",namespace="plants",le="0.025"} 0"#,
            r#"stoker_controller_ref_resolve_duration_seconds_bucket{name="plant",namespace="plants",le="30"} 0"#,
            r#"stoker_controller_ref_resolve_duration_seconds_bucket{name="plant",namespace="plants",le="+Inf"} 1"#,
            r#"stoker_controller_gateways_discovered{name="plant",namespace="plants"} 1"#,
            r#"stoker_controller_gateway_sync_status{name="plant",namespace="plants",gateway="line\"1",pod="gw-0"} 2"#,
            r#"stoker_controller_gateway_last_seen_timestamp_seconds{name="plant",namespace="plants",gateway="line\"1",pod="gw-0"} 5"#,
            r#"stoker_controller_cr_info{name="plant",namespace="plants",git_repo="https://git.example.com/plant.git",git_ref="main",auth_type="none",polling_interval="60s"} 1"#,
        ] {
            assert!(text.lines().any(|have| have == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("last_sync_timestamp_seconds{"), "what never happened has no time");
    }

    #[test]
    fn what_is_gone_takes_its_series_along() {
        let (metrics, id) = page();
        metrics.forget(&id);
        assert!(metrics.text().lines().all(|line| line.starts_with('#')));
    }
}
