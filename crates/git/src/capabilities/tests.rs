use super::*;

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

/// Lines as packets; `""` is a flush.
fn packets(lines: &[&str]) -> Packets<'static> {
    let mut bytes = Vec::new();
    for line in lines {
        match *line {
            "" => bytes.extend_from_slice(b"0000"),
            line => bytes.extend_from_slice(format!("{:04x}{line}\n", line.len() + 5).as_bytes()),
        }
    }
    Packets::new(Box::new(std::io::Cursor::new(bytes)))
}

#[derive(Default)]
struct Seen(Vec<String>);

impl RefSink for Seen {
    fn see(&mut self, line: RefLine<'_>) {
        let peeled = line.peeled.map(|id| format!(" ^{}", &id.to_string()[..1])).unwrap_or_default();
        let target = line.target.map(|target| format!(" ->{target}")).unwrap_or_default();
        self.0.push(format!("{} {}{peeled}{target}", &line.id.to_string()[..1], line.name));
    }
}

fn advertised(lines: &[&str]) -> Result<(Server, Vec<String>), Error> {
    let mut seen = Seen::default();
    read_advertisement(&mut packets(lines), &mut seen).map(|server| (server, seen.0))
}

#[test]
fn version_2_is_read_with_and_without_the_service_line() {
    let said = [
        "version 2",
        "agent=git/2",
        "ls-refs=unborn",
        "fetch=shallow wait-for-done filter",
        "object-format=sha1",
        "",
    ];
    let expected = Server::V2(V2 { filter: true, shallow: true, object_format: true, agent: true });
    assert_eq!(advertised(&said).unwrap().0, expected);
    let announced = [&["# service=git-upload-pack", ""], said.as_slice()].concat();
    assert_eq!(advertised(&announced).unwrap().0, expected);
}

#[test]
fn version_0_names_its_refs_and_peels_its_tags() {
    let first =
        format!("{ONE} HEAD\0multi_ack shallow side-band-64k filter symref=HEAD:refs/heads/main agent=git/2");
    let lines = [
        first.as_str(),
        &format!("{ONE} refs/heads/main"),
        &format!("{TWO} refs/tags/v1"),
        &format!("{ONE} refs/tags/v1^{{}}"),
        &format!("shallow {TWO}"),
        "",
    ];
    let (server, seen) = advertised(&lines).unwrap();
    let expected = V0 { filter: true, any_want: false, shallow: true, sideband: true, agent: true };
    assert_eq!(server, Server::V0(expected.clone()));
    assert_eq!(
        seen,
        ["1 HEAD ->refs/heads/main", "1 refs/heads/main", "2 refs/tags/v1", "1 refs/tags/v1 ^1"]
    );
    let any = format!("{first} allow-tip-sha1-in-want allow-reachable-sha1-in-want");
    let server = advertised(&[&any, ""]).unwrap().0;
    assert!(server.any_want() && server.no_blobs());
    let v1 = [&["version 1"], lines.as_slice()].concat();
    assert_eq!(advertised(&v1).unwrap().0, Server::V0(expected));
}

#[test]
fn an_empty_repository_of_version_0_has_no_ref() {
    let line = format!("{} capabilities^{{}}\0shallow side-band-64k", "0".repeat(40));
    assert_eq!(advertised(&[&line, ""]).unwrap().1, Vec::<String>::new());
}

#[test]
fn sha_256_is_refused_in_every_version() {
    for lines in [
        vec![
            "version 2".to_owned(),
            "ls-refs".into(),
            "fetch".into(),
            "object-format=sha256".into(),
            String::new(),
        ],
        vec![format!("{ONE} HEAD\0shallow object-format=sha256"), String::new()],
        vec![format!("{} HEAD\0shallow", "a".repeat(64)), String::new()],
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let error = advertised(&lines).unwrap_err();
        assert!(error.to_string().contains("SHA-256"), "{error}");
        assert_eq!(error.reason(), "UnsupportedFeature");
    }
}

#[test]
fn what_is_no_advertisement_is_an_error() {
    for lines in [
        vec!["hello"],
        vec![""],
        vec!["version 2", ""],
        vec!["version 2", "agent=git/2"],
        vec!["# service=x", ""],
    ] {
        assert!(advertised(&lines).is_err(), "{lines:?}");
    }
}

#[test]
fn refs_come_with_what_they_stand_for() {
    let lines = [
        "unborn HEAD symref-target:refs/heads/none".to_owned(),
        format!("{ONE} HEAD symref-target:refs/heads/main"),
        format!("{TWO} refs/tags/v1 peeled:{ONE}"),
        format!("{ONE} refs/heads/main some-new-attribute"),
        String::new(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut seen = Seen::default();
    read_refs(&mut packets(&lines), &mut seen).unwrap();
    assert_eq!(seen.0, ["1 HEAD ->refs/heads/main", "2 refs/tags/v1 ^1", "1 refs/heads/main"]);
}
