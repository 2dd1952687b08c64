use super::*;

fn answer(status: u16, content_type: &str, body: &str) -> Answer {
    Answer {
        place: "http://127.0.0.1:8088/data/api/v1/x".to_owned(),
        status,
        content_type: content_type.to_owned(),
        location: None,
        body: body.as_bytes().to_vec(),
        truncated: false,
    }
}

fn redirect(to: &str) -> Answer {
    Answer { location: Some(to.to_owned()), ..answer(302, "", "") }
}

#[test]
fn a_bad_token_is_one_whether_the_401_is_a_page_or_empty() {
    for bad in [
        answer(401, "text/html", "<html>Login</html>"),
        answer(401, "", ""),
        answer(401, "application/json", "{"),
    ] {
        let error = bad.error();
        assert!(matches!(error, Error::Unauthorized { .. }));
        assert!(error.to_string().contains("name:secret"), "{error}");
        assert!(!error.to_string().contains("html>"), "{error}");
    }
}

#[test]
fn a_403_names_its_three_causes() {
    let message = answer(403, "text/html", "<html/>").error().to_string();
    for cause in ["permission", "HTTPS", "security-properties"] {
        assert!(message.contains(cause), "{message}");
    }
}

#[test]
fn no_route_means_the_wrong_port_or_an_old_gateway() {
    for old in [
        answer(404, "application/json", r#"{"message":"No route match for /x"}"#),
        answer(404, "text/html", "<h1>404</h1>"),
        answer(404, "", ""),
    ] {
        let error = old.error();
        assert!(matches!(error, Error::NoApi { .. }), "{error}");
        assert!(error.to_string().contains("gateway.port") && error.to_string().contains("8.3"), "{error}");
    }
}

#[test]
fn a_404_about_a_thing_is_not_one_about_the_api() {
    let error = answer(404, "application/json", r#"{"message":"Project not found"}"#).error();
    assert_eq!(error.to_string(), "http://127.0.0.1:8088/data/api/v1/x: 404: Project not found");
}

#[test]
fn a_redirect_to_welcome_means_not_commissioned() {
    for to in ["/welcome", "/welcome?x=1", "http://127.0.0.1:8088/welcome/"] {
        assert!(matches!(redirect(to).error(), Error::NotCommissioned { status: 302, .. }), "{to}");
    }
}

#[test]
fn a_redirect_elsewhere_is_not_followed_and_says_where_it_leads() {
    let message = redirect("https://gw.plant:8043/data/api/v1/x?token=abc").error().to_string();
    assert!(message.contains("https://gw.plant:8043/data/api/v1/x;"), "{message}");
    assert!(message.contains("gateway.tls: true"), "{message}");
    assert!(!message.contains("token=abc"), "{message}");
    let message = redirect("/elsewhere").error().to_string();
    assert!(message.contains("gateway.port"), "{message}");
    let message = answer(302, "", "").error().to_string();
    assert!(message.contains("nowhere"), "{message}");
}

#[test]
fn starting_is_not_an_error_of_ours() {
    let error = answer(503, "text/html", "<html/>").error();
    assert!(matches!(error, Error::Starting { .. }));
    assert!(error.is_transient());
}

#[test]
fn other_statuses_carry_what_is_meant_for_people_and_nothing_else() {
    for (given, expected) in [
        (answer(500, "application/json", r#"{"message":"boom"}"#), "500: boom"),
        (answer(500, "application/problem+json", r#"{"error":"boom"}"#), "500: boom"),
        (answer(500, "text/plain", "a\nb"), "500: a b"),
        (answer(500, "text/html", "<h1>boom</h1>"), "500"),
        (answer(500, "application/json", "<h1>"), "500"),
        (answer(500, "application/json", "{}"), "500"),
        (answer(500, "text/plain", ""), "500"),
    ] {
        assert_eq!(given.error().to_string(), format!("http://127.0.0.1:8088/data/api/v1/x: {expected}"));
    }
}

#[test]
fn a_body_is_json_only_if_it_says_so() {
    assert!(answer(200, "application/json", "{}").json::<Value>().is_ok());
    for (given, words) in [
        (answer(200, "text/html", "{}"), "not text/html"),
        (answer(200, "", "{}"), "no content type"),
        (answer(200, "application/json", "{"), "not as expected"),
        (Answer { truncated: true, ..answer(200, "application/json", "{}") }, "longer than 2 bytes"),
    ] {
        let message = given.json::<Value>().unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    assert!(matches!(answer(401, "application/json", "{}").json::<Value>(), Err(Error::Unauthorized { .. })));
}
