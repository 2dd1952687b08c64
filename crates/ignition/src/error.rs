use std::path::PathBuf;

/// Why a gateway could not be asked, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token file cannot be used.
    #[error("the gateway's API token in {} {problem}", .path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and the next step. Never the token.
        problem: Problem,
    },
    /// A call that needs a token, and no file was configured.
    #[error("{place}: this call needs an API token and none is configured; set gateway.api.secretName")]
    NoToken {
        /// The URL.
        place: String,
    },
    /// The CA file cannot be used.
    #[error("the gateway's CA file {} {problem}", .path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and the next step.
        problem: Problem,
    },
    /// TLS to another machine without anything to verify it by.
    #[error("{base} is not on this machine and has no CA file to verify it by; set gateway.tlsCaSecretRef")]
    Unverifiable {
        /// Scheme, host, port.
        base: String,
    },
    /// No answer: refused, reset, timed out, TLS failed.
    #[error("{place}: {problem}")]
    Unreachable {
        /// The URL.
        place: String,
        /// What happened, and the next step.
        problem: Problem,
    },
    /// 503.
    #[error("{place}: 503: the gateway is starting; it is asked again when it runs")]
    Starting {
        /// The URL.
        place: String,
    },
    /// A redirect to `/welcome`, or 400 on a scan.
    #[error(
        "{place}: {status}: the gateway is not commissioned yet; finish its commissioning at /welcome, the sync repeats then"
    )]
    NotCommissioned {
        /// The URL.
        place: String,
        /// 302 or 400.
        status: u16,
    },
    /// 401.
    #[error(
        "{place}: 401: the gateway does not know this API token; the token file must hold name:secret of a token that exists on this gateway"
    )]
    Unauthorized {
        /// The URL.
        place: String,
    },
    /// 403.
    #[error(
        "{place}: 403: the gateway refuses this API token; either its security level lacks the permission (scans need gateway write), or the token requires HTTPS (set gateway.tls), or commissioning replaced security-properties (the next sync puts the file back)"
    )]
    Forbidden {
        /// The URL.
        place: String,
    },
    /// 404 for the API itself.
    #[error(
        "{place}: 404: no such API on this port; check gateway.port, and that the gateway is Ignition 8.3 or newer"
    )]
    NoApi {
        /// The URL.
        place: String,
    },
    /// Any other status.
    #[error("{place}: {status}{problem}")]
    Status {
        /// The URL.
        place: String,
        /// The HTTP status.
        status: u16,
        /// What the gateway said, with a colon in front, or nothing.
        problem: Problem,
    },
    /// A successful status with a body that cannot be.
    #[error("{place}: {status}: {problem}")]
    Malformed {
        /// The URL.
        place: String,
        /// The HTTP status.
        status: u16,
        /// What was expected.
        problem: Problem,
    },
    /// The program is stopping.
    #[error("stopped while waiting for the gateway")]
    Stopped,
}

/// Words of an error: printable, at most 200 characters, whatever a gateway said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(String);

impl Problem {
    pub(crate) fn new(words: &str) -> Self {
        Self(printable(words))
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a gateway said, on one line and not longer than an error may be.
pub(crate) fn printable(words: &str) -> String {
    const LONGEST: usize = 200;
    let one_line = words.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let mut short = String::new();
    for word in one_line {
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
        if short.chars().count() > LONGEST {
            return short.chars().take(LONGEST - 1).chain(['…']).collect();
        }
    }
    short
}

impl Error {
    /// The word for status, events and metrics, from the contract's bounded list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Token { .. }
            | Self::NoToken { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. } => "AuthFailed",
            _ => "ScanFailed",
        }
    }

    /// Whether the same call may succeed a moment later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Starting { .. } => true,
            Self::Status { status, .. } => *status >= 500 || matches!(status, 408 | 409 | 429),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gateway_said_is_cut_to_one_printable_line() {
        assert_eq!(printable("  a\r\n\tb\u{1b}[31m c "), "a b [31m c");
        let long = printable(&"wörd ".repeat(100));
        assert_eq!(long.chars().count(), 200);
        assert!(long.ends_with('…'));
        assert_eq!(printable(&"x".repeat(10_000)).chars().count(), 200);
    }

    #[test]
    fn reasons_come_from_the_contract_s_list() {
        let place = String::new;
        assert_eq!(Error::Unauthorized { place: place() }.reason(), "AuthFailed");
        assert_eq!(Error::Starting { place: place() }.reason(), "ScanFailed");
        assert_eq!(Error::Stopped.reason(), "ScanFailed");
    }

    #[test]
    fn only_what_passes_by_itself_is_tried_again() {
        let status = |status| Error::Status { place: String::new(), status, problem: Problem::new("") };
        for (status_code, transient) in
            [(500, true), (502, true), (408, true), (409, true), (429, true), (405, false), (418, false)]
        {
            assert_eq!(status(status_code).is_transient(), transient, "{status_code}");
        }
        assert!(Error::Starting { place: String::new() }.is_transient());
        assert!(!Error::Forbidden { place: String::new() }.is_transient());
        assert!(!Error::NotCommissioned { place: String::new(), status: 400 }.is_transient());
    }
}
