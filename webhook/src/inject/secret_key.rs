//! `gateway.api.secretKey`, which may be a template.

use stoker_gotemplate::{Limits, Map, Struct, Template, Value};

use super::pod::GatewayName;
use super::sidecar::Plan;

/// The key to mount, or a warning why there is none.
pub(super) fn secret_key(plan: &Plan<'_>) -> Result<String, String> {
    let written = plan.spec.gateway.api.secret_key.as_str();
    if !written.contains("{{") {
        return Ok(written.to_owned());
    }
    let why = match render(plan, written) {
        Ok(key) => return Ok(key),
        Err(why) => why,
    };
    if plan.gateway == GatewayName::OfThePod {
        return Err(
            "gateway.api.secretKey is a template, and this pod's name is not known at admission: name the gateway in the annotation stoker.io/gateway-name; no API token is mounted"
                .to_owned(),
        );
    }
    Err(format!("gateway.api.secretKey cannot be rendered ({why}); no API token is mounted"))
}

fn render(plan: &Plan<'_>, written: &str) -> Result<String, String> {
    let pod = plan.request.pod;
    let mut fields =
        vec![("CRName", Value::from(plan.name)), ("Labels", Value::Map(Map::of_strings(pod.labels())))];
    if let GatewayName::Known(name) = plan.gateway {
        fields.push(("GatewayName", Value::from(name)));
    }
    if let Some(name) = pod.name() {
        fields.push(("PodName", Value::from(name)));
    }
    if let Some(namespace) = plan.request.namespace {
        fields.push(("Namespace", Value::from(namespace)));
    }
    let template = Template::parse("secretKey", written.as_bytes()).map_err(|error| error.to_string())?;
    let mut key = Vec::new();
    template
        .render(&Value::Struct(Struct::new("Context", fields)), &limits(), &mut key)
        .map_err(|error| error.to_string())?;
    String::from_utf8(key).map_err(|_| "it is not UTF-8".to_owned())
}

/// A key of a Secret has at most 253 bytes.
fn limits() -> Limits {
    Limits { bytes: 1024, steps: 10_000, depth: 10 }
}
