//! A directory whose declaring file may be signed, and of which some file is rendered or patched.
//!
//! The signature covers the declaring file and its payload, so it has to be made anew whenever one of them comes out
//! differently, also where the declaring file itself is no template. For that the bytes are needed that the repository
//! has of *all* of them: what is rendered is then rendered again, although it is on the volume already, because only its
//! result is. And what the declaring file becomes depends on them all: so does its key.

use stoker_object::{FastHasher, ObjectId};

use super::decide::Decision;
use super::node::Children;
use crate::Rules;
use crate::path::{join, split};
use crate::render::Renderer;
use crate::state::journal::{Old, Op, Origin};
use crate::state::manifest::{Entry, Rendered};

/// The steps of such a directory, held until it is known whether its declaring file has to be signed anew.
pub(super) struct Signed {
    /// Stands for what is wanted here and how it is made, but for the data of templates.
    recipe: ObjectId,
    held: Vec<(Decision, Entry)>,
    /// A payload's bytes are known only once it is rendered.
    open: bool,
    /// A declaring file has to be signed anew.
    again: bool,
}

impl Signed {
    /// `None` for every other directory.
    pub(super) fn of(
        path: &str,
        children: &Children,
        renderer: &Renderer<'_>,
        rules: &dyn Rules,
    ) -> Option<Self> {
        // Most directories have no rendered file: those cost nothing.
        children.files.values().find(|file| renderer.renders(file.mapping))?;
        children.files.keys().find(|name| rules.signs(name))?;
        let (mut sum, mut renders) = (FastHasher::checksum(), false);
        for (name, file) in &children.files {
            sum.update(&(name.len() as u64).to_le_bytes());
            sum.update(name.as_bytes());
            sum.update(file.source.as_bytes());
            let recipe = renderer.recipe(file.mapping, &join(path, name));
            renders |= recipe.is_some();
            sum.update(recipe.unwrap_or_default().as_bytes());
        }
        renders.then(|| Self { recipe: sum.finish(), held: Vec::new(), open: false, again: false })
    }

    /// What a declaring file is made from, as far as it is known: `false` if some payload's bytes are not.
    pub(super) fn rendered(&self, renderer: &Renderer<'_>, known: Option<&Entry>) -> (Rendered, bool) {
        let volatile = known.and_then(|entry| entry.rendered).is_some_and(|rendered| rendered.volatile);
        (Rendered { key: renderer.seal(&self.recipe, volatile), volatile }, !self.open)
    }

    /// Holds a step; steps come in path order, payloads before what declares them.
    pub(super) fn hold(&mut self, decision: Decision, mut entry: Entry, rules: &dyn Rules) {
        if let Decision::Step(Op::Write { origin: Origin::Render, .. }) = decision {
            if rules.signs(split(&entry.path).1) {
                self.again = true;
                // Which data counts is known once all is rendered: the key is completed then.
                entry.rendered = Some(Rendered { key: self.recipe, volatile: false });
            } else {
                self.open = true;
            }
        }
        self.held.push((decision, entry));
    }

    /// The steps: the decision, and what has to be done where that is more than was decided.
    pub(super) fn steps(self) -> impl Iterator<Item = (Decision, Option<Op>, Entry)> {
        let again = self.again;
        self.held.into_iter().map(move |(decision, entry)| {
            let more = if again { rendered_again(decision, &entry) } else { None };
            (decision, more, entry)
        })
    }
}

/// For what is rendered, lies on the volume as it should, and is needed from its source.
fn rendered_again(decision: Decision, entry: &Entry) -> Option<Op> {
    entry.rendered?;
    let old = match decision {
        Decision::Unchanged | Decision::Step(Op::Adopt) => {
            Old::File { content: entry.content, executable: entry.executable }
        }
        Decision::Step(Op::Write { old, origin: Origin::Live, .. }) => old,
        _ => return None,
    };
    Some(Op::Write { old, origin: Origin::Render, local: false, only_with_siblings: false })
}
