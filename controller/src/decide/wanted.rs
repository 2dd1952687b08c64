//! Which ref is wanted: the resource's own, or the one that a push asked for (contract, sections 2 and 8).

use stoker_api::names::annotations;
use stoker_api::spec::Receiver;

use super::input::Resource;

/// The ref to resolve, and what becomes of a request for another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub reference: String,
    /// What there is to say about `stoker.io/requested-ref`.
    pub request: Request,
}

/// What becomes of `stoker.io/requested-ref`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// There is none.
    None,
    /// It is followed.
    Followed,
    /// It agrees with the resource: the annotation, if it still has this value, can go.
    Fulfilled(String),
    /// `receiver.allowedRefs` does not allow it.
    Refused(String),
}

/// Which ref is wanted. A request wins over `spec.git.ref` until the two agree.
pub fn wanted(resource: &Resource, spec_ref: &str, receiver: Option<&Receiver>) -> Wanted {
    let own = spec_ref.trim().to_owned();
    let requested = resource.annotations.get(annotations::REQUESTED_REF);
    let Some(value) = requested.filter(|value| !value.trim().is_empty()) else {
        return Wanted { reference: own, request: Request::None };
    };
    let asked = value.trim();
    if agree(asked, &own) {
        return Wanted { reference: own, request: Request::Fulfilled(value.clone()) };
    }
    let globs = receiver.map_or(&[][..], |receiver| &receiver.allowed_refs);
    if !is_allowed(asked, globs) {
        return Wanted { reference: own, request: Request::Refused(value.clone()) };
    }
    Wanted { reference: asked.to_owned(), request: Request::Followed }
}

/// Whether two refs are the same for a person: `refs/tags/v1.2`, `v1.2` and `1.2`.
fn agree(left: &str, right: &str) -> bool {
    bare(left) == bare(right)
}

fn bare(reference: &str) -> &str {
    let name = short(reference);
    name.strip_prefix('v').unwrap_or(name)
}

fn short(reference: &str) -> &str {
    let strip = |prefix| reference.strip_prefix(prefix);
    strip("refs/heads/").or_else(|| strip("refs/tags/")).unwrap_or(reference)
}

/// Whether a push may ask for a ref. Without a list: every branch and tag. Pull requests and commits only where a glob
/// is written for them: one of nothing but wildcards is not.
pub fn is_allowed(reference: &str, globs: &[String]) -> bool {
    let special = is_commit(reference) || (reference.starts_with("refs/") && short(reference) == reference);
    if globs.is_empty() {
        return !special;
    }
    let name = short(reference);
    let spellings =
        [reference.to_owned(), name.to_owned(), format!("refs/heads/{name}"), format!("refs/tags/{name}")];
    globs.iter().any(|glob| {
        let written_for_it = glob.chars().any(|c| !matches!(c, '*' | '?' | '/'));
        if special {
            return written_for_it && matches(glob, reference);
        }
        spellings.iter().any(|spelling| matches(glob, spelling))
    })
}

fn is_commit(reference: &str) -> bool {
    matches!(reference.len(), 40 | 64) && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn matches(glob: &str, text: &str) -> bool {
    stoker_glob::Pattern::new(glob).is_ok_and(|pattern| pattern.matches(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testkit::resource;

    fn of(requested: &str, spec: &str, globs: &[&str]) -> Wanted {
        let mut resource = resource();
        resource.annotations.insert(annotations::REQUESTED_REF.into(), requested.into());
        let allowed_refs = globs.iter().map(|glob| (*glob).to_owned()).collect();
        wanted(&resource, spec, Some(&Receiver { allowed_refs, ..Receiver::default() }))
    }

    #[test]
    fn a_requested_ref_wins_until_the_two_agree() {
        let followed = of("v2", "v1", &[]);
        assert_eq!(followed, Wanted { reference: "v2".into(), request: Request::Followed });
        for (requested, spec) in [
            ("v2", "v2"),
            ("v2", "2"),
            ("2", "v2"),
            ("refs/tags/v2", "2"),
            ("refs/heads/main", "main"),
            (" v2 ", "v2"),
        ] {
            let fulfilled = of(requested, spec, &[]);
            assert_eq!(fulfilled.request, Request::Fulfilled(requested.into()), "{requested} {spec}");
            assert_eq!(fulfilled.reference, spec);
        }
        assert_eq!(of(" ", "v1", &[]).request, Request::None);
    }

    #[test]
    fn pull_requests_and_commits_are_followed_only_when_listed() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let table: &[(&str, &[&str], bool)] = &[
            ("main", &[], true),
            ("refs/tags/v1", &[], true),
            ("refs/pull/1/head", &[], false),
            ("refs/merge-requests/1/head", &[], false),
            ("refs/changes/1/1", &[], false),
            (commit, &[], false),
            ("main", &["main"], true),
            ("refs/heads/main", &["main"], true),
            ("main", &["refs/heads/main"], true),
            ("dev", &["main"], false),
            ("release/8.3", &["release/*"], true),
            ("refs/pull/1/head", &["**"], false),
            ("refs/pull/1/head", &["refs/pull/*/head"], true),
            (commit, &["*"], false),
            (commit, &["[0-9a-f]*"], true),
        ];
        for (reference, globs, expected) in table {
            let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            assert_eq!(is_allowed(reference, &globs), *expected, "{reference} {globs:?}");
        }
    }

    #[test]
    fn a_refused_request_leaves_the_resources_own_ref() {
        let refused = of("refs/pull/7/head", "main", &[]);
        assert_eq!(refused.reference, "main");
        assert_eq!(refused.request, Request::Refused("refs/pull/7/head".into()));
    }
}
