//! From a name that a person wrote to the commit it means. Pure: what a server names comes in as lines.

use stoker_object::ObjectId;

use crate::Error;
use crate::capabilities::{RefLine, RefSink};

/// What a reference turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefKind {
    /// `HEAD`.
    Head,
    /// A branch.
    Branch,
    /// A tag, annotated or not.
    Tag,
    /// Another ref, given by its full name.
    Other,
    /// The commit's own id.
    Commit,
}

/// The commit that a reference means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The commit. For a full id that is given as the reference it is that id, unchecked.
    pub commit: ObjectId,
    /// What the ref points at: the tag itself where it is an annotated one, else the commit.
    pub object: ObjectId,
    /// The ref's full name (`refs/heads/main`); of `HEAD` the branch it stands for. `None` for a commit's id.
    pub full_name: Option<String>,
    /// What the reference is.
    pub kind: RefKind,
}

/// Longest reference that is looked up: git's own limit is that of a path.
const LONGEST: usize = 1024;

/// A commit's id, which needs no server; `None` if the reference is a name.
pub(crate) fn commit_id(reference: &str) -> Result<Option<Resolved>, Error> {
    if reference.len() == 64 && is_hex(reference) {
        return Err(Error::Unsupported("a commit id of 64 digits is SHA-256, which is not supported"));
    }
    let resolved = |commit| Resolved { commit, object: commit, full_name: None, kind: RefKind::Commit };
    Ok(reference.parse().ok().map(resolved))
}

/// The full names that a reference can mean, the best first: a branch wins over a tag of the same name.
/// None for what is no name that a ref could have.
pub(crate) fn candidates(reference: &str) -> Vec<String> {
    if !is_ref_name(reference) {
        return Vec::new();
    }
    if reference == "HEAD" || reference.starts_with("refs/") {
        return vec![reference.to_owned()];
    }
    let mut names = vec![format!("refs/heads/{reference}"), format!("refs/tags/{reference}")];
    if reference.starts_with("heads/") || reference.starts_with("tags/") {
        names.push(format!("refs/{reference}"));
    }
    names
}

/// The part of git's rules (`git check-ref-format`) that keeps a name one name on the wire.
fn is_ref_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST
        && !name.chars().any(|c| c.is_control() || c == ' ' || "~^:?*[\\".contains(c))
        && !name.contains("..")
        && !name.contains("@{")
}

/// Picks a reference's ref out of all that stream by, and remembers the names most like it.
pub(crate) struct Picker {
    reference: String,
    candidates: Vec<String>,
    /// Per candidate what was found.
    found: Vec<Option<Found>>,
    similar: Similar,
    /// Whether any ref at all was seen.
    any: bool,
    /// Whether the server peels tags: where one is peeled, all annotated ones are.
    peels: bool,
}

#[derive(Clone)]
struct Found {
    id: ObjectId,
    peeled: Option<ObjectId>,
    target: Option<String>,
}

/// The ref that was picked.
pub(crate) struct Picked {
    pub resolved: Resolved,
    /// The tag was not peeled by the server: it may be an annotated one.
    pub unpeeled: bool,
}

impl Picker {
    fn new(reference: &str) -> Self {
        let candidates = candidates(reference);
        Self {
            reference: reference.to_owned(),
            found: vec![None; candidates.len()],
            candidates,
            similar: Similar::new(reference),
            any: false,
            peels: false,
        }
    }

    /// The best ref that was seen.
    fn picked(&self) -> Option<Picked> {
        let at = self.found.iter().position(Option::is_some)?;
        let (name, found) = (&self.candidates[at], self.found[at].as_ref()?);
        let kind = match name.as_str() {
            "HEAD" => RefKind::Head,
            name if name.starts_with("refs/heads/") => RefKind::Branch,
            name if name.starts_with("refs/tags/") => RefKind::Tag,
            _ => RefKind::Other,
        };
        let full_name = found.target.clone().or_else(|| (kind != RefKind::Head).then(|| name.clone()));
        let resolved =
            Resolved { commit: found.peeled.unwrap_or(found.id), object: found.id, full_name, kind };
        // Only branches are commits by themselves.
        let unpeeled = found.peeled.is_none() && matches!(kind, RefKind::Tag | RefKind::Other);
        Some(Picked { resolved, unpeeled })
    }

    /// The error when no ref was picked and all refs were seen.
    fn not_found(self) -> Error {
        if !self.any {
            return Error::EmptyRepository;
        }
        let abbreviated = (4..40).contains(&self.reference.len()) && is_hex(&self.reference);
        let reference = crate::text::printable(self.reference.as_bytes());
        Error::UnknownRef { reference, similar: self.similar.names(), abbreviated }
    }
}

/// Picks a reference's ref. `ask` shows the refs with some prefixes, and says whether it showed all there are
/// instead. Says in the end whether the ref may be a tag that nobody peeled.
pub(crate) fn pick(
    reference: &str,
    mut ask: impl FnMut(&[String], &mut Picker) -> Result<bool, Error>,
) -> Result<Picked, Error> {
    let mut picker = Picker::new(reference);
    let names = picker.candidates.clone();
    let saw_all = !names.is_empty() && ask(&names, &mut picker)?;
    if let Some(mut picked) = picker.picked() {
        // Protocol v2 peels whatever is asked for; that a v0 server does is known by a tag that it peeled.
        picked.unpeeled &= saw_all && !picker.peels;
        return Ok(picked);
    }
    if !saw_all {
        ask(&["refs/heads/".to_owned(), "refs/tags/".to_owned()], &mut picker)?;
    }
    Err(picker.not_found())
}

impl RefSink for Picker {
    fn see(&mut self, line: RefLine<'_>) {
        self.any = true;
        self.peels |= line.peeled.is_some();
        if let Some(at) = self.candidates.iter().position(|name| name == line.name) {
            match &mut self.found[at] {
                // The second line of a tag in protocol v0.
                Some(found) if line.peeled.is_some() => found.peeled = line.peeled,
                found => {
                    let target = line.target.map(str::to_owned);
                    *found = Some(Found { id: line.id, peeled: line.peeled, target });
                }
            }
        }
        if line.peeled.is_none_or(|peeled| peeled != line.id) {
            self.similar.see(line.name);
        }
    }
}

/// The three names of branches and tags that are most like a wanted one, however many stream by.
struct Similar {
    wanted: Vec<char>,
    /// Distance and name, the nearest first.
    best: Vec<(usize, String)>,
    rows: [Vec<usize>; 3],
}

impl Similar {
    fn new(reference: &str) -> Self {
        let short = ["refs/heads/", "refs/tags/"].iter().find_map(|prefix| reference.strip_prefix(prefix));
        let wanted = short.unwrap_or(reference).chars().take(100).flat_map(char::to_lowercase).collect();
        Self { wanted, best: Vec::new(), rows: Default::default() }
    }

    fn see(&mut self, full_name: &str) {
        let Some(name) =
            full_name.strip_prefix("refs/heads/").or_else(|| full_name.strip_prefix("refs/tags/"))
        else {
            return;
        };
        let Some(distance) = self.distance(name) else { return };
        if self.best.iter().any(|(_, known)| known == name) {
            return;
        }
        let at = self.best.partition_point(|(other, _)| *other <= distance);
        if at < 3 {
            self.best.insert(at, (distance, name.to_owned()));
            self.best.truncate(3);
        }
    }

    /// How far a name is from the wanted one: letters to change, a third of the longer one at most.
    /// A name that contains the other (`release` and `release/8.3`) is near too.
    fn distance(&mut self, name: &str) -> Option<usize> {
        let name: Vec<char> = name.chars().take(200).flat_map(char::to_lowercase).collect();
        let (longer, shorter) =
            if name.len() > self.wanted.len() { (&name, &self.wanted) } else { (&self.wanted, &name) };
        let most = longer.len().div_ceil(3);
        if longer.len() - shorter.len() <= most {
            let edits = edits(&mut self.rows, longer, shorter);
            if edits <= most {
                return Some(edits);
            }
        }
        let contained = shorter.len() >= 3 && longer.windows(shorter.len()).any(|part| part == *shorter);
        contained.then_some(longer.len() - shorter.len())
    }

    fn names(self) -> Vec<String> {
        self.best.into_iter().map(|(_, name)| name).collect()
    }
}

/// Letters to change, add, leave out or swap with their neighbour (as in `mian`) to make one text the other.
fn edits([before, last, row]: &mut [Vec<usize>; 3], a: &[char], b: &[char]) -> usize {
    row.clear();
    row.extend(0..=b.len());
    for (i, left) in a.iter().enumerate() {
        std::mem::swap(before, last);
        std::mem::swap(last, row);
        row.clear();
        row.push(i + 1);
        for (j, right) in b.iter().enumerate() {
            let mut cost = (last[j] + usize::from(left != right)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *left == b[j - 1] && a[i - 1] == *right {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
    }
    row[b.len()]
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
