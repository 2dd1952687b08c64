//! The agent's dependency tree, watched like a budget: what must not be in it, and why it would hurt.

use anyhow::{Context as _, Result};

use crate::{process, workspace};

/// What the agent's tree must not hold. `deny.toml` bans the same by name; this looks at the tree as it is built.
pub const BANNED: &[(&str, &str)] = &[
    ("kube", "the API is one watch and one patch; its client alone is larger than the agent"),
    ("kube-client", "see kube"),
    ("kube-runtime", "see kube"),
    ("hyper", "an HTTP server of its own for four paths"),
    ("axum", "an HTTP server of its own for four paths"),
    ("reqwest", "ureq is there"),
    ("clap", "300 kB for a dozen options; lexopt serves"),
    ("openssl", "rustls; a static program must not look for the system's library"),
    ("openssl-sys", "see openssl"),
    ("native-tls", "see openssl"),
    ("serde_yaml", "archived; serde-saphyr gives line and column"),
];

/// What is borne in one place only: below `stoker-git`, russh and the runtime that drives it inside the calls of the SSH
/// transport. Anywhere else it would be a runtime that stays.
pub const CONFINED: &[(&str, &str)] = &[
    ("russh", "SSH is stoker-git's"),
    ("schemars", "schemas are the cluster's: feature `crd` of stoker-api"),
    ("tokio", "blocking threads, no runtime but russh's own: 4 MiB resident is the budget"),
];

/// The agent's dependencies on its target as `cargo tree` prints them: one `<depth>name version` a line, each path to a
/// package written out.
pub fn of_agent() -> Result<String> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let mut command = workspace::cargo(&["tree", "--package", "stoker-agent", "--edges", "normal"]);
    command.args(["--prefix", "depth", "--no-dedupe", "--format", " {p}", "--target", &target]);
    process::output(&mut command).context("failed to list the agent's dependencies")
}

/// What of the banned is in a tree: each name once, with the reason why it is banned.
pub fn offenders(tree: &str) -> Vec<(&'static str, &'static str)> {
    let holds = |name: &str| packages(tree).any(|(_, package)| package == name);
    BANNED.iter().copied().filter(|(name, _)| holds(name)).collect()
}

/// Ways into a tree by which a confined package comes in elsewhere: `stoker-agent > x > tokio`, each once.
pub fn strays(tree: &str) -> Vec<String> {
    let mut way: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for (depth, package) in packages(tree) {
        way.truncate(depth);
        way.push(package);
        let confined = CONFINED.iter().any(|(name, _)| *name == package);
        let at_home = way
            .iter()
            .position(|name| *name == "stoker-git")
            .is_some_and(|at| matches!(way[at + 1..], ["russh" | "tokio"] | ["russh", ..]));
        let shown = way.join(" > ");
        if confined && !at_home && !found.contains(&shown) {
            found.push(shown);
        }
    }
    found
}

fn packages(tree: &str) -> impl Iterator<Item = (usize, &str)> {
    tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_banned_is_found_by_its_whole_name() {
        let tree = "0 stoker-agent v0.1.0 (/x)\n1 kube-core v5.0.0\n1 tokio-rustls v0.26\n1 clap v4.5.0\n";
        let names: Vec<&str> = offenders(tree).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["clap"]);
        assert!(offenders("0 rustls v0.23\n0 ureq v3.5.2\n").is_empty());
    }

    #[test]
    fn a_runtime_is_borne_below_russh_inside_stoker_git_only() {
        let good =
            "0 stoker-agent v1\n1 stoker-git v1\n2 russh v1\n3 tokio v1\n3 x v1\n4 tokio v1\n2 tokio v1\n";
        assert_eq!(strays(good), Vec::<String>::new());
        let direct = format!("{good}1 tokio v1\n1 stoker-ignition v1\n2 russh v1\n");
        assert_eq!(strays(&direct), ["stoker-agent > tokio", "stoker-agent > stoker-ignition > russh"]);
        let beside = format!("{good}2 ureq v3\n3 tokio v1\n");
        assert_eq!(strays(&beside), ["stoker-agent > stoker-git > ureq > tokio"]);
    }
}
