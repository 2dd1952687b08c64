//! Git LFS: large files that lie beside the repository, and pointers in their place.
//!
//! Objects come by the batch API (`basic` transfers) over https, with the repository's credentials, or with those that
//! `git-lfs-authenticate` gives over SSH; or from `lfs/objects` of a repository on this machine. Each is streamed, and
//! kept only if its size and its SHA-256 are those of its pointer.

mod batch;
mod download;
mod pointer;

use std::collections::BTreeMap;
use std::io::Read as _;

use stoker_object::ObjectId;

pub use pointer::{LONGEST, Parsed, Pointer, Wanted};

use crate::store::BlobSink;
use crate::transport::{Options, Traffic, Web, capture};
use crate::url::{HttpUrl, Location, Origin};
use crate::{Error, local, text};
use batch::Action;

/// The LFS objects of a repository.
pub(crate) struct Lfs {
    location: Location,
    options: Options,
    pub traffic: Traffic,
}

/// Says that a pointer's bytes are in the sink, under which id.
type Done<'a> = dyn FnMut(&mut dyn BlobSink, &Pointer, &ObjectId) -> Result<(), Error> + 'a;

/// Where the batch API is, and what to say there.
struct Endpoint {
    url: String,
    headers: BTreeMap<String, String>,
    /// What was presented, for a message.
    with: String,
}

impl Lfs {
    pub fn new(location: &Location, options: &Options) -> Self {
        Self { location: location.clone(), options: options.clone(), traffic: Traffic::default() }
    }

    /// Brings the bytes of all these pointers to `sink`, each content once, and tells it what they stand in for.
    pub fn fetch(&mut self, wanted: &[Wanted], sink: &mut dyn BlobSink) -> Result<u64, Error> {
        let mut by_oid: BTreeMap<[u8; 32], Vec<&Wanted>> = BTreeMap::new();
        for one in wanted {
            by_oid.entry(one.pointer.oid).or_default().push(one);
        }
        let pointers: Vec<Pointer> = by_oid.values().map(|all| all[0].pointer).collect();
        let mut done = |sink: &mut dyn BlobSink, pointer: &Pointer, content: &ObjectId| {
            for one in &by_oid[&pointer.oid] {
                // Two pointers may tell different sizes of one object: only one of them is right.
                if one.pointer.size != pointer.size {
                    return Err(refuse(&one.pointer, "two pointers to it say different sizes"));
                }
                sink.stand_in(&one.blob, content).map_err(|error| Error::io("keep an LFS object", error))?;
            }
            Ok(())
        };
        match self.location.clone() {
            Location::File(path) => local_objects(&path, &pointers, sink, &mut done),
            Location::Http(url) => {
                let web = Web::open(Some(&url), &self.options)?;
                self.download(&web, Some(&url.origin), &pointers, sink, &mut done, &mut |_| {
                    Ok(of_http(&url, &web))
                })
            }
            Location::Ssh(url) => {
                let web = Web::open(None, &self.options)?;
                let options = self.options.clone();
                let mut ask = |traffic: &mut Traffic| {
                    traffic.requests += 1;
                    of_ssh(&capture(&url, &options, "git-lfs-authenticate", "download")?)
                };
                self.download(&web, None, &pointers, sink, &mut done, &mut ask)
            }
            Location::Daemon(_) => Err(Error::Unsupported(
                "the repository has LFS files, and git:// servers have none: use its https:// or ssh URL",
            )),
        }
    }

    fn download(
        &mut self,
        web: &Web,
        repository: Option<&Origin>,
        pointers: &[Pointer],
        sink: &mut dyn BlobSink,
        done: &mut Done<'_>,
        endpoint: &mut dyn FnMut(&mut Traffic) -> Result<Endpoint, Error>,
    ) -> Result<u64, Error> {
        let (mut left, mut bytes) = (pointers, 0);
        while !left.is_empty() {
            let endpoint = endpoint(&mut self.traffic)?;
            let asked = &left[..left.len().min(batch::MOST)];
            let actions = self.ask(web, &endpoint, asked)?;
            let mut fetched = 0;
            for (pointer, action) in asked.iter().zip(&actions) {
                match download::one(web, repository, pointer, action, sink, &mut self.traffic) {
                    // The way that was named holds for a while only: it is asked for again.
                    Err(Error::AuthFailed { .. }) if fetched > 0 => break,
                    Err(error) => return Err(error),
                    Ok(content) => done(sink, pointer, &content)?,
                }
                fetched += 1;
                bytes += pointer.size;
            }
            left = &left[fetched..];
        }
        Ok(bytes)
    }

    /// Asks where the objects are.
    fn ask(&mut self, web: &Web, endpoint: &Endpoint, wanted: &[Pointer]) -> Result<Vec<Action>, Error> {
        let body = batch::request(wanted);
        let url = format!("{}/objects/batch", endpoint.url);
        let mut headers = vec![("Accept", batch::MEDIA_TYPE), ("Content-Type", batch::MEDIA_TYPE)];
        headers.extend(endpoint.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.traffic.requests += 1;
        self.traffic.sent += body.len() as u64;
        let response = web.send(&url, &headers, Some(&body))?;
        if response.status().as_u16() != 200 {
            return Err(no_lfs(Web::refusal(response, &endpoint.with)));
        }
        let mut answer = Vec::new();
        let read = response.into_body().into_reader().take(batch::LARGEST + 1).read_to_end(&mut answer);
        read.map_err(|error| web.broken(error))?;
        self.traffic.received += answer.len() as u64;
        if answer.len() as u64 > batch::LARGEST {
            let (value, limit) = (answer.len() as u64, batch::LARGEST);
            return Err(Error::Limit { what: "the LFS server's answer in bytes", value, limit });
        }
        batch::answer(&answer, wanted)
    }
}

/// `<repository>.git/info/lfs`, with the repository's own credentials.
fn of_http(url: &HttpUrl, web: &Web) -> Endpoint {
    let path = url.path.strip_suffix(".git").unwrap_or(&url.path);
    let headers = web.authorization(&url.origin).map(|value| ("Authorization".to_owned(), value.to_owned()));
    let with = if headers.is_some() { "the repository's credentials" } else { "an anonymous reader" };
    Endpoint {
        url: format!("{}{path}.git/info/lfs", url.origin),
        headers: headers.into_iter().collect(),
        with: with.to_owned(),
    }
}

/// What `git-lfs-authenticate` printed.
fn of_ssh(printed: &[u8]) -> Result<Endpoint, Error> {
    let answer: Action = serde_json::from_slice(printed).map_err(|_| {
        Error::Protocol(format!(
            "git-lfs-authenticate answered with {:?}, which is not its JSON",
            text::printable(printed)
        ))
    })?;
    let url = answer.href.trim_end_matches('/').to_owned();
    if !url.starts_with("https://") && !answer.header.is_empty() {
        tracing::warn!("the server names an http:// address for LFS: its credentials go there unencrypted");
    }
    Ok(Endpoint { url, headers: answer.header, with: "what git-lfs-authenticate gave".to_owned() })
}

/// A server without LFS answers as if the repository were not there.
fn no_lfs(error: Error) -> Error {
    match error {
        Error::NotFound { .. } => Error::Unsupported(
            "the repository has LFS files, and its server has no LFS (or hides it from these credentials): enable it there, or take the files out of the mapping",
        ),
        other => other,
    }
}

/// Objects of a repository on this machine, where `git lfs fetch` or a push puts them.
fn local_objects(
    path: &std::path::Path,
    pointers: &[Pointer],
    sink: &mut dyn BlobSink,
    done: &mut Done<'_>,
) -> Result<u64, Error> {
    let mut bytes = 0;
    for pointer in pointers {
        let hex = pointer.hex();
        let missing = |_| {
            refuse(pointer, "it is not among the repository's lfs/objects: run `git lfs fetch --all` there")
        };
        let place = local::lfs_objects(path)?.join(&hex[..2]).join(&hex[2..4]).join(&hex);
        let mut file = std::fs::File::open(&place).map_err(missing)?;
        let content =
            download::keep(pointer, &mut file, sink, |error| Error::io("read an LFS object", error))?;
        done(sink, pointer, &content)?;
        bytes += pointer.size;
    }
    Ok(bytes)
}

fn refuse(pointer: &Pointer, why: &str) -> Error {
    Error::Lfs { oid: pointer.hex(), why: why.to_owned() }
}
