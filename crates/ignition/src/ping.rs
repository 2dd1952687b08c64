use serde::Deserialize;

use crate::answer::Answer;
use crate::client::Call;
use crate::error::Error;
use crate::gateway::Gateway;

/// Whether a gateway runs, by `GET /StatusPing`, which needs no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ping {
    /// RUNNING without details: ready.
    Running,
    /// RUNNING with details (`COMMISSIONING`), or it sends everybody to `/welcome`.
    Commissioning {
        /// What the gateway said, or nothing.
        details: String,
    },
    /// It comes up; the state as the gateway spells it, or nothing where it answered 503.
    Starting {
        /// `STARTING` …
        state: String,
    },
    /// It answers, but not as a gateway does.
    Odd(String),
    /// Nobody answers: why, and the next step.
    Down(String),
}

/// What `GET /system/gwinfo` says, which needs no token and exists before 8.3 too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GwInfo {
    /// `RUNNING` …
    pub context_status: Option<String>,
    /// `8.3.7`.
    pub version: Option<String>,
    /// The node's place in a redundant pair; nothing if the gateway does not say.
    pub role: Option<NodeRole>,
    /// Whether this node is the active one of its pair.
    pub active: Option<bool>,
}

/// A node's place in a redundant pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeRole {
    /// There is no pair.
    Independent,
    /// Its configuration is copied to the backup.
    Master,
    /// It gets the master's configuration.
    Backup,
}

impl Gateway {
    /// Whether it runs. Never fails: that nobody answers is an answer too.
    pub fn status_ping(&self) -> Ping {
        match self.client.call(&Call::open("/StatusPing")) {
            Ok(answer) => ping(&answer),
            Err(error) => Ping::Down(error.to_string()),
        }
    }

    /// Version and redundancy role, without a token.
    ///
    /// # Errors
    /// [`Error::Starting`] while it starts, and whatever else is not a 200.
    pub fn gwinfo(&self) -> Result<GwInfo, Error> {
        gwinfo(&self.client.call(&Call::open("/system/gwinfo"))?)
    }
}

fn ping(answer: &Answer) -> Ping {
    #[derive(Deserialize)]
    struct Body {
        state: String,
        details: Option<String>,
    }
    if answer.leads_to_welcome() {
        return Ping::Commissioning { details: String::new() };
    }
    if answer.status == 503 {
        return Ping::Starting { state: String::new() };
    }
    match answer.json::<Body>() {
        Ok(Body { state, details: None }) if state == "RUNNING" => Ping::Running,
        Ok(Body { state, details: Some(details) }) if state == "RUNNING" => Ping::Commissioning { details },
        Ok(Body { state, .. }) => Ping::Starting { state },
        Err(error) => Ping::Odd(error.to_string()),
    }
}

fn gwinfo(answer: &Answer) -> Result<GwInfo, Error> {
    if !answer.is_success() {
        return Err(answer.error());
    }
    let text = String::from_utf8_lossy(&answer.body);
    let mut info = GwInfo::default();
    for (key, value) in text.split([';', '\n']).filter_map(|pair| pair.split_once('=')) {
        let value = value.trim();
        match key.trim() {
            "ContextStatus" => info.context_status = Some(value.to_owned()),
            "Version" => info.version = Some(value.to_owned()),
            "RedundancyStatus" => info.role = role(value),
            "RedundantNodeActiveStatus" => info.active = Some(value.eq_ignore_ascii_case("active")),
            _ => {}
        }
    }
    if info == GwInfo::default() {
        return Err(answer.malformed("key=value; pairs of a gateway were expected; check gateway.port"));
    }
    Ok(info)
}

fn role(word: &str) -> Option<NodeRole> {
    [("independent", NodeRole::Independent), ("master", NodeRole::Master), ("backup", NodeRole::Backup)]
        .into_iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name))
        .map(|(_, role)| role)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &str) -> Answer {
        let (content_type, body) = (content_type.to_owned(), body.as_bytes().to_vec());
        Answer { status, content_type, body, ..Answer::default() }
    }

    #[test]
    fn only_running_without_details_is_ready() {
        let json = |body| ping(&answer(200, "application/json", body));
        assert_eq!(json(r#"{"state":"RUNNING"}"#), Ping::Running);
        assert_eq!(json(r#"{"state":"RUNNING","details":null}"#), Ping::Running);
        assert_eq!(
            json(r#"{"state":"RUNNING","details":"COMMISSIONING"}"#),
            Ping::Commissioning { details: "COMMISSIONING".to_owned() }
        );
        assert_eq!(json(r#"{"state":"STARTING"}"#), Ping::Starting { state: "STARTING".to_owned() });
    }

    #[test]
    fn a_gateway_that_cannot_answer_yet_is_not_an_error() {
        assert_eq!(ping(&answer(503, "text/html", "<html/>")), Ping::Starting { state: String::new() });
        let welcome = Answer { location: Some("/welcome".to_owned()), ..answer(302, "", "") };
        assert_eq!(ping(&welcome), Ping::Commissioning { details: String::new() });
    }

    #[test]
    fn what_is_no_gateway_is_odd() {
        for odd in [
            answer(200, "text/html", "<html>Welcome to nginx</html>"),
            answer(200, "application/json", "[]"),
            answer(200, "application/json", "{\"state\":7}"),
            answer(404, "text/html", ""),
            answer(500, "", ""),
        ] {
            assert!(matches!(ping(&odd), Ping::Odd(_)), "{odd:?}");
        }
    }

    #[test]
    fn gwinfo_tells_version_and_role() {
        let text = "ContextStatus=RUNNING;DetectedSSLPort=8043;RedundancyStatus=Master;RedundantNodeActiveStatus=Active;Version=8.3.7;";
        assert_eq!(
            gwinfo(&answer(200, "text/plain", text)).unwrap(),
            GwInfo {
                context_status: Some("RUNNING".to_owned()),
                version: Some("8.3.7".to_owned()),
                role: Some(NodeRole::Master),
                active: Some(true),
            }
        );
        let cold =
            gwinfo(&answer(200, "", "RedundancyStatus=Backup;RedundantNodeActiveStatus=Cold")).unwrap();
        assert_eq!((cold.role, cold.active), (Some(NodeRole::Backup), Some(false)));
        let unknown = gwinfo(&answer(200, "", "RedundancyStatus=Other;Version=8.1.0\r\n")).unwrap();
        assert_eq!((unknown.role, unknown.version.as_deref()), (None, Some("8.1.0")));
    }

    #[test]
    fn gwinfo_of_something_else_is_an_error() {
        assert!(matches!(gwinfo(&answer(503, "text/html", "")), Err(Error::Starting { .. })));
        assert!(matches!(gwinfo(&answer(200, "text/html", "<html></html>")), Err(Error::Malformed { .. })));
        assert!(matches!(gwinfo(&answer(404, "text/html", "")), Err(Error::NoApi { .. })));
    }
}
