//! What happens to one file: a pure function of what is wanted, what we know and what is there.

use stoker_object::ObjectId;

use crate::fs::Stat;
use crate::state::journal::{Old, Op, Origin};
use crate::state::manifest::Entry;

/// What is there, with its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Absent,
    File {
        content: ObjectId,
        executable: bool,
        stat: Stat,
        /// Equal to what we wrote but for what the gateway rewrites by itself.
        same_essence: bool,
    },
    Dir,
    Other,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// `None`: known only once it is rendered.
    pub content: Option<ObjectId>,
    /// Its bytes are made from the source's.
    pub rendered: bool,
    pub executable: bool,
}

/// Whose a file is that Git no longer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// A mapping still covers it: it goes.
    Ours,
    /// Its mapping is skipped or gone, it is excluded, or it must not be removed: it stays.
    Released,
}

/// The decision for one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing to do; the manifest is right.
    Unchanged,
    /// A step for the journal.
    Step(Op),
    /// It was changed on the gateway, and this commit is on disk: it is reported and left.
    Drift,
    /// It lies there and is not ours: it is counted and left.
    Unmanaged,
    /// A directory with foreign files stands where a file has to go.
    Blocked,
}

/// For a path that the commit has. `drift_stays`: the commit is the one on disk already.
pub(crate) fn wanted(target: Target, known: Option<&Entry>, found: Found, drift_stays: bool) -> Decision {
    let ours = known.map(|entry| entry.content);
    // What we wrote is what is wanted, so whatever else is there now was changed by somebody.
    let was_done = drift_stays && ours.is_some() && ours == target.content;
    let step = |old, origin, local| {
        if was_done {
            return Decision::Drift;
        }
        Decision::Step(Op::Write { old, origin, local, only_with_siblings: false })
    };
    let origin = if target.rendered { Origin::Render } else { Origin::Staged(0) };
    match found {
        Found::Absent => step(Old::Absent, origin, false),
        Found::Other => step(Old::Other, origin, true),
        Found::Dir => Decision::Blocked,
        Found::File { content, executable, stat, same_essence } => {
            let old = Old::File { content, executable };
            if target.content != Some(content) {
                if was_done && same_essence {
                    return Decision::Unchanged;
                }
                return step(old, origin, ours != Some(content) && !same_essence);
            }
            if executable != target.executable {
                return step(old, Origin::Live, false);
            }
            let right = known.is_some_and(|entry| {
                entry.content == content && entry.executable == executable && entry.stat == stat
            });
            if right { Decision::Unchanged } else { Decision::Step(Op::Adopt) }
        }
    }
}

/// For a path that the manifest has and the commit has not.
pub(crate) fn unwanted(known: &Entry, claim: Claim, found: Found, early: bool) -> Decision {
    match (claim, found) {
        (_, Found::Absent | Found::Dir) => Decision::Step(Op::Forget),
        (Claim::Released, _) | (_, Found::Other) => Decision::Unmanaged,
        (Claim::Ours, Found::File { content, executable, same_essence, .. }) => Decision::Step(Op::Delete {
            old: Old::File { content, executable },
            early,
            local: content != known.content && !same_essence,
        }),
    }
}

/// For a path that only the gateway has.
pub(crate) fn foreign(mirrored: bool, found: Found, early: bool) -> Decision {
    match found {
        Found::File { content, executable, .. } if mirrored => {
            Decision::Step(Op::Delete { old: Old::File { content, executable }, early, local: false })
        }
        Found::Other if mirrored => Decision::Step(Op::Delete { old: Old::Other, early, local: true }),
        _ => Decision::Unmanaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ObjectId = ObjectId::from_bytes([1; 20]);
    const B: ObjectId = ObjectId::from_bytes([2; 20]);
    const C: ObjectId = ObjectId::from_bytes([3; 20]);
    const STAT: Stat = Stat { size: 1, mtime: 2, ctime: 3, inode: 4 };

    fn entry(content: ObjectId) -> Entry {
        Entry {
            path: "f".into(),
            source: content,
            content,
            executable: false,
            mapping: 0,
            rendered: None,
            essence: None,
            stat: STAT,
        }
    }

    fn file(content: ObjectId) -> Found {
        Found::File { content, executable: false, stat: STAT, same_essence: false }
    }

    fn target(content: ObjectId) -> Target {
        Target { content: Some(content), rendered: false, executable: false }
    }

    fn write(old: Old, local: bool) -> Decision {
        Decision::Step(Op::Write { old, origin: Origin::Staged(0), local, only_with_siblings: false })
    }

    fn old(content: ObjectId) -> Old {
        Old::File { content, executable: false }
    }

    #[test]
    fn a_new_commit_makes_every_file_equal_to_it() {
        for (known, found, expected) in [
            (None, Found::Absent, write(Old::Absent, false)),
            (None, file(A), Decision::Step(Op::Adopt)),
            (None, file(B), write(old(B), true)),
            (Some(A), file(A), Decision::Unchanged),
            (Some(B), file(B), write(old(B), false)),
            (Some(B), file(C), write(old(C), true)),
            (Some(A), file(C), write(old(C), true)),
            (Some(B), file(A), Decision::Step(Op::Adopt)),
            (Some(A), Found::Absent, write(Old::Absent, false)),
            (None, Found::Other, write(Old::Other, true)),
            (None, Found::Dir, Decision::Blocked),
        ] {
            let known = known.map(entry);
            assert_eq!(wanted(target(A), known.as_ref(), found, false), expected, "{known:?} {found:?}");
        }
    }

    #[test]
    fn with_the_same_commit_a_local_change_is_drift_and_stays() {
        let known = entry(A);
        for found in [file(B), Found::Absent, Found::Other] {
            assert_eq!(wanted(target(A), Some(&known), found, true), Decision::Drift, "{found:?}");
        }
        assert_eq!(wanted(target(A), Some(&known), file(A), true), Decision::Unchanged);
        assert_eq!(wanted(target(A), None, Found::Absent, true), write(Old::Absent, false));
    }

    #[test]
    fn a_manifest_the_gateway_rewrote_is_neither_drift_nor_local_work() {
        let found = Found::File { content: B, executable: false, stat: STAT, same_essence: true };
        let known = entry(A);
        assert_eq!(wanted(target(A), Some(&known), found, true), Decision::Unchanged);
        assert_eq!(wanted(target(C), Some(&known), found, false), write(old(B), false));
    }

    #[test]
    fn only_what_is_ours_is_removed() {
        let known = entry(A);
        let delete = |content, local| Decision::Step(Op::Delete { old: old(content), early: false, local });
        for (claim, found, expected) in [
            (Claim::Ours, file(A), delete(A, false)),
            (Claim::Ours, file(B), delete(B, true)),
            (Claim::Ours, Found::Absent, Decision::Step(Op::Forget)),
            (Claim::Ours, Found::Other, Decision::Unmanaged),
            (Claim::Released, file(A), Decision::Unmanaged),
            (Claim::Released, Found::Absent, Decision::Step(Op::Forget)),
        ] {
            assert_eq!(unwanted(&known, claim, found, false), expected, "{claim:?} {found:?}");
        }
        assert_eq!(foreign(false, file(A), false), Decision::Unmanaged);
        assert_eq!(foreign(true, file(A), false), delete(A, false));
    }

    #[test]
    fn a_change_of_the_x_bit_alone_needs_no_bytes_from_git() {
        let target = Target { content: Some(A), rendered: false, executable: true };
        let expected = Decision::Step(Op::Write {
            old: old(A),
            origin: Origin::Live,
            local: false,
            only_with_siblings: false,
        });
        assert_eq!(wanted(target, Some(&entry(A)), file(A), false), expected);
    }
}
