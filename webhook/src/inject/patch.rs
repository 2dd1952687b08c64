//! JSON Patch (RFC 6902), as much of it as admission needs.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Changes of one object, in order. Empty where nothing is to change.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Patch(Vec<Operation>);

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    /// Sets a member of an object, or inserts into a list (`-` appends).
    Add {
        /// JSON pointer.
        path: String,
        /// What to put there.
        value: Value,
    },
    /// Takes a member or an item away.
    Remove {
        /// JSON pointer.
        path: String,
    },
}

/// A patch that does not fit the object it is applied to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is nothing at {0:?} to be patched")]
pub struct Misfit(String);

impl Patch {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The changes, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.0
    }

    /// Sets `key` of the object at `parent`, which is made where `object` has none.
    pub(super) fn set(&mut self, object: &Value, parent: &str, key: &str, value: &str) {
        let members = object.pointer(parent).and_then(Value::as_object);
        if members.and_then(|members| members.get(key)).is_some_and(|old| old == value) {
            return;
        }
        let made = self.0.iter().any(|done| matches!(done, Operation::Add { path, .. } if path == parent));
        if members.is_none() && !made {
            self.0.push(Operation::Add { path: parent.to_owned(), value: Value::Object(Map::new()) });
        }
        self.0.push(Operation::Add { path: format!("{parent}/{}", escaped(key)), value: json!(value) });
    }

    /// Puts an item in front of the list at `list`.
    pub(super) fn prepend(&mut self, object: &Value, list: &str, item: Value) {
        if is_list(object, list) {
            self.0.push(Operation::Add { path: format!("{list}/0"), value: item });
        } else {
            self.0.push(Operation::Add { path: list.to_owned(), value: Value::Array(vec![item]) });
        }
    }

    /// Appends items to the list at `list`.
    pub(super) fn append(&mut self, object: &Value, list: &str, items: Vec<Value>) {
        if is_list(object, list) {
            let path = format!("{list}/-");
            self.0.extend(items.into_iter().map(|value| Operation::Add { path: path.clone(), value }));
        } else if !items.is_empty() {
            self.0.push(Operation::Add { path: list.to_owned(), value: Value::Array(items) });
        }
    }

    /// Moves the item at `index` of the list at `list` to its front.
    pub(super) fn bring_to_front(&mut self, object: &Value, list: &str, index: usize) {
        if let Some(item) = object.pointer(list).and_then(|list| list.get(index)).filter(|_| index > 0) {
            self.0.push(Operation::Remove { path: format!("{list}/{index}") });
            self.0.push(Operation::Add { path: format!("{list}/0"), value: item.clone() });
        }
    }

    /// Changes `object` accordingly, as the API server does.
    pub fn apply(&self, object: &mut Value) -> Result<(), Misfit> {
        self.0.iter().try_for_each(|operation| apply(operation, object))
    }
}

fn is_list(object: &Value, list: &str) -> bool {
    object.pointer(list).is_some_and(Value::is_array)
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn apply(operation: &Operation, object: &mut Value) -> Result<(), Misfit> {
    let (Operation::Add { path, .. } | Operation::Remove { path }) = operation;
    let misfit = || Misfit(path.clone());
    let (parent, last) = path.rsplit_once('/').ok_or_else(misfit)?;
    match (operation, object.pointer_mut(parent).ok_or_else(misfit)?) {
        (Operation::Add { value, .. }, Value::Object(members)) => {
            members.insert(last.replace("~1", "/").replace("~0", "~"), value.clone());
        }
        (Operation::Add { value, .. }, Value::Array(items)) if last == "-" => items.push(value.clone()),
        (Operation::Add { value, .. }, Value::Array(items)) => {
            let index = last.parse().ok().filter(|index| *index <= items.len()).ok_or_else(misfit)?;
            items.insert(index, value.clone());
        }
        (Operation::Remove { .. }, Value::Array(items)) => {
            let index = last.parse().ok().filter(|index| *index < items.len()).ok_or_else(misfit)?;
            items.remove(index);
        }
        (Operation::Remove { .. }, Value::Object(members)) => {
            members.remove(last).ok_or_else(misfit)?;
        }
        _ => return Err(misfit()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_made_once_and_keys_with_slashes_are_escaped() {
        let object = json!({"metadata": {}, "spec": {"volumes": [1]}});
        let mut patch = Patch::default();
        patch.set(&object, "/metadata/labels", "stoker.io/agent", "true");
        patch.set(&object, "/metadata/labels", "b", "2");
        patch.append(&object, "/spec/volumes", vec![json!(2), json!(3)]);
        patch.prepend(&object, "/spec/initContainers", json!("agent"));
        let mut patched = object;
        patch.apply(&mut patched).unwrap();
        assert_eq!(
            patched,
            json!({
                "metadata": {"labels": {"stoker.io/agent": "true", "b": "2"}},
                "spec": {"volumes": [1, 2, 3], "initContainers": ["agent"]},
            })
        );
        assert_eq!(
            serde_json::to_value(&patch).unwrap()[1],
            json!({"op": "add", "path": "/metadata/labels/stoker.io~1agent", "value": "true"})
        );
    }

    #[test]
    fn what_is_set_already_is_no_change() {
        let object = json!({"metadata": {"labels": {"a": "1"}}});
        let mut patch = Patch::default();
        patch.set(&object, "/metadata/labels", "a", "1");
        patch.bring_to_front(&object, "/metadata/labels", 0);
        assert!(patch.is_empty());
    }

    #[test]
    fn an_item_is_brought_to_the_front() {
        let mut object = json!({"list": ["a", "b", "c"]});
        let mut patch = Patch::default();
        patch.bring_to_front(&object, "/list", 2);
        patch.apply(&mut object).unwrap();
        assert_eq!(object, json!({"list": ["c", "a", "b"]}));
    }

    #[test]
    fn a_patch_that_does_not_fit_is_an_error() {
        let mut patch = Patch::default();
        patch.bring_to_front(&json!({"list": [1, 2]}), "/list", 1);
        assert_eq!(patch.apply(&mut json!({"list": [1]})), Err(Misfit("/list/1".into())));
        assert_eq!(patch.apply(&mut json!({})), Err(Misfit("/list/1".into())));
    }
}
