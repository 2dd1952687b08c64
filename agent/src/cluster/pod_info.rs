//! The pod's labels as the downward API writes them: `key="value"` on a line each, the value quoted as Go does.

use std::collections::BTreeMap;

/// Reads them. A line that is none is passed over: labels are not worth a gateway that does not start.
pub fn labels(text: &str) -> BTreeMap<String, String> {
    let label = |line: &str| {
        let (key, value) = line.split_once('=')?;
        Some((key.to_owned(), unquoted(value)?))
    };
    text.lines().filter_map(label).collect()
}

/// A label's value holds nothing that Go's quoting would write in another way than JSON's; the kubelet's does not either.
fn unquoted(value: &str) -> Option<String> {
    serde_json::from_str(value.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_the_kubelet_writes_them() {
        let read = labels("app.kubernetes.io/name=\"gw\"\nempty=\"\"\nodd\nx=unquoted\nz=\"a=b\"\n");
        let pairs: Vec<(&str, &str)> = read.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(pairs, [("app.kubernetes.io/name", "gw"), ("empty", ""), ("z", "a=b")]);
    }
}
