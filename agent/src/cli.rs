//! The command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value, ValueExt};

/// What `--help` prints.
pub const HELP: &str = "\
stoker-agent keeps one Ignition gateway's files equal to a Git commit.

Run, with the GatewaySync manifest that a cluster would take:
  stoker-agent --config gatewaysync.yaml --data DIR [options]

      --config FILE        the GatewaySync manifest (YAML or JSON)
      --data DIR           the gateway's data directory
      --profile NAME       the profile to use (default: \"default\")
      --gateway-name NAME  .GatewayName (default: the pod's name)
      --pod-name NAME      .PodName (default: the host's name)
      --namespace NAME     .Namespace (default: the manifest's, else \"default\")
      --label KEY=VALUE    one of .Labels; may be repeated
      --secrets DIR        Secrets as files, <DIR>/<name>/<key> (default: \"secrets\" beside the manifest)
      --status FILE        keep the gateway's status in this file, as JSON
      --listen ADDR        serve /startupz, /healthz, /readyz and /status, such as on 127.0.0.1:8082
      --once               sync once, then exit
      --dry-run            say what would change, and change nothing

Look at a data directory, or go back, without Git and network:
  stoker-agent history  --data DIR [--json]   the generations that can be gone back to
  stoker-agent diff     --data DIR [--json]   what differs from what was synced
  stoker-agent rollback --data DIR [--to N]   go back to before generation N (default: the newest), and hold there
  stoker-agent resume   --data DIR            end the hold: the next sync applies again

  -h, --help     this text
  -V, --version  the version

Logs are for people on a terminal and JSON otherwise; STOKER_LOG=debug says more.

Exit codes: 0 done, 1 diff found something, 64 bad usage, 65 the repository, a template or a patch is wrong,
69 Git or the gateway cannot be reached, 71 the system refused (disk, rights), 75 not now (held, in use, Designers),
77 credentials were refused, 78 the manifest is wrong.
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Version,
    Run(Box<Options>),
    History { data: PathBuf, json: bool },
    Diff { data: PathBuf, json: bool },
    Rollback { data: PathBuf, to: Option<u64> },
    Resume { data: PathBuf },
}

/// How to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    pub config: PathBuf,
    pub data: PathBuf,
    pub profile: Option<String>,
    pub gateway_name: Option<String>,
    pub pod_name: Option<String>,
    pub namespace: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub secrets: Option<PathBuf>,
    pub status: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub once: bool,
    pub dry_run: bool,
}

/// What is given so far; which of it a command takes is looked at in the end.
#[derive(Default)]
struct Given {
    verb: Option<String>,
    config: Option<PathBuf>,
    data: Option<PathBuf>,
    json: bool,
    to: Option<u64>,
    run: Options,
    run_only: Option<&'static str>,
}

/// Reads the command line; the first argument is the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_iter(args);
    let mut given = Given::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Value(verb) if given.verb.is_none() => given.verb = Some(verb.to_string_lossy().into_owned()),
            Long(name) => {
                let name = name.to_owned();
                given.option(&name, &mut parser)?;
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    given.command()
}

impl Given {
    fn option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), String> {
        let mut text = || -> Result<String, String> {
            let value = parser.value().map_err(|error| error.to_string())?;
            value.string().map_err(|error| error.to_string())
        };
        match name {
            "config" => self.config = Some(text()?.into()),
            "data" => self.data = Some(text()?.into()),
            "json" => self.json = true,
            "to" => {
                let number =
                    text()?.parse().map_err(|_| "--to takes the number of a generation (see history)")?;
                self.to = Some(number);
            }
            _ => return self.run_option(name, &mut text),
        }
        Ok(())
    }

    fn run_option(
        &mut self,
        name: &str,
        text: &mut dyn FnMut() -> Result<String, String>,
    ) -> Result<(), String> {
        let run = &mut self.run;
        self.run_only = Some(match name {
            "profile" => {
                run.profile = Some(text()?);
                "--profile"
            }
            "gateway-name" => {
                run.gateway_name = Some(gateway_name(text()?)?);
                "--gateway-name"
            }
            "pod-name" => {
                run.pod_name = Some(text()?);
                "--pod-name"
            }
            "namespace" => {
                run.namespace = Some(text()?);
                "--namespace"
            }
            "label" => {
                let label = text()?;
                let (key, value) =
                    label.split_once('=').ok_or_else(|| format!("--label takes KEY=VALUE, not {label:?}"))?;
                run.labels.insert(key.to_owned(), value.to_owned());
                "--label"
            }
            "secrets" => {
                run.secrets = Some(text()?.into());
                "--secrets"
            }
            "status" => {
                run.status = Some(text()?.into());
                "--status"
            }
            "listen" => {
                let address = text()?;
                let parsed = address.parse();
                run.listen =
                    Some(parsed.map_err(|_| format!("--listen takes ADDRESS:PORT, not {address:?}"))?);
                "--listen"
            }
            "once" => {
                run.once = true;
                "--once"
            }
            "dry-run" => {
                run.dry_run = true;
                "--dry-run"
            }
            _ => return Err(format!("there is no option --{name}")),
        });
        Ok(())
    }

    fn command(self) -> Result<Command, String> {
        let Self { verb, config, data, json, to, run, run_only } = self;
        let data = || data.clone().ok_or("--data DIR is missing: the gateway's data directory");
        let refuse = |set: bool, option: &str, verb: &str| {
            if set { Err(format!("{option} does not go with {verb:?}")) } else { Ok(()) }
        };
        let Some(verb) = verb else {
            refuse(json, "--json", "running")?;
            refuse(to.is_some(), "--to", "running")?;
            let config = config.ok_or("--config FILE is missing: the GatewaySync manifest")?;
            return Ok(Command::Run(Box::new(Options { config, data: data()?, ..run })));
        };
        refuse(config.is_some(), "--config", &verb)?;
        refuse(run_only.is_some(), run_only.unwrap_or_default(), &verb)?;
        refuse(to.is_some() && verb != "rollback", "--to", &verb)?;
        refuse(json && !matches!(verb.as_str(), "history" | "diff"), "--json", &verb)?;
        match verb.as_str() {
            "history" => Ok(Command::History { data: data()?, json }),
            "diff" => Ok(Command::Diff { data: data()?, json }),
            "rollback" => Ok(Command::Rollback { data: data()?, to }),
            "resume" => Ok(Command::Resume { data: data()? }),
            "help" => Ok(Command::Help),
            _ => Err(format!("there is no command {verb:?}: history, diff, rollback, resume")),
        }
    }
}

/// At most 63 of `[A-Za-z0-9._-]` (contract, section 8): it goes into paths and metrics.
fn gateway_name(name: String) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if (1..=63).contains(&name.len()) && name.chars().all(fits) {
        return Ok(name);
    }
    Err(format!("gateway name {name:?} must be 1 to 63 characters of A-Z a-z 0-9 . _ -"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(std::iter::once("stoker-agent").chain(line.split_whitespace()).map(OsString::from))
    }

    #[test]
    fn running_takes_its_options() {
        let Ok(Command::Run(options)) =
            parsed("--config a.yaml --data d --label x=y=z --once --listen 127.0.0.1:0")
        else {
            panic!("not a run")
        };
        assert_eq!(options.labels["x"], "y=z");
        assert!(options.once && !options.dry_run);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, words) in [
            ("", "--config FILE is missing"),
            ("--config a", "--data DIR is missing"),
            ("--config a --data d --label x", "KEY=VALUE"),
            ("--config a --data d --listen 8082", "ADDRESS:PORT"),
            ("--config a --data d --gateway-name a/b", "A-Z a-z 0-9"),
            ("--config a --data d --frobnicate", "--frobnicate"),
            ("roll --data d", "there is no command \"roll\""),
            ("diff --data d --once", "--once does not go with \"diff\""),
            ("diff --data d --to 3", "--to does not go with \"diff\""),
            ("rollback --data d --to x", "number of a generation"),
            ("diff diff", "unexpected argument"),
        ] {
            let problem = parsed(line).unwrap_err();
            assert!(problem.contains(words), "{line}: {problem}");
        }
    }

    #[test]
    fn commands_on_a_volume_need_only_the_volume() {
        assert_eq!(
            parsed("rollback --data d --to 3"),
            Ok(Command::Rollback { data: "d".into(), to: Some(3) })
        );
        assert_eq!(parsed("diff --json --data d"), Ok(Command::Diff { data: "d".into(), json: true }));
        assert_eq!(parsed("diff --help"), Ok(Command::Help));
    }
}
