//! What a body says: which forge or program sent it, and what it is about. Pure, and takes anything.

use serde_json::Value;

use super::refs::is_ref;

/// Refs of one push that are looked at.
const MOST_REFS: usize = 100;

/// Who sent it, as `stoker.io/requested-by` and the metric say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// GitHub, or a body like its releases.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea, Forgejo.
    Gitea,
    /// Bitbucket, Cloud and Data Center.
    Bitbucket,
    /// An Application of Argo CD.
    ArgoCd,
    /// A Freight of Kargo.
    Kargo,
    /// Anything else with a `ref`.
    Generic,
}

impl Source {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Bitbucket => "bitbucket",
            Self::ArgoCd => "argocd",
            Self::Kargo => "kargo",
            Self::Generic => "generic",
        }
    }
}

/// A forge's name for the event that it sends, from its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event<'a>(Option<(Source, &'a str)>);

impl<'a> Event<'a> {
    /// Of a request's headers. Gitea sends GitHub's header, too, so it is asked first.
    pub fn of(header: impl Fn(&'static str) -> Option<&'a [u8]>) -> Self {
        let forges = [
            ("x-gitea-event", Source::Gitea),
            ("x-forgejo-event", Source::Gitea),
            ("x-gogs-event", Source::Gitea),
            ("x-github-event", Source::GitHub),
            ("x-gitlab-event", Source::GitLab),
            ("x-event-key", Source::Bitbucket),
        ];
        Self(forges.into_iter().find_map(|(name, source)| {
            Some((source, std::str::from_utf8(header(name)?).unwrap_or_default()))
        }))
    }

    /// The forge, as far as a header says it.
    pub fn source(self) -> Option<Source> {
        self.0.map(|(source, _)| source)
    }

    /// A forge tries whether somebody is there.
    pub fn is_ping(self) -> bool {
        matches!(self.0, Some((Source::GitHub, "ping") | (Source::Bitbucket, "diagnostics:ping")))
    }
}

/// What a body asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// This ref is wanted from now on.
    Want {
        /// As it was written.
        reference: String,
    },
    /// These refs were pushed; whoever follows one of them looks at it.
    Pushed(Vec<Pushed>),
    /// An event that means nothing here, and why.
    Nothing(&'static str),
}

/// A ref that was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Its full name.
    pub reference: String,
    /// Where it points now, if the forge says so. Never trusted.
    pub commit: Option<String>,
}

/// A body that asks for nothing that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Not JSON.
    #[error("the body is not JSON; a forge must be told to send application/json")]
    NotJson,
    /// No ref.
    #[error("the body names no ref")]
    NoRef,
    /// Not the name of a ref.
    #[error("what the body calls a ref cannot be one")]
    BadRef,
}

/// What a body says.
pub fn recognise(event: Event<'_>, body: &[u8]) -> Result<(Source, Asked), Unusable> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unusable::NotJson)?;
    let (source, asked) = match event.0 {
        Some((Source::Bitbucket, event)) => (Source::Bitbucket, bitbucket(event, &body)?),
        Some((source, event)) => (source, forge(kind(source, event, &body), &body)?),
        None => plain(&body)?,
    };
    let names_refs = match &asked {
        Asked::Want { reference } => is_ref(reference),
        Asked::Pushed(pushed) => pushed.iter().all(|pushed| is_ref(&pushed.reference)),
        Asked::Nothing(_) => true,
    };
    if names_refs { Ok((source, asked)) } else { Err(Unusable::BadRef) }
}

/// The kinds of events that mean something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Push,
    Release,
    Other,
}

fn kind(source: Source, event: &str, body: &Value) -> Kind {
    match (source, event) {
        (Source::GitLab, "Push Hook" | "Tag Push Hook") | (Source::GitHub | Source::Gitea, "push") => {
            Kind::Push
        }
        (Source::GitLab, "Release Hook") | (Source::GitHub | Source::Gitea, "release") => Kind::Release,
        (Source::GitLab, "System Hook")
            if matches!(body["event_name"].as_str(), Some("push" | "tag_push")) =>
        {
            Kind::Push
        }
        _ => Kind::Other,
    }
}

fn forge(kind: Kind, body: &Value) -> Result<Asked, Unusable> {
    match kind {
        Kind::Push => {
            let reference = text(&body["ref"]).ok_or(Unusable::NoRef)?;
            let commit = commit(&body["after"]);
            if body["deleted"] == true || body["after"].as_str().is_some_and(is_zero) {
                return Ok(Asked::Nothing("ref deleted"));
            }
            Ok(Asked::Pushed(vec![Pushed { reference, commit }]))
        }
        Kind::Release => {
            let action = body["action"].as_str().unwrap_or_default();
            if matches!(action, "deleted" | "delete" | "unpublished")
                || body.pointer("/release/draft") == Some(&true.into())
            {
                return Ok(Asked::Nothing("not a published release"));
            }
            // GitLab has the tag at the top.
            let tag = body.pointer("/release/tag_name").and_then(text).or_else(|| text(&body["tag"]));
            Ok(Asked::Want { reference: tag.ok_or(Unusable::NoRef)? })
        }
        Kind::Other => Ok(Asked::Nothing("event ignored")),
    }
}

fn bitbucket(event: &str, body: &Value) -> Result<Asked, Unusable> {
    let changes = match event {
        "repo:push" => &body["push"]["changes"],
        "repo:refs_changed" | "mirror:repo_synchronized" => &body["changes"],
        _ => return Ok(Asked::Nothing("event ignored")),
    };
    let changes = changes.as_array().ok_or(Unusable::NoRef)?;
    let pushed: Vec<Pushed> = changes.iter().take(MOST_REFS).filter_map(changed).collect();
    if pushed.is_empty() && !changes.is_empty() {
        return Ok(Asked::Nothing("ref deleted"));
    }
    if pushed.is_empty() { Err(Unusable::NoRef) } else { Ok(Asked::Pushed(pushed)) }
}

/// One change of a Bitbucket push; `None` for a deletion.
fn changed(change: &Value) -> Option<Pushed> {
    // Data Center.
    if let Some(reference) = change.pointer("/ref/id").and_then(text) {
        let is_deleted = change["type"] == "DELETE";
        return (!is_deleted).then(|| Pushed { reference, commit: commit(&change["toHash"]) });
    }
    // Cloud.
    let new = change.get("new").filter(|new| new.is_object())?;
    let name = text(&new["name"])?;
    let prefix = if new["type"] == "tag" { "refs/tags" } else { "refs/heads" };
    let commit = new.pointer("/target/hash").and_then(commit);
    Some(Pushed { reference: format!("{prefix}/{name}"), commit })
}

/// Bodies without a forge's header: the first that matches (contract, section 5).
fn plain(body: &Value) -> Result<(Source, Asked), Unusable> {
    let places = [
        (Source::GitHub, body.pointer("/release/tag_name")),
        (Source::ArgoCd, body.pointer("/app/metadata/annotations").and_then(|all| all.get("git.ref"))),
        (Source::Kargo, body.pointer("/freight/commits/0/tag")),
        (Source::Generic, body.get("ref")),
    ];
    let found = places.into_iter().find_map(|(source, place)| Some((source, text(place?)?)));
    let (source, reference) = found.ok_or(Unusable::NoRef)?;
    let is_deleted =
        source == Source::Generic && (body["deleted"] == true || body["after"].as_str().is_some_and(is_zero));
    let asked = if is_deleted { Asked::Nothing("ref deleted") } else { Asked::Want { reference } };
    Ok((source, asked))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn commit(value: &Value) -> Option<String> {
    let id = value.as_str().filter(|id| matches!(id.len(), 40 | 64) && !is_zero(id))?;
    id.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| id.to_ascii_lowercase())
}

fn is_zero(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests;
