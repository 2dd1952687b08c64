//! Which `GatewaySync` a pod belongs to.

use super::problem::Problem;

/// Of those in the pod's namespace: the one that it names, else the only one.
pub fn choose<'a>(asked: Option<&str>, namespace: &str, known: &[&'a str]) -> Result<&'a str, Problem> {
    if let Some(asked) = asked {
        return known
            .iter()
            .copied()
            .find(|name| *name == asked)
            .ok_or_else(|| Problem::Unknown { namespace: namespace.to_owned(), name: asked.to_owned() });
    }
    match known {
        [only] => Ok(only),
        [] => Err(Problem::NoneInNamespace { namespace: namespace.to_owned() }),
        several => {
            let mut names: Vec<String> = several.iter().map(|name| (*name).to_owned()).collect();
            names.sort_unstable();
            Err(Problem::Several { namespace: namespace.to_owned(), names })
        }
    }
}
