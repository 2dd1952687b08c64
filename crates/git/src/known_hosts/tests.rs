use super::*;

/// A key of a type, told from others by a word.
fn key(key_type: &str, word: &str) -> Vec<u8> {
    let mut blob = Vec::new();
    for part in [key_type.as_bytes(), word.as_bytes()] {
        blob.extend((part.len() as u32).to_be_bytes());
        blob.extend(part);
    }
    blob
}

fn ed(word: &str) -> Vec<u8> {
    key("ssh-ed25519", word)
}

/// A line of a file with that key.
fn line(hosts: &str, key: &[u8]) -> String {
    let key_type = String::from_utf8(type_of(key).unwrap().to_vec()).unwrap();
    format!("{hosts} {key_type} {}\n", BASE64.encode(key))
}

fn host(name: &str) -> Host {
    Host::new(name, 22)
}

#[track_caller]
fn accepts(file: &str, host: &Host, key: &[u8]) {
    assert_eq!(KnownHosts::new(file).judge(host, key), Verdict::Trusted, "{host} in\n{file}");
}

#[track_caller]
fn does_not_know(file: &str, host: &Host, key: &[u8]) {
    assert_eq!(KnownHosts::new(file).judge(host, key), Verdict::Unknown, "{host} in\n{file}");
}

#[test]
fn a_key_is_known_by_any_of_the_names_of_its_line() {
    let file = line("one.example,two.example,10.0.0.7,::1", &ed("a"));
    for name in ["one.example", "TWO.example", "10.0.0.7", "::1", "[::1]"] {
        accepts(&file, &host(name), &ed("a"));
    }
    does_not_know(&file, &host("three.example"), &ed("a"));
    does_not_know(&file, &host("one.example.evil"), &ed("a"));
    does_not_know("", &host("one.example"), &ed("a"));
}

#[test]
fn another_key_than_the_files_is_told_from_no_key() {
    let file = format!("# ours\n\n{}{}", line("h", &ed("a")), line("h", &key("ssh-rsa", "r")));
    let verdict = KnownHosts::new(file.as_str()).judge(&host("h"), &ed("b"));
    let Verdict::Changed(known) = verdict else { panic!("{verdict:?}") };
    assert_eq!(known.iter().map(|known| known.line).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(known[0].key, describe(&ed("a")));
    assert!(known[1].key.starts_with("ssh-rsa SHA256:"));
    accepts(&file, &host("h"), &key("ssh-rsa", "r"));
}

#[test]
fn a_port_is_part_of_the_name_and_a_line_without_one_serves_any_port() {
    let with_port = line("[h]:2222", &ed("a"));
    accepts(&with_port, &Host::new("h", 2222), &ed("a"));
    does_not_know(&with_port, &host("h"), &ed("a"));
    does_not_know(&with_port, &Host::new("h", 2223), &ed("a"));
    let bare = line("h", &ed("a"));
    accepts(&bare, &Host::new("h", 2222), &ed("a"));
    // But a line without a port says nothing against another key on another port.
    does_not_know(&bare, &Host::new("h", 2222), &ed("b"));
    let both = format!("{}{}", line("h", &ed("a")), line("[h]:2222", &ed("b")));
    assert!(matches!(KnownHosts::new(both).judge(&Host::new("h", 2222), &ed("a")), Verdict::Changed(_)));
    accepts(&line("[::1]:2222", &ed("a")), &Host::new("[::1]", 2222), &ed("a"));
}

#[test]
fn wildcards_match_and_negation_beats_them_wherever_it_stands() {
    let file = line("*.plant.example,!bad.plant.example,10.0.?.*", &ed("a"));
    accepts(&file, &host("git.plant.example"), &ed("a"));
    accepts(&file, &host("10.0.1.77"), &ed("a"));
    does_not_know(&file, &host("bad.plant.example"), &ed("a"));
    does_not_know(&file, &host("plant.example"), &ed("a"));
    does_not_know(&file, &host("10.0.12.77"), &ed("a"));
    does_not_know(&line("!h,*", &ed("a")), &host("h"), &ed("a"));
    does_not_know(&line("!h", &ed("a")), &host("g"), &ed("a"));
    accepts(&line("[*.example]:2222", &ed("a")), &Host::new("x.example", 2222), &ed("a"));
}

#[test]
fn hashed_names_are_recognised_as_ssh_keygen_writes_them() {
    // `ssh-keygen -H` of a file with the names `git.plant.example` and `[git.plant.example]:2222`.
    let salt = [7_u8; 20];
    let hashed = |name: &str| {
        format!("|1|{}|{}", BASE64.encode(salt), BASE64.encode(hmac_sha1(&salt, name.as_bytes())))
    };
    let file = line(&hashed("git.plant.example"), &ed("a"));
    accepts(&file, &host("git.plant.example"), &ed("a"));
    accepts(&file, &host("GIT.plant.example"), &ed("a"));
    does_not_know(&file, &host("other"), &ed("a"));
    let file = line(&hashed("[git.plant.example]:2222"), &ed("a"));
    accepts(&file, &Host::new("git.plant.example", 2222), &ed("a"));
    does_not_know(&file, &host("git.plant.example"), &ed("a"));
}

#[test]
fn hmac_is_that_of_rfc_2202() {
    let short = u128::from_be_bytes(hmac_sha1(&[0x0b; 20], b"Hi There")[..16].try_into().unwrap());
    assert_eq!(short, 0xb617_3186_5505_7264_e28b_c0b6_fb37_8c8e);
    let long = hmac_sha1(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First");
    assert_eq!(long[..8], 0xaa4a_e5e1_5272_d00e_u64.to_be_bytes());
}

#[test]
fn a_revoked_key_is_refused_even_where_another_line_knows_it() {
    let file = format!("{}@revoked * {}", line("h", &ed("a")), &line("x", &ed("a"))[2..]);
    assert_eq!(KnownHosts::new(file).judge(&host("h"), &ed("a")), Verdict::Revoked { line: 2 });
    let file = format!("{}@revoked {}", line("h", &ed("a")), line("other", &ed("a")));
    accepts(&file, &host("h"), &ed("a"));
    let file = format!("@revoked {}", line("h", &ed("a")));
    let known = KnownHosts::new(file);
    assert_eq!(known.judge(&Host::new("h", 2222), &ed("a")), Verdict::Revoked { line: 1 });
    // It is no key of the host, either.
    assert_eq!(known.judge(&host("h"), &ed("b")), Verdict::Unknown);
}

#[test]
fn an_authority_is_no_key_of_a_host_and_is_listed_apart() {
    let file = format!("@cert-authority {}", line("*.example,[*.example]:2222", &ed("ca")));
    does_not_know(&file, &host("h.example"), &ed("ca"));
    let known = KnownHosts::new(file);
    assert_eq!(known.authorities(&host("h.example")), [ed("ca")]);
    assert_eq!(known.authorities(&Host::new("h.example", 2222)), [ed("ca")]);
    assert_eq!(known.authorities(&Host::new("h.example", 2223)), [ed("ca")], "the line without a port");
    assert!(known.authorities(&host("h.test")).is_empty());
    assert!(known.key_types(&host("h.example")).is_empty());
}

#[test]
fn key_types_come_in_the_files_order_each_once() {
    let rsa = |word| key("ssh-rsa", word);
    let file = [line("h", &rsa("1")), line("g", &key("x", "y")), line("h", &ed("2")), line("h", &rsa("3"))];
    assert_eq!(KnownHosts::new(file.concat()).key_types(&host("h")), ["ssh-rsa", "ssh-ed25519"]);
}

#[test]
fn a_line_that_cannot_be_read_is_passed_over_and_counted() {
    let good = line("h", &ed("a"));
    let bad = [
        "h ssh-ed25519\n",
        "h ssh-ed25519 !!!\n",
        "h ssh-rsa AAAAC3NzaC1lZDI1NTE5\n",
        "@unknown h ssh-ed25519 AAAA\n",
        "h 1024 35 1234567890\n",
        "|1|x|y ssh-ed25519 AAAAB\n",
        "h ssh-ed25519 /////w==\n",
    ];
    let file = format!("{}\r\n# note\n \n{good}", bad.concat());
    accepts(&file, &host("h"), &ed("a"));
    assert_eq!(KnownHosts::new(file).unreadable(), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn windows_line_ends_tabs_comments_and_a_missing_last_newline_are_borne() {
    let line = line("h", &ed("a"));
    let file = line.trim_end().replace(' ', " \t ") + " a comment of two words";
    accepts(&file, &host("h"), &ed("a"));
    accepts(&format!("{}\r\n", line.trim_end()), &host("h"), &ed("a"));
    accepts(line.trim_end().trim_end_matches('='), &host("h"), &ed("a"));
}

#[test]
fn a_pattern_that_could_take_for_ever_does_not() {
    let pattern = "*a".repeat(500) + "b";
    let name = "a".repeat(5000);
    let start = std::time::Instant::now();
    assert!(!matches(pattern.as_bytes(), name.as_bytes()));
    assert!(start.elapsed().as_secs() < 5);
    assert!(
        matches(b"*", b"") && matches(b"**", b"x") && matches(b"a*b?c", b"a--bxc") && !matches(b"?", b"")
    );
}
