//! Templates and patches: what a file's bytes become on their way from Git to the gateway.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use stoker_glob::Pattern;
use stoker_gotemplate::{Limits, Map, Struct, Template, Value};
use stoker_jsonset::{Patches, parse_value};
use stoker_object::{FastHasher, ObjectId};

use crate::plan::{Resolved, Source, inside};
use crate::{Error, Mapping, Patch, TemplateData};

/// A templated file larger than this is refused: it is held in memory while it is rendered.
const MAX_TEMPLATE: u64 = 4 << 20;
/// A patched file larger than this is edited from file to file.
const IN_MEMORY: u64 = 512 << 10;

/// The data of templates, ready to be used.
pub(crate) struct Context {
    value: Value,
    stable: ObjectId,
    full: ObjectId,
}

impl Context {
    pub(crate) fn new(data: &TemplateData) -> Self {
        let text = |text: &String| Value::String(text.clone());
        let map = |map: &BTreeMap<String, String>| Value::Map(Map::of_strings(map.clone()));
        let fields = [
            ("CRName", text(&data.cr_name)),
            ("Commit", text(&data.commit)),
            ("GatewayName", text(&data.gateway_name)),
            ("Labels", map(&data.labels)),
            ("Namespace", text(&data.namespace)),
            ("PodName", text(&data.pod_name)),
            ("PodOrdinal", Value::Int(data.pod_ordinal)),
            ("Ref", text(&data.reference)),
            ("Vars", map(&data.vars)),
        ];
        let value = Value::Struct(Struct::new("Context", fields));
        Self { value, stable: key_of(data, false), full: key_of(data, true) }
    }

    /// Stands for the data but commit and ref.
    pub(crate) fn stable_key(&self) -> ObjectId {
        self.stable
    }

    /// Stands for the data that a rendering depends on.
    fn key(&self, volatile: bool) -> ObjectId {
        if volatile { self.full } else { self.stable }
    }

    /// Renders a short template: a path or a patch's value.
    pub(crate) fn text(&self, name: &str, template: &str) -> Result<String, Error> {
        if !template.contains("{{") {
            return Ok(template.to_owned());
        }
        let bytes = self.bytes(name, template.as_bytes())?;
        String::from_utf8(bytes).map_err(|_| Error::Template(format!("{name}: the result is not UTF-8")))
    }

    fn bytes(&self, name: &str, template: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |error: stoker_gotemplate::Error| Error::Template(error.to_string());
        let mut out = Vec::with_capacity(template.len());
        Template::parse(name, template)
            .map_err(failed)?
            .render(&self.value, &Limits::default(), &mut out)
            .map_err(failed)?;
        Ok(out)
    }
}

fn key_of(data: &TemplateData, with_commit: bool) -> ObjectId {
    let mut sum = FastHasher::checksum();
    let mut add = |text: &str| {
        sum.update(&(text.len() as u64).to_le_bytes());
        sum.update(text.as_bytes());
    };
    for text in [&data.gateway_name, &data.pod_name, &data.namespace, &data.cr_name] {
        add(text);
    }
    add(&data.pod_ordinal.to_string());
    for map in [&data.labels, &data.vars] {
        add(&map.len().to_string());
        for (key, value) in map {
            add(key);
            add(value);
        }
    }
    if with_commit {
        add(&data.commit);
        add(&data.reference);
    }
    sum.finish()
}

/// Knows for every mapping what its files go through.
pub(crate) struct Renderer<'a> {
    context: &'a Context,
    mappings: Vec<Steps<'a>>,
}

/// Where a mapping's files go.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    destination: String,
    is_dir: bool,
}

impl Place {
    pub(crate) fn of(resolved: &Resolved<'_>) -> Self {
        Self {
            destination: resolved.key.destination.clone(),
            is_dir: matches!(resolved.source, Source::Dir(_)),
        }
    }
}

struct Steps<'a> {
    place: Place,
    template: bool,
    patches: Vec<(Option<Pattern>, &'a Patch)>,
}

/// What one file goes through.
pub(crate) struct Rendering<'a> {
    template: bool,
    patches: Vec<&'a BTreeMap<String, String>>,
    context: &'a Context,
}

impl<'a> Renderer<'a> {
    /// `places` are those of the mappings, one each.
    pub(crate) fn new(
        context: &'a Context,
        mappings: &'a [Mapping],
        places: &[Place],
    ) -> Result<Self, Error> {
        let mut all = Vec::with_capacity(mappings.len());
        for (index, (mapping, place)) in mappings.iter().zip(places).enumerate() {
            let mut patches = Vec::new();
            for patch in &mapping.patches {
                let pattern = match &patch.file {
                    Some(text) => Some(pattern(text)?),
                    None if place.is_dir => {
                        return Err(Error::Patch(format!(
                            "mappings[{index}].patches: a patch of a directory mapping needs \"file\", which of its files it edits"
                        )));
                    }
                    None => None,
                };
                patches.push((pattern, patch));
            }
            all.push(Steps { place: place.clone(), template: mapping.template, patches });
        }
        Ok(Self { context, mappings: all })
    }

    /// Whether any file of this mapping is rendered or patched.
    pub(crate) fn renders(&self, mapping: usize) -> bool {
        self.mappings.get(mapping).is_some_and(|steps| steps.template || !steps.patches.is_empty())
    }

    /// Stands for what this file goes through, whatever its source and the data; `None` if its bytes stay as they are.
    pub(crate) fn recipe(&self, mapping: usize, path: &str) -> Option<ObjectId> {
        let mut sum = FastHasher::checksum();
        self.rendering(mapping, path)?.add_recipe(&mut sum);
        Some(sum.finish())
    }

    /// The key of what is made after a recipe from this data.
    pub(crate) fn seal(&self, recipe: &ObjectId, volatile: bool) -> ObjectId {
        let mut sum = FastHasher::checksum();
        sum.update(recipe.as_bytes());
        sum.update(self.context.key(volatile).as_bytes());
        sum.finish()
    }

    /// What this file goes through; `None` if its bytes stay as they are.
    pub(crate) fn rendering(&self, mapping: usize, path: &str) -> Option<Rendering<'a>> {
        let steps = self.mappings.get(mapping)?;
        let relative = if steps.place.is_dir {
            inside(path, &steps.place.destination)
        } else {
            crate::path::split(path).1
        };
        let applies =
            |pattern: &Option<Pattern>| pattern.as_ref().is_none_or(|pattern| pattern.matches(relative));
        let patches: Vec<_> = steps
            .patches
            .iter()
            .filter(|(pattern, _)| applies(pattern))
            .map(|(_, patch)| &patch.set)
            .collect();
        (steps.template || !patches.is_empty()).then_some(Rendering {
            template: steps.template,
            patches,
            context: self.context,
        })
    }
}

fn pattern(text: &str) -> Result<Pattern, Error> {
    let trimmed = text.strip_prefix("./").unwrap_or(text);
    Pattern::new(trimmed).map_err(|error| Error::Pattern { pattern: text.to_owned(), why: error.to_string() })
}

impl Rendering<'_> {
    /// Stands for source, patches and data together: an equal key means an equal result.
    pub(crate) fn key(&self, source: &ObjectId, volatile: bool) -> ObjectId {
        let mut sum = FastHasher::checksum();
        sum.update(source.as_bytes());
        sum.update(self.context.key(volatile).as_bytes());
        self.add_recipe(&mut sum);
        sum.finish()
    }

    fn add_recipe(&self, sum: &mut FastHasher) {
        sum.update(&[u8::from(self.template)]);
        for (path, value) in self.patches.iter().flat_map(|set| set.iter()) {
            for text in [path, value] {
                sum.update(&(text.len() as u64).to_le_bytes());
                sum.update(text.as_bytes());
            }
        }
    }

    /// Renders `source` into a new file at `target`; true if the result depends on the commit or the ref.
    pub(crate) fn run(&self, path: &str, source: File, target: &Path, scratch: &Path) -> Result<bool, Error> {
        let volatile_values =
            self.patches.iter().flat_map(|set| set.values()).any(|value| is_volatile(value));
        let size = source.metadata().map_err(Error::io("examine", path))?.len();
        if !self.template && size > IN_MEMORY {
            self.patch_files(path, source, target, scratch)?;
            return Ok(volatile_values);
        }
        let mut volatile = volatile_values;
        let mut bytes = read(path, source, size)?;
        if self.template {
            check_text(path, &bytes)?;
            volatile |= is_volatile(&String::from_utf8_lossy(&bytes));
            bytes = self.context.bytes(path, &bytes)?;
        }
        for patches in self.patches(path)? {
            bytes = patches.apply_to_bytes(&bytes).map_err(|error| patch_failed(path, &error))?;
        }
        std::fs::write(target, bytes).map_err(Error::io("write", target))?;
        Ok(volatile)
    }

    /// The patches with their values rendered.
    fn patches(&self, path: &str) -> Result<Vec<Patches>, Error> {
        let mut all = Vec::with_capacity(self.patches.len());
        for set in &self.patches {
            let mut values = BTreeMap::new();
            for (json_path, value) in *set {
                let rendered = self.context.text(&format!("{path}: patch {json_path:?}"), value)?;
                values.insert(json_path.as_str(), parse_value(&rendered));
            }
            all.push(Patches::new(values).map_err(|error| patch_failed(path, &error))?);
        }
        Ok(all)
    }

    /// From file to file: memory does not follow the document's size.
    fn patch_files(&self, path: &str, mut source: File, target: &Path, scratch: &Path) -> Result<(), Error> {
        for patches in self.patches(path)? {
            let out = File::create(target).map_err(Error::io("create", target))?;
            let mut out = BufWriter::with_capacity(64 << 10, out);
            patches.apply(&mut source, &mut out).map_err(|error| patch_failed(path, &error))?;
            out.flush().map_err(Error::io("write", target))?;
            std::fs::rename(target, scratch).map_err(Error::io("rename", target))?;
            source = File::open(scratch).map_err(Error::io("open", scratch))?;
        }
        std::fs::rename(scratch, target).map_err(Error::io("rename", scratch))
    }
}

fn read(path: &str, source: File, size: u64) -> Result<Vec<u8>, Error> {
    if size > MAX_TEMPLATE {
        return Err(Error::Limit {
            what: "a templated file is too large",
            figure: format!("{path:?} has {size} bytes"),
            limit: MAX_TEMPLATE.to_string(),
            field: "of templates, fixed",
            next: "Map large files without \"template\", or patch them",
        });
    }
    let mut bytes = Vec::with_capacity(size as usize);
    source.take(MAX_TEMPLATE + 1).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}

fn check_text(path: &str, bytes: &[u8]) -> Result<(), Error> {
    if bytes.contains(&0) {
        return Err(Error::Template(format!(
            "{path}: it holds a NUL byte, so it cannot be a template. Map it without \"template\", or exclude it"
        )));
    }
    Ok(())
}

fn patch_failed(path: &str, error: &stoker_jsonset::Error) -> Error {
    Error::Patch(format!("{path}: {error}"))
}

/// Whether a template may use the commit or the ref. Saying so wrongly costs a rendering at each
/// commit; not saying so would leave an old commit's id in a file.
fn is_volatile(template: &str) -> bool {
    let mut rest = template;
    while let Some(start) = rest.find("{{") {
        let action = &rest[start + 2..];
        let end = action.find("}}").unwrap_or(action.len());
        let inner = &action[..end];
        if inner.contains("Commit") || inner.contains("Ref") || has_bare_dot(inner) {
            return true;
        }
        rest = &action[end..];
    }
    false
}

/// A `.` or `$` that is not followed by a name stands for the whole data.
fn has_bare_dot(action: &str) -> bool {
    let mut after = action.chars().skip(1);
    action.chars().any(|c| {
        let next = after.next();
        (c == '.' || c == '$')
            && !next.is_some_and(|next| next.is_alphanumeric() || next == '_' || next == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_templates_that_may_show_the_commit_are_volatile() {
        for text in [
            "{{.Commit}}",
            "{{ .Ref }}",
            "{{ printf \"%v\" . }}",
            "{{ with $ }}x{{ end }}",
            "{{ template \"x\" . }}",
        ] {
            assert!(is_volatile(text), "{text}");
        }
        for text in ["Commit. Ref.", "{{ .Vars.site }} Ref.", "{{ $x := .PodName }}{{ $x }}", "a.b"] {
            assert!(!is_volatile(text), "{text}");
        }
    }
}
