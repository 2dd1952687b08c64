//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lexopt::Arg::{Long, Short};
use lexopt::{Parser, ValueExt as _};
use stoker_test_gateway::{Lockout, Redundancy, ScanAnswer, Settings, Token};

pub const USAGE: &str = "\
A simulated Ignition 8.3 gateway, for tests.

Usage: stoker-test-gateway --data DIR [OPTION]…

  --data DIR                 Ignition's data directory
  --listen ADDR              address to listen on                    [127.0.0.1]
  --port N                   web port, 0 for any free one            [8088]
  --token NAME:SECRET        an API token besides those seeded in DIR
  --name NAME                the gateway's name                      [Ignition-test]
  --version V                the version that it says it has         [8.3.7]
  --redundancy ROLE          independent, master or backup           [independent]
  --mode NAME                deployment mode
  --starting-seconds N       how long it says STARTING               [0]
  --commissioning            first boot: it waits to be commissioned
  --commissioning-seconds N  … for so long                           [until POST /_test/state]
  --commissioning-locks-until WHEN … and its end overwrites security-properties,
                             which locks tokens out until the file is put-back or scanned
  --scan-interval SECONDS    its own scans of projects, 0 for none   [300]
  --config-scan-interval SECONDS                                     [0]
  --scan-seconds N           how long a scan takes at least          [0]
  --scan-answer WHAT         status or true                          [status]
  --settle-seconds N         how long a manifest may be behind its payloads [2]
  --quiet                    no line per request, scan and incident
  -h, --help

Seconds may have a fraction. Tests drive it by the paths below /_test/:
GET log, incidents, scans, loaded, state; POST faults, state, clear, designers, touch.
";

/// What the command line asks for.
#[derive(Debug)]
pub enum Parsed {
    Run(Box<Settings>),
    Help,
}

pub fn parse(mut parser: Parser) -> Result<Parsed, lexopt::Error> {
    let mut settings = Settings { port: 8088, control: true, verbose: true, ..Settings::new(PathBuf::new()) };
    while let Some(arg) = parser.next()? {
        match arg {
            Long("data") => settings.data_dir = parser.value()?.into(),
            Long("listen") => settings.address = parser.value()?.parse()?,
            Long("port") => settings.port = parser.value()?.parse()?,
            Long("token") => settings.token = Some(token(&parser.value()?.string()?)?),
            Long("name") => settings.name = parser.value()?.string()?,
            Long("version") => settings.version = parser.value()?.string()?,
            Long("redundancy") => settings.redundancy = redundancy(&parser.value()?.string()?)?,
            Long("mode") => settings.deployment_mode = Some(parser.value()?.string()?),
            Long("starting-seconds") => settings.starting_for = seconds(&mut parser)?,
            Long("commissioning") => {
                settings.commissioning.get_or_insert_default();
            }
            Long("commissioning-seconds") => {
                settings.commissioning.get_or_insert_default().lasts = Some(seconds(&mut parser)?);
            }
            Long("commissioning-locks-until") => {
                settings.commissioning.get_or_insert_default().overwrites =
                    Some(lockout(&parser.value()?.string()?)?);
            }
            Long("scan-interval") => settings.scan_interval = interval(&mut parser)?,
            Long("config-scan-interval") => settings.config_scan_interval = interval(&mut parser)?,
            Long("scan-seconds") => settings.scan_takes = seconds(&mut parser)?,
            Long("scan-answer") => settings.scan_answer = scan_answer(&parser.value()?.string()?)?,
            Long("settle-seconds") => settings.settle = seconds(&mut parser)?,
            Long("quiet") => settings.verbose = false,
            Short('h') | Long("help") => return Ok(Parsed::Help),
            other => return Err(other.unexpected()),
        }
    }
    if settings.data_dir.as_os_str().is_empty() {
        return Err("--data DIR is missing".into());
    }
    Ok(Parsed::Run(Box::new(settings)))
}

fn seconds(parser: &mut Parser) -> Result<Duration, lexopt::Error> {
    let value = parser.value()?.string()?;
    let seconds = f64::from_str(&value).ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| format!("{value:?} is not a number of seconds").into())
}

fn interval(parser: &mut Parser) -> Result<Option<Duration>, lexopt::Error> {
    Ok(Some(seconds(parser)?).filter(|interval| !interval.is_zero()))
}

fn token(value: &str) -> Result<Token, lexopt::Error> {
    // Not repeated in the message: it is a secret, if a misspelled one.
    let (name, secret) = value.split_once(':').ok_or("--token is NAME:SECRET")?;
    Ok(Token::new(name, secret))
}

fn redundancy(value: &str) -> Result<Redundancy, lexopt::Error> {
    match value {
        "independent" => Ok(Redundancy::Independent),
        "master" => Ok(Redundancy::Master),
        "backup" => Ok(Redundancy::Backup),
        _ => Err(format!("--redundancy {value:?} is not independent, master or backup").into()),
    }
}

fn lockout(value: &str) -> Result<Lockout, lexopt::Error> {
    match value {
        "put-back" => Ok(Lockout::UntilPutBack),
        "scanned" => Ok(Lockout::UntilScanned),
        _ => Err(format!("--commissioning-locks-until {value:?} is not put-back or scanned").into()),
    }
}

fn scan_answer(value: &str) -> Result<ScanAnswer, lexopt::Error> {
    match value {
        "status" => Ok(ScanAnswer::Status),
        "true" => Ok(ScanAnswer::True),
        _ => Err(format!("--scan-answer {value:?} is not status or true").into()),
    }
}

#[cfg(test)]
mod tests {
    use stoker_test_gateway::Commissioning;

    use super::*;

    #[test]
    fn a_full_command_line_sets_what_it_says() {
        let args = "--data /d --port 0 --token a:b --starting-seconds 0.5 --commissioning \
                    --scan-interval 0 --redundancy backup";
        let Ok(Parsed::Run(settings)) = parse(Parser::from_args(args.split(' '))) else {
            panic!("it is valid")
        };
        assert_eq!(settings.token, Some(Token::new("a", "b")));
        assert_eq!(settings.starting_for, Duration::from_millis(500));
        assert_eq!(
            (settings.port, settings.scan_interval, settings.commissioning),
            (0, None, Some(Commissioning::default()))
        );
        assert_eq!(settings.redundancy, Redundancy::Backup);
    }

    #[test]
    fn a_misspelled_option_is_refused_and_a_secret_not_repeated() {
        for (args, says) in [
            (vec!["--data", "/d", "--prot", "1"], "--prot"),
            (vec!["--port", "0"], "--data"),
            (vec!["--data", "/d", "--settle-seconds", "-1"], "-1"),
            (vec!["--data", "/d", "--token", "s3cret"], "NAME:SECRET"),
        ] {
            let message = parse(Parser::from_args(&args)).unwrap_err().to_string();
            assert!(message.contains(says) && !message.contains("s3cret"), "{message}");
        }
    }
}
