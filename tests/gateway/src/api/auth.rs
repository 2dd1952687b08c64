//! Who may call.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::commissioning;
use crate::faults::Forbid;
use crate::http::{Request, Response};
use crate::shared::Shared;

const HEADER: &str = "x-ignition-api-token";

/// 401 or 403 for who may not make this call. Reads get a page of HTML, writes nothing.
pub(super) fn refusal(shared: &Shared, request: &Request, writes: bool) -> Option<Response> {
    let refuse = |status| Some(if writes { Response::empty(status) } else { Response::page(status) });
    if !request.header(HEADER).is_some_and(|token| is_known(shared, token)) {
        return refuse(401);
    }
    let (forbid, loaded) = {
        let inner = shared.inner();
        (inner.faults.forbid, inner.loaded.clone())
    };
    let forbidden = match forbid {
        Forbid::Nothing => false,
        Forbid::Writes => writes,
        Forbid::Everything => true,
    };
    if forbidden || commissioning::locks_out(&shared.settings, &loaded) { refuse(403) } else { None }
}

/// A token is `name:secret`; the secret alone is nobody's.
fn is_known(shared: &Shared, header: &str) -> bool {
    if shared.settings.token.as_ref().is_some_and(|token| token.header() == header) {
        return true;
    }
    let Some((name, secret)) = header.split_once(':') else { return false };
    let Ok(secret) = URL_SAFE_NO_PAD.decode(secret) else { return false };
    let hash: [u8; 32] = Sha256::digest(secret).into();
    let loaded = shared.inner().loaded.clone();
    let tokens = loaded.effective("ignition", "api-token", shared.settings.deployment_mode.as_deref());
    tokens.get(name).is_some_and(|token| token.enabled && token.token_hash == Some(hash))
}
