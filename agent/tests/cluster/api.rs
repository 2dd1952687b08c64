//! The API server as an administrator, or anyone else, reaches it: JSON over HTTPS, nothing more.

use std::sync::Arc;

use serde_json::{Value, json};
use stoker_test_apiserver::Server;
use ureq::tls::{PemItem, RootCerts, TlsConfig};

pub struct Api {
    agent: ureq::Agent,
    base: String,
    token: String,
}

impl Api {
    pub fn admin(server: &Server) -> Self {
        Self::of(server, server.admin_token())
    }

    pub fn of(server: &Server, token: &str) -> Self {
        let certificates = ureq::tls::parse_pem(server.ca_pem().as_bytes()).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(certificates.collect())))
            .build();
        let config = ureq::Agent::config_builder().tls_config(tls).http_status_as_error(false).proxy(None);
        Self { agent: config.build().into(), base: server.url(), token: token.to_owned() }
    }

    /// The status and the body.
    pub fn ask(&self, method: &str, path: &str, content_type: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", content_type)
            .body(body)
            .unwrap();
        let mut answer = self.agent.run(request).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    #[track_caller]
    fn good(&self, method: &str, path: &str, content_type: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, content_type, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer:#}");
        answer
    }

    #[track_caller]
    pub fn create(&self, path: &str, body: &Value) -> Value {
        self.good("POST", path, "application/json", body)
    }

    #[track_caller]
    pub fn merge(&self, path: &str, body: &Value) -> Value {
        self.good("PATCH", path, "application/merge-patch+json", body)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.good("GET", path, "application/json", &Value::Null)
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Value {
        self.good("DELETE", path, "application/json", &Value::Null)
    }

    /// A token of a service account.
    pub fn token(&self, namespace: &str, account: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}});
        self.create(&path, &request)["status"]["token"].as_str().unwrap().to_owned()
    }
}
