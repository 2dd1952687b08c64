//! The command line, and the environment in its stead.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short, ValueExt};
use tracing::level_filters::LevelFilter;

/// What `--help` prints.
pub const HELP: &str = "\
stoker-controller makes what the agents of every GatewaySync are told, and shows what they report.

Usage: stoker-controller [options]

      --namespaces A,B        look after these namespaces only; no rights on the whole cluster are needed then
                              (NAMESPACES; default: all)
      --allowed-hosts A,B     Git servers and GitHub APIs that may be asked: host, host:port or *.domain
                              (ALLOWED_HOSTS; default: all but addresses of this network segment)
      --agent-image IMAGE     the image that the webhook injects, to tell outdated agents
                              (DEFAULT_AGENT_IMAGE)
      --listen ADDR           serve /healthz, /readyz and /metrics here, and /loglevel to this machine alone
                              (LISTEN; default: 0.0.0.0:8080)
      --leader-election BOOL  of several replicas one writes, the others stand by (LEADER_ELECTION; default: true)
      --lease-namespace NAME  where the Lease is (POD_NAMESPACE; default: the client's own namespace)
      --lease-name NAME       its name (LEASE_NAME; default: stoker-controller)
      --run-dir DIR           where secrets are files for the moment of a look, best on a tmpfs
                              (RUN_DIR; default: the system's directory for temporary files)
      --kubeconfig FILE       run outside the cluster (KUBECONFIG; default: the pod's service account)
      --log-level LEVEL       error, warn, info, debug or trace (LOG_LEVEL; default: info)
  -h, --help                  this text
  -V, --version               the version

The log is JSON unless standard error is a terminal. Its level can be changed while the program runs:
  curl -X PUT -d debug http://127.0.0.1:8080/loglevel      (in a cluster through `kubectl port-forward`)

Exit codes: 0 stopped, 64 bad usage, 71 the system refused (a port in use), 78 bad configuration (kubeconfig, rights).
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Version,
    Run(Box<Options>),
}

/// How to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Empty: all.
    pub namespaces: Vec<String>,
    /// Empty: all.
    pub allowed_hosts: Vec<String>,
    pub agent_image: Option<String>,
    pub listen: SocketAddr,
    pub leader_election: bool,
    pub lease_namespace: Option<String>,
    pub lease_name: String,
    pub run_directory: PathBuf,
    pub kubeconfig: Option<PathBuf>,
    pub log_level: LevelFilter,
}

/// Each option, the variable that stands in for it, and what is done with the value.
const OPTIONS: [(&str, &str, Set); 10] = [
    ("namespaces", "NAMESPACES", |options, value| {
        options.namespaces = list(value);
        Ok(())
    }),
    ("allowed-hosts", "ALLOWED_HOSTS", |options, value| {
        options.allowed_hosts = list(value);
        Ok(())
    }),
    ("agent-image", stoker_api::names::env::DEFAULT_AGENT_IMAGE, |options, value| {
        options.agent_image = Some(value.to_owned()).filter(|image| !image.is_empty());
        Ok(())
    }),
    ("listen", "LISTEN", |options, value| {
        options.listen = value.parse().map_err(|_| format!("takes ADDRESS:PORT, not {value:?}"))?;
        Ok(())
    }),
    ("leader-election", "LEADER_ELECTION", |options, value| {
        options.leader_election = value.parse().map_err(|_| format!("takes true or false, not {value:?}"))?;
        Ok(())
    }),
    ("lease-namespace", stoker_api::names::env::POD_NAMESPACE, |options, value| {
        options.lease_namespace = Some(value.to_owned()).filter(|namespace| !namespace.is_empty());
        Ok(())
    }),
    ("lease-name", "LEASE_NAME", |options, value| {
        value.clone_into(&mut options.lease_name);
        Ok(())
    }),
    ("run-dir", "RUN_DIR", |options, value| {
        options.run_directory = value.into();
        Ok(())
    }),
    ("kubeconfig", "KUBECONFIG", |options, value| {
        options.kubeconfig = Some(value.into());
        Ok(())
    }),
    ("log-level", "LOG_LEVEL", |options, value| {
        options.log_level = crate::log::parse(value)?;
        Ok(())
    }),
];

type Set = fn(&mut Options, &str) -> Result<(), String>;

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Reads the command line, whose first argument is the program's name, over the environment.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Command, String> {
    let mut options = Options {
        namespaces: Vec::new(),
        allowed_hosts: Vec::new(),
        agent_image: None,
        listen: SocketAddr::from(([0, 0, 0, 0], 8080)),
        leader_election: true,
        lease_namespace: None,
        lease_name: "stoker-controller".to_owned(),
        run_directory: std::env::temp_dir(),
        kubeconfig: None,
        log_level: LevelFilter::INFO,
    };
    for (_, variable, set) in OPTIONS {
        if let Some(value) = environment(variable).filter(|value| !value.is_empty()) {
            set(&mut options, &value).map_err(|problem| format!("{variable} {problem}"))?;
        }
    }
    let mut parser = lexopt::Parser::from_iter(arguments);
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long(name) => {
                let Some((name, _, set)) = OPTIONS.iter().find(|(known, ..)| *known == name) else {
                    return Err(format!("there is no option --{name}"));
                };
                let value = parser.value().and_then(ValueExt::string).map_err(|error| error.to_string())?;
                set(&mut options, &value).map_err(|problem| format!("--{name} {problem}"))?;
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(Command::Run(Box::new(options)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, environment: &[(&str, &str)]) -> Result<Command, String> {
        let arguments =
            std::iter::once("stoker-controller").chain(line.split_whitespace()).map(OsString::from);
        parse(arguments, |name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn options(line: &str, environment: &[(&str, &str)]) -> Options {
        match parsed(line, environment) {
            Ok(Command::Run(options)) => *options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_option_wins_over_its_variable() {
        let options = options(
            "--namespaces a,b --listen 127.0.0.1:0 --leader-election false",
            &[("NAMESPACES", "c"), ("ALLOWED_HOSTS", "x, y"), ("LOG_LEVEL", "debug")],
        );
        assert_eq!(options.namespaces, ["a", "b"]);
        assert_eq!(options.allowed_hosts, ["x", "y"]);
        assert!(!options.leader_election);
        assert_eq!(options.log_level, LevelFilter::DEBUG);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, words) in [
            ("--listen 8080", "--listen takes ADDRESS:PORT"),
            ("--leader-election maybe", "true or false"),
            ("--log-level loud", "no log level"),
            ("--frobnicate", "there is no option --frobnicate"),
            ("run", "unexpected argument"),
        ] {
            let problem = parsed(line, &[]).unwrap_err();
            assert!(problem.contains(words), "{line}: {problem}");
        }
        assert!(parsed("", &[("LISTEN", "x")]).unwrap_err().starts_with("LISTEN takes"));
    }

    #[test]
    fn every_option_is_in_the_help() {
        for (option, variable, _) in OPTIONS {
            assert!(HELP.contains(&format!("--{option} ")) && HELP.contains(variable), "{option}");
        }
    }
}
