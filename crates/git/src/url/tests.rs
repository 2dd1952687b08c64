use super::*;

fn http(text: &str) -> HttpUrl {
    match RepoUrl::parse(text).unwrap().0 {
        Location::Http(url) => url,
        _ => panic!("{text} is not http"),
    }
}

fn refused(text: &str) -> String {
    RepoUrl::parse(text).expect_err(text).to_string()
}

#[test]
fn a_url_is_taken_apart() {
    let url = http("https://Git.Example.com/team/plant.git/");
    assert_eq!(url.origin, Origin { tls: true, host: "git.example.com".into(), port: 443 });
    assert_eq!(url.path, "/team/plant.git");
    let url = http("HTTP://[::1]:8080/a b/é");
    assert_eq!(url.origin, Origin { tls: false, host: "[::1]".into(), port: 8080 });
    assert_eq!(url.path, "/a%20b/%C3%A9");
    assert_eq!(http("https://host:/x").origin.port, 443);
}

#[test]
fn a_local_path_is_percent_decoded_as_git_does() {
    let path = |text| RepoUrl::parse(text).unwrap().local_path().map(Path::to_owned);
    assert_eq!(path("file:///srv/a%20b.git"), Some("/srv/a b.git".into()));
    assert_eq!(path("file://localhost/srv/x"), Some("/srv/x".into()));
    assert_eq!(path("https://host/x"), None);
}

#[test]
fn credentials_are_kept_for_use_and_never_printed() {
    let text = "https://me%40corp:p%3Ass@host:8443/x.git";
    let url = RepoUrl::parse(text).unwrap();
    let Location::Http(parts) = url.location() else { panic!() };
    let user = parts.user.as_ref().unwrap();
    assert_eq!((user.name.as_str(), user.password.as_deref()), ("me@corp", Some("p:ss")));
    for shown in [url.to_string(), format!("{url:?}")] {
        assert_eq!(shown, "https://***@host:8443/x.git");
    }
    // A token is often put where the user name belongs.
    assert_eq!(RepoUrl::parse("https://ghp_secret@host/x").unwrap().to_string(), "https://***@host/x");
}

#[test]
fn a_refused_url_hides_its_password_too() {
    for text in [
        "ftp://me:secret@host/x",
        "https://me:secret@ho st/x",
        "https://me:sec/ret@host/x",
        "ssh://me:secret@host/x",
        "https://me:secret@host/x?y",
        "me:secret@host:x",
    ] {
        let message = refused(text);
        assert!(!message.contains("ret@") && !message.contains("secret"), "{message}");
    }
}

#[test]
fn ssh_is_recognised_and_refused_by_name() {
    for text in
        ["ssh://git@host/x.git", "git@github.com:team/plant.git", "host:plant.git", "git+ssh://host/x"]
    {
        let message = refused(text);
        assert!(message.contains("ssh is not supported by this version yet"), "{message}");
    }
}

#[test]
fn what_is_no_repository_url_is_refused_with_the_reason() {
    for (text, part) in [
        ("", "must begin with https://"),
        ("/srv/x.git", "must begin with https://"),
        ("ftp://host/x", "must begin with https://"),
        ("https://", "host name"),
        ("https:///x", "host name"),
        ("https://host:0/x", "port"),
        ("https://host:99999/x", "port"),
        ("https://host:+80/x", "port"),
        ("https://host/x?y=z", "query"),
        ("https://host/x#y", "query"),
        ("https://[::zz]/x", "host name"),
        ("git://host", "no path"),
        ("git://me@host/x", "user name"),
        ("git://host/x%00", "control"),
        ("file://srv/x", "absolute"),
        ("file:///srv/%zz", "%-sequence"),
        ("https://host/x\n", "control"),
        (" https://host/x", "space"),
    ] {
        let message = refused(text);
        assert!(message.contains(part), "{text}: {message}");
    }
}
