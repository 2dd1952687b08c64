use std::time::Duration;

/// Why there is no token. No variant holds a key, a JWT or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The base URL of the API, or the repository's URL, is none that this can be used with.
    #[error("{what} {url:?} {problem}")]
    Url {
        /// Whose URL it is.
        what: &'static str,
        /// The URL, without user and password.
        url: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The private key does not serve.
    #[error("the private key of GitHub App {app} {problem}")]
    Key {
        /// The app's number.
        app: i64,
        /// What is wrong with it; never its content.
        problem: &'static str,
    },
    /// A file with certificates does not serve.
    #[error("the CA file {path} {problem}")]
    Authority {
        /// Where it is.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No connection, or it broke, or nobody answered.
    #[error("failed to reach {base}: {cause}")]
    Unreachable {
        /// The base URL of the API.
        base: String,
        /// What the system or the TLS library said.
        cause: String,
    },
    /// The API refused, in one sentence with the next step.
    #[error("{base} gives no token: {sentence}")]
    Refused {
        /// The base URL of the API.
        base: String,
        /// The HTTP status.
        status: u16,
        /// What it means and what to do, with the server's own words.
        sentence: String,
        /// What it asked to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is not what GitHub documents.
    #[error("{base} answered with something else than a token: {what}")]
    Unexpected {
        /// The base URL of the API.
        base: String,
        /// What is missing or wrong.
        what: &'static str,
    },
}

impl Error {
    /// The word for conditions, events and metrics, from the bounded list of the public contract.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Url { .. } => "UnsupportedFeature",
            Self::Key { .. }
            | Self::Authority { .. }
            | Self::Refused { status: 401 | 403 | 404 | 422, .. } => "AuthFailed",
            Self::Unreachable { .. } | Self::Refused { .. } | Self::Unexpected { .. } => "GitUnreachable",
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, retry_after, .. } => {
                retry_after.is_some() || matches!(status, 408 | 429 | 500..=599)
            }
            _ => false,
        }
    }

    /// What the API asked to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
