//! The three engines by one face.

use crate::case::{Answer, Case, Known};
use crate::random::Random;
use crate::{glob, mutate, patch, template};

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// `stoker-gotemplate` and Go's `text/template`.
    Template,
    /// `stoker-jsonset` and `tidwall/sjson`.
    Patch,
    /// `stoker-glob` and `bmatcuk/doublestar`.
    Glob,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Template, Self::Patch, Self::Glob];

    /// Its name: of the Go program, of its file of cases, on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Patch => "patch",
            Self::Glob => "glob",
        }
    }

    /// The engine of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// What our side makes of a case.
    pub fn answer(self, case: &Case, known: &Known) -> Answer {
        match self {
            Self::Template => template::answer(case, known),
            Self::Patch => patch::answer(case),
            Self::Glob => glob::answer(case),
        }
    }

    /// A new case: made after the engine's grammar, or one of the known ones changed.
    pub fn generate(self, random: &mut Random, known: &Known) -> Case {
        if random.once_in(2) || known.cases.is_empty() {
            return self.compose(random);
        }
        let mut case = mutate::mutated(self, random, known);
        case.normalise(self);
        case
    }

    /// A case made after the engine's grammar: of equal seeds the same, whatever cases are known.
    pub(crate) fn compose(self, random: &mut Random) -> Case {
        let mut case = match self {
            Self::Template => template::generate(random),
            Self::Patch => patch::generate(random),
            Self::Glob => glob::generate(random),
        };
        case.normalise(self);
        case
    }

    /// What texts of this engine are made of.
    pub(crate) fn tokens(self) -> &'static [&'static str] {
        match self {
            Self::Template => template::TOKENS,
            Self::Patch => patch::TOKENS,
            Self::Glob => glob::TOKENS,
        }
    }
}
