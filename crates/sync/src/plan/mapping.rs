//! Mappings made concrete: rendered, brought to one spelling, and looked up in the commit.

use stoker_object::{Entries, FastHasher, InvalidTree, Mode, ObjectId};

use crate::path::{normalise, shown};
use crate::render::Context;
use crate::state::manifest::MappingKey;
use crate::{Desired, Error, Mapping, MappingKind, Prune, Rules, Trees};

/// What a mapping's source is in the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Dir(ObjectId),
    File {
        id: ObjectId,
        executable: bool,
    },
    /// Not there, and not required: the mapping is skipped.
    Missing,
}

/// A mapping of the desired tree.
#[derive(Debug, Clone)]
pub(crate) struct Resolved<'a> {
    pub mapping: &'a Mapping,
    pub key: MappingKey,
    pub source: Source,
    /// The source in the commit that was synced before, while it is known.
    pub before: Option<ObjectId>,
}

/// Renders and looks up all mappings. `old_tree` is the root tree of the commit that was synced before.
pub(crate) fn resolve<'a>(
    desired: &'a Desired,
    old_tree: Option<ObjectId>,
    context: &Context,
    trees: &mut dyn Trees,
    rules: &dyn Rules,
) -> Result<Vec<Resolved<'a>>, Error> {
    let mut resolved = Vec::with_capacity(desired.mappings.len());
    for (index, mapping) in desired.mappings.iter().enumerate() {
        let key = MappingKey {
            source: place(context, &mapping.source, index, "source")?,
            destination: place(context, &mapping.destination, index, "destination")?,
        };
        let source = look_up(trees, desired, &desired.tree, &key.source)?;
        check(mapping, &key, source, index, desired)?;
        if mapping.prune == Prune::All
            && let Some(why) = rules.refuses_prune_all(&key.destination)
        {
            return Err(Error::PruneRefused { destination: key.destination, why });
        }
        let before = match old_tree.map(|tree| look_up(trees, desired, &tree, &key.source)) {
            Some(Ok(Source::Dir(id))) => Some(id),
            _ => None,
        };
        resolved.push(Resolved { mapping, key, source, before });
    }
    Ok(resolved)
}

fn place(context: &Context, template: &str, index: usize, field: &str) -> Result<String, Error> {
    let place = format!("mappings[{index}].{field}");
    let rendered = context.text(&place, template)?;
    normalise(rendered.trim()).map_err(|error| match error {
        Error::UnsafePath { path, why } => Error::UnsafeMapping { place, path, why },
        other => other,
    })
}

fn check(
    mapping: &Mapping,
    key: &MappingKey,
    source: Source,
    index: usize,
    desired: &Desired,
) -> Result<(), Error> {
    let path = shown(&key.source);
    let mismatch = |expected, found| Error::TypeMismatch { path: path.clone(), index, expected, found };
    match (mapping.kind, source) {
        (_, Source::Missing) if mapping.required => {
            Err(Error::SourceMissing { path, index, commit: desired.commit.short() })
        }
        (Some(MappingKind::Dir), Source::File { .. }) => Err(mismatch("dir", "file")),
        (Some(MappingKind::File), Source::Dir(_)) => Err(mismatch("file", "directory")),
        (_, Source::File { .. }) if key.destination.is_empty() => Err(Error::UnsafePath {
            path: shown(&mapping.destination),
            why: "is the data directory itself; a file mapping's destination names the file",
        }),
        _ => Ok(()),
    }
}

/// Follows a path down the trees.
fn look_up(trees: &mut dyn Trees, desired: &Desired, root: &ObjectId, path: &str) -> Result<Source, Error> {
    let mut found = Source::Dir(*root);
    let mut bytes = Vec::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let Source::Dir(tree) = found else { return Ok(Source::Missing) };
        read_tree(trees, desired, &tree, &mut bytes)?;
        let mut next = Source::Missing;
        for entry in Entries::new(&bytes) {
            let entry = entry.map_err(|error| bad_tree(desired, &tree, path, &error))?;
            if entry.name == name.as_bytes() {
                next = match entry.mode {
                    Mode::Tree => Source::Dir(entry.id),
                    Mode::File { executable } => Source::File { id: entry.id, executable },
                    Mode::Symlink => return Err(not_a_file(path, "symbolic link")),
                    Mode::Submodule => return Err(not_a_file(path, "submodule")),
                };
            }
        }
        found = next;
    }
    Ok(found)
}

fn not_a_file(path: &str, what: &'static str) -> Error {
    Error::NotAFile { path: shown(path), destination: String::new(), what }
}

pub(crate) fn read_tree(
    trees: &mut dyn Trees,
    desired: &Desired,
    id: &ObjectId,
    bytes: &mut Vec<u8>,
) -> Result<(), Error> {
    trees.tree(id, bytes).map_err(|why| Error::ObjectMissing {
        id: id.to_string(),
        commit: desired.commit.short(),
        why,
    })
}

/// A tree that is here and cannot be used; `path` is the directory's.
pub(crate) fn bad_tree(desired: &Desired, id: &ObjectId, path: &str, why: &InvalidTree) -> Error {
    Error::BadTree {
        path: shown(path),
        tree: id.to_string(),
        commit: desired.commit.short(),
        why: shown(&why.to_string()),
    }
}

/// Stands for everything besides the commit that decides what is written.
pub(crate) fn fingerprint(
    desired: &Desired,
    resolved: &[Resolved<'_>],
    context: &Context,
    rules: &dyn Rules,
) -> ObjectId {
    let mut sum = FastHasher::checksum();
    let mut add = |text: &str| {
        sum.update(&(text.len() as u64).to_le_bytes());
        sum.update(text.as_bytes());
    };
    add(&rules.key());
    add(&context.stable_key().to_string());
    for pattern in &desired.excludes {
        add(pattern);
    }
    for one in resolved {
        add(&one.key.source);
        add(&one.key.destination);
        add(&format!(
            "{:?} {} {:?} {:?}",
            one.mapping.kind, one.mapping.template, one.mapping.prune, one.mapping.patches
        ));
    }
    sum.finish()
}
