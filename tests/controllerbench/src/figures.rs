//! Everything that is measured, as JSON shows it. Units are in the names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// What there was to look after.
    pub estate: Estate,
    /// The controller's first start: nothing of its own is there yet.
    pub first_start: Start,
    /// From the first report of 1,000 agents to the last status that says Synced.
    pub first_reports: Reports,
    /// Its start in an estate that is as it should be.
    pub restart: Start,
    /// An idle minute.
    pub minute: Idle,
    /// Five idle minutes; none in a quick run.
    pub five_minutes: Option<Idle>,
    /// Pushes to the one repository that all follow.
    pub pushes: Vec<Push>,
    /// Idle while the same resources follow ten repositories with two credentials and two refs.
    pub ten_repositories: Idle,
    /// At the very end: the most that was ever resident since the restart.
    pub peak_bytes: u64,
}

/// What there was to look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estate {
    /// Namespaces with resources in them.
    pub sites: usize,
    /// All `GatewaySync`s.
    pub gateway_syncs: usize,
    /// All gateway pods.
    pub gateways: usize,
    /// Pods of others.
    pub unrelated_pods: usize,
}

/// A start of the controller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Until every watch had seen a whole list.
    pub listed_seconds: f64,
    /// Until the last metadata was there; none where it was there before.
    pub metadata_seconds: Option<f64>,
    /// The most that was resident until it was quiet.
    pub peak_bytes: u64,
    /// Processor time until it was quiet.
    pub cpu_seconds: f64,
    /// Writes until it was quiet, by verb and resource, the lease aside.
    pub writes: BTreeMap<String, u64>,
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Resident now.
    pub resident: u64,
    /// Of that, what no file backs.
    pub anonymous: u64,
    /// The most that was resident.
    pub peak: u64,
}

/// A time in which nothing happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Idle {
    /// How long it was.
    pub seconds: f64,
    /// The controller's processor time in it.
    pub cpu_seconds: f64,
    /// Its memory at the end.
    pub memory: Memory,
    /// Its threads at the end.
    pub threads: usize,
    /// Writes, by verb and resource, the lease aside.
    pub writes: BTreeMap<String, u64>,
    /// Reads, by verb and resource, the lease aside: a watch that is renewed counts as one.
    pub reads: BTreeMap<String, u64>,
    /// Reads and writes of the lease.
    pub lease: u64,
    /// `ls-refs` at the Git server, by repository and credential.
    pub ls_refs: BTreeMap<String, u64>,
    /// So many pairs of a repository and a credential there were.
    pub repositories_and_credentials: usize,
    /// The interval of polling.
    pub polling_seconds: f64,
}

/// Reports of all agents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reports {
    /// From the first report to the last: the API server's part.
    pub reported_seconds: f64,
    /// From the first report to the last status.
    pub synced_seconds: f64,
    /// From the last report to the last status: the controller's part.
    pub after_last_report_seconds: f64,
    /// Writes of the controller meanwhile.
    pub writes: u64,
    /// Its processor time meanwhile.
    pub cpu_seconds: f64,
}

/// How the controller learns of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// The receiver of one resource is called; the others follow the same repository.
    OneReceiver,
    /// The receivers of all resources are called.
    AllReceivers,
    /// Nobody says anything.
    NextPoll,
}

/// One push.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Push {
    /// How the controller learns of it.
    pub way: Way,
    /// From the first annotation (of a poll: from the push) to the last one written; 0 without any.
    pub annotated_seconds: f64,
    /// From the same beginning to the first `ls-refs`.
    pub asked_seconds: f64,
    /// From the same beginning to the last metadata, as an agent's watch sees it.
    pub metadata_seconds: f64,
    /// `ls-refs` from the beginning to the last metadata.
    pub ls_refs: u64,
    /// The controller's processor time from the beginning to the last metadata.
    pub cpu_seconds: f64,
    /// What the agents' reports led to afterwards.
    pub reports: Reports,
}

impl Push {
    /// From the first `ls-refs` to the last metadata: what a poll leaves of waiting.
    pub fn after_asking_seconds(&self) -> f64 {
        self.metadata_seconds - self.asked_seconds
    }
}

impl Idle {
    /// Processor time of a minute.
    pub fn cpu_seconds_a_minute(&self) -> f64 {
        self.cpu_seconds * 60.0 / self.seconds
    }

    /// All writes.
    pub fn write_count(&self) -> u64 {
        self.writes.values().sum()
    }

    /// The most `ls-refs` an interval of polling for a pair of repository and credential. Jitter and the edges of the
    /// time may add one.
    pub fn most_ls_refs_an_interval(&self) -> f64 {
        let most = self.ls_refs.values().max().copied().unwrap_or(0);
        most as f64 * self.polling_seconds / self.seconds
    }
}
