//! One object: asked for where the batch API says, streamed, checked.

use std::io::{self, Read, Write as _};

use sha2::{Digest as _, Sha256};
use stoker_object::{FastHasher, ObjectId, blob_id};

use super::batch::Action;
use super::pointer::Pointer;
use crate::store::BlobSink;
use crate::transport::{Traffic, Web, absolute, origin};
use crate::url::Origin;
use crate::{Error, text};

/// Redirects that are followed for one object.
const MOST_REDIRECTS: usize = 5;
/// Bytes that are taken at a time.
const CHUNK: usize = 32 << 10;

/// Fetches an object. Credentials are those that the action names; the repository's own go only to its own server, and
/// only where the action names none. Another server, also after a redirect, gets none of either.
pub(super) fn one(
    web: &Web,
    repository: Option<&Origin>,
    pointer: &Pointer,
    action: &Action,
    sink: &mut dyn BlobSink,
    traffic: &mut Traffic,
) -> Result<ObjectId, Error> {
    let strange = || Error::Protocol("its LFS server names a place that is no http(s):// URL".to_owned());
    let mut url = action.href.clone();
    let first = origin(&url).ok_or_else(strange)?;
    if repository.is_some_and(|repository| repository.tls) && !first.tls {
        return Err(downgrade(&first));
    }
    for _ in 0..=MOST_REDIRECTS {
        let at = origin(&url).ok_or_else(strange)?;
        let mut headers: Vec<(&str, &str)> = Vec::new();
        if at == first {
            headers.extend(action.header.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        }
        let named = action.header.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
        let own = web.authorization(&at).filter(|_| !named && repository == Some(&at));
        headers.extend(own.map(|value| ("Authorization", value)));
        traffic.requests += 1;
        let response = web.send(&url, &headers, None)?;
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        match (response.status().as_u16(), location) {
            (200, _) => {
                let mut body = response.into_body().into_reader();
                let content = keep(pointer, &mut body, sink, |error| web.broken(error))?;
                traffic.received += pointer.size;
                return Ok(content);
            }
            (301..=303 | 307 | 308, Some(location)) => {
                let target = absolute(&url, location).ok_or_else(strange)?;
                let to = origin(&target).ok_or_else(strange)?;
                if at.tls && !to.tls {
                    return Err(downgrade(&to));
                }
                url = target;
            }
            (404 | 410, _) => {
                let why = "the server that should have it does not: push it again (git lfs push --all)";
                return Err(Error::Lfs { oid: pointer.hex(), why: why.to_owned() });
            }
            _ => return Err(Web::refusal(response, "the LFS server's own credentials")),
        }
    }
    let why = "more than five redirects, one after the other";
    Err(Error::Redirect { to: origin(&url).map(|origin| origin.to_string()).unwrap_or_default(), why })
}

fn downgrade(to: &Origin) -> Error {
    Error::Redirect { to: to.to_string(), why: "it leads from https down to http" }
}

/// Streams an object into the sink, and keeps it if it is what its pointer says.
pub(super) fn keep(
    pointer: &Pointer,
    body: &mut dyn Read,
    sink: &mut dyn BlobSink,
    broken: impl Fn(io::Error) -> Error,
) -> Result<ObjectId, Error> {
    let refuse = |why: String| Error::Lfs { oid: pointer.hex(), why };
    let failed = |error| Error::io("keep an LFS object", error);
    let mut file = sink.create(pointer.size).map_err(failed)?;
    let (mut sha, mut blob) = (Sha256::new(), FastHasher::blob(pointer.size));
    let (mut buffer, mut count) = (vec![0; CHUNK], 0_u64);
    loop {
        let got = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(error)),
        };
        count += got as u64;
        if count > pointer.size {
            return Err(refuse(format!("it has more than the {} bytes that its pointer says", pointer.size)));
        }
        sha.update(&buffer[..got]);
        blob.update(&buffer[..got]);
        file.write_all(&buffer[..got]).map_err(failed)?;
    }
    if count < pointer.size {
        // The connection may have ended early without a word.
        return Err(refuse(format!("{count} of {} bytes came", pointer.size)));
    }
    let found: [u8; 32] = sha.finalize().into();
    if found != pointer.oid {
        let found = Pointer { oid: found, ..*pointer }.hex();
        return Err(refuse(format!("what came has another SHA-256, {}", text::printable(found.as_bytes()))));
    }
    let content = if pointer.size == 0 { blob_id(b"") } else { blob.finish() };
    sink.keep(&content, file).map_err(failed)?;
    Ok(content)
}
