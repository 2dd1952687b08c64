//! Rules about what is connected to: the repository, the gateway, the receiver, and when.

use super::Rules;
use crate::spec::{Auth, Gateway, Git, Proxy, Receiver, SyncWindow};

impl Rules {
    pub(super) fn git(&mut self, git: &Git) {
        let Git { repo, git_ref, auth, verify, tls, proxy } = git;
        self.within("repo", |rules| rules.repository(repo));
        self.within("ref", |rules| {
            if rules.not_empty(git_ref) && git_ref.contains(|c: char| c.is_whitespace() || c.is_control()) {
                rules.broken(format!("{git_ref:?} is not a branch, a tag or a commit: it has blanks in it"));
            }
        });
        if let Some(auth) = auth {
            self.within("auth", |rules| rules.auth(auth));
        }
        if let Some(verify) = verify {
            self.within("verify", |rules| rules.secret("secretRef", &verify.secret_ref));
        }
        if let Some(tls) = tls {
            self.within("tls", |rules| {
                rules.optional_secret_key("caSecretRef", tls.ca_secret_ref.as_ref());
                if let Some(secret) = &tls.client_cert_secret_ref {
                    rules.secret("clientCertSecretRef", secret);
                }
            });
        }
        if let Some(proxy) = proxy {
            self.within("proxy", |rules| rules.proxy(proxy));
        }
    }

    /// A form of address that the contract knows. The address itself is not shown: there may be a password in it.
    fn repository(&mut self, repo: &str) {
        const SCHEMES: [&str; 5] = ["https://", "http://", "ssh://", "git://", "file://"];
        if !self.not_empty(repo) {
            return;
        }
        if let Some(scheme) = SCHEMES.iter().find(|scheme| repo.starts_with(**scheme)) {
            if repo.len() == scheme.len() {
                self.broken(format!("names no host or path after {scheme}"));
            }
            return;
        }
        // `git@host:path`, as ssh and git spell it.
        let is_scp = repo.split_once(':').is_some_and(|(host, path)| {
            !path.is_empty()
                && !path.starts_with("//")
                && host
                    .split_once('@')
                    .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('/'))
        });
        if !is_scp {
            self.broken("is not a repository's address; it begins with https://, http://, ssh://, git:// or file://, or reads git@host:path");
        }
    }

    fn auth(&mut self, auth: &Auth) {
        let Auth { token, ssh_key, github_app } = auth;
        let given =
            [("token", token.is_some()), ("sshKey", ssh_key.is_some()), ("githubApp", github_app.is_some())];
        let names: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        match names.len() {
            1 => {}
            0 => self.broken("is empty; give exactly one of token, sshKey, githubApp, or remove it for a public repository"),
            _ => self.broken(format!("has {}; give exactly one of token, sshKey, githubApp", names.join(" and "))),
        }
        if let Some(token) = token {
            self.within("token", |rules| rules.secret_key("secretRef", &token.secret_ref));
        }
        if let Some(key) = ssh_key {
            self.within("sshKey", |rules| {
                rules.secret_key("secretRef", &key.secret_ref);
                if let Some(hosts) = &key.known_hosts {
                    rules.within("knownHosts", |rules| rules.secret_key("secretRef", &hosts.secret_ref));
                }
            });
        }
        if let Some(app) = github_app {
            self.within("githubApp", |rules| {
                rules.within("appId", |rules| rules.positive(app.app_id));
                rules.within("installationId", |rules| rules.positive(app.installation_id));
                rules.secret_key("privateKeySecretRef", &app.private_key_secret_ref);
                rules.within("apiBaseURL", |rules| rules.http_address(&app.api_base_url));
            });
        }
    }

    fn proxy(&mut self, proxy: &Proxy) {
        let Proxy { url, secret_ref, no_proxy: _ } = proxy;
        self.within("url", |rules| {
            rules.http_address(url);
            // Only what stands before the path can carry credentials.
            let authority =
                url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(""));
            if authority.contains('@') {
                rules
                    .broken("has credentials in it; move user:password into the Secret that secretRef names");
            }
        });
        self.optional_secret_key("secretRef", secret_ref.as_ref());
    }

    pub(super) fn gateway(&mut self, gateway: &Gateway) {
        let Gateway { port, tls: _, tls_ca_secret_ref, api } = gateway;
        self.bound("port", Some((*port).into()));
        self.optional_secret_key("tlsCaSecretRef", tls_ca_secret_ref.as_ref());
        self.within("api", |rules| {
            rules.within("secretName", |rules| _ = rules.not_empty(&api.secret_name));
            rules.within("secretKey", |rules| _ = rules.not_empty(&api.secret_key));
        });
    }

    pub(super) fn receiver(&mut self, receiver: &Receiver) {
        let Receiver { hmac_secret_ref, token_secret_ref, allowed_refs } = receiver;
        self.optional_secret_key("hmacSecretRef", hmac_secret_ref.as_ref());
        self.optional_secret_key("tokenSecretRef", token_secret_ref.as_ref());
        self.within_each("allowedRefs", allowed_refs, |rules, glob| _ = rules.not_empty(glob));
    }

    pub(super) fn window(&mut self, window: &SyncWindow) {
        let SyncWindow { kind: _, schedule, duration, time_zone, manual_sync: _, description: _ } = window;
        self.within("schedule", |rules| _ = rules.not_empty(schedule));
        if duration.get().is_zero() {
            self.within("duration", |rules| {
                rules.broken("is zero, so that the window never opens; write for example \"2h\"");
            });
        }
        if let Some(zone) = time_zone {
            self.within("timeZone", |rules| _ = rules.not_empty(zone));
        }
    }

    fn positive(&mut self, number: i64) {
        if number < 1 {
            self.broken(format!("must be 1 or more, not {number}"));
        }
    }

    fn http_address(&mut self, address: &str) {
        let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        if rest.is_none_or(str::is_empty) {
            self.broken("is not an address; it begins with https:// or http://");
        }
    }
}
