//! Names of the objects that belong to one GatewaySync, and keys in them.

/// Key of the installation token in [`github_token`], and its file in the mounted Secret.
pub const GITHUB_TOKEN_KEY: &str = "token";
/// Key of the policy in the Secret of `git.verify`.
pub const VERIFY_POLICY_KEY: &str = "policy.yaml";
/// Key of the SSH keys in the Secret of `git.verify`.
pub const VERIFY_ALLOWED_SIGNERS_KEY: &str = "allowed_signers";
/// Ending of the keys that hold `OpenPGP` keys in the Secret of `git.verify`.
pub const VERIFY_OPENPGP_SUFFIX: &str = ".asc";
/// Key of the certificate in a Secret of type `kubernetes.io/tls`.
pub const TLS_CERT_KEY: &str = "tls.crt";
/// Key of the private key in a Secret of type `kubernetes.io/tls`.
pub const TLS_KEY_KEY: &str = "tls.key";

/// `ConfigMap` by which the controller tells the agents what is wanted.
pub fn metadata(cr: &str) -> String {
    format!("stoker-metadata-{cr}")
}

/// `ConfigMap` in which agents report, one key for each pod.
pub fn status(cr: &str) -> String {
    format!("stoker-status-{cr}")
}

/// The further status `ConfigMap`s beyond 200 gateways, counted from 1; 0 is [`status`].
pub fn status_shard(cr: &str, shard: usize) -> String {
    sharded("status", cr, shard)
}

/// `ConfigMap` of what a dry run would change and what the last sync did change.
pub fn changes(cr: &str) -> String {
    format!("stoker-changes-{cr}")
}

/// The further changes `ConfigMap`s beyond 200 gateways, counted from 1; 0 is [`changes`].
pub fn changes_shard(cr: &str, shard: usize) -> String {
    sharded("changes", cr, shard)
}

/// The changes `ConfigMap` of the same number as a status one; the first of `cr` for any other name.
pub fn changes_beside(status: &str, cr: &str) -> String {
    let numbered = status.strip_prefix("stoker-status").filter(|rest| rest.ends_with(&format!("-{cr}")));
    numbered.map_or_else(|| changes(cr), |rest| format!("stoker-changes{rest}"))
}

/// Secret with the installation token of a GitHub App.
pub fn github_token(cr: &str) -> String {
    format!("stoker-github-token-{cr}")
}

/// Role, and `RoleBinding`, of the gateway pods' service accounts.
pub fn agent_role(cr: &str) -> String {
    format!("stoker-agent-{cr}")
}

fn sharded(kind: &str, cr: &str, shard: usize) -> String {
    match shard {
        0 => format!("stoker-{kind}-{cr}"),
        shard => format!("stoker-{kind}{shard}-{cr}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_named_as_the_contract_says() {
        let names = [
            metadata("plant"),
            status("plant"),
            changes("plant"),
            github_token("plant"),
            agent_role("plant"),
        ];
        let expected = [
            "stoker-metadata-plant",
            "stoker-status-plant",
            "stoker-changes-plant",
            "stoker-github-token-plant",
            "stoker-agent-plant",
        ];
        assert_eq!(names, expected);
        assert_eq!(
            (status_shard("plant", 0), changes_shard("plant", 0)),
            (status("plant"), changes("plant"))
        );
        assert_eq!(status_shard("plant", 2), "stoker-status2-plant");
        assert_eq!(changes_shard("plant", 1), "stoker-changes1-plant");
        for shard in [0, 1, 12] {
            assert_eq!(changes_beside(&status_shard("plant", shard), "plant"), changes_shard("plant", shard));
        }
        assert_eq!(changes_beside("stoker-status1-other", "plant"), "stoker-changes-plant");
    }
}
