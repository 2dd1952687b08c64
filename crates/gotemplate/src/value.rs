//! The data that a template is rendered with.

/// A value, typed as Go would type it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// An untyped `nil`; printed by an action as `<no value>`, by `print` as `<nil>`.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `float64`
    Float(f64),
    /// `string`
    String(String),
    /// `[]any`
    List(Vec<Value>),
    /// `map[string]any` or `map[string]string`
    Map(Map),
    /// A struct
    Struct(Struct),
}

/// Keys and values in byte order of the keys.
///
/// The type of the values matters where a template asks for a key that is not there by `index`, which is no error: in
/// a map of strings that is the empty string, else nil.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map {
    entries: Vec<(String, Value)>,
    of_strings: bool,
}

impl Map {
    /// A `map[string]string`.
    pub fn of_strings<K: Into<String>, V: Into<String>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let entries =
            entries.into_iter().map(|(key, value)| (key.into(), Value::String(value.into()))).collect();
        Self::sorted(entries, true)
    }

    /// A `map[string]any`.
    pub fn of_values<K: Into<String>>(entries: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::sorted(entries.into_iter().map(|(key, value)| (key.into(), value)).collect(), false)
    }

    /// Of a key that is there twice, the last value stays.
    fn sorted(mut entries: Vec<(String, Value)>, of_strings: bool) -> Self {
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries.reverse();
        entries.dedup_by(|(a, _), (b, _)| a == b);
        entries.reverse();
        Self { entries, of_strings }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.get_bytes(key.as_bytes())
    }

    pub(crate) fn get_bytes(&self, key: &[u8]) -> Option<&Value> {
        let at = self.entries.binary_search_by(|(known, _)| known.as_bytes().cmp(key)).ok()?;
        Some(&self.entries[at].1)
    }

    /// The keys with their values, in byte order of the keys.
    pub fn entries(&self) -> &[(String, Value)] {
        &self.entries
    }

    pub(crate) fn is_of_strings(&self) -> bool {
        self.of_strings
    }
}

/// Named fields in the order in which they are declared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Struct {
    type_name: String,
    fields: Vec<(String, Value)>,
}

impl Struct {
    /// A struct of a type that `%T` prints as `type_name` (`main.Context`).
    pub fn new<K: Into<String>>(
        type_name: impl Into<String>,
        fields: impl IntoIterator<Item = (K, Value)>,
    ) -> Self {
        let fields = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self { type_name: type_name.into(), fields }
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The fields in order.
    pub fn fields(&self) -> &[(String, Value)] {
        &self.fields
    }

    /// The name of the type.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_sorted_and_the_last_of_equal_keys_stays() {
        let map = Map::of_strings([("b", "1"), ("a", "2"), ("b", "3")]);
        let entries: Vec<_> = map.entries().iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(entries, ["a", "b"]);
        assert_eq!(map.get("b"), Some(&Value::from("3")));
        assert_eq!(map.get("c"), None);
    }
}
