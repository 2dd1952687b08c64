//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};

use crate::inject::Policy;

/// What `--help` prints.
pub const HELP: &str = "\
stoker-webhook puts the sidecar into gateway pods, and takes pushes.

Serve, in a cluster:
  stoker-webhook [options]

      --address ADDR             admission, always TLS (default: 0.0.0.0:9443)
      --receiver-address ADDR    the push receiver, or \"off\" (default: 0.0.0.0:9444)
      --receiver-tls             the push receiver with the same certificate
      --probe-address ADDR       /healthz, /readyz and /metrics, plain (default: 0.0.0.0:8081)
      --namespace NAME           where Secret, Lease and Service are (default: $POD_NAMESPACE, else the client's)
      --service NAME             the Service, for the certificate's names (default: stoker-webhook)
      --tls-secret NAME          Secret of the certificates (default: stoker-webhook-tls)
      --tls-name NAME            one more DNS name or address of the certificate; may be repeated
      --configuration NAME       the MutatingWebhookConfiguration (default: stoker-webhook)
      --lease NAME               the Lease of the replica that writes caBundle (default: stoker-webhook)
      --identity NAME            this replica (default: $POD_NAME, else a random name)
      --when-paused WHAT         pods of a paused GatewaySync: admit (default) or deny
      --when-invalid WHAT        pods whose GatewaySync or profile is missing or ambiguous: admit (default) or deny
      --allow-unauthenticated    the receiver takes pushes of anybody while no secret is configured
      --rate-per-source N        requests a second from one address (default: 20)
      --rate-per-resource N      pushes a second to one GatewaySync (default: 10)
      --drain-seconds N          between readiness dropping and the end of listening (default: 5)

Put the sidecar into manifests, without a cluster and without a webhook:
  stoker-webhook inject -f FILE --gatewaysync FILE [--namespace NAME]

  -f, --file FILE                Pods and workloads, YAML or JSON, one or several documents; \"-\" is standard input
      --gatewaysync FILE         the GatewaySync
      --namespace NAME           where the pods will be (default: what the manifests say)

  -h, --help                     this text
  -V, --version                  the version

Environment:
  DEFAULT_AGENT_IMAGE            image of the sidecar where the GatewaySync names none
  WEBHOOK_HMAC_SECRET            signs pushes; opens every GatewaySync without secrets of its own
  WEBHOOK_BEARER_TOKEN           the same, sent along as a token
  STOKER_LOG                     error, warn, info (default) or debug

Logs are for people on a terminal and JSON otherwise.

Exit codes: 0 done, 64 bad usage, 65 a manifest is wrong, 69 no cluster is configured, 71 the system refused (ports, files).
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
    /// Serve.
    Serve(Box<Options>),
    /// Put the sidecar into manifests.
    Inject(Manifests),
}

/// How to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "`HELP` says it")]
pub struct Options {
    pub address: SocketAddr,
    pub receiver_address: Option<SocketAddr>,
    pub receiver_tls: bool,
    pub probe_address: SocketAddr,
    pub namespace: Option<String>,
    pub service: String,
    pub tls_secret: String,
    pub tls_names: Vec<String>,
    pub configuration: String,
    pub lease: String,
    pub identity: Option<String>,
    pub when_paused: Policy,
    pub when_invalid: Policy,
    pub allow_unauthenticated: bool,
    pub rate_per_source: u32,
    pub rate_per_resource: u32,
    pub drain: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let any = |port| SocketAddr::from(([0, 0, 0, 0], port));
        Self {
            address: any(stoker_api::names::webhook::MUTATE_PORT),
            receiver_address: Some(any(stoker_api::names::webhook::RECEIVER_PORT)),
            receiver_tls: false,
            probe_address: any(8081),
            namespace: None,
            service: "stoker-webhook".to_owned(),
            tls_secret: "stoker-webhook-tls".to_owned(),
            tls_names: Vec::new(),
            configuration: "stoker-webhook".to_owned(),
            lease: "stoker-webhook".to_owned(),
            identity: None,
            when_paused: Policy::Admit,
            when_invalid: Policy::Admit,
            allow_unauthenticated: false,
            rate_per_source: 20,
            rate_per_resource: 10,
            drain: Duration::from_secs(5),
        }
    }
}

/// Which manifests get the sidecar of which resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "`HELP` says it")]
pub struct Manifests {
    pub file: PathBuf,
    pub gateway_sync: PathBuf,
    pub namespace: Option<String>,
}

/// Reads the command line; the first argument is the program's name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut is_inject = false;
    let mut options = Options::default();
    let mut manifests = Manifests::default();
    let mut serve_only: Option<String> = None;
    while let Some(argument) = parser.next().map_err(said)? {
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Value(verb) if verb == "inject" && !is_inject => is_inject = true,
            Value(verb) => {
                return Err(format!("there is no command {:?}; known: inject", verb.display().to_string()));
            }
            Short('f') | Long("file") => manifests.file = parser.value().map_err(said)?.into(),
            Long("gatewaysync") => manifests.gateway_sync = parser.value().map_err(said)?.into(),
            Long("namespace") => manifests.namespace = Some(word(&mut parser)?),
            Long(name) => {
                let name = name.to_owned();
                option(&name, &mut options, &mut parser)?;
                serve_only = Some(name);
            }
            Short(_) => return Err(said(argument.unexpected())),
        }
    }
    let has = |path: &PathBuf| !path.as_os_str().is_empty();
    if !is_inject {
        if has(&manifests.file) || has(&manifests.gateway_sync) {
            return Err("--file and --gatewaysync belong to the command inject".to_owned());
        }
        options.namespace = manifests.namespace;
        return Ok(Command::Serve(Box::new(options)));
    }
    if let Some(name) = serve_only {
        return Err(format!("--{name} does not belong to the command inject"));
    }
    if !has(&manifests.file) || !has(&manifests.gateway_sync) {
        return Err("inject needs -f FILE and --gatewaysync FILE".to_owned());
    }
    Ok(Command::Inject(manifests))
}

fn option(name: &str, options: &mut Options, parser: &mut lexopt::Parser) -> Result<(), String> {
    match name {
        "address" => options.address = address(name, parser)?,
        "receiver-address" => {
            let text = word(parser)?;
            let parsed = || text.parse().map_err(|_| no_address(name, &text));
            options.receiver_address = if text == "off" { None } else { Some(parsed()?) };
        }
        "receiver-tls" => options.receiver_tls = true,
        "probe-address" => options.probe_address = address(name, parser)?,
        "service" => options.service = word(parser)?,
        "tls-secret" => options.tls_secret = word(parser)?,
        "tls-name" => options.tls_names.push(word(parser)?),
        "configuration" => options.configuration = word(parser)?,
        "lease" => options.lease = word(parser)?,
        "identity" => options.identity = Some(word(parser)?),
        "when-paused" => options.when_paused = policy(name, parser)?,
        "when-invalid" => options.when_invalid = policy(name, parser)?,
        "allow-unauthenticated" => options.allow_unauthenticated = true,
        "rate-per-source" => options.rate_per_source = rate(name, parser)?,
        "rate-per-resource" => options.rate_per_resource = rate(name, parser)?,
        "drain-seconds" => {
            let seconds: u16 = parser.value().and_then(|value| value.parse()).map_err(said)?;
            options.drain = Duration::from_secs(seconds.into());
        }
        _ => return Err(format!("invalid option '--{name}'")),
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn said(error: lexopt::Error) -> String {
    error.to_string()
}

fn word(parser: &mut lexopt::Parser) -> Result<String, String> {
    let text = parser.value().and_then(ValueExt::string).map_err(said)?;
    if text.is_empty() { Err("an option's value is empty".to_owned()) } else { Ok(text) }
}

fn address(name: &str, parser: &mut lexopt::Parser) -> Result<SocketAddr, String> {
    let text = word(parser)?;
    text.parse().map_err(|_| no_address(name, &text))
}

fn no_address(name: &str, text: &str) -> String {
    format!("--{name} {text:?} is no address with a port, such as 0.0.0.0:9443")
}

fn policy(name: &str, parser: &mut lexopt::Parser) -> Result<Policy, String> {
    match word(parser)?.as_str() {
        "admit" => Ok(Policy::Admit),
        "deny" => Ok(Policy::Deny),
        other => Err(format!("--{name} is admit or deny, not {other:?}")),
    }
}

fn rate(name: &str, parser: &mut lexopt::Parser) -> Result<u32, String> {
    let rate: u32 = parser.value().and_then(|value| value.parse()).map_err(said)?;
    if rate == 0 { Err(format!("--{name} must be at least 1")) } else { Ok(rate) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Result<Command, String> {
        parse(["stoker-webhook"].iter().chain(arguments).map(OsString::from))
    }

    #[test]
    fn without_arguments_it_serves_on_the_contracts_ports() {
        let Ok(Command::Serve(options)) = of(&[]) else { panic!("does not serve") };
        assert_eq!(options.address.port(), 9443);
        assert_eq!(options.receiver_address.map(|address| address.port()), Some(9444));
    }

    #[test]
    fn every_option_of_the_help_is_known() {
        for line in HELP.lines().filter_map(|line| line.trim().strip_prefix("--")) {
            let (name, rest) = line.split_once(' ').unwrap();
            if matches!(name, "gatewaysync") {
                continue;
            }
            let value = rest.trim_start();
            let value = match value.split(' ').next().unwrap() {
                "ADDR" => Some("127.0.0.1:1"),
                "NAME" => Some("x"),
                "WHAT" => Some("deny"),
                "N" => Some("1"),
                _ => None,
            };
            let flag = format!("--{name}");
            let arguments: Vec<&str> = [Some(flag.as_str()), value].into_iter().flatten().collect();
            assert!(matches!(of(&arguments), Ok(Command::Serve(_))), "{arguments:?}: {:?}", of(&arguments));
        }
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        for arguments in [
            &["inject"][..],
            &["inject", "-f", "a"],
            &["-f", "a", "--gatewaysync", "b"],
            &["inject", "-f", "a", "--gatewaysync", "b", "--receiver-tls"],
            &["serve"],
            &["--when-paused", "maybe"],
            &["--rate-per-source", "0"],
            &["--address", "9443"],
            &["--unknown"],
            &["--service", ""],
        ] {
            assert!(of(arguments).is_err(), "{arguments:?}");
        }
    }
}
