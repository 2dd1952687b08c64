//! What the API's answers mean. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::Error;
use crate::tokens::App;

/// As much of a server's text as reaches a message, in characters.
const LONGEST: usize = 200;

/// An answer, as far as it matters.
pub(crate) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// Header `Date`, in seconds since 1970.
    pub date: Option<i64>,
    pub retry_after: Option<Duration>,
}

/// A token and its end by the server's clock, in seconds since 1970.
pub(crate) struct Granted {
    pub token: String,
    pub expires_at: i64,
}

impl Answer {
    pub fn read(&self, app: &App, repository: &str, base: &str) -> Result<Granted, Error> {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        if self.status != 201 {
            return Err(Error::Refused {
                base: base.to_owned(),
                status: self.status,
                sentence: sentence(self.status, &body, app, repository),
                retry_after: self.retry_after,
            });
        }
        let unexpected = |what| Error::Unexpected { base: base.to_owned(), what };
        let token = body["token"].as_str().unwrap_or_default();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unexpected("the field \"token\" is missing"));
        }
        let expires: Option<jiff::Timestamp> = body["expires_at"].as_str().and_then(|text| text.parse().ok());
        let expires = expires.ok_or_else(|| unexpected("the field \"expires_at\" is missing"))?;
        Ok(Granted { token: token.to_owned(), expires_at: expires.as_second() })
    }
}

fn sentence(status: u16, body: &Value, app: &App, repository: &str) -> String {
    let App { app_id, installation_id, .. } = app;
    let meaning = match status {
        401 => format!(
            "it does not believe that we are app {app_id}. Check that githubApp.appId and the private key belong together, and this machine's clock"
        ),
        403 => format!(
            "app {app_id} may not use installation {installation_id}: it is suspended, or asked too often"
        ),
        404 => format!(
            "app {app_id} has no installation {installation_id}. Check githubApp.installationId, and that the app is installed"
        ),
        422 => format!(
            "installation {installation_id} does not reach the repository {repository:?}, or may not read contents. Give the app access to it, with the permission \"Contents: read\""
        ),
        429 => "it was asked too often".to_owned(),
        500..=599 => "it has a fault of its own".to_owned(),
        _ => "it is not expected here".to_owned(),
    };
    let said = body["message"].as_str().map(printable).filter(|said| !said.is_empty());
    let said = said.map(|said| format!("; it said {said:?}")).unwrap_or_default();
    format!("{meaning} (HTTP status {status}){said}")
}

fn printable(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

/// `Date`, as HTTP spells it.
pub(crate) fn date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_second())
}

/// `Retry-After` in seconds, or GitHub's `X-RateLimit-Reset` where nothing is left.
pub(crate) fn retry_after(
    seconds: Option<&str>,
    remaining: Option<&str>,
    reset: Option<&str>,
    now: i64,
) -> Option<Duration> {
    let number = |text: &str| text.trim().parse::<i64>().ok();
    let wait = seconds.and_then(number).or_else(|| {
        (remaining.map(str::trim) == Some("0")).then(|| reset.and_then(number)).flatten().map(|at| at - now)
    })?;
    Some(Duration::from_secs(wait.clamp(0, 24 * 3600).unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> String {
        let answer = Answer { status, body: body.into(), date: None, retry_after: None };
        let app = App { app_id: 7, installation_id: 8, base: "https://api.github.com".into() };
        answer.read(&app, "plant", "https://api.github.com").err().unwrap().to_string()
    }

    #[test]
    fn refusals_are_sentences_with_the_next_step() {
        let text = refused(401, r#"{"message":"A JSON web token could not be decoded"}"#);
        assert!(
            text.contains("appId and the private key") && text.contains("could not be decoded"),
            "{text}"
        );
        assert!(refused(404, "").contains("no installation 8"));
        assert!(refused(422, "[]").contains("\"plant\""));
        let long = refused(503, &format!(r#"{{"message":"{}\u001b[31m"}}"#, "x".repeat(1000)));
        assert!(long.len() < 400 && !long.contains('\u{1b}'), "{long}");
        assert!(refused(302, "<html>").contains("HTTP status 302"));
        assert!(refused(201, "{}").contains("\"token\" is missing"));
        assert!(refused(201, r#"{"token":"a b","expires_at":"2030-01-01T00:00:00Z"}"#).contains("\"token\""));
        assert!(refused(201, r#"{"token":"ab","expires_at":"soon"}"#).contains("\"expires_at\""));
    }

    #[test]
    fn times_of_the_server_are_read() {
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(date("tomorrow"), None);
        let wait = |seconds, remaining, reset| retry_after(seconds, remaining, reset, 1000);
        assert_eq!(wait(Some("7"), None, None), Some(Duration::from_secs(7)));
        assert_eq!(wait(None, Some("0"), Some("1030")), Some(Duration::from_secs(30)));
        assert_eq!(wait(None, Some("5"), Some("1030")), None);
        assert_eq!(wait(Some("-7"), None, None), Some(Duration::ZERO));
    }
}
