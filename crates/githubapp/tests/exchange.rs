//! The exchange with a server that checks what GitHub documents: the JWT's signature and claims, headers and body.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use stoker_githubapp::{App, Error, Options, Repository, Tokens};
use tempfile::TempDir;

const APP: i64 = 4711;
const INSTALLATION: i64 = 815;

/// What a test changes of the server.
#[derive(Clone, Debug)]
struct Behaviour {
    /// Seconds that its clock is ahead.
    ahead: i64,
    /// Answers with this instead.
    instead: Option<(u16, &'static str, &'static str)>,
    /// Seconds that tokens last.
    lasts: i64,
}

struct GitHub {
    dir: TempDir,
    address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// Makes an RSA key, and gives its public half as `ssh-keygen` exports it (PKCS#1, DER).
fn key(dir: &TempDir, name: &str, format: &str) -> (PathBuf, Vec<u8>) {
    let path = dir.path().join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-m", format, "-f"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    let public = Command::new("ssh-keygen").args(["-e", "-m", "PEM", "-f"]).arg(&path).output().unwrap();
    let text = String::from_utf8(public.stdout).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    (path, STANDARD.decode(body).unwrap())
}

impl GitHub {
    fn start(format: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (_, public) = key(&dir, "app.pem", format);
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(dir.path().join("ca.crt"), certified.cert.pem()).unwrap();
        let secret = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], secret)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let behaviour = Arc::new(Mutex::new(Behaviour { ahead: 0, instead: None, lasts: 3600 }));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let server = Server { public, behaviour: Arc::clone(&behaviour), asked: Arc::clone(&asked) };
        let config = Arc::new(config);
        // The thread ends with the test program: it waits for nothing but connections.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                server.serve(rustls::StreamOwned::new(connection, stream.unwrap()));
            }
        });
        Self { dir, address, behaviour, asked }
    }

    fn app(&self) -> App {
        let base = format!("https://localhost:{}/api/v3", self.address.port());
        App { app_id: APP, installation_id: INSTALLATION, base }
    }

    fn repository(&self) -> Repository {
        Repository::of_url(&format!("https://localhost:{}/site/plant.git", self.address.port())).unwrap()
    }

    fn tokens(&self) -> Tokens {
        let ca_file = Some(self.dir.path().join("ca.crt"));
        Tokens::new(Options { ca_file, timeout: Duration::from_secs(10) })
    }

    fn key(&self) -> Vec<u8> {
        std::fs::read(self.dir.path().join("app.pem")).unwrap()
    }

    fn token(&self, tokens: &mut Tokens) -> Result<String, Error> {
        self.token_at(tokens, now())
    }

    fn token_at(&self, tokens: &mut Tokens, at: i64) -> Result<String, Error> {
        let token = tokens.token_at(at, &self.app(), &self.repository(), || Ok(self.key()));
        token.map(|token| token.secret().to_owned())
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }
}

struct Server {
    public: Vec<u8>,
    behaviour: Arc<Mutex<Behaviour>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

type Stream = rustls::StreamOwned<rustls::ServerConnection, TcpStream>;

impl Server {
    fn serve(&self, stream: Stream) {
        let mut stream = BufReader::new(stream);
        let (mut line, mut headers) = (String::new(), BTreeMap::new());
        if stream.read_line(&mut line).is_err() || line.is_empty() {
            return;
        }
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).unwrap();
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
        let behaviour = self.behaviour.lock().unwrap().clone();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let (status, more, answer) = match behaviour.instead {
            Some((status, more, body)) => (status, more, body.to_owned()),
            None => match self.judge(line.trim_end(), &headers, &body, &behaviour) {
                Ok(answer) => (201, "", answer.to_string()),
                Err((status, message)) => (status, "", json!({"message": message}).to_string()),
            },
        };
        self.asked.lock().unwrap().push(body);
        let date = jiff::fmt::rfc2822::to_string(
            &jiff::Timestamp::from_second(now() + behaviour.ahead).unwrap().to_zoned(jiff::tz::TimeZone::UTC),
        );
        let head = format!(
            "HTTP/1.1 {status} x\r\nDate: {}\r\nContent-Length: {}\r\n{more}\r\n",
            date.unwrap(),
            answer.len()
        );
        let stream = stream.get_mut();
        let _ = stream.write_all(format!("{head}{answer}").as_bytes());
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }

    /// What GitHub documents for `POST /app/installations/{id}/access_tokens`.
    fn judge(
        &self,
        line: &str,
        headers: &BTreeMap<String, String>,
        body: &Value,
        behaviour: &Behaviour,
    ) -> Result<Value, (u16, String)> {
        let unauthorized = |message: &str| (401, message.to_owned());
        assert_eq!(headers["accept"], "application/vnd.github+json");
        assert_eq!(headers["x-github-api-version"], "2022-11-28");
        assert!(headers.contains_key("user-agent"), "GitHub refuses requests without");
        let jwt = headers["authorization"].strip_prefix("Bearer ").unwrap();
        let parts: Vec<&str> = jwt.split('.').collect();
        let [header, claims, signature] = parts[..] else { return Err(unauthorized("could not be decoded")) };
        let decode = |part| URL_SAFE_NO_PAD.decode(part).unwrap();
        let header: Value = serde_json::from_slice(&decode(header)).unwrap();
        assert_eq!(header["alg"], "RS256");
        let key = ring::signature::UnparsedPublicKey::new(
            &ring::signature::RSA_PKCS1_2048_8192_SHA256,
            &self.public,
        );
        let signed = &jwt[..jwt.rfind('.').unwrap()];
        key.verify(signed.as_bytes(), &decode(signature))
            .map_err(|_| unauthorized("A JSON web token could not be decoded"))?;
        let claims: Value = serde_json::from_slice(&decode(claims)).unwrap();
        let clock = now() + behaviour.ahead;
        let (issued, expires) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        if issued > clock {
            return Err(unauthorized(
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
            ));
        }
        if expires <= clock || expires > clock + 600 {
            return Err(unauthorized("'Expiration time' claim ('exp') is too far in the future"));
        }
        if claims["iss"].as_str() != Some(&APP.to_string()) {
            return Err((404, "Integration not found".to_owned()));
        }
        if line != format!("POST /api/v3/app/installations/{INSTALLATION}/access_tokens HTTP/1.1") {
            return Err((404, "Not Found".to_owned()));
        }
        if body["repositories"] != json!(["plant"]) {
            return Err((422, "There is at least one repository that does not exist or is not accessible to the parent installation.".to_owned()));
        }
        assert_eq!(*body, json!({"repositories": ["plant"], "permissions": {"contents": "read"}}));
        let count = self.asked.lock().unwrap().len();
        let end = jiff::Timestamp::from_second(clock + behaviour.lasts).unwrap();
        Ok(
            json!({"token": format!("ghs_{count}"), "expires_at": end.to_string(), "permissions": {"contents": "read"}}),
        )
    }
}

#[test]
fn keys_of_both_formats_are_exchanged_for_a_token_that_reads_one_repository() {
    for format in ["PEM", "PKCS8"] {
        let github = GitHub::start(format);
        assert_eq!(github.token(&mut github.tokens()).unwrap(), "ghs_0", "{format}");
    }
}

#[test]
fn a_token_is_kept_until_ten_minutes_before_its_end() {
    let github = GitHub::start("PEM");
    let mut tokens = github.tokens();
    let start = now();
    for (after, expected) in [(0, "ghs_0"), (2900, "ghs_0"), (3010, "ghs_1")] {
        // The server's clock goes along.
        github.set(|behaviour| behaviour.ahead = after);
        assert_eq!(github.token_at(&mut tokens, start + after).unwrap(), expected, "after {after} s");
    }
    tokens.forget(&github.app(), &github.repository());
    assert_eq!(github.token_at(&mut tokens, start + 3010).unwrap(), "ghs_2");
    let other =
        Repository::of_url(&format!("https://localhost:{}/site/other", github.address.port())).unwrap();
    let refused = tokens.token_at(start + 3010, &github.app(), &other, || Ok(github.key())).unwrap_err();
    assert!(refused.to_string().contains("\"other\"") && refused.reason() == "AuthFailed", "{refused}");
}

#[test]
fn a_token_is_used_to_its_end_when_it_cannot_be_renewed() {
    let github = GitHub::start("PEM");
    let mut tokens = github.tokens();
    let start = now();
    assert_eq!(github.token_at(&mut tokens, start).unwrap(), "ghs_0");
    github.set(|behaviour| behaviour.instead = Some((503, "", "{}")));
    assert_eq!(github.token_at(&mut tokens, start + 3100).unwrap(), "ghs_0");
    let error = github.token_at(&mut tokens, start + 3590).unwrap_err();
    assert!(error.is_transient() && error.reason() == "GitUnreachable", "{error}");
}

#[test]
fn clocks_that_differ_are_found_out_by_the_servers_date() {
    for ahead in [-7200, -200, 200, 86_400] {
        let github = GitHub::start("PEM");
        github.set(|behaviour| behaviour.ahead = ahead);
        let mut tokens = github.tokens();
        let token = tokens.token(&github.app(), &github.repository(), || Ok(github.key()));
        let token = token.unwrap_or_else(|error| panic!("{ahead}: {error}"));
        let left = token.expires_at - now();
        assert!((3500..=3605).contains(&left), "{left} s by our clock");
        let before = github.count();
        tokens.forget(&github.app(), &github.repository());
        github.token(&mut tokens).unwrap();
        assert_eq!(github.count(), before + 1, "the difference is remembered");
    }
}

#[test]
fn refusals_say_what_to_do_and_show_no_secret() {
    let github = GitHub::start("PEM");
    let mut tokens = github.tokens();
    let (path, _) = key(&github.dir, "other.pem", "PEM");
    let other = std::fs::read(path).unwrap();
    let app = github.app();
    let mut ask =
        |app: &App, key: &[u8]| tokens.token(app, &github.repository(), || Ok(key.to_vec())).unwrap_err();
    let error = ask(&app, &other);
    assert!(
        error.to_string().contains("appId and the private key") && error.reason() == "AuthFailed",
        "{error}"
    );
    let error = ask(&App { installation_id: 1, ..app.clone() }, &github.key());
    assert!(error.to_string().contains("no installation 1"), "{error}");
    let error = ask(&App { app_id: 1, ..app.clone() }, &github.key());
    assert!(error.to_string().contains("Integration not found"), "{error}");
    for (key, words) in [
        (&b"hello"[..], "cannot be read"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not one that can be used"),
    ] {
        let error = ask(&app, key);
        assert!(error.to_string().contains(words), "{error}");
    }
    let plain = App { base: app.base.replace("https", "http"), ..app.clone() };
    assert!(ask(&plain, &github.key()).to_string().contains("must be an https:// URL"));
    let elsewhere = App { base: "https://api.github.com".into(), ..app };
    assert!(ask(&elsewhere, &github.key()).to_string().contains("not shown there"));
}

#[test]
fn limits_redirects_and_strange_answers_are_told_apart() {
    let github = GitHub::start("PEM");
    let mut tokens = github.tokens();
    let mut answer = |status, more, body| {
        github.set(|behaviour| behaviour.instead = Some((status, more, body)));
        github.token(&mut tokens).unwrap_err()
    };
    let error = answer(403, "Retry-After: 60\r\n", r#"{"message":"secondary rate limit"}"#);
    assert_eq!((error.retry_after(), error.is_transient()), (Some(Duration::from_mins(1)), true));
    let error = answer(302, "Location: https://evil.example/\r\n", "");
    assert!(error.to_string().contains("302"), "{error}");
    let error = answer(201, "", "<html>");
    assert!(matches!(error, Error::Unexpected { .. }), "{error}");
    assert_eq!(github.count(), 3, "nothing was asked twice");
}

#[test]
fn a_server_that_nobody_vouches_for_is_not_trusted() {
    let github = GitHub::start("PEM");
    let error = github.token(&mut Tokens::new(Options::default())).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert_eq!(github.count(), 0);
}
