//! The injected container.

/// Its name.
pub const CONTAINER: &str = "stoker-agent";
/// Its command.
pub const COMMAND: &str = "/agent";
/// The image's own user and group, Ignition's.
pub const USER: i64 = 2003;

/// Port of the probes.
pub const PROBE_PORT: u16 = 8082;
/// Port of the metrics.
pub const METRICS_PORT: u16 = 8083;
/// Name of the metrics' port.
pub const METRICS_PORT_NAME: &str = "metrics";
/// Path of the startup probe.
pub const STARTUP_PATH: &str = "/startupz";
/// Path of the liveness probe.
pub const HEALTH_PATH: &str = "/healthz";
/// Path for people: is everything as it should be?
pub const READY_PATH: &str = "/readyz";
/// Path of the metrics.
pub const METRICS_PATH: &str = "/metrics";
/// Seconds between two startup probes.
pub const STARTUP_PERIOD_SECONDS: u32 = 2;
/// Startup probes that may fail before the container is restarted.
pub const STARTUP_FAILURES: u32 = 150;

/// CPU that is requested by default.
pub const REQUEST_CPU: &str = "10m";
/// Memory that is requested by default.
pub const REQUEST_MEMORY: &str = "16Mi";
/// Limit of memory by default. There is none of CPU.
pub const LIMIT_MEMORY: &str = "32Mi";
