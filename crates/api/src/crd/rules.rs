//! Bounds and CEL rules of single fields. Each function is named in a `schemars(transform = …)` beside its field.
//!
//! The API server estimates what a rule may cost at worst, from the largest lists, maps and texts around it, and refuses
//! the whole definition above ten million units a rule: a text rule below `profiles` × `mappings` is only cheap enough
//! because both, and the text itself, have an upper bound. The bounds here are far above what people write (and
//! `tests/cluster` installs the definition, so that a change that is too dear is seen at once). Rules below further lists
//! (`patches`) must do with patterns, which cost nothing but cannot have words of their own.
//!
//! The words are those of [`crate::manifest::check`], which says the same without a cluster.

use schemars::Schema;
use serde_json::{Value, json};

/// Where Kubernetes looks for CEL rules.
const VALIDATIONS: &str = "x-kubernetes-validations";

/// A path that a mapping names. Linux has 4,096 for an absolute one.
const MAX_PATH: u32 = 512;
/// Names of Secrets, and of the keys in them.
const MAX_NAME: u32 = 253;
const MAX_PROFILES: u32 = 100;
const MAX_MAPPINGS: u32 = 200;
const MAX_PATCHES: u32 = 50;
const MAX_SETTINGS: u32 = 200;
const MAX_VARIABLES: u32 = 200;
const MAX_LIST: u32 = 1000;

/// A duration that Go can read: what [`crate::duration::parse`] takes.
const DURATION: &str = r"^[+]?(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$";
/// An amount of bytes: what [`crate::Quantity`] takes.
const BYTES: &str = "^[0-9]+([.][0-9]{1,15})?([KMGTPE]i|[kMGTPE])?$";
/// A path no part of which is `..`. RE2 cannot say "not", so it says all that a part may be.
const NEVER_UPWARDS: &str = r"^([^./\\][^/\\]*|[.]([^./\\][^/\\]*)?|[.]{2}[^/\\]+)?([/\\]([^./\\][^/\\]*|[.]([^./\\][^/\\]*)?|[.]{2}[^/\\]+)?)*$";

fn set(schema: &mut Schema, keyword: &str, value: impl Into<Value>) {
    schema.insert(keyword.to_owned(), value.into());
}

/// Adds a rule: what must hold, in CEL, and what a person is told when it does not.
fn rule(schema: &mut Schema, must_hold: &str, words: &str) {
    let rules = schema.ensure_object().entry(VALIDATIONS).or_insert_with(|| json!([]));
    if let Value::Array(rules) = rules {
        rules.push(json!({ "rule": must_hold, "message": words }));
    }
}

fn length(schema: &mut Schema, min: u32, max: u32) {
    set(schema, "minLength", min);
    set(schema, "maxLength", max);
}

fn items(schema: &mut Schema, change: impl FnOnce(&mut Schema)) {
    let Some(items) = schema.get_mut("items") else { return };
    if let Ok(items) = <&mut Schema>::try_from(items) {
        change(items);
    }
}

/// A text that is not empty.
pub(crate) fn text(schema: &mut Schema) {
    length(schema, 1, 256);
}

/// A list of texts that are not empty.
pub(crate) fn texts(schema: &mut Schema) {
    set(schema, "maxItems", MAX_LIST);
    items(schema, |item| length(item, 1, 1024));
}

pub(crate) fn up_to_a_hundred(schema: &mut Schema) {
    set(schema, "maxItems", 100);
}

pub(crate) fn at_least_one(schema: &mut Schema) {
    set(schema, "minimum", 1);
}

/// Name of an object, or of a key in it.
pub(crate) fn object_name(schema: &mut Schema) {
    length(schema, 1, MAX_NAME);
}

/// Name of a key, or a template that gives one.
pub(crate) fn templated_key(schema: &mut Schema) {
    length(schema, 1, MAX_PATH);
}

pub(crate) fn repository(schema: &mut Schema) {
    length(schema, 1, 2048);
    rule(
        schema,
        r"self.matches('^((https?|ssh|git|file)://.|[^:@]+@[^:/]+:(/?[^/]|/$))')",
        "is not a repository's address; it begins with https://, http://, ssh://, git:// or file://, or reads git@host:path",
    );
}

pub(crate) fn git_ref(schema: &mut Schema) {
    length(schema, 1, MAX_PATH);
    rule(
        schema,
        r"!self.matches('[\\s\\p{Z}\\p{Cc}]')",
        "is not a branch, a tag or a commit: it has blanks in it",
    );
}

pub(crate) fn exactly_one_kind(schema: &mut Schema) {
    rule(
        schema,
        "[has(self.token), has(self.sshKey), has(self.githubApp)].filter(given, given).size() == 1",
        "give exactly one of token, sshKey, githubApp, or remove auth for a public repository",
    );
}

pub(crate) fn http_address(schema: &mut Schema) {
    length(schema, 1, 2048);
    rule(schema, "self.matches('^https?://.')", "is not an address; it begins with https:// or http://");
}

pub(crate) fn proxy_address(schema: &mut Schema) {
    http_address(schema);
    rule(
        schema,
        "!self.matches('^https?://[^/]*@')",
        "has credentials in it; move user:password into the Secret that secretRef names",
    );
}

pub(crate) fn duration(schema: &mut Schema) {
    set(schema, "maxLength", 64);
    rule(
        schema,
        // The conversion refuses what no 64-bit number of nanoseconds can hold.
        &format!("self.matches('{DURATION}') && duration(self) >= duration('0s')"),
        "is not a duration; write numbers with units (ns, us, ms, s, m, h), such as \"90s\" or \"1h30m\"",
    );
}

pub(crate) fn duration_above_zero(schema: &mut Schema) {
    duration(schema);
    rule(
        schema,
        &format!("!self.matches('{DURATION}') || duration(self) > duration('0s')"),
        "is zero, so that the window never opens; write for example \"2h\"",
    );
}

pub(crate) fn profiles(schema: &mut Schema) {
    set(schema, "minProperties", 1);
    set(schema, "maxProperties", MAX_PROFILES);
    rule(schema, "!('' in self)", "a profile needs a name that a pod can ask for");
}

pub(crate) fn mappings(schema: &mut Schema) {
    set(schema, "minItems", 1);
    set(schema, "maxItems", MAX_MAPPINGS);
}

pub(crate) fn path_in_repository(schema: &mut Schema) {
    relative_path(schema, "the repository");
}

pub(crate) fn path_in_data_directory(schema: &mut Schema) {
    relative_path(schema, "the data directory");
}

fn relative_path(schema: &mut Schema, root: &str) {
    length(schema, 1, MAX_PATH);
    set(schema, "pattern", r"^[^\x00]*$");
    rule(schema, "!self.startsWith('/')", &format!("is absolute; write it relative to {root}"));
    // Not one regular expression, which would cost seven times as much; and one rule each, because a sum would be too dear.
    for must_hold in [
        "self != '..' && !self.startsWith('../') && !self.endsWith('/..') && !self.contains('/../')",
        r"!self.contains('..\\')",
        r"!self.contains('\\..')",
    ] {
        rule(schema, must_hold, &format!("leaves {root}; write a path without \"..\""));
    }
}

pub(crate) fn directories_name_patched_files(schema: &mut Schema) {
    rule(
        schema,
        "!has(self.type) || self.type != 'dir' || !has(self.patches) || self.patches.all(patch, has(patch.file))",
        "a patch names no file; a mapping of type dir needs `file`, such as \"**/config.json\"",
    );
}

pub(crate) fn patches(schema: &mut Schema) {
    set(schema, "maxItems", MAX_PATCHES);
}

pub(crate) fn patched_files(schema: &mut Schema) {
    length(schema, 1, MAX_PATH);
    set(schema, "pattern", NEVER_UPWARDS);
    rule(schema, "!self.startsWith('/')", "is absolute; write it relative to the mapping's destination");
}

pub(crate) fn settings(schema: &mut Schema) {
    set(schema, "minProperties", 1);
    set(schema, "maxProperties", MAX_SETTINGS);
    rule(
        schema,
        "!('' in self)",
        "an empty path leads nowhere in a JSON document; write for example \"a.b\"",
    );
}

pub(crate) fn variables(schema: &mut Schema) {
    set(schema, "maxProperties", MAX_VARIABLES);
    rule(
        schema,
        "self.all(name, name.matches('^[A-Za-z_][A-Za-z0-9_]*$'))",
        "a variable's name has letters, digits and '_' only, and does not begin with a digit",
    );
}

/// An amount of bytes; see [`crate::Quantity`]'s schema.
pub(crate) fn bytes(schema: &mut Schema) {
    rule(
        schema,
        &format!(
            "type(self) == int ? self >= 0 : self.size() <= 32 && self.matches('{BYTES}') && quantity(self).isLessThan(quantity('8Ei'))"
        ),
        "is not an amount of bytes; write a number with Ki, Mi, Gi, Ti, k, M, G, T or nothing, such as \"256Mi\"",
    );
}

/// An amount of bytes without which nothing could be synced.
pub(crate) fn more_than_nothing(schema: &mut Schema) {
    rule(
        schema,
        &format!(
            "type(self) == int ? self != 0 : !self.matches('{BYTES}') || quantity(self).isGreaterThan(quantity('0'))"
        ),
        "is zero, so that nothing could ever be synced; write more",
    );
}

/// A share or a number of files; see [`crate::MaxDeletes`]'s schema.
pub(crate) fn deletions(schema: &mut Schema) {
    rule(
        schema,
        "type(self) == int ? self >= 0 : self.matches('^(0*([1-9][0-9]?|100)%|[0-9]{1,18})$')",
        "is not a limit on deletions; write a percentage from \"1%\" to \"100%\", or a number of files",
    );
}

/// The name becomes the value of a label.
pub(crate) fn name_fits_a_label(schema: &mut Schema) {
    rule(
        schema,
        "self.metadata.name.size() <= 63",
        "metadata.name is longer than 63 characters; it must fit a label",
    );
}

/// One condition of each type; `kubectl apply --server-side` merges by it.
pub(crate) fn conditions(schema: &mut Schema) {
    set(schema, "maxItems", 32);
    set(schema, "x-kubernetes-list-type", "map");
    set(schema, "x-kubernetes-list-map-keys", json!(["type"]));
}

/// As in Kubernetes' own conditions.
pub(crate) fn reason(schema: &mut Schema) {
    length(schema, 1, 1024);
    set(schema, "pattern", "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$");
}

/// As in Kubernetes' own conditions.
pub(crate) fn message(schema: &mut Schema) {
    set(schema, "maxLength", 32768);
}
