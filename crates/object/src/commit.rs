use crate::{Kind, ObjectId};

/// What a sync needs of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitHeader {
    /// The commit's root directory.
    pub tree: ObjectId,
    /// The commits before it, in order.
    pub parents: Vec<ObjectId>,
    /// `Name <mail>` of the author, printable characters only, at most 120.
    pub author: String,
    /// The first line of the message, printable characters only, at most 120.
    pub subject: String,
}

impl CommitHeader {
    /// Reads a commit's bytes (without the object header); `None` if they are no commit.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, message) = split(bytes);
        let mut lines = header.split(|byte| *byte == b'\n');
        let tree = id(lines.next()?.strip_prefix(b"tree ")?)?;
        let (mut parents, mut author) = (Vec::new(), String::new());
        for line in lines {
            if let Some(hex) = line.strip_prefix(b"parent ") {
                parents.push(id(hex)?);
            } else if let Some(name) = line.strip_prefix(b"author ") {
                let end = name.iter().rposition(|byte| *byte == b'>').map_or(name.len(), |at| at + 1);
                author = printable(&name[..end]);
                break;
            }
        }
        let subject = message.split(|byte| *byte == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
        Some(Self { tree, parents, author, subject: printable(subject) })
    }
}

/// What an annotated tag points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagHeader {
    /// The object it names.
    pub target: ObjectId,
    /// What that object is.
    pub kind: Kind,
    /// The tag's own name.
    pub name: String,
}

impl TagHeader {
    /// Reads a tag's bytes (without the object header); `None` if they are no tag.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines = split(bytes).0.split(|byte| *byte == b'\n');
        let target = id(lines.next()?.strip_prefix(b"object ")?)?;
        let kind = match lines.next()?.strip_prefix(b"type ")? {
            b"commit" => Kind::Commit,
            b"tree" => Kind::Tree,
            b"blob" => Kind::Blob,
            b"tag" => Kind::Tag,
            _ => return None,
        };
        let name = lines.next()?.strip_prefix(b"tag ")?;
        Some(Self { target, kind, name: String::from_utf8_lossy(name).into_owned() })
    }
}

fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&bytes[..at], &bytes[at + 2..]),
        None => (bytes, &[]),
    }
}

fn id(hex: &[u8]) -> Option<ObjectId> {
    std::str::from_utf8(hex).ok()?.parse().ok()
}

/// A commit's author and subject go to logs and terminals: no control characters from a repository.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "9daeafb9864cf43055ae93beb0afd6c7d144bfa4";

    #[test]
    fn a_commit_with_two_parents_and_a_signature_is_read() {
        let text = format!(
            "tree {TREE}\nparent {TREE}\nparent {TREE}\nauthor A B <a@b> 1 +0000\ncommitter C <c> 1 +0000\ngpgsig x\n y\n\nHello\x1b[31m\n\nbody"
        );
        let commit = CommitHeader::parse(text.as_bytes()).unwrap();
        assert_eq!(commit.tree.to_string(), TREE);
        assert_eq!(commit.parents.len(), 2);
        assert_eq!((commit.author.as_str(), commit.subject.as_str()), ("A B <a@b>", "Hello[31m"));
    }

    #[test]
    fn a_tag_names_its_target() {
        let tag = TagHeader::parse(format!("object {TREE}\ntype commit\ntag v1\ntagger x\n\nm").as_bytes())
            .unwrap();
        assert_eq!(
            (tag.target.to_string().as_str(), tag.kind, tag.name.as_str()),
            (TREE, Kind::Commit, "v1")
        );
    }

    #[test]
    fn other_bytes_are_neither() {
        assert_eq!(CommitHeader::parse(b"blob"), None);
        assert_eq!(TagHeader::parse(b"object main\n"), None);
    }
}
