//! What an answer means, decided from its status, type and body alone.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Problem};

/// One answer, as it came.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The URL that was asked, for messages.
    pub place: String,
    pub status: u16,
    /// The media type in lower case, without parameters; empty if none was given.
    pub content_type: String,
    pub location: Option<String>,
    /// At most the limit of the call.
    pub body: Vec<u8>,
    /// The body is longer than that.
    pub truncated: bool,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn is_json(&self) -> bool {
        self.content_type == "application/json" || self.content_type.ends_with("+json")
    }

    /// The error that this answer is, when its call has no other meaning for the status.
    pub fn error(&self) -> Error {
        let place = self.place.clone();
        match self.status {
            401 => Error::Unauthorized { place },
            403 => Error::Forbidden { place },
            404 if self.is_no_route() => Error::NoApi { place },
            503 => Error::Starting { place },
            status @ 300..=399 if self.leads_to_welcome() => Error::NotCommissioned { place, status },
            status @ 300..=399 => Error::Status { place, status, problem: self.redirect() },
            status => Error::Status { place, status, problem: self.said() },
        }
    }

    /// The body of a successful answer as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if !self.is_success() {
            return Err(self.error());
        }
        if self.truncated {
            return Err(self.malformed(&format!("the answer is longer than {} bytes", self.body.len())));
        }
        if !self.is_json() {
            let found = if self.content_type.is_empty() { "no content type" } else { &self.content_type };
            return Err(self.malformed(&format!("JSON was expected, not {found}; check gateway.port")));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| self.malformed(&format!("the answer is not as expected: {error}")))
    }

    pub fn malformed(&self, words: &str) -> Error {
        Error::Malformed { place: self.place.clone(), status: self.status, problem: Problem::new(words) }
    }

    /// Jetty's words for a path that nobody serves: another program's port, or a gateway before 8.3.
    pub fn is_no_route(&self) -> bool {
        self.status == 404
            && self.message().is_none_or(|message| message.to_ascii_lowercase().contains("no route match"))
    }

    pub fn leads_to_welcome(&self) -> bool {
        (300..400).contains(&self.status)
            && self.location.as_deref().is_some_and(|to| path_of(to).starts_with("/welcome"))
    }

    fn redirect(&self) -> Problem {
        let Some(to) = self.location.as_deref() else { return Problem::new(": a redirect to nowhere") };
        let advice = if to.starts_with("https:") && self.place.starts_with("http:") {
            "; set gateway.tls: true and gateway.port to the HTTPS port"
        } else {
            "; redirects are not followed, check gateway.port"
        };
        Problem::new(&format!(": it redirects to {}{advice}", without_query(to)))
    }

    /// What the gateway said, where that is meant for people: a JSON message or plain text, never HTML.
    fn said(&self) -> Problem {
        let words = match self.content_type.as_str() {
            "text/plain" => Some(String::from_utf8_lossy(&self.body).into_owned()),
            _ => self.message(),
        };
        Problem::new(
            &words
                .filter(|words| !words.trim().is_empty())
                .map(|words| format!(": {words}"))
                .unwrap_or_default(),
        )
    }

    fn message(&self) -> Option<String> {
        if !self.is_json() {
            return None;
        }
        let value: Value = serde_json::from_slice(&self.body).ok()?;
        Some(value.get("message").or_else(|| value.get("error"))?.as_str()?.to_owned())
    }
}

fn path_of(url: &str) -> &str {
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => url,
    }
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
