//! Logs: JSON, or for people on a terminal; the level can be changed while the program runs.

use std::io::IsTerminal as _;
use std::str::FromStr as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt, reload};

/// Changes the level.
#[derive(Clone)]
pub struct Level(reload::Handle<LevelFilter, Registry>);

impl Level {
    /// The level now.
    pub fn get(&self) -> String {
        self.0.clone_current().unwrap_or(LevelFilter::INFO).to_string().to_lowercase()
    }

    /// Sets it: `error`, `warn`, `info`, `debug`, `trace` or `off`.
    pub fn set(&self, level: &str) -> Result<(), String> {
        let level = parse(level)?;
        self.0.reload(level).map_err(|error| error.to_string())
    }
}

/// Reads a level.
pub fn parse(level: &str) -> Result<LevelFilter, String> {
    let level = level.trim();
    // Numbers would be understood too, and say nothing to anybody.
    let is_word = level.bytes().all(|byte| byte.is_ascii_alphabetic()) && !level.is_empty();
    let parsed = is_word.then(|| LevelFilter::from_str(level).ok()).flatten();
    parsed.ok_or_else(|| format!("{level:?} is no log level: error, warn, info, debug, trace or off"))
}

/// Starts logging to standard error.
pub fn init(level: LevelFilter) -> Level {
    let (filter, handle) = reload::Layer::new(level);
    let registry = Registry::default().with(filter);
    if std::io::stderr().is_terminal() {
        let colour = std::env::var_os("NO_COLOR").is_none();
        registry
            .with(fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colour).compact())
            .init();
    } else {
        registry
            .with(fmt::layer().with_writer(std::io::stderr).json().flatten_event(true).with_target(false))
            .init();
    }
    Level(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_word() {
        assert_eq!(parse(" DEBUG\n"), Ok(LevelFilter::DEBUG));
        assert!(parse("3").is_err() && parse("loud").unwrap_err().contains("error, warn"));
    }
}
