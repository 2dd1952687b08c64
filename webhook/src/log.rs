//! Logs: for people on a terminal, JSON otherwise.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;

/// Starts logging to standard error. `STOKER_LOG` names the level.
pub fn init() {
    let level =
        std::env::var("STOKER_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.with_target(false).with_ansi(std::env::var_os("NO_COLOR").is_none()).compact().init();
    } else {
        builder.json().flatten_event(true).with_target(false).init();
    }
}
