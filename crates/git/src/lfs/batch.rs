//! The batch API: which object is where. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pointer::Pointer;
use crate::{Error, text};

/// Objects that are asked for at a time: what `git lfs` itself asks for.
pub(super) const MOST: usize = 100;
/// The largest answer: a hundred objects with their headers take some hundred kilobytes at the very most.
pub(super) const LARGEST: u64 = 1 << 20;
/// The media type of both sides.
pub(super) const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";

#[derive(Serialize)]
struct Request {
    operation: &'static str,
    transfers: [&'static str; 1],
    objects: Vec<Asked>,
    hash_algo: &'static str,
}

#[derive(Serialize)]
struct Asked {
    oid: String,
    size: u64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    transfer: Option<String>,
    #[serde(default)]
    objects: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    oid: String,
    #[serde(default)]
    actions: Option<Actions>,
    #[serde(default)]
    error: Option<Refused>,
}

#[derive(Deserialize)]
struct Actions {
    #[serde(default)]
    download: Option<Action>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
}

/// Where an object is, and what has to be said there. Also what `git-lfs-authenticate` answers.
#[derive(Deserialize)]
pub(crate) struct Action {
    /// The URL.
    pub href: String,
    /// Headers, among them credentials: there is no `Debug`.
    #[serde(default)]
    pub header: BTreeMap<String, String>,
}

/// The request for these objects.
pub(super) fn request(wanted: &[Pointer]) -> Vec<u8> {
    let objects = wanted.iter().map(|pointer| Asked { oid: pointer.hex(), size: pointer.size }).collect();
    let request = Request { operation: "download", transfers: ["basic"], objects, hash_algo: "sha256" };
    serde_json::to_vec(&request).unwrap_or_default()
}

/// The way to each object, in the order in which they were asked for.
pub(super) fn answer(body: &[u8], wanted: &[Pointer]) -> Result<Vec<Action>, Error> {
    let strange = |what: &str| Error::Protocol(format!("its LFS server answered {what}"));
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| strange("with something else than the batch API's JSON"))?;
    if answer.transfer.as_deref().is_some_and(|transfer| transfer != "basic") {
        return Err(strange("that it does not do the transfer \"basic\""));
    }
    let mut told: BTreeMap<String, Told> =
        answer.objects.into_iter().map(|told| (told.oid.clone(), told)).collect();
    let mut actions = Vec::with_capacity(wanted.len());
    for pointer in wanted {
        let oid = pointer.hex();
        let refuse = |why: String| Error::Lfs { oid: oid.clone(), why };
        let Some(told) = told.remove(&oid) else {
            return Err(refuse("the server says nothing of it".to_owned()));
        };
        if let Some(Refused { code, message }) = told.error {
            let why = match code {
                404 => "the server does not have it: push it (git lfs push --all), or it is lost".to_owned(),
                410 => "the server had it and has removed it: push it again".to_owned(),
                _ => format!("the server refuses it (code {code})"),
            };
            return Err(refuse(format!("{why}{}", text::said(&text::printable(message.as_bytes())))));
        }
        let download = told.actions.and_then(|actions| actions.download);
        actions.push(download.ok_or_else(|| refuse("the server names no place for it".to_owned()))?);
    }
    Ok(actions)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTER: Pointer = Pointer { oid: [0xab; 32], size: 7 };

    fn told(object: &str) -> Result<Vec<Action>, Error> {
        let oid = POINTER.hex();
        answer(format!("{{\"objects\":[{{\"oid\":\"{oid}\",{object}}}]}}").as_bytes(), &[POINTER])
    }

    #[test]
    fn the_request_is_what_the_api_documents() {
        let oid = "ab".repeat(32);
        assert_eq!(
            String::from_utf8(request(&[POINTER])).unwrap(),
            format!(
                "{{\"operation\":\"download\",\"transfers\":[\"basic\"],\"objects\":[{{\"oid\":\"{oid}\",\"size\":7}}],\"hash_algo\":\"sha256\"}}"
            )
        );
    }

    #[test]
    fn an_answer_gives_the_way_or_says_why_there_is_none() {
        let actions = told(r#""actions":{"download":{"href":"https://h/x","header":{"A":"b"}}}"#).unwrap();
        assert_eq!((actions[0].href.as_str(), actions[0].header["A"].as_str()), ("https://h/x", "b"));
        for (object, words) in [
            (r#""error":{"code":404,"message":"Not\u001b here"}"#, "does not have it"),
            (r#""error":{"code":410}"#, "has removed it"),
            (r#""error":{"code":422,"message":"no"}"#, "code 422"),
            (r#""actions":{}"#, "names no place"),
            (r#""size":1"#, "names no place"),
        ] {
            let error = told(object).err().unwrap().to_string();
            assert!(error.contains(words) && error.contains("abab") && !error.contains('\u{1b}'), "{error}");
        }
        assert!(answer(b"{}", &[POINTER]).err().unwrap().to_string().contains("says nothing of it"));
        assert!(answer(b"<html>", &[POINTER]).is_err());
        assert!(answer(br#"{"transfer":"tus","objects":[]}"#, &[POINTER]).is_err());
    }
}
