use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::answer::Answer;
use crate::client::{Call, LARGE};
use crate::error::Error;
use crate::gateway::{API, Gateway};

/// Somebody who has a Designer open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Designer {
    /// The session's id.
    #[serde(deserialize_with = "text")]
    pub id: String,
    /// Who it is.
    #[serde(deserialize_with = "text")]
    pub user: String,
    /// The project that is open.
    #[serde(deserialize_with = "text")]
    pub project: String,
    /// Where they sit.
    #[serde(deserialize_with = "text")]
    pub address: String,
}

/// A project that the gateway has loaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub enabled: Option<bool>,
    /// Whether others may inherit from it.
    pub inheritable: Option<bool>,
    /// The project it inherits from.
    pub parent: Option<String>,
}

/// A configuration resource that the gateway has loaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoadedResource {
    /// Its name.
    pub name: String,
    /// Whether it is in use.
    pub enabled: Option<bool>,
    /// The collection it came from: another one than was written to means that it is overridden.
    pub collection: Option<String>,
    /// The gateway's signature of what it loaded.
    pub signature: Option<String>,
}

impl Gateway {
    /// Everybody who has a Designer open on this gateway.
    ///
    /// # Errors
    /// Whatever the gateway answers but a list.
    pub fn designers(&self) -> Result<Vec<Designer>, Error> {
        #[derive(Deserialize)]
        struct Body {
            items: Vec<Designer>,
        }
        let path = format!("{API}/designers");
        let answer = self.client.call(&Call { limit: LARGE, ..Call::get(&path) })?;
        answer.json().map(|Body { items }| items)
    }

    /// The project of this name as the gateway has loaded it; nothing if it has none.
    ///
    /// # Errors
    /// Whatever the gateway answers but a project or that there is none.
    pub fn find_project(&self, name: &str) -> Result<Option<Project>, Error> {
        found(&self.get(&format!("{API}/projects/find/{}", encoded(name)))?)
    }

    /// The configuration resource as the gateway has loaded it; nothing if it has none. A name may have
    /// folders, with `/`.
    ///
    /// # Errors
    /// Whatever the gateway answers but a resource or that there is none.
    pub fn find_resource(
        &self,
        module: &str,
        kind: &str,
        name: &str,
    ) -> Result<Option<LoadedResource>, Error> {
        let (module, kind) = (encoded(module), encoded(kind));
        let name = name.split('/').map(encoded).collect::<Vec<_>>().join("/");
        found(&self.get(&format!("{API}/resources/find/{module}/{kind}/{name}"))?)
    }
}

fn found<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<Option<T>, Error> {
    if answer.status == 404 && !answer.is_no_route() {
        return Ok(None);
    }
    answer.json().map(Some)
}

/// A path segment; a name may hold anything that a directory's name may.
fn encoded(segment: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut path = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte));
            }
            _ => path.extend([
                '%',
                char::from(HEX[usize::from(byte >> 4)]),
                char::from(HEX[usize::from(byte & 15)]),
            ]),
        }
    }
    path
}

/// Text, whatever type the gateway has for it.
fn text<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(value)? {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        let (content_type, body) = (content_type.to_owned(), body.as_bytes().to_vec());
        Answer { status, content_type, body, ..Answer::default() }
    }

    #[test]
    fn a_404_about_the_thing_means_that_it_is_not_loaded() {
        let gone = answer(404, "application/json", r#"{"message":"Project 'x' not found"}"#);
        assert_eq!(found::<Project>(&gone).unwrap(), None);
    }

    #[test]
    fn a_404_about_the_api_does_not() {
        for wrong in [
            answer(404, "application/json", r#"{"message":"No route match"}"#),
            answer(404, "text/html", "<html/>"),
        ] {
            assert!(matches!(found::<Project>(&wrong), Err(Error::NoApi { .. })));
        }
    }

    #[test]
    fn what_is_loaded_is_told() {
        let body = r#"{"name":"Line1","enabled":true,"parent":null,"inheritable":false,"title":"x"}"#;
        let project = found::<Project>(&answer(200, "application/json", body)).unwrap().unwrap();
        assert_eq!((project.name.as_str(), project.enabled, project.parent), ("Line1", Some(true), None));
    }

    #[test]
    fn a_designer_is_read_whatever_types_the_gateway_has() {
        let body = r#"{"id":7,"user":"ann","project":null,"timezone":"UTC","uptime":12,"more":{}}"#;
        let designer: Designer = serde_json::from_str(body).unwrap();
        assert_eq!(designer, Designer { id: "7".to_owned(), user: "ann".to_owned(), ..Designer::default() });
    }

    #[test]
    fn a_name_cannot_leave_its_segment() {
        assert_eq!(encoded("Line 1/../x?y#z%"), "Line%201%2F..%2Fx%3Fy%23z%25");
        assert_eq!(encoded("Größe"), "Gr%C3%B6%C3%9Fe");
    }
}
