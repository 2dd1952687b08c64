//! What to want for a commit where only what a ref points at can be wanted.

use stoker_object::ObjectId;

use crate::capabilities::{RefLine, RefSink, Server};

/// Finds, among the refs of a server of protocol v0, a way to a commit.
pub(crate) struct Tips {
    commit: ObjectId,
    /// A ref points right at it.
    direct: bool,
    /// An annotated tag that leads to it.
    tag: Option<ObjectId>,
    /// What the line before points at: the second line of a tag gives only what it leads to.
    before: ObjectId,
}

impl Tips {
    pub fn new(commit: ObjectId) -> Self {
        Self { commit, direct: false, tag: None, before: commit }
    }

    /// The object to want. Where no ref leads to the commit the server is asked for it all the same: it decides.
    pub fn want(&self, server: &Server) -> ObjectId {
        if self.direct || server.any_want() { self.commit } else { self.tag.unwrap_or(self.commit) }
    }
}

impl RefSink for Tips {
    fn see(&mut self, line: RefLine<'_>) {
        match line.peeled {
            Some(peeled) if peeled == self.commit => self.tag = Some(self.before),
            Some(_) => {}
            None => {
                self.direct |= line.id == self.commit;
                self.before = line.id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::{V0, V2};

    fn id(digit: &str) -> ObjectId {
        digit.repeat(40).parse().unwrap()
    }

    #[test]
    fn a_commit_behind_a_tag_is_reached_by_the_tag() {
        let mut tips = Tips::new(id("1"));
        let line = |id, peeled| RefLine { name: "refs/tags/x", id, peeled, target: None };
        tips.see(line(id("2"), None));
        tips.see(line(id("1"), Some(id("1"))));
        tips.see(line(id("3"), None));
        let v0 = |any_want| Server::V0(V0 { any_want, ..V0::default() });
        assert_eq!(tips.want(&v0(false)), id("2"));
        assert_eq!(tips.want(&v0(true)), id("1"));
        assert_eq!(tips.want(&Server::V2(V2::default())), id("1"));
        tips.see(line(id("1"), None));
        assert_eq!(tips.want(&v0(false)), id("1"), "a branch points at it too");
    }

    #[test]
    fn a_commit_that_no_ref_leads_to_is_asked_for_by_its_id() {
        assert_eq!(Tips::new(id("1")).want(&Server::V0(V0::default())), id("1"));
    }
}
