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
fn every_form_of_an_ssh_address_is_taken_apart() {
    let take = |text: &str| match RepoUrl::parse(text).unwrap().0 {
        Location::Ssh(SshUrl { user, host, port, path, .. }) => (user.unwrap_or_default(), host, port, path),
        _ => panic!("{text} is not ssh"),
    };
    for (text, user, host, port, path) in [
        ("ssh://git@Host.example/team/x.git", "git", "host.example", None, "/team/x.git"),
        ("ssh://git@host:2222/x", "git", "host", Some(2222), "/x"),
        ("ssh://host/~me/x%20y", "", "host", None, "~me/x y"),
        ("git+ssh://me%40corp@[::1]:22/x", "me@corp", "[::1]", Some(22), "/x"),
        ("git@github.com:team/plant.git", "git", "github.com", None, "team/plant.git"),
        ("host:/srv/plant.git", "", "host", None, "/srv/plant.git"),
        ("git@[fe80::1]:~/x.git", "git", "[fe80::1]", None, "~/x.git"),
        ("me@host:a:b", "me", "host", None, "a:b"),
    ] {
        assert_eq!(take(text), (user.into(), host.into(), port, path.into()), "{text}");
    }
}

#[test]
fn an_ssh_address_is_printed_as_it_can_be_read_again() {
    for text in [
        "ssh://git@host:2222/x.git",
        "ssh://host/~me/x",
        "git@host:team/x.git",
        "git@[::1]:/srv/x.git",
        "ssh://git@[::1]:22/x",
    ] {
        assert_eq!(RepoUrl::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn what_ssh_or_its_shell_would_take_for_something_else_is_refused() {
    for (text, part) in [
        ("ssh://git:word@host/x", "password"),
        ("git:word@host:x", "password"),
        ("ssh://host", "no path"),
        ("host:", "no path"),
        ("host:-x", "begins with -"),
        ("ssh://-oProxyCommand=x/y", "host name"),
        ("ssh://-me@host/y", "user name"),
        ("-me@host:y", "user name"),
        ("./host:y", "https://"),
        (":y", "https://"),
    ] {
        let message = refused(text);
        assert!(message.contains(part) && !message.contains("word@"), "{text}: {message}");
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
