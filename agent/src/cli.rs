//! The command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use stoker_object::ObjectId;

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
      --listen ADDR        serve /startupz, /healthz, /readyz, /status and /metrics, such as on 127.0.0.1:8082
      --metrics ADDR       and there, too
      --once               sync once, then exit
      --dry-run            say what would change, and change nothing

As an injected sidecar it takes no arguments, but --listen and --metrics (default: [::]:8082 and [::]:8083).

Look at a data directory, or go back, without Git and network:
  stoker-agent history  --data DIR [--json]   the generations that can be gone back to
  stoker-agent diff     --data DIR [--json]   what differs from what was synced
  stoker-agent rollback --data DIR [--to N]   go back to before generation N (default: the newest), and hold there
  stoker-agent resume   --data DIR            end the hold: the next sync applies again

Look at a checkout before a push, without Git, network and gateway:
  stoker-agent lint DIR [--json]              manifests whose JSON, list of files or signature does not fit
  stoker-agent render --config FILE --source DIR --out DIR [options]
                                              write what a gateway would get; names as above, and
      --source DIR         the checkout; .git in it is passed over, everything else counts as committed
      --out DIR            a new or empty directory, or one that was rendered before: it is replaced
      --replace            replace whatever is in --out
      --ref REF            .Ref (default: the manifest's)
      --commit ID          .Commit, 40 hexadecimal digits (default: zeros)

  -h, --help     this text
  -V, --version  the version

Logs are for people on a terminal and JSON otherwise; STOKER_LOG=debug says more.

Exit codes: 0 done, 1 diff found something, 64 bad usage, 65 the repository, a manifest, a template or a patch is wrong,
69 Git or the gateway cannot be reached, 71 the system refused (disk, rights), 75 not now (held, in use, Designers),
77 credentials were refused, 78 the manifest is wrong.
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Version,
    Run(Box<Options>),
    /// As a sidecar: on what the environment and the cluster say.
    Cluster(Box<Options>),
    History {
        data: PathBuf,
        json: bool,
    },
    Diff {
        data: PathBuf,
        json: bool,
    },
    Rollback {
        data: PathBuf,
        to: Option<u64>,
    },
    Resume {
        data: PathBuf,
    },
    Lint {
        directory: PathBuf,
        json: bool,
    },
    Render(Box<Render>),
}

/// What to render.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Render {
    /// The manifest, the profile and for whom.
    pub options: Options,
    pub source: PathBuf,
    pub out: PathBuf,
    pub reference: Option<String>,
    pub commit: ObjectId,
    pub replace: bool,
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
    pub metrics: Option<SocketAddr>,
    pub once: bool,
    pub dry_run: bool,
}

/// What is given so far; which of it a command takes is looked at in the end.
#[derive(Default)]
struct Given {
    verb: Option<String>,
    /// What `lint` takes.
    directory: Option<PathBuf>,
    render: Render,
    render_only: Option<&'static str>,
    config: Option<PathBuf>,
    data: Option<PathBuf>,
    json: bool,
    to: Option<u64>,
    run: Options,
    run_only: Option<&'static str>,
    /// Of those, what only a running agent takes.
    agent_only: Option<&'static str>,
}

/// Reads the command line; the first argument is the program's name.
/// `in_cluster`: the environment is that of a sidecar, so that no manifest is needed.
pub fn parse(args: impl IntoIterator<Item = OsString>, in_cluster: bool) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_iter(args);
    let mut given = Given::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Value(verb) if given.verb.is_none() => given.verb = Some(verb.to_string_lossy().into_owned()),
            Value(directory) if given.verb.as_deref() == Some("lint") && given.directory.is_none() => {
                given.directory = Some(directory.into());
            }
            Long(name) => {
                let name = name.to_owned();
                given.option(&name, &mut parser)?;
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    given.command(in_cluster)
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
            _ if self.render_option(name, &mut text)? => {}
            _ => return self.run_option(name, &mut text),
        }
        Ok(())
    }

    /// False if it is none of them.
    fn render_option(
        &mut self,
        name: &str,
        text: &mut dyn FnMut() -> Result<String, String>,
    ) -> Result<bool, String> {
        let render = &mut self.render;
        self.render_only = Some(match name {
            "source" => {
                render.source = text()?.into();
                "--source"
            }
            "out" => {
                render.out = text()?.into();
                "--out"
            }
            "ref" => {
                render.reference = Some(text()?);
                "--ref"
            }
            "commit" => {
                let commit = text()?;
                let problem = |_| format!("--commit takes 40 hexadecimal digits, not {commit:?}");
                render.commit = commit.parse().map_err(problem)?;
                "--commit"
            }
            "replace" => {
                render.replace = true;
                "--replace"
            }
            _ => return Ok(false),
        });
        Ok(true)
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
                self.agent_only = Some("--secrets");
                "--secrets"
            }
            "status" => {
                run.status = Some(text()?.into());
                self.agent_only = Some("--status");
                "--status"
            }
            "listen" => {
                run.listen = Some(address("--listen", &text()?)?);
                self.agent_only = Some("--listen");
                "--listen"
            }
            "metrics" => {
                run.metrics = Some(address("--metrics", &text()?)?);
                self.agent_only = Some("--metrics");
                "--metrics"
            }
            "once" => {
                run.once = true;
                self.agent_only = Some("--once");
                "--once"
            }
            "dry-run" => {
                run.dry_run = true;
                self.agent_only = Some("--dry-run");
                "--dry-run"
            }
            _ => return Err(format!("there is no option --{name}")),
        });
        Ok(())
    }

    fn command(self, in_cluster: bool) -> Result<Command, String> {
        let Self { verb, directory, render, render_only, config, data, json, to, run, run_only, agent_only } =
            self;
        let given_data = data.is_some();
        let data = || data.clone().ok_or("--data DIR is missing: the gateway's data directory");
        let refuse = |set: bool, option: &str, verb: &str| {
            if set { Err(format!("{option} does not go with {verb:?}")) } else { Ok(()) }
        };
        let Some(verb) = verb else {
            refuse(json, "--json", "running")?;
            refuse(to.is_some(), "--to", "running")?;
            refuse(render_only.is_some(), render_only.unwrap_or_default(), "running")?;
            if config.is_none() && in_cluster {
                let Options { listen, metrics, .. } = run;
                let ours = Options { listen, metrics, ..Options::default() };
                refuse(given_data, "--data", "running in a cluster")?;
                refuse(run != ours, "that", "running in a cluster")?;
                return Ok(Command::Cluster(Box::new(ours)));
            }
            let config = config.ok_or("--config FILE is missing: the GatewaySync manifest")?;
            return Ok(Command::Run(Box::new(Options { config, data: data()?, ..run })));
        };
        refuse(to.is_some() && verb != "rollback", "--to", &verb)?;
        refuse(json && !matches!(verb.as_str(), "history" | "diff" | "lint"), "--json", &verb)?;
        refuse(given_data && matches!(verb.as_str(), "lint" | "render"), "--data", &verb)?;
        if verb == "render" {
            refuse(agent_only.is_some(), agent_only.unwrap_or_default(), &verb)?;
            return render_command(config, run, render);
        }
        refuse(config.is_some(), "--config", &verb)?;
        refuse(run_only.is_some(), run_only.unwrap_or_default(), &verb)?;
        refuse(render_only.is_some(), render_only.unwrap_or_default(), &verb)?;
        match verb.as_str() {
            "lint" => {
                let directory = directory.ok_or("lint takes a directory: a checkout or a data directory")?;
                Ok(Command::Lint { directory, json })
            }
            "history" => Ok(Command::History { data: data()?, json }),
            "diff" => Ok(Command::Diff { data: data()?, json }),
            "rollback" => Ok(Command::Rollback { data: data()?, to }),
            "resume" => Ok(Command::Resume { data: data()? }),
            "help" => Ok(Command::Help),
            _ => Err(format!("there is no command {verb:?}: history, diff, rollback, resume, lint, render")),
        }
    }
}

fn render_command(config: Option<PathBuf>, run: Options, render: Render) -> Result<Command, String> {
    let config = config.ok_or("--config FILE is missing: the GatewaySync manifest")?;
    if render.source.as_os_str().is_empty() {
        return Err("--source DIR is missing: the checkout".to_owned());
    }
    if render.out.as_os_str().is_empty() {
        return Err("--out DIR is missing: where the rendered files go".to_owned());
    }
    Ok(Command::Render(Box::new(Render { options: Options { config, ..run }, ..render })))
}

fn address(option: &str, given: &str) -> Result<SocketAddr, String> {
    given.parse().map_err(|_| format!("{option} takes ADDRESS:PORT, not {given:?}"))
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
        in_place(line, false)
    }

    fn in_place(line: &str, in_cluster: bool) -> Result<Command, String> {
        let words = std::iter::once("stoker-agent").chain(line.split_whitespace());
        parse(words.map(OsString::from), in_cluster)
    }

    #[test]
    fn a_sidecar_needs_no_arguments() {
        assert_eq!(in_place("", true), Ok(Command::Cluster(Box::default())));
        assert!(in_place("--data d", true).unwrap_err().contains("--data"));
        assert!(in_place("--profile p", true).is_err());
        assert!(matches!(in_place("--config c --data d", true), Ok(Command::Run(_))));
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
            ("lint", "lint takes a directory"),
            ("lint a b", "unexpected argument"),
            ("lint a --data d", "--data does not go with \"lint\""),
            ("render --config a --out o", "--source DIR is missing"),
            ("render --config a --source s", "--out DIR is missing"),
            ("render --source s --out o", "--config FILE is missing"),
            ("render --config a --source s --out o --once", "--once does not go with \"render\""),
            ("render --config a --source s --out o --commit 12", "40 hexadecimal digits"),
            ("--config a --data d --out o", "--out does not go with \"running\""),
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
        assert_eq!(parsed("lint d --json"), Ok(Command::Lint { directory: "d".into(), json: true }));
        let Ok(Command::Render(render)) =
            parsed("render --config c --source s --out o --profile p --ref v1 --gateway-name g --replace")
        else {
            panic!("not a rendering")
        };
        assert_eq!((render.options.profile.as_deref(), render.reference.as_deref()), (Some("p"), Some("v1")));
        assert!(render.replace && render.commit == ObjectId::default());
    }
}
