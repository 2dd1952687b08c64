//! What can go wrong while a test prepares its server.

use std::io;
use std::path::PathBuf;

/// Why there is no API server, or why it does not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None of the places that are looked at has both programs.
    #[error(
        "no kube-apiserver and etcd: looked in {looked}; `cargo xtask kube-tools` builds them, KUBEBUILDER_ASSETS names ready ones"
    )]
    NoTools {
        /// The places, separated by commas.
        looked: String,
    },
    /// A file or a program of the machine.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended, or did not become ready in time.
    #[error("{program} {what}; the end of {}:\n{tail}", log.display())]
    Program {
        /// Its name.
        program: &'static str,
        /// What it did or did not do.
        what: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// No key or certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The audit log cannot be used.
    #[error("audit log: {0}")]
    Audit(String),
    /// The API server refused, or did not answer.
    #[cfg(feature = "client")]
    #[error(transparent)]
    Kube(#[from] kube::Error),
}

impl Error {
    /// For `map_err`: the system's error with what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io { what: what.into(), source }
    }
}
