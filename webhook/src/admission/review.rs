//! `AdmissionReview`, v1: what the API server asks, and the answer, written by hand because the patch is base64 of JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::inject::Patch;
use crate::text::cut;

/// What the API server cuts off: a warning may have 256 bytes, and all together 4,096.
const LONGEST_WARNING: usize = 200;
const MOST_WARNINGS: usize = 16;
/// The longest message with which a pod is refused.
const LONGEST_MESSAGE: usize = 1024;

/// The largest review that is read. etcd takes no object above 1.5 MiB, and a pod that is created comes alone.
pub const MAX_BYTES: usize = 2 << 20;

/// What is asked.
#[derive(Debug, Deserialize)]
pub struct Review {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    /// The question.
    pub request: Question,
}

/// The question.
#[derive(Debug, Deserialize)]
pub struct Question {
    /// Identifies it.
    pub uid: String,
    /// Plural of what it is about.
    #[serde(default)]
    pub resource: ResourceName,
    /// Such as `ephemeralcontainers`.
    #[serde(default, rename = "subResource")]
    pub subresource: Option<String>,
    /// Namespace of the pod.
    #[serde(default)]
    pub namespace: String,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub operation: String,
    /// The pod.
    #[serde(default)]
    pub object: Value,
}

/// What a question is about.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
pub struct ResourceName {
    /// Empty for the core.
    #[serde(default)]
    pub group: String,
    /// `pods`.
    #[serde(default)]
    pub resource: String,
}

/// A body that is no review.
#[derive(Debug, thiserror::Error)]
pub enum BadReview {
    /// It is not of the form.
    #[error("not an AdmissionReview: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is of a form that is not known.
    #[error("not an AdmissionReview of admission.k8s.io/v1")]
    OtherVersion,
}

impl Review {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Result<Self, BadReview> {
        let review: Self = serde_json::from_slice(body)?;
        let is_ours = review.api_version == "admission.k8s.io/v1" && review.kind == "AdmissionReview";
        if is_ours { Ok(review) } else { Err(BadReview::OtherVersion) }
    }
}

impl Question {
    /// Whether it is about a pod that is created. A configuration that a person wrote may ask for anything.
    pub fn is_new_pod(&self) -> bool {
        let ResourceName { group, resource } = &self.resource;
        self.operation == "CREATE"
            && group.is_empty()
            && resource == "pods"
            && self.subresource.as_deref().unwrap_or_default().is_empty()
            && self.object.is_object()
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The pod may be made, changed so.
    Allow {
        /// Empty where nothing changes.
        patch: Patch,
        /// For whoever makes the pod.
        warnings: Vec<String>,
    },
    /// It may not.
    Deny {
        /// Why.
        message: String,
    },
}

impl Answer {
    /// The pod stays as it is.
    pub fn unchanged(warnings: Vec<String>) -> Self {
        Self::Allow { patch: Patch::default(), warnings }
    }

    /// The body of the answer to the question `uid`.
    ///
    /// # Panics
    /// Never: it is made of texts.
    pub fn body(&self, uid: &str) -> Vec<u8> {
        let response = match self {
            Self::Allow { patch, warnings } => {
                let mut response = json!({"uid": uid, "allowed": true});
                if !patch.is_empty() {
                    let text = serde_json::to_vec(patch).expect("a patch is plain JSON");
                    response["patchType"] = json!("JSONPatch");
                    response["patch"] = json!(STANDARD.encode(text));
                }
                if !warnings.is_empty() {
                    let warnings = warnings.iter().take(MOST_WARNINGS);
                    response["warnings"] = warnings
                        .map(|warning| format!("stoker: {}", cut(warning, LONGEST_WARNING)))
                        .collect();
                }
                response
            }
            Self::Deny { message } => json!({
                "uid": uid,
                "allowed": false,
                "status": {"code": 403, "reason": "Forbidden", "message": format!("stoker: {}", cut(message, LONGEST_MESSAGE))},
            }),
        };
        let review =
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
        serde_json::to_vec(&review).expect("an answer is plain JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(change: impl FnOnce(&mut Value)) -> Result<Review, BadReview> {
        let mut value = json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "u", "operation": "CREATE", "namespace": "site1",
                "resource": {"group": "", "version": "v1", "resource": "pods"},
                "object": {"metadata": {}},
            },
        });
        change(&mut value);
        Review::read(value.to_string().as_bytes())
    }

    #[test]
    fn only_new_pods_are_looked_at() {
        assert!(review(|_| ()).unwrap().request.is_new_pod());
        let others: [fn(&mut Value); 5] = [
            |review| review["request"]["operation"] = json!("UPDATE"),
            |review| review["request"]["subResource"] = json!("ephemeralcontainers"),
            |review| review["request"]["resource"]["resource"] = json!("deployments"),
            |review| review["request"]["resource"]["group"] = json!("apps"),
            |review| review["request"]["object"] = Value::Null,
        ];
        for other in others {
            assert!(!review(other).unwrap().request.is_new_pod());
        }
    }

    #[test]
    fn what_is_no_review_is_refused() {
        assert!(matches!(review(|review| review["kind"] = json!("Pod")), Err(BadReview::OtherVersion)));
        assert!(matches!(Review::read(b"{"), Err(BadReview::Malformed(_))));
        assert!(matches!(Review::read("[".repeat(100_000).as_bytes()), Err(BadReview::Malformed(_))));
    }

    #[test]
    fn an_answer_names_the_question_and_cuts_long_warnings() {
        let answer = Answer::unchanged(vec!["x".repeat(1000); 50]);
        let body: Value = serde_json::from_slice(&answer.body("u-1")).unwrap();
        assert_eq!(body["response"]["uid"], "u-1");
        assert_eq!(body["response"]["allowed"], true);
        assert!(body["response"].get("patch").is_none());
        let warnings = body["response"]["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), MOST_WARNINGS);
        assert!(warnings.iter().all(|warning| warning.as_str().unwrap().len() <= 256));
        let refused = Answer::Deny { message: "no".into() }.body("u-2");
        let refused: Value = serde_json::from_slice(&refused).unwrap();
        assert_eq!(refused["response"]["status"]["message"], "stoker: no");
    }
}
