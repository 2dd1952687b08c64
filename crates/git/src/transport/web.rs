//! Plain HTTP requests on the same terms as Git's own: authorities, client certificates, proxy and time limits of the
//! repository. Redirects are the caller's, because credentials are.

use std::io::Read as _;

use ureq::http::Response;
use ureq::{Agent, Body};

use super::credentials::Credentials;
use super::status::Refusal;
use super::{Options, failure, http, proxy};
use crate::Error;
use crate::url::{HttpUrl, Origin};

/// Of a refusal's body: enough for a message.
const BODY_OF_REFUSAL: u64 = 1024;

/// A client for requests beside Git's.
pub(crate) struct Web {
    agent: Agent,
    options: Options,
    credentials: Option<Credentials>,
}

impl Web {
    /// Reads the mounted files; `repository` is where the credentials belong to.
    pub fn open(repository: Option<&HttpUrl>, options: &Options) -> Result<Self, Error> {
        let credentials = repository.map(|url| Credentials::read(url, options)).transpose()?;
        Ok(Self { agent: http::agent(options)?, options: options.clone(), credentials })
    }

    /// The repository's own `Authorization` header, if this is its server.
    pub fn authorization(&self, origin: &Origin) -> Option<&str> {
        self.credentials.as_ref()?.header_for(origin)
    }

    /// Sends a GET, or a POST with a body, and gives the answer, whatever its status.
    pub fn send(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response<Body>, Error> {
        let origin =
            origin(url).ok_or_else(|| Error::Protocol("it names a place that is no URL".to_owned()))?;
        let Origin { tls, host, port } = &origin;
        let scheme = if *tls { "https" } else { "http" };
        let proxy = proxy::towards(scheme, host, *port, self.options.proxy.as_ref(), &proxy::environment)?;
        let through = proxy.as_ref().map(|proxy| proxy.origin.to_string());
        let proxy = proxy.map(http::for_ureq).transpose()?;
        let failed =
            |error: ureq::Error| failure::of_request(error, &origin, through.as_deref(), &self.options);
        let outcome = match body {
            None => {
                let mut request = self.agent.get(url).config().proxy(proxy).build();
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                request.call()
            }
            Some(body) => {
                let mut request = self.agent.post(url).config().proxy(proxy).build();
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                request.send(body)
            }
        };
        outcome.map_err(failed)
    }

    /// What an answer means that is no success.
    pub fn refusal(response: Response<Body>, with: &str) -> Error {
        let (parts, body) = response.into_parts();
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let mut said = Vec::new();
        let plain = |kind: &str| kind.starts_with("text/plain") || kind.contains("json");
        if header("content-type").is_some_and(plain) {
            // What cannot be read of an error's text is not missed.
            let _ = body.into_reader().take(BODY_OF_REFUSAL).read_to_end(&mut said);
        }
        let status = parts.status.as_u16();
        Refusal { status, body: &said, retry_after: header("retry-after"), with: with.to_owned() }.error()
    }

    /// An error while an answer was read.
    pub fn broken(&self, error: std::io::Error) -> Error {
        failure::of_body(error, self.options.silence_timeout)
    }
}

/// The server of an absolute URL, which may have a query.
pub(crate) fn origin(url: &str) -> Option<Origin> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    if authority.contains('@') || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    HttpUrl::parse(&format!("{scheme}://{authority}/x")).map(|url| url.origin)
}

/// `location` as an absolute URL, seen from `url`.
pub(crate) fn absolute(url: &str, location: &str) -> Option<String> {
    let origin = origin(url)?;
    let scheme = if origin.tls { "https" } else { "http" };
    let absolute = match location {
        _ if location.contains("://") => location.to_owned(),
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{origin}{location}"),
        // Relative to the directory of what was asked for.
        _ => {
            let path = url.split(['?', '#']).next()?;
            let begins = path.find("://")? + 3;
            match path[begins..].rfind('/') {
                Some(at) => format!("{}/{location}", &path[..begins + at]),
                None => format!("{path}/{location}"),
            }
        }
    };
    self::origin(&absolute).map(|_| absolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_a_url_is_told_whatever_follows() {
        let shown = |url| origin(url).map(|origin| origin.to_string());
        assert_eq!(shown("https://h/x?a=b@c").as_deref(), Some("https://h"));
        assert_eq!(shown("http://H:81?x").as_deref(), Some("http://h:81"));
        for url in ["https://me@h/x", "ftp://h/x", "/x", "https://h/a b", "https:///x"] {
            assert_eq!(shown(url), None, "{url}");
        }
    }

    #[test]
    fn locations_are_seen_from_where_they_were_given() {
        let from = |location| absolute("https://h:8/a/b?c=/d", location).unwrap();
        assert_eq!(from("/x?y"), "https://h:8/x?y");
        assert_eq!(from("x"), "https://h:8/a/x");
        assert_eq!(from("//o/x"), "https://o/x");
        assert_eq!(from("http://o/x"), "http://o/x");
        assert_eq!(absolute("https://h", "x").as_deref(), Some("https://h/x"));
    }
}
