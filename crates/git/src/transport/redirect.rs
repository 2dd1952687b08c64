//! Where a redirect leads, and whether we go there. Pure.

use crate::Error;
use crate::url::{HttpUrl, redact};

/// The new address of a repository when `base + tail` was answered with `location`.
///
/// As git does, the new URL must have the same tail, so that what comes before it is the repository.
pub(super) fn new_base(base: &HttpUrl, tail: &str, location: &str) -> Result<HttpUrl, Error> {
    let refuse = |why| Error::Redirect { to: shown(location), why };
    let absolute = absolute(base, tail, location);
    let Some(base_text) = absolute.strip_suffix(tail) else {
        return Err(refuse("it is not the address of a repository; check the URL and the credentials"));
    };
    let Some(mut target) = HttpUrl::parse(base_text) else {
        return Err(refuse("it is no http(s):// URL"));
    };
    if base.origin.tls && !target.origin.tls {
        return Err(refuse("it leads from https down to http"));
    }
    // Whatever user name a server makes up is not one of ours.
    target.user = None;
    Ok(target)
}

/// `location` as an absolute URL.
fn absolute(base: &HttpUrl, tail: &str, location: &str) -> String {
    let scheme = if base.origin.tls { "https" } else { "http" };
    if location.contains("://") {
        return location.to_owned();
    }
    if location.starts_with("//") {
        return format!("{scheme}:{location}");
    }
    if location.starts_with('/') {
        return format!("{}{location}", base.origin);
    }
    // Relative to the directory of what was asked for.
    let asked = format!("{}{}", base.path, tail.split('?').next().unwrap_or(tail));
    let directory = asked.rsplit_once('/').map_or("", |(directory, _)| directory);
    format!("{}{directory}/{location}", base.origin)
}

/// A location fit for a message: without credentials, and without a query, where sign-on pages put theirs.
fn shown(location: &str) -> String {
    redact(location.split(['?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "/info/refs?service=git-upload-pack";

    fn base(location: &str) -> Result<String, String> {
        let base = HttpUrl::parse("https://me:pass@host/team/x").unwrap();
        new_base(&base, TAIL, location).map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_form_of_location_is_followed_to_the_repository() {
        for (location, expected) in [
            ("https://other:444/y.git/info/refs?service=git-upload-pack", "https://other:444/y.git"),
            ("//other/y/info/refs?service=git-upload-pack", "https://other/y"),
            ("/team/x.git/info/refs?service=git-upload-pack", "https://host/team/x.git"),
            ("refs?service=git-upload-pack", "https://host/team/x"),
            ("https://you:word@other/y/info/refs?service=git-upload-pack", "https://other/y"),
        ] {
            assert_eq!(base(location).as_deref(), Ok(expected), "{location}");
        }
    }

    #[test]
    fn a_sign_on_page_and_a_downgrade_are_refused_without_their_secrets() {
        let message = base("https://sso/login?token=secret").unwrap_err();
        assert!(message.contains("https://sso/login,") && !message.contains("secret"), "{message}");
        let message = base("http://host/x/info/refs?service=git-upload-pack").unwrap_err();
        assert!(message.contains("down to http"), "{message}");
        assert!(base("ftp://host/x/info/refs?service=git-upload-pack").is_err());
    }
}
