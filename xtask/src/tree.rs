//! The agent's dependency tree, watched like a budget: what must not be in it, and why it would hurt.

use anyhow::{Context as _, Result};

use crate::{process, workspace};

/// What the agent's tree must not hold. `deny.toml` bans the same by name; this looks at the tree as it is built.
pub const BANNED: &[(&str, &str)] = &[
    ("kube", "the API is one watch and one patch; its client alone is larger than the agent"),
    ("kube-client", "see kube"),
    ("kube-runtime", "see kube"),
    ("tokio", "blocking threads, no runtime: 4 MiB resident is the budget"),
    ("hyper", "an HTTP server of its own for four paths"),
    ("axum", "an HTTP server of its own for four paths"),
    ("reqwest", "ureq is there"),
    ("clap", "300 kB for a dozen options; lexopt serves"),
    ("openssl", "rustls; a static program must not look for the system's library"),
    ("openssl-sys", "see openssl"),
    ("native-tls", "see openssl"),
    ("serde_yaml", "archived; serde-saphyr gives line and column"),
];

/// The agent's dependencies on its target, one `name version` a line, as `cargo tree` prints them.
pub fn of_agent() -> Result<String> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let mut command = workspace::cargo(&["tree", "--package", "stoker-agent", "--edges", "normal"]);
    command.args(["--prefix", "none", "--format", "{p}", "--target", &target]);
    process::output(&mut command).context("failed to list the agent's dependencies")
}

/// What of the banned is in a tree: each name once, with the reason why it is banned.
pub fn offenders(tree: &str) -> Vec<(&'static str, &'static str)> {
    let holds = |name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    BANNED.iter().copied().filter(|(name, _)| holds(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_banned_is_found_by_its_whole_name() {
        let tree = "stoker-agent v0.1.0 (/x)\nkube-core v5.0.0\ntokio-rustls v0.26\nclap v4.5.0\n  clap v4.5.0 (*)\n";
        let names: Vec<&str> = offenders(tree).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["clap"]);
        assert!(offenders("rustls v0.23\nureq v3.5.0\n").is_empty());
    }
}
