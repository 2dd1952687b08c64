//! What a command on the server prints, for the few that are no Git service.

use super::super::Options;
use super::connection::Connection;
use crate::Error;
use crate::url::SshUrl;

/// The most that is read.
const LONGEST: usize = 64 << 10;

/// Runs `<program> '<path of the repository>' <argument>` on a connection of its own and gives what it printed.
pub(crate) fn capture(
    url: &SshUrl,
    options: &Options,
    program: &str,
    argument: &str,
) -> Result<Vec<u8>, Error> {
    let mut connection = Connection::open(url, options)?;
    connection.start(&format!("{program} {} {argument}", super::quoted(&url.path)), options)?;
    let mut printed = Vec::new();
    loop {
        match connection.receive(options.first_byte_timeout) {
            Ok(()) => {
                let data = connection.data();
                let length = data.len();
                printed.extend_from_slice(data);
                connection.consume(length);
            }
            Err(_) if connection.succeeded() => return Ok(printed),
            Err(error) => return Err(error),
        }
        if printed.len() > LONGEST {
            let (value, limit) = (printed.len() as u64, LONGEST as u64);
            return Err(Error::Limit {
                what: "what a command on the server printed, in bytes",
                value,
                limit,
            });
        }
    }
}
