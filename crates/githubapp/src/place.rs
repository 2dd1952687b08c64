//! Which repository a token is for, and whether it may be shown to that repository's server at all.

use crate::Error;

/// A repository of a forge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    host: String,
    name: String,
}

impl Repository {
    /// Reads `https://host/owner/name`, with or without `.git`.
    pub fn of_url(url: &str) -> Result<Self, Error> {
        let (authority, path) = split(url).ok_or_else(|| {
            problem(
                "the repository",
                url,
                "must be an https:// URL: a GitHub App's token is shown to nobody else",
            )
        })?;
        let mut parts = path.trim_matches('/').rsplit('/');
        let name = parts.next().unwrap_or_default();
        let name = name.strip_suffix(".git").unwrap_or(name);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || parts.next().is_none_or(str::is_empty) || !name.chars().all(plain) {
            return Err(problem("the repository", url, "must be https://<host>/<owner>/<name>"));
        }
        Ok(Self { host: host(authority), name: name.to_owned() })
    }

    /// The name without the owner, as the API wants it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The base URL of an API, without a slash at its end; it must be https, and the API of the repository's own host.
pub(crate) fn base(url: &str, repository: &Repository) -> Result<String, Error> {
    const WHAT: &str = "githubApp.apiBaseURL";
    let shown = url.trim_end_matches('/');
    let (authority, _) = split(shown).ok_or_else(|| {
        problem(WHAT, url, "must be an https:// URL, such as https://api.github.com or https://<host>/api/v3")
    })?;
    if authority.contains('@') || shown.contains(['?', '#']) {
        return Err(problem(WHAT, url, "must have neither user nor query"));
    }
    let api = host(authority);
    if repository.host == api || api.strip_prefix("api.").is_some_and(|host| host == repository.host) {
        return Ok(shown.to_owned());
    }
    let words =
        format!("is not the API of the repository's host {}: its token is not shown there", repository.host);
    Err(problem(WHAT, url, &words))
}

/// Authority and path of an https URL.
fn split(url: &str) -> Option<(&str, &str)> {
    let scheme = url.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("https://"))?;
    let rest = &url[scheme.len()..];
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (!authority.is_empty() && !url.contains(char::is_whitespace)).then_some((authority, path))
}

fn host(authority: &str) -> String {
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.strip_suffix(":443").unwrap_or(host).to_ascii_lowercase()
}

fn problem(what: &'static str, url: &str, problem: &str) -> Error {
    let shown =
        match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
            Some((scheme, rest)) => format!("{scheme}://***@{rest}"),
            None => url.to_owned(),
        };
    Error::Url { what, url: shown, problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_by_its_url() {
        for url in ["https://github.com/o/plant", "HTTPS://x@GitHub.com:443/o/plant.git/"] {
            let repository = Repository::of_url(url).unwrap();
            assert_eq!((repository.host.as_str(), repository.name()), ("github.com", "plant"), "{url}");
        }
        for url in [
            "http://github.com/o/p",
            "git@github.com:o/p",
            "https://github.com/p",
            "https://github.com/o/p q",
        ] {
            assert!(Repository::of_url(url).is_err(), "{url}");
        }
        let error = Repository::of_url("http://me:secret@h/o/p").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn a_token_is_shown_to_its_own_host_only() {
        let repository = |url| Repository::of_url(url).unwrap();
        for (api, url) in [
            ("https://api.github.com", "https://github.com/o/p"),
            ("https://api.github.com/", "https://github.com/o/p"),
            ("https://ghe.plant/api/v3", "https://ghe.plant/o/p"),
            ("https://api.plant.ghe.com", "https://plant.ghe.com/o/p"),
        ] {
            assert_eq!(base(api, &repository(url)).unwrap(), api.trim_end_matches('/'));
        }
        for (api, url) in [
            ("https://api.github.com", "https://evil.example/o/p"),
            ("https://api.github.com", "https://github.com.evil.example/o/p"),
            ("http://api.github.com", "https://github.com/o/p"),
            ("https://me@api.github.com", "https://github.com/o/p"),
            ("https://ghe.plant:444/api/v3", "https://ghe.plant/o/p"),
        ] {
            assert!(base(api, &repository(url)).is_err(), "{api} {url}");
        }
    }
}
