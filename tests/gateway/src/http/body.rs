//! Reading a request's body, by length or in chunks.

use std::io::{BufRead, BufReader, Read};

use super::request::Problem;

/// Far above anything a client of the gateway sends (a scan-lock body has 40 bytes).
const MAX_BODY: u64 = 1024 * 1024;
/// A chunk's size line or a trailer.
const MAX_LINE: u64 = 1024;

const TOO_LARGE: Problem = Problem::Refused(413, "body too large");

/// The body that the two headers announce; without either there is none.
pub(super) fn read<S: Read>(
    stream: &mut BufReader<S>,
    encoding: Option<&str>,
    length: Option<&str>,
) -> Result<Vec<u8>, Problem> {
    match (encoding, length) {
        (None, None) => Ok(Vec::new()),
        (None, Some(length)) => {
            let length = length.parse().map_err(|_| Problem::Refused(400, "bad Content-Length"))?;
            let mut body = Vec::new();
            exactly(stream, length, &mut body)?;
            Ok(body)
        }
        (Some(encoding), None) if encoding.eq_ignore_ascii_case("chunked") => chunks(stream),
        // Both at once is how requests are smuggled; other encodings nobody sends.
        (Some(_), _) => Err(Problem::Refused(400, "bad Transfer-Encoding")),
    }
}

fn exactly<S: Read>(stream: &mut BufReader<S>, length: u64, body: &mut Vec<u8>) -> Result<(), Problem> {
    if body.len() as u64 + length > MAX_BODY {
        return Err(TOO_LARGE);
    }
    let read = stream.take(length).read_to_end(body)? as u64;
    if read == length { Ok(()) } else { Err(Problem::Broken) }
}

fn chunks<S: Read>(stream: &mut BufReader<S>) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    loop {
        let line = line(stream)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).map_err(|_| Problem::Refused(400, "bad chunk"))?;
        if size == 0 {
            break;
        }
        exactly(stream, size.min(MAX_BODY + 1), &mut body)?;
        if !self::line(stream)?.is_empty() {
            return Err(Problem::Refused(400, "bad chunk"));
        }
    }
    while !line(stream)?.is_empty() {}
    Ok(body)
}

fn line<S: Read>(stream: &mut BufReader<S>) -> Result<String, Problem> {
    let mut line = String::new();
    stream.take(MAX_LINE).read_line(&mut line)?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.trim_end_matches('\r').to_owned()),
        None => Err(Problem::Broken),
    }
}
